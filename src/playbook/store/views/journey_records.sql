-- needs: touchpoints, process_steps
-- uses: surveys
-- expects: process_steps.name = renewal, surveys.instrument = journey diary
-- One row is one touchpoint of one customer's journey, as one source holds it: the log, in the order of events, or the
-- customer's own diary (surveys with the instrument "journey diary"; a score above 0: it happened). Journeys are the processes
-- with a step named renewal. area (sales, service, fulfilment) goes by what the touchpoint is about, else by who does the step.
with journeys as (
    select process from process_steps where name = 'renewal'
),
steps as (
    select step_id, process, name, coalesce(seq_no, 999) as seq_no, lower(role) as role
    from process_steps
    where process in (select process from journeys)
),
logged as (
    select t.case_id, t.touchpoint_id, t.step_id, t.channel, t.system_id, t.subject_type, t.started_at
    from touchpoints t
    where t.step_id in (select step_id from steps) and t.started_at < $as_of::timestamp + interval 1 day
),
noted as (
    select step_id, 'channel' as what, channel as noted from logged
    union all
    select step_id, 'system', system_id from logged
    union all
    select step_id, 'subject_type', subject_type from logged
),
ranked as (
    select step_id, what, noted,
        row_number() over (partition by step_id, what order by noted is null, count(*) desc, noted) as nth
    from noted
    group by step_id, what, noted
),
kinds as (
    select step_id,
        max(noted) filter (where what = 'channel') as channel,
        max(noted) filter (where what = 'system') as system,
        max(noted) filter (where what = 'subject_type') as subject_type
    from ranked
    where nth = 1
    group by step_id
),
described as (
    select s.step_id, s.process, s.name as step, s.seq_no,
        coalesce(k.channel, 'unknown') as channel, coalesce(k.system, 'unknown') as system,
        case
            when k.subject_type in ('order', 'order_line', 'shipment', 'return') then 'fulfilment'
            when k.subject_type in ('ticket', 'interaction', 'visit', 'incident') then 'service'
            when k.subject_type in ('contract', 'account', 'promotion', 'customer') then 'sales'
            when regexp_matches(s.role, 'sales|account|marketing') then 'sales'
            when regexp_matches(s.role, 'service|support|agent|technician|field') then 'service'
            when regexp_matches(s.role, 'warehouse|carrier|finance|fulfil|logistic') then 'fulfilment'
            else 'other'
        end as area,
        coalesce(lower(k.channel) in ('in person', 'post', 'store', 'counter', 'visit'), false) as is_physical
    from steps s
    join kinds k using (step_id)
),
told as (
    select distinct q.trigger_id as case_id, d.step_id
    from surveys q
    join (select distinct case_id, step_id from logged) c on c.case_id = q.trigger_id
    join described own on own.step_id = c.step_id
    join described d on d.process = own.process and d.step = q.item_code
    where q.instrument = 'journey diary' and q.trigger_type = 'case' and q.score > 0
        and q.responded_at < $as_of::timestamp + interval 1 day
),
held as (
    select d.process, l.case_id, d.step, d.seq_no, 'log' as source, d.channel, d.system, d.area, d.is_physical,
        l.started_at, l.touchpoint_id
    from logged l
    join described d using (step_id)
    union all
    select d.process, t.case_id, d.step, d.seq_no, 'diary', d.channel, d.system, d.area, d.is_physical,
        null::timestamp, null::varchar
    from told t
    join described d using (step_id)
)
select process, case_id, step, seq_no, source, channel, system, area, is_physical
from held
order by process, source desc, case_id, started_at, seq_no, touchpoint_id
