-- needs: orders, customers, regions
-- Orders a week and country, and how many of them were sent back or cancelled; small countries are taken together.
with entries as (
    select coalesce(regions.country, 'unknown') as country,
        date_trunc('week', orders.ordered_at) as week_on,
        orders.kind = 'return' or orders.status = 'cancelled' as failed
    from orders
    left join customers using (customer_id)
    left join regions using (region_id)
    where orders.kind <> 'lost'
),
places as (
    select country,
        case when count(*) >= 20 * (select count(distinct week_on) from entries) then country else 'other' end as site_id
    from entries
    group by country
)
select site_id,
    week_on::timestamp as week_on,
    count(*)::bigint as total,
    count(*) filter (where failed)::bigint as failed
from entries
join places using (country)
where week_on > (select min(week_on) from entries) and week_on < (select max(week_on) from entries)
group by site_id, week_on
order by site_id, week_on
