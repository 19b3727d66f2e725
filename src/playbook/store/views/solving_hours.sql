-- needs: tickets
-- Hours from a request to its solution, for the last four solved requests of each customer in the year before the as-of
-- date. Customers with one such request only are left out: one value cannot differ from itself.
with solved as (
    select customer_id,
        opened_at,
        epoch(date_trunc('second', resolved_at) - date_trunc('second', opened_at)) / 3600 as hours,
        row_number() over (partition by customer_id order by opened_at desc, ticket_id) as recent,
        count(*) over (partition by customer_id) as known
    from tickets
    where resolved_at > opened_at
        and resolved_at < $as_of::timestamp
        and opened_at >= $as_of::timestamp - interval 364 day
        and customer_id is not null
)
select customer_id, opened_at, hours
from solved
where recent <= 4 and known >= 2
order by customer_id, opened_at, hours
