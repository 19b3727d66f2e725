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
        case when count(p.order_id) >= 12 * any_value(span.years) then 'monthly buyers'
            when count(p.order_id) >= 4 * any_value(span.years) then 'quarterly buyers' else 'rare buyers' end as segment
    from customers c left join placed p on p.customer_id = c.customer_id and p.kind = 'order', span
    group by c.customer_id
),
asked as (
    select l.product_id, p.customer_id, p.week_on,
        greatest(sum(l.qty_ordered), 0)::bigint as qty,
        greatest(sum(l.qty_ordered * l.unit_price_amt), 0) as value_amt
    from placed p join order_lines l using (order_id), span
    where p.week_on >= span.first_on and p.week_on < span.end_on
    group by all
),
chosen as (
    select product_id from asked where qty > 0 group by product_id
    having quantile_cont(value_amt / qty, 0.9) <= 5 * quantile_cont(value_amt / qty, 0.1)
    order by sum(value_amt) desc, product_id limit 60
),
known as (
    select q.*, coalesce(
        case when exists (from accounts) then a.segment else b.segment end, 'unnamed buyers') as segment
    from asked q
    left join customers c on c.customer_id = q.customer_id
    left join accounts a on a.account_id = c.account_id
    left join bands b on b.customer_id = q.customer_id
),
sizes as (select segment, count(distinct customer_id)::bigint as customers from known group by segment)
select product_id, segment, week_on::timestamp as week_on,
    sum(qty)::bigint as qty, sum(value_amt) as value_amt, any_value(customers) as customers
from known join chosen using (product_id) join sizes using (segment)
where qty > 0
group by all
order by product_id, segment, week_on
