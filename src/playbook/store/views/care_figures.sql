-- needs: tickets
-- uses: actions, surveys
-- expects: actions.subject_type = ticket, surveys.trigger_type = ticket
-- What a desk counts of its requests, a customer, half-year and figure: requests counted, their mean, and the means of
-- the odd and of the even ones in order of opening. half_ago is 0 for the 26 weeks up to $as_of, 1 for those before;
-- half_on is the first day of it. The desk is the one with most requests of which at least four in five have a logged
-- action; without such, all requests.
-- Times are minus the log of hours, so that more is better in every figure.
with requests as (
    select ticket_id, customer_id, coalesce(queue, 'all requests') as desk, opened_at, first_response_at, resolved_at,
        reopened_at, date_diff('day', opened_at::date, $as_of::date) // 182 as half_ago
    from tickets
    where customer_id is not null and opened_at::date <= $as_of::date
),
logged as (
    select subject_id as ticket_id, action_code, max(taken::integer) as taken
    from actions
    where subject_type = 'ticket' and subject_id is not null
    group by subject_id, action_code
),
marked as (select distinct ticket_id from logged),
desks as (
    select desk, count(marked.ticket_id) as n
    from requests left join marked using (ticket_id)
    group by desk
    having count(marked.ticket_id) >= 0.8 * count(*)
    order by n desc, desk
    limit 1
),
judged as (
    select * from requests where (select count(*) from desks) = 0 or desk in (select desk from desks)
),
figures as (
    select ticket_id, 'first contact resolution' as figure, (reopened_at is null)::integer::double as value
    from judged where resolved_at is not null
    union all
    select ticket_id, 'time to first answer', -ln(greatest(epoch(first_response_at - opened_at) / 3600, 1 / 60))
    from judged where first_response_at is not null
    union all
    select ticket_id, 'personal service delivery time', -ln(greatest(epoch(resolved_at - opened_at) / 3600, 1 / 60))
    from judged
    where resolved_at is not null
        and ticket_id in (select ticket_id from logged where taken = 1 and action_code ilike '%personal%')
    union all
    select ticket_id, action_code, taken::double from logged
    union all
    select trigger_id, case instrument when 'csat' then 'satisfaction' else 'recommendation' end, avg(score)
    from surveys
    where trigger_type = 'ticket' and instrument in ('csat', 'nps') and score is not null
    group by trigger_id, instrument
),
numbered as (
    select customer_id, half_ago, figure, value,
        row_number() over (partition by customer_id, half_ago, figure order by opened_at, ticket_id) % 2 = 1 as is_odd
    from judged join figures using (ticket_id)
)
select customer_id,
    half_ago::bigint as half_ago,
    ($as_of::date - (182 * half_ago + 181)::integer)::timestamp as half_on,
    figure,
    count(*)::bigint as requests,
    avg(value) as value,
    avg(value) filter (where is_odd) as odd,
    avg(value) filter (where not is_odd) as even,
    coalesce((select desk from desks), 'all requests') as desk
from numbered
group by customer_id, half_ago, figure
order by figure, customer_id, half_ago
