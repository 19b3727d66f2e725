-- needs: orders
-- uses: tickets
-- What customers did week by week: orders placed (returns, lost and cancelled ones left out) and requests made, of those who
-- did it at least twelve times. One row is a week in which a customer did something. Weeks are seven days, counted back
-- from $as_of; week 0 is the last, and an oldest week that is not complete is left out. So are kinds of request that were
-- not yet recorded in the first 26 weeks: a new form is no change of behaviour.
with kinds as (
    select coalesce(category, 'unknown') as category
    from tickets
    group by coalesce(category, 'unknown')
    having min(opened_at) <= (select min(opened_at) from tickets) + interval 182 day
),
acts as (
    select 'orders' as behaviour, customer_id, ordered_at::date as happened_on
    from orders
    where kind = 'order' and status <> 'cancelled' and customer_id is not null and ordered_at::date < $as_of::date
    union all
    select 'requests', customer_id, opened_at::date
    from tickets
    where customer_id is not null and opened_at::date < $as_of::date
        and coalesce(category, 'unknown') in (select category from kinds)
),
often as (
    select behaviour, customer_id from acts group by behaviour, customer_id having count(*) >= 12
),
weeks as (
    select behaviour, customer_id, (date_diff('day', happened_on, $as_of::date) - 1) // 7 as week_no, count(*)::bigint as acts
    from acts join often using (behaviour, customer_id)
    group by behaviour, customer_id, week_no
)
select behaviour, customer_id, week_no, ($as_of::date - 7 * (week_no + 1)::integer)::timestamp as week_on, acts
from weeks
where week_no < (select max((date_diff('day', happened_on, $as_of::date)) // 7) from acts)
order by behaviour, customer_id, week_no
