-- needs: orders, assignments
-- expects: assignments.subject_type = customer
-- One row an assignment of a customer to an arm of an initiative, begun before $as_of and after the first order of all:
-- purchases in the year (364 days) and in the quarter (91) before it, and in up to a year since; `weeks` says how long
-- that has been. A purchase is a day with at least one order; returns, lost and cancelled orders are left out. Who leaves
-- is still counted, with no purchases: what a programme does to staying is part of what it does.
with bought as (
    select distinct customer_id, ordered_at::date as bought_on
    from orders
    where kind = 'order' and status <> 'cancelled' and customer_id is not null
        and ordered_at::date <= $as_of::date
),
assigned as (
    select assignment_id, initiative_id, subject_id as customer_id, arm, design, propensity_share,
        starts_at::date as since_on, least($as_of::date + 1, starts_at::date + 364) as until_on
    from assignments
    where subject_type = 'customer' and starts_at::date < $as_of::date
        and starts_at::date > (select min(bought_on) from bought)
)
select assignment_id, initiative_id, customer_id, arm, design, propensity_share,
    date_diff('day', since_on, until_on) / 7 as weeks,
    (count(*) filter (where bought_on < since_on and bought_on >= since_on - 364))::bigint as year_purchases,
    (count(*) filter (where bought_on < since_on and bought_on >= since_on - 91))::bigint as quarter_purchases,
    (count(*) filter (where bought_on >= since_on and bought_on < until_on))::bigint as after_purchases
from assigned left join bought using (customer_id)
group by assignment_id, initiative_id, customer_id, arm, design, propensity_share, since_on, until_on
order by initiative_id, assignment_id
