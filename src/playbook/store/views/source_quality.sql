-- needs: decisions
-- uses: src_iot_readings, src_support_tickets, src_erp_orders, src_crm_customers, events, corrections, systems
-- expects: src_iot_readings.metric = vibration, corrections.method = audit
-- One row a source of `device_decisions` that holds anything up to $as_of: rows, those in which all that the decision needs
-- can be read, hours of delay, values that audits checked and found wrong, and how hard its system is to join (1 to 5).
-- Delay is the median from happening to being recorded; a source that notes one time only has its newest row's age instead.
with telemetry as (
    select 'telemetry' as source, 'iot' as system_id, count(*) as rows,
        count(*) filter (
            where device_id is not null and try_cast(value as double) is not null and try_cast(measured_at as double) is not null
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
    select 'service' as source, 'support' as system_id, count(*) as rows,
        count(*) filter (where user_id is not null and opened_at <= extracted_at) as complete,
        epoch(max(extracted_at) - max(opened_at) filter (where opened_at <= extracted_at)) / 3600 as delay_h
    from service_dates
),
erp_dates as (
    select *, try_strptime(ordered_on, '%d.%m.%Y') as ordered_at, try_strptime(booked_on, '%d.%m.%Y') as booked_at
    from src_erp_orders
    where extracted_at <= $as_of::timestamp + interval 1 day
),
erp as (
    select 'erp' as source, 'erp' as system_id, count(*) as rows,
        count(*) filter (where customer_no is not null and ordered_at <= extracted_at) as complete,
        median(epoch(booked_at - ordered_at)) filter (where booked_at >= ordered_at) / 3600 as delay_h
    from erp_dates
),
crm_dates as (
    select *, try_cast(created_on as timestamp) as created_at
    from src_crm_customers
    where extracted_at <= $as_of::timestamp + interval 1 day
),
crm as (
    select 'crm' as source, 'crm' as system_id, count(*) as rows,
        count(*) filter (where company is not null and account_class is not null) as complete,
        epoch(max(extracted_at) - max(created_at) filter (where created_at <= extracted_at)) / 3600 as delay_h
    from crm_dates
),
web as (
    select 'web' as source, 'web' as system_id, count(*) as rows,
        count(*) filter (where customer_id is not null) as complete,
        greatest(epoch($as_of::timestamp - max(occurred_at)), 0) / 3600 as delay_h
    from events
    where session_id is not null and occurred_at < $as_of::timestamp + interval 1 day
),
sources as (
    select * from telemetry
    union all
    select * from service
    union all
    select * from erp
    union all
    select * from crm
    union all
    select * from web
),
audits as (
    select split_part(field_id, '.', 1) as system_id, count(*) as audited, count(*) filter (where verified) as wrong
    from corrections
    where method = 'audit' and reported_at < $as_of::timestamp + interval 1 day
    group by split_part(field_id, '.', 1)
)
select s.source, s.rows::bigint as rows, s.complete::bigint as complete, s.delay_h,
    coalesce(a.audited, 0)::bigint as audited, coalesce(a.wrong, 0)::bigint as wrong,
    y.integration_complexity as complexity, y.has_api
from sources s
left join audits a on a.system_id = s.system_id
left join systems y on y.system_id = s.system_id
where s.rows > 0
order by s.source
