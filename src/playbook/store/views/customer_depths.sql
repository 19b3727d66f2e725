-- needs: customers, orders, order_lines, assignments
-- uses: accounts, contracts
-- expects: assignments.subject_type = customer, assignments.arm = self-serve
-- One row a customer who came before $as_of and is still there or has a depth of service (arm self-serve, pooled, named or
-- dedicated; the first that was assigned). Orders are counted in the year before the depth began, in the year after, and
-- in the last year; money is that of the last year, summed in decimals, cost over the lines that have one (costed_amt is their
-- sales). Fee: of the terms that run at $as_of; invested: the largest joint investment of any term so far.
with given as (
    select subject_id as customer_id, arm as depth, coalesce(design, 'chosen') as design, starts_at as began_at,
        ends_at as ended_at, row_number() over (partition by subject_id order by starts_at, assignment_id) as nth
    from assignments
    where subject_type = 'customer' and arm in ('self-serve', 'pooled', 'named', 'dedicated')
        and starts_at < $as_of::timestamp
),
depths as (select customer_id, depth, design, began_at, ended_at from given where nth = 1),
placed as (
    select o.order_id, o.customer_id, o.ordered_at >= $as_of::timestamp - interval 364 day as is_late,
        o.ordered_at < d.began_at and o.ordered_at >= d.began_at - interval 364 day as is_before,
        o.ordered_at >= d.began_at and o.ordered_at < d.began_at + interval 364 day as is_after
    from orders o left join depths d on d.customer_id = o.customer_id
    where o.kind = 'order' and o.status <> 'cancelled' and o.ordered_at < $as_of::timestamp
),
bought as (
    select customer_id, count(*) filter (where is_before) as before_orders, count(*) filter (where is_after) as after_orders,
        count(*) filter (where is_late) as year_orders
    from placed
    group by customer_id
),
paid as (
    select p.customer_id,
        sum(l.qty_ordered * l.unit_price_amt::decimal(18, 4)) as spend_amt,
        sum(l.qty_ordered * l.unit_price_amt::decimal(18, 4)) filter (where l.unit_cost_amt is not null) as costed_amt,
        sum(l.qty_ordered * l.unit_cost_amt::decimal(18, 4)) as cost_amt
    from order_lines l join placed p on p.order_id = l.order_id and p.is_late
    group by p.customer_id
),
terms as (
    select party_type, party_id,
        coalesce(sum(annual_fee_amt) filter (where ends_on > $as_of::timestamp), 0)::double as fee_amt,
        max(coalesce(joint_investment_amt, 0))::double as invested_amt
    from contracts
    where starts_on <= $as_of::timestamp
    group by party_type, party_id
),
span as (select min(ordered_at) as first_at from orders)
select c.customer_id,
    coalesce(a.segment, 'all customers') as segment,
    coalesce(own.fee_amt, 0) + coalesce(theirs.fee_amt, 0) as fee_amt,
    greatest(coalesce(own.invested_amt, 0), coalesce(theirs.invested_amt, 0)) as invested_amt,
    coalesce(c.closed_at > $as_of::timestamp, true) as is_open,
    d.depth, d.design, d.began_at, d.ended_at,
    least(52, greatest(0, date_diff('day', greatest(c.created_at, span.first_at), d.began_at) / 7)) as before_weeks,
    least(52, date_diff('day', d.began_at, $as_of::timestamp) / 7) as after_weeks,
    least(52, greatest(0, date_diff('day', greatest(c.created_at, span.first_at), $as_of::timestamp) / 7)) as year_weeks,
    coalesce(b.before_orders, 0)::bigint as before_orders,
    coalesce(b.after_orders, 0)::bigint as after_orders,
    coalesce(b.year_orders, 0)::bigint as year_orders,
    coalesce(p.spend_amt, 0)::double as spend_amt,
    coalesce(p.costed_amt, 0)::double as costed_amt,
    coalesce(p.cost_amt, 0)::double as cost_amt
from customers c
cross join span
left join depths d on d.customer_id = c.customer_id
left join bought b on b.customer_id = c.customer_id
left join paid p on p.customer_id = c.customer_id
left join accounts a on a.account_id = c.account_id
left join terms own on own.party_type = 'customer' and own.party_id = c.customer_id
left join terms theirs on theirs.party_type = 'account' and theirs.party_id = c.account_id
where c.created_at < $as_of::timestamp
    and (coalesce(c.closed_at > $as_of::timestamp, true) or d.depth is not null)
order by c.customer_id
