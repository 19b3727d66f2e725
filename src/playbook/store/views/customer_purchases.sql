-- needs: orders, order_lines
-- given: holdout_weeks = 26
-- One row a customer who bought up to $as_of: repeat purchases, recency and age in weeks over the whole history and up
-- to a calibration cut, then what was bought after the cut. A purchase is a day with at least one order; returns, lost
-- and cancelled orders, and orders without a customer, are left out. The cut lies $holdout_weeks before $as_of, or a
-- third of the history where that is shorter. Money is summed in decimals: the same to the last digit, whatever the
-- order in which threads add it up. Cost is summed over lines that have one: costed_amt is their sales.
with bought as (
    select order_id, customer_id, ordered_at::date as bought_on
    from orders
    where kind = 'order' and status <> 'cancelled' and customer_id is not null
        and ordered_at::date <= $as_of::date
),
lines as (
    select order_id,
        sum(qty_ordered * unit_price_amt::decimal(18, 4)) as spend_amt,
        sum(qty_ordered * unit_price_amt::decimal(18, 4)) filter (where unit_cost_amt is not null) as costed_amt,
        sum(qty_ordered * unit_cost_amt::decimal(18, 4)) as cost_amt
    from order_lines
    group by order_id
),
days as (
    select customer_id, bought_on, sum(spend_amt) as spend_amt, sum(costed_amt) as costed_amt, sum(cost_amt) as cost_amt
    from bought join lines using (order_id)
    group by customer_id, bought_on
    having sum(lines.spend_amt) > 0
),
span as (
    select least($holdout_weeks, (date_diff('day', min(bought_on), $as_of::date) // 21))::bigint as holdout_weeks
    from days
),
cut as (
    select holdout_weeks, $as_of::date - (7 * holdout_weeks)::integer as cut_on from span
)
select customer_id,
    min(bought_on)::timestamp as first_on,
    (count(*) - 1)::bigint as frequency,
    date_diff('day', min(bought_on), max(bought_on)) / 7 as recency_weeks,
    date_diff('day', min(bought_on), $as_of::date) / 7 as age_weeks,
    sum(spend_amt)::double as spend_amt,
    coalesce(sum(costed_amt), 0)::double as costed_amt,
    coalesce(sum(cost_amt), 0)::double as cost_amt,
    coalesce(sum(spend_amt) filter (where bought_on > $as_of::date - 364), 0)::double as spend_year_amt,
    greatest(count(*) filter (where bought_on <= cut_on) - 1, 0)::bigint as cal_frequency,
    coalesce(date_diff('day', min(bought_on), max(bought_on) filter (where bought_on <= cut_on)) / 7, 0) as cal_recency_weeks,
    date_diff('day', min(bought_on), max(cut_on)) / 7 as cal_age_weeks,
    coalesce(sum(spend_amt) filter (where bought_on <= cut_on), 0)::double as cal_spend_amt,
    (count(*) filter (where bought_on > cut_on))::bigint as held_purchases,
    coalesce(sum(spend_amt) filter (where bought_on > cut_on), 0)::double as held_spend_amt,
    max(holdout_weeks) as holdout_weeks
from days cross join cut
group by customer_id
order by customer_id
