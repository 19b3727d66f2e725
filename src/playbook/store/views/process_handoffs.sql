-- needs: touchpoints, process_steps
-- uses: exceptions
-- One row a step of each process, over its cases up to $as_of: in whose lane it lies (the customer, a partner, or the function
-- or team of ours that does it), in how many cases it was taken over from another lane and most often from which, how often
-- that failed, how often nobody of us noticed, the hours between the steps, and what the failures cost. An exception belongs to
-- the step it names, or else to that of the touchpoint it is about. Money is summed in decimals: the same whatever the order.
with steps as (
    select step_id, process, seq_no, name, party, standard_min,
        case when party = 'customer' then 'customer'
            else coalesce(role, unit_id, party, 'us') end as lane
    from process_steps
),
events as (
    select t.touchpoint_id, s.process, t.step_id, s.lane, t.started_at, t.ended_at,
        coalesce(t.failed, false) as failed,
        coalesce(t.failed, false) and coalesce(t.detected_by, '') <> 'us' as unnoticed,
        coalesce(t.rework, false) as rework,
        lag(s.lane) over in_case as lane_before,
        lag(s.party) over in_case as party_before,
        lag(t.ended_at) over in_case as ended_before
    from touchpoints t
    join steps s using (step_id)
    where t.started_at < $as_of::timestamp + interval 1 day
    window in_case as (partition by s.process, t.case_id order by t.started_at, s.seq_no, t.touchpoint_id)
),
handed as (
    select *, lane_before is not null and lane_before <> lane as is_over,
        greatest(epoch(started_at - ended_before), 0) / 3600 as wait_h
    from events
),
sums as (
    select step_id,
        count(*)::bigint as cases,
        (count(*) filter (where is_over))::bigint as handed_over,
        (count(*) filter (where is_over and failed))::bigint as failed,
        (count(*) filter (where is_over and unnoticed))::bigint as unnoticed,
        (count(*) filter (where is_over and rework))::bigint as reworked,
        avg(wait_h) filter (where is_over) as wait_h,
        avg(epoch(ended_at - started_at) / 3600) filter (where not rework) as work_h,
        avg(epoch(ended_at - started_at) / 3600) filter (where rework) as work_rework_h,
        min(started_at) as first_at,
        max(started_at) as last_at
    from handed
    group by step_id
),
givers as (
    select step_id, lane_before as from_lane, party_before as from_party,
        row_number() over (partition by step_id order by count(*) desc, lane_before, party_before) as nth
    from handed
    where is_over
    group by step_id, lane_before, party_before
),
losses as (
    select coalesce(e.step_id, t.step_id) as step_id,
        count(*)::bigint as losses,
        sum(e.loss_amt::decimal(18, 4))::double as loss_amt,
        sum(e.loss_amt::decimal(18, 4) * e.loss_amt::decimal(18, 4))::double as loss_sq
    from exceptions e
    left join touchpoints t on e.subject_type = 'touchpoint' and e.subject_id = t.touchpoint_id
    where e.loss_amt is not null and coalesce(e.step_id, t.step_id) is not null
        and e.occurred_at < $as_of::timestamp + interval 1 day
    group by 1
)
select s.process, s.step_id, s.name, s.seq_no, s.party, s.lane, b.from_lane, b.from_party,
    c.cases, c.handed_over, c.failed, c.unnoticed, c.reworked,
    c.wait_h, c.work_h, c.work_rework_h, c.first_at, c.last_at,
    coalesce(l.losses, 0)::bigint as losses,
    coalesce(l.loss_amt, 0)::double as loss_amt,
    coalesce(l.loss_sq, 0)::double as loss_sq
from steps s
join sums c on c.step_id = s.step_id
left join givers b on b.step_id = s.step_id and b.nth = 1
left join losses l on l.step_id = s.step_id
order by s.process, s.seq_no, s.step_id
