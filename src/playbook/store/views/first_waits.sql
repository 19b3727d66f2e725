-- needs: tickets, interactions
-- uses: staff, customers
-- expects: interactions.direction = in
-- Requests that came in by phone, chat or email in the 156 weeks before the as-of date: how long the customer waited in the
-- first contact, whether somebody answered, how busy the day was (1 is a usual weekday), whether the customer came back with
-- the request, and how many days they were watched after it (to the next request, to leaving, 90 at most), has_left if they left.
-- Requests of one stratum are alike in severity, category, tier and the unit that answered. Those resolved in the last 30
-- days are left out: their customers may still come back.
with contacts as (
    select interaction_id, ticket_id, customer_id, staff_id, channel, arrived_at, answered_at, ended_at,
        arrived_at::date as day,
        row_number() over (partition by ticket_id order by arrived_at, interaction_id) as nth
    from interactions
    where direction = 'in' and ticket_id is not null and arrived_at < $as_of::timestamp
        and channel in ('phone', 'chat', 'email')
),
firsts as (
    select *, lead(arrived_at) over (partition by customer_id order by arrived_at, interaction_id) as next_at
    from contacts where nth = 1
),
days as (
    select day, count(*) as contacts from contacts group by day
),
usual as (
    select avg(contacts) as contacts from days where isodow(day) < 6
)
select case when c.channel = 'phone' then c.interaction_id end as call_id,
    c.channel,
    coalesce(t.tier_at_open, 'none') as tier,
    coalesce(t.severity, 1)::bigint as severity,
    dense_rank() over (order by t.severity, t.category, t.tier_at_open, s.unit_id)::bigint as stratum,
    c.answered_at is not null as is_answered,
    epoch(coalesce(c.answered_at, c.ended_at) - c.arrived_at) / 60 as wait_min,
    d.contacts / u.contacts as busy,
    epoch($as_of::timestamp - c.arrived_at) / 31536000 as years_ago,
    t.reopened_at is not null as came_back,
    least(90, greatest(0, epoch(least(k.closed_at, c.next_at, $as_of::timestamp) - c.arrived_at) / 86400)) as days_known,
    coalesce(
        k.closed_at < $as_of::timestamp and k.closed_at < coalesce(c.next_at, k.closed_at + interval 1 day)
        and epoch(k.closed_at - c.arrived_at) / 86400 between 0 and 90, false
    ) as has_left
from firsts c
join tickets t using (ticket_id)
join days d on d.day = c.day
cross join usual u
left join staff s on s.staff_id = c.staff_id
left join customers k on k.customer_id = t.customer_id
where c.arrived_at >= $as_of::timestamp - interval 1092 day
    and coalesce(c.answered_at, c.ended_at) >= c.arrived_at
    and t.resolved_at < $as_of::timestamp - interval 30 day
order by c.arrived_at, c.interaction_id
