-- needs: orders, order_lines, customers
-- uses: accounts
-- Units asked for a week, item and segment: that of the customer's account or, where no accounts are known, the band of
-- customers who order at least monthly, at least quarterly, more rarely, or without a name. Only the 60 items of largest value; what is charged at prices more than fivefold apart is postage or a
-- correction, not an item. An order taken back by the same customer in the same week is no demand. The first and the
-- last week are left out: they are cut off. `customers` counts all of the segment.
with placed as (
    select order_id, customer_id, kind, date_trunc('week', ordered_at) as week_on
    from orders
    where kind in ('order', 'return') and status <> 'cancelled'
),
span as (
    select min(week_on) + interval 7 day as first_on, max(week_on) as end_on,
        greatest(date_diff('day', min(week_on), max(week_on)) / 365.25, 0.25) as years
    from placed
),
bands as (
    select c.customer_id,
        case when count(p.order_id) >= 12 * max(span.years) then 'monthly buyers'
            when count(p.order_id) >= 4 * max(span.years) then 'quarterly buyers' else 'rare buyers' end as segment
    from customers c left join placed p on p.customer_id = c.customer_id and p.kind = 'order' cross join span
    group by c.customer_id
),
asked as (
    select l.product_id, p.customer_id, p.week_on,
        greatest(sum(l.qty_ordered), 0)::bigint as qty,
        greatest(sum(l.qty_ordered * l.unit_price_amt), 0) as value_amt
    from placed p join order_lines l using (order_id) cross join span
    where p.week_on >= span.first_on and p.week_on < span.end_on
    group by l.product_id, p.customer_id, p.week_on
),
ranked as (
    select product_id, value_amt, value_amt / qty as price_amt,
        row_number() over (partition by product_id order by value_amt / qty) - 1 as place,
        count(*) over (partition by product_id) - 1 as last_place
    from asked
    where qty > 0
),
priced as (
    select product_id, sum(value_amt) as value_amt,
        max(price_amt) filter (where place <= 0.1 * last_place) as low_amt,
        min(price_amt) filter (where place >= 0.1 * last_place) as above_low_amt,
        max(price_amt) filter (where place <= 0.9 * last_place) as high_amt,
        min(price_amt) filter (where place >= 0.9 * last_place) as above_high_amt,
        max(0.1 * last_place - floor(0.1 * last_place)) as low_part,
        max(0.9 * last_place - floor(0.9 * last_place)) as high_part
    from ranked
    group by product_id
),
chosen as (
    select product_id
    from priced
    where high_amt + high_part * (above_high_amt - high_amt) <= 5 * (low_amt + low_part * (above_low_amt - low_amt))
    order by value_amt desc, product_id
    limit 60
),
buyers as (select distinct customer_id from asked where customer_id is not null),
named as (
    select b.customer_id,
        coalesce(case when (select count(*) from accounts) > 0 then a.segment else d.segment end, 'unnamed buyers') as segment
    from buyers b
    left join customers c on c.customer_id = b.customer_id
    left join accounts a on a.account_id = c.account_id
    left join bands d on d.customer_id = b.customer_id
),
sizes as (select segment, count(*) as customers from named group by segment),
wanted as (
    select q.product_id, q.week_on, q.qty, q.value_amt, coalesce(n.segment, 'unnamed buyers') as segment
    from asked q
    join chosen using (product_id)
    left join named n on n.customer_id = q.customer_id
    where q.qty > 0
)
select w.product_id, w.segment, w.week_on::timestamp as week_on,
    sum(w.qty)::bigint as qty, sum(w.value_amt) as value_amt, coalesce(max(s.customers), 0)::bigint as customers
from wanted w left join sizes s on s.segment = w.segment
group by w.product_id, w.segment, w.week_on
order by product_id, segment, week_on
