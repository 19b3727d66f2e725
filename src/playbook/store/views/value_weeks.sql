-- needs: orders, order_lines
-- uses: tickets
-- What each customer brought week by week: orders, sales less what was sent back, sales and cost of the lines whose cost is
-- known, and requests. Orders that were lost, cancelled or only announced are left out. One row is a week in which a customer
-- did something. Weeks are seven days, counted back from $as_of; week 0 is the last, and an oldest week that is not complete
-- is left out. So are kinds of request not yet recorded in the first 26 weeks: a new form is no dearer customer. Money is
-- summed in decimals: the same to the last digit in whatever order.
with lines as (
    select order_id,
        sum(qty_ordered * unit_price_amt::decimal(18, 4)) as sales_amt,
        sum(qty_ordered * unit_price_amt::decimal(18, 4)) filter (where unit_cost_amt is not null) as costed_amt,
        sum(qty_ordered * unit_cost_amt::decimal(18, 4)) as cost_amt
    from order_lines
    group by order_id
),
kinds as (
    select coalesce(category, 'unknown') as category
    from tickets
    group by coalesce(category, 'unknown')
    having min(opened_at) <= (select min(opened_at) from tickets) + interval 182 day
),
acts as (
    select customer_id, ordered_at::date as happened_on, case kind when 'order' then 1 else 0 end as orders, 0 as requests,
        case kind when 'return' then -abs(sales_amt) else sales_amt end as sales_amt,
        case kind when 'return' then -abs(costed_amt) else costed_amt end as costed_amt,
        case kind when 'return' then -abs(cost_amt) else cost_amt end as cost_amt
    from orders join lines using (order_id)
    where kind in ('order', 'return') and status <> 'cancelled' and customer_id is not null
        and ordered_at::date < $as_of::date
    union all
    select customer_id, opened_at::date, 0, 1, 0, 0, 0
    from tickets
    where customer_id is not null and opened_at::date < $as_of::date
        and coalesce(category, 'unknown') in (select category from kinds)
),
buyers as (
    select customer_id from acts group by customer_id having sum(orders) > 0
),
weeks as (
    select customer_id, (date_diff('day', happened_on, $as_of::date) - 1) // 7 as week_no, sum(orders)::bigint as orders,
        sum(sales_amt)::double as sales_amt, coalesce(sum(costed_amt), 0)::double as costed_amt,
        coalesce(sum(cost_amt), 0)::double as cost_amt, sum(requests)::bigint as requests
    from acts join buyers using (customer_id)
    group by customer_id, week_no
),
ordered as (
    select max(date_diff('day', happened_on, $as_of::date) // 7) as complete from acts where orders > 0
)
select customer_id, week_no, ($as_of::date - 7 * (week_no + 1)::integer)::timestamp as week_on, orders, sales_amt,
    costed_amt, cost_amt, requests
from weeks
where week_no < (select complete from ordered)
order by customer_id, week_no desc
