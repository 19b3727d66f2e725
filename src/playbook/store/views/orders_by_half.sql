-- needs: orders
-- Orders a customer and half-year: half_ago is 0 for the 26 weeks up to $as_of, 1 for those before. Returns, lost and
-- cancelled orders, orders without a customer, and weeks before the oldest whole half-year are left out.
with bought as (
    select customer_id, date_diff('day', ordered_at::date, $as_of::date) as days_ago
    from orders
    where kind = 'order' and status <> 'cancelled' and customer_id is not null and ordered_at::date <= $as_of::date
)
select customer_id, (days_ago // 182)::bigint as half_ago, count(*)::bigint as orders
from bought
where days_ago // 182 < (select (max(days_ago) + 8) // 182 from bought)
group by customer_id, half_ago
order by customer_id, half_ago
