-- needs: decisions
-- Decisions about a customer of which it is known what was done and what came of it, up to the as-of date.
select decision_type, customer_id, outcome, realised_amt
from decisions
where customer_id is not null
    and outcome is not null
    and realised_amt is not null
    and decided_at < $as_of::timestamp
order by decided_at, decision_id
