-- needs: tickets, assignments
-- expects: assignments.subject_type = unit, assignments.arm = local, assignments.arm = standard
-- Requests of units (teams, desks, branches) in the weeks in which their assignment says how they worked, by their "local"
-- protocol or by the "standard": one row a unit, customer and assignment, with how many requests were resolved and how many
-- came back after it. Requests resolved in the last 30 days are left out: their customers may still come back.
with turns as (
    select subject_id as unit_id, arm, coalesce(design, 'chosen') as design, starts_at,
        coalesce(ends_at, $as_of::timestamp) as ends_at,
        lead(starts_at) over (partition by subject_id order by starts_at, assignment_id) as next_at
    from assignments
    where subject_type = 'unit' and arm in ('local', 'standard') and starts_at < $as_of::timestamp
)
select a.unit_id, t.customer_id, a.starts_at::date as starts_on, a.arm, a.design,
    count(*)::double as requests,
    count(t.reopened_at)::double as repeats
from tickets t
join turns a on a.unit_id = t.queue and t.opened_at >= a.starts_at and t.opened_at < a.ends_at
where (a.next_at is null or t.opened_at < a.next_at) and t.resolved_at < $as_of::timestamp - interval 30 day and t.customer_id is not null
group by a.unit_id, t.customer_id, a.starts_at, a.arm, a.design
order by a.unit_id, a.starts_at, t.customer_id
