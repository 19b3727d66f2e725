-- needs: decisions
-- uses: src_iot_readings, src_support_tickets, src_erp_orders, src_crm_customers, events, corrections, systems
-- One row a source of `device_decisions` that holds anything up to $as_of: rows, those in which all that the decision needs
-- can be read, hours of delay, values that audits checked and found wrong, and how hard its system is to join (1 to 5).
-- Delay is the median from happening to being recorded; a source that notes one time only has its newest row's age instead.
with telemetry as (
    select 'telemetry' as source, 'iot' as system_id, count(*) as rows,
        count(*) filter (
            device_id is not null and try_cast(value as double) is not null and try_cast(measured_at as double) is not null
        ) as complete,
        median(try_cast(received_at as double) - try_cast(measured_at as double)) / 3600 as delay_h
    from src_iot_readings
    where metric = 'vibration' and extracted_at <= $as_of::timestamp + interval 1 day
),
service_dates as (
    select *, try_cast(opened as timestamp) as opened_at
    from src_support_tickets
    where extracted_at <= $as_of::timestamp + interval 1 day
),
service as (
    select 'service', 'support', count(*),
        count(*) filter (user_id is not null and opened_at <= extracted_at),
        epoch(max(extracted_at) - max(opened_at) filter (opened_at <= extracted_at)) / 3600
    from service_dates
),
erp_dates as (
    select *, try_strptime(ordered_on, '%d.%m.%Y') as ordered_at, try_strptime(booked_on, '%d.%m.%Y') as booked_at
    from src_erp_orders
    where extracted_at <= $as_of::timestamp + interval 1 day
),
erp as (
    select 'erp', 'erp', count(*),
        count(*) filter (customer_no is not null and ordered_at <= extracted_at),
        median(epoch(booked_at - ordered_at)) filter (booked_at >= ordered_at) / 3600
    from erp_dates
),
crm_dates as (
    select *, try_cast(created_on as timestamp) as created_at
    from src_crm_customers
    where extracted_at <= $as_of::timestamp + interval 1 day
),
crm as (
    select 'crm', 'crm', count(*),
        count(*) filter (company is not null and account_class is not null),
        epoch(max(extracted_at) - max(created_at) filter (created_at <= extracted_at)) / 3600
    from crm_dates
),
web as (
    select 'web', 'web', count(*),
        count(*) filter (customer_id is not null),
        greatest(epoch($as_of::timestamp - max(occurred_at)), 0) / 3600
    from events
    where session_id is not null and occurred_at < $as_of::timestamp + interval 1 day
),
sources as (
    from telemetry union all from service union all from erp union all from crm union all from web
),
audits as (
    select split_part(field_id, '.', 1) as system_id, count(*) as audited, count(*) filter (verified) as wrong
    from corrections
    where method = 'audit' and reported_at < $as_of::timestamp + interval 1 day
    group by 1
)
select s.source, s.rows::bigint as rows, s.complete::bigint as complete, s.delay_h,
    coalesce(a.audited, 0)::bigint as audited, coalesce(a.wrong, 0)::bigint as wrong,
    y.integration_complexity as complexity, y.has_api
from sources s
left join audits a using (system_id)
left join systems y using (system_id)
where s.rows > 0
order by s.source
