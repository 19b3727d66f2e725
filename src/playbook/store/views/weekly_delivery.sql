-- needs: shipments
-- Delivered parcels a week and warehouse, by the day they left: how many, how many late, and mean days to arrive.
-- The last two weeks are left out: their slow parcels have not arrived yet, and would be missing from the lates.
with days as (
    select site_id,
        date_trunc('week', dispatched_at) as week_on,
        delivered_at > promised_at as late,
        epoch(delivered_at - dispatched_at) / 86400 as transit_d
    from shipments
    where delivered_at is not null
)
select site_id,
    week_on::timestamp as week_on,
    count(*)::bigint as total,
    count(*) filter (where late)::bigint as failed,
    avg(transit_d) as transit_d
from days
where week_on >= (select date_trunc('week', min(dispatched_at)) + interval 7 day from shipments)
    and week_on < (select date_trunc('week', max(dispatched_at)) - interval 14 day from shipments)
group by site_id, week_on
order by site_id, week_on
