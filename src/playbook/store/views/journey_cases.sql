-- needs: touchpoints, process_steps
-- uses: customers, orders, surveys, assignments, initiatives
-- expects: process_steps.name = renewal, surveys.instrument = journey diary, assignments.subject_type = case
-- One row is one journey that came to its end, the step named renewal: whether the customer stayed (kept), what was known
-- before it began (tier, preferred channel, orders so far), whether the customer answered the diary, and, where one touchpoint
-- was given by lot, which (drawn_step) and whether this case got it (drawn).
with steps as (
    select step_id, process, name,
        (name = 'renewal') as is_end
    from process_steps
    where process in (select process from process_steps where name = 'renewal')
),
touched as (
    select s.process, t.case_id, t.customer_id, t.started_at, t.failed, s.is_end,
        row_number() over (
            partition by s.process, t.case_id order by t.customer_id is null, t.started_at, t.touchpoint_id
        ) as nth
    from touchpoints t
    join steps s using (step_id)
    where t.started_at < $as_of::timestamp + interval 1 day
),
cases as (
    select process, case_id,
        max(customer_id) filter (where nth = 1) as customer_id,
        min(started_at) as started_at,
        count(*) filter (where is_end) as ends,
        bool_or(failed) filter (where is_end) as failed
    from touched
    group by process, case_id
),
ended as (
    select * from cases where ends > 0
),
bought as (
    select c.process, c.case_id, count(*) as orders_before
    from ended c
    join orders o on o.customer_id = c.customer_id and o.ordered_at < c.started_at and o.kind = 'order'
    group by c.process, c.case_id
),
asked as (
    select trigger_id as case_id,
        bool_or(score is not null and responded_at < $as_of::timestamp + interval 1 day) as answered
    from surveys
    where instrument = 'journey diary' and trigger_type = 'case'
    group by trigger_id
),
lots as (
    select a.subject_id as case_id, min(s.name) as drawn_step,
        bool_or(lower(a.arm) not in ('none', 'control')) as drawn
    from assignments a
    join initiatives i using (initiative_id)
    join steps s on s.step_id = i.component_id
    where a.subject_type = 'case' and a.design = 'random'
    group by a.subject_id
)
select c.process, c.case_id, c.started_at, not coalesce(c.failed, false) as kept,
    k.tier, k.preferred_channel, coalesce(b.orders_before, 0)::bigint as orders_before,
    coalesce(a.answered, false) as answered, l.drawn_step, coalesce(l.drawn, false) as drawn
from ended c
left join customers k using (customer_id)
left join bought b using (process, case_id)
left join asked a using (case_id)
left join lots l using (case_id)
order by c.process, c.started_at, c.case_id
