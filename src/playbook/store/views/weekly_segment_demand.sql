-- needs: orders, order_lines, customers, accounts
-- Units asked for a week, item and segment of the customer's account; otherwise as in weekly_demand.
with placed as (
    select order_id, customer_id, date_trunc('week', ordered_at) as week_on
    from orders
    where kind in ('order', 'return') and status <> 'cancelled'
),
span as (
    select min(week_on) + interval 7 day as first_on, max(week_on) as end_on from placed
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
    select k.*, coalesce(a.segment, 'unnamed buyers') as segment
    from asked k
    left join customers c on c.customer_id = k.customer_id
    left join accounts a on a.account_id = c.account_id
),
sizes as (select segment, count(distinct customer_id)::bigint as customers from known group by segment)
select product_id, segment, week_on::timestamp as week_on,
    sum(qty)::bigint as qty, sum(value_amt) as value_amt, any_value(customers) as customers
from known join chosen using (product_id) join sizes using (segment)
where qty > 0
group by all
order by product_id, segment, week_on
