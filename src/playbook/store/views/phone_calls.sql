-- needs: interactions, tickets, customers
-- expects: interactions.channel = phone, interactions.direction = in
-- Calls that came in by phone in the 52 weeks before the as-of date: how long each caller waited, until somebody answered or
-- until they gave up, how long the call took, and who owns the relationship.
select i.interaction_id,
    i.customer_id,
    i.staff_id,
    t.owner_staff_id,
    coalesce(t.tier_at_open, c.tier, 'none') as tier,
    coalesce(t.category, 'unknown') as category,
    coalesce(t.severity, 1)::bigint as severity,
    i.arrived_at,
    i.answered_at is not null as is_answered,
    epoch(coalesce(i.answered_at, i.ended_at) - i.arrived_at) / 60 as wait_min,
    i.handle_s / 60 as handle_min
from interactions i
left join tickets t using (ticket_id)
left join customers c on c.customer_id = i.customer_id
where i.channel = 'phone' and i.direction = 'in'
    and i.arrived_at >= $as_of::timestamp - interval 364 day
    and i.arrived_at < $as_of::timestamp
    and (i.answered_at is null) = (i.handle_s is null)
    and coalesce(i.answered_at, i.ended_at) is not null
order by i.arrived_at, i.interaction_id
