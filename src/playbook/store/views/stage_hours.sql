-- needs: touchpoints, process_steps
-- uses: customers, contract_terms
-- One row is one stage of one case. A stage is a step with a place in its process (seq_no); its hours run from the end of
-- the stage before it (the first: from the start of the case) to its own end, waiting included, so that they add up to the
-- whole. Steps without a place are special requests, counted by case. Only processes that a contract term names are read
-- ("<process>, whole" or "<process>, <stage>"), all of them when there are no terms. hours is empty where a stage is not over.
with steps as (
    select step_id, process, seq_no, name
    from process_steps p
    where exists (select 1 from contract_terms t where t.metric like p.process || ', %')
        or not exists (select 1 from contract_terms)
),
staged as (
    select process from steps group by process having count(seq_no) > 1
),
touched as (
    select t.case_id, t.customer_id, t.channel, t.started_at, t.ended_at, s.process, s.seq_no,
        row_number() over (
            partition by s.process, t.case_id order by t.customer_id is null, t.started_at, t.touchpoint_id
        ) as by_customer,
        row_number() over (
            partition by s.process, t.case_id order by t.channel is null, t.started_at, t.touchpoint_id
        ) as by_channel
    from touchpoints t
    join steps s using (step_id)
    where s.process in (select process from staged) and t.started_at < $as_of::timestamp
),
cases as (
    select process, case_id,
        max(customer_id) filter (where by_customer = 1) as customer_id,
        coalesce(max(channel) filter (where by_channel = 1), 'unknown') as channel,
        min(started_at) as asked_at,
        count(*) filter (where seq_no is null) as requests
    from touched
    group by process, case_id
    having count(seq_no) > 0
),
ends as (
    select process, case_id, seq_no, max(ended_at) filter (where ended_at <= $as_of::timestamp) as ended_at
    from touched
    where seq_no is not null
    group by process, case_id, seq_no
),
grid as (
    select c.*, s.seq_no, s.name as stage,
        max(e.ended_at) over (
            partition by c.process, c.case_id order by s.seq_no rows between unbounded preceding and current row
        ) as over_at,
        max(e.ended_at) over (
            partition by c.process, c.case_id order by s.seq_no rows between unbounded preceding and 1 preceding
        ) as before_at,
        e.ended_at
    from cases c
    join steps s on s.process = c.process and s.seq_no is not null
    left join ends e on e.process = c.process and e.case_id = c.case_id and e.seq_no = s.seq_no
)
select g.process, g.case_id, g.customer_id, coalesce(k.tier, 'none') as tier, g.channel, g.asked_at, g.requests::bigint as requests,
    g.seq_no, g.stage,
    case when g.ended_at is null then null else epoch(g.over_at - coalesce(g.before_at, g.asked_at)) / 3600 end as hours
from grid g
left join customers k on k.customer_id = g.customer_id
order by g.process, g.asked_at, g.case_id, g.seq_no
