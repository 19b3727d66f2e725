-- needs: touchpoints, process_steps
-- uses: surveys
-- One row is one touchpoint of one customer's journey, as one source holds it: the log, in the order of events, or the
-- customer's own diary (surveys with the instrument "journey diary"; a score above 0: it happened). Journeys are the processes
-- with a step named renewal. area (sales, service, fulfilment) goes by what the touchpoint is about, else by who does the step.
with journeys as (
    select process from process_steps where name = 'renewal'
),
steps as (
    select step_id, process, name, coalesce(seq_no, 999) as seq_no, lower(role) as role
    from process_steps
    semi join journeys using (process)
),
logged as (
    select t.case_id, t.touchpoint_id, t.step_id, t.channel, t.system_id, t.subject_type, t.started_at
    from touchpoints t
    semi join steps using (step_id)
    where t.started_at < $as_of::timestamp + interval 1 day
),
kinds as (
    select step_id, mode(channel) as channel, mode(system_id) as system, mode(subject_type) as subject_type
    from logged
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
)
select process, case_id, step, seq_no, source, channel, system, area, is_physical
from (
    select d.*, l.case_id, 'log' as source, l.started_at, l.touchpoint_id
    from logged l
    join described d using (step_id)
    union all by name
    select d.*, t.case_id, 'diary' as source
    from told t
    join described d using (step_id)
)
order by process, source desc, case_id, started_at, seq_no, touchpoint_id
