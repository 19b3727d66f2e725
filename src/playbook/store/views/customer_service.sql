-- needs: orders, customers
-- uses: shipments
-- How often the service agreed with customers was missed, by region, quarter (91 days, counted back from $as_of; quarter 0
-- is the last) and customer; and the share missed in the worst week of that region and quarter. A miss is, in this order:
-- a parcel outside the hours agreed with the customer, where those are recorded; a parcel later than promised; else an
-- order sent back or cancelled. Parcels of the last two weeks are left out: the slow ones have not arrived yet. So is an
-- oldest quarter that is not complete.
with parcels as (
    select customer_id, dispatched_at::date as happened_on, window_met, delivered_at > promised_at as is_late
    from shipments
    where delivered_at is not null and dispatched_at::date < $as_of::date - 14
),
known as (
    select case
        when count(window_met) > 0 then 'Parcels outside the agreed hours'
        when count(is_late) > 0 then 'Parcels later than promised'
        else 'Orders sent back or cancelled'
    end as what
    from parcels
),
cases as (
    select customer_id, happened_on,
        case when what = 'Parcels outside the agreed hours' then not window_met else is_late end as failed
    from parcels cross join known
    where what <> 'Orders sent back or cancelled'
    union all
    select customer_id, ordered_at::date, kind = 'return' or status = 'cancelled'
    from orders cross join known
    where what = 'Orders sent back or cancelled' and kind <> 'lost' and ordered_at::date < $as_of::date
),
placed as (
    select coalesce(region_id, 'unknown') as region_id,
        customer_id,
        failed,
        (date_diff('day', happened_on, $as_of::date) - 1) // 7 as week_no,
        (date_diff('day', happened_on, $as_of::date) - 1) // 91 as quarter_no
    from cases join customers using (customer_id)
    where failed is not null
),
weeks as (
    select region_id, quarter_no, week_no, avg(failed::integer) as share
    from placed
    group by region_id, quarter_no, week_no
),
worst as (
    select region_id, quarter_no, max(share) as worst_week_share from weeks group by region_id, quarter_no
),
counted as (
    select region_id, quarter_no, customer_id, count(*)::bigint as total, count(*) filter (where failed)::bigint as failed
    from placed
    group by region_id, quarter_no, customer_id
)
select what,
    region_id,
    quarter_no,
    ($as_of::date - 91 * (quarter_no + 1)::integer)::timestamp as quarter_on,
    customer_id,
    total,
    failed,
    worst_week_share
from counted join worst using (region_id, quarter_no) cross join known
where 13 * (quarter_no + 1) <= (select max(week_no) from placed)
order by region_id, quarter_no, customer_id
