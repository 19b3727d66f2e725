-- needs: decisions
-- uses: src_iot_readings, src_support_tickets, src_erp_orders, customers, accounts, events
-- expects: decisions.subject_type = device, src_iot_readings.metric = vibration
-- One row a decision about a device up to $as_of: what was done, what it cost, and what each source says of the 90 days
-- before (by when it happened, not when it was entered). Telemetry: logarithm of the median vibration in mm/s. Service:
-- requests that name the serial number. ERP: parts ordered for it. CRM: whether its account is a key account. Web: visits.
-- A figure is empty where the source knows nothing of the device or its customer; a count is 0 where the source is there.
with decided as (
    select decision_id, subject_id as device_id, customer_id, outcome, decided_at, realised_amt
    from decisions
    where subject_type = 'device' and realised_amt is not null and decided_at < $as_of::timestamp
),
span as (
    select (select count(*) from src_support_tickets) > 0 as has_service,
        (select count(*) from src_erp_orders) > 0 as has_erp,
        (select count(*) from events where session_id is not null) > 0 as has_web
),
readings as (
    select d.decision_id, median(ln(try_cast(r.value as double) * case r.unit when 'in/s' then 25.4 else 1.0 end)) as log_reading
    from decided d
    join src_iot_readings r on r.device_id = d.device_id and r.metric = 'vibration'
    where try_cast(r.value as double) > 0
        and try_cast(r.measured_at as double) between epoch(d.decided_at - interval 90 day) and epoch(d.decided_at)
    group by d.decision_id
),
requests as (
    select d.decision_id, count(distinct t.ticket_no) as n
    from decided d
    join src_support_tickets t on t.serial_no = d.device_id
    where try_cast(t.opened as timestamp) between d.decided_at - interval 90 day and d.decided_at
    group by d.decision_id
),
parts as (
    select d.decision_id, count(distinct o.order_no) as n
    from decided d
    join src_erp_orders o on o.serial_no = d.device_id
    where try_strptime(o.ordered_on, '%d.%m.%Y') between d.decided_at - interval 90 day and d.decided_at
    group by d.decision_id
),
visits as (
    select d.decision_id, count(distinct e.session_id) as n
    from decided d
    join events e on e.customer_id = d.customer_id
    where e.session_id is not null and e.occurred_at between d.decided_at - interval 90 day and d.decided_at
    group by d.decision_id
)
select d.decision_id, d.device_id, d.outcome, d.decided_at, d.realised_amt,
    r.log_reading as telemetry,
    (case when s.has_service then coalesce(q.n, 0) end)::double as service,
    (case when s.has_erp then coalesce(p.n, 0) end)::double as erp,
    a.is_key::integer::double as crm,
    (case when s.has_web then coalesce(v.n, 0) end)::double as web
from decided d
cross join span s
left join readings r using (decision_id)
left join requests q using (decision_id)
left join parts p using (decision_id)
left join visits v using (decision_id)
left join customers c on c.customer_id = d.customer_id
left join accounts a on a.account_id = c.account_id
order by d.decision_id
