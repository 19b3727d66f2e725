"""Service contracts of accounts: yearly renewals that differ between accounts and suffer from bad service.

Planted in `truth_contracts`, in log-odds of leaving at a renewal: `leave_logit`, the account's own (mean
`leave_logit` of the industry, standard deviation `LEAVE_SD` x effect: logistic-normal, while a play may fit the beta
distribution of sBG); `late_effect` for each 10 points of parcels that came late in the year before the
renewal, above `LATE_USUAL`; `ticket_effect` for each request of the account that waited more than `SLOW_D`
days in that year, or is still open. Renewals before the history know no parcels and no requests: they follow
`leave_logit` alone. Planted besides, and recorded by `retention`:

- A call before the renewal, in the first part of the history: `CALL_EFFECT` for accounts that can still be persuaded.
  Those whose risk is more than `SETTLED` standard deviations above the mean have made up their minds.
- A yearly review, in the last `REVIEW_WEEKS`: `REVIEW_EFFECT`. In the same time the economy got better for all, by
  `ECONOMY`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.draws import logistic, pick
from playbook.world.keys import ids, position
from playbook.world.settings import TIERS
from playbook.world.texts import words
from playbook.world.trials import BY_LOT, picked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "market", "programmes", "orders", "delivery", "service")

OLDEST_YEARS = 7
TIER = np.array(["gold", "silver", "bronze", "silver"])
FEE_LOG_SD = 0.35
LEAVE_SD = 1.4
LATE_EFFECT = 0.35
LATE_USUAL = 0.10
TICKET_EFFECT = 0.20
SLOW_D = 7.0
REASONS = ("price", "service", "need ended")

CALLS, REVIEWS = "balance.workforce_schedule", "measure.retention_cohorts"
CALL_EFFECT = -2.0
SETTLED = 0.5
REVIEW_WEEKS = 78  # before the end; calls were made before that
REVIEW_EFFECT = -1.2
ECONOMY = -0.5

NOTICE_D = (30.0, 60.0, 90.0)
AUDITED = (0.5, 0.1, 0.0, 0.4)  # share of contracts with a right to audit us, by segment
STAYS = (
    0.6  # of the accounts where the law asks for it: the contract names the region their data must stay in
)
# Promises by tier: gold, silver, bronze.
PROMISES = {
    "first response": ("h", (4.0, 8.0, 24.0), 0.90),
    "delivery on time": ("share", (0.97, 0.95, 0.90), None),
}
PENALTY, CAP = 0.01, 0.08  # of a year's fee: for a month, and at most in a year


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return contracts (every term), contract_terms, truth_contracts (one row a contract), _renewals and _contracts."""
    accounts = tables["accounts"]
    preset = settings.preset
    segment = position(accounts["segment"], preset.segments)
    signed = np.flatnonzero(tables["_parties"]["signed"])
    n = len(signed)
    end = np.datetime64(settings.end, "D")
    first = np.full(n, end) - rng.integers(1, 365 * OLDEST_YEARS, n).astype("timedelta64[D]")
    own = rng.normal(preset.leave_logit, LEAVE_SD * settings.effect, n)
    plan = _plan(own, rng)
    lasted, left, log = _renewals(settings, tables, signed, first, own, plan, rng)
    contract_id = ids("K", n, settings.block).to_numpy()
    account_id = accounts["account_id"].to_numpy()[signed]
    contracts = _terms(settings, contract_id, account_id, segment[signed], first, lasted, left, rng)
    which = np.repeat(np.arange(n), lasted)
    contracts = _clauses(tables, contracts, signed, segment[signed], which, rng)
    truth = pd.DataFrame(
        {
            "contract_id": contract_id,
            "leave_logit": own,
            "late_effect": LATE_EFFECT * settings.effect,
            "ticket_effect": TICKET_EFFECT * settings.effect,
        }
    )
    return {
        "contracts": contracts,
        "contract_terms": _promises(settings, contracts, which),
        "truth_contracts": truth,
        "_renewals": log,
        "_contracts": plan.assign(account=signed, first_on=first, lasted=lasted),
    }


def _plan(own: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Return of each contract its risk as a model sees it, and whether it is called or reviewed when the time comes.

    By lot for some; the others are called where the risk looks highest, and reviewed where it looks lowest.
    """
    n = len(own)
    score = own + rng.normal(0, 0.5, n)
    by_lot = rng.random(n) < BY_LOT
    reviewed = rng.random(n) < 0.5
    reviewed[~by_lot] = picked(-own[~by_lot], 0.5, rng)
    return pd.DataFrame(
        {
            "logit_seen": score,
            "by_lot": by_lot,
            "risky": picked(score, 0.4, rng, noise=0.0),
            "reviewed": reviewed,
        }
    )


def _renewals(
    settings: WorldSettings,
    tables: Mapping[str, pd.DataFrame],
    signed: np.ndarray,
    first: np.ndarray,
    own: np.ndarray,
    plan: pd.DataFrame,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Return for how many terms each contract lasted, whether the account left at the end of the last, and every
    renewal that came up in the history: contract (position), version_no, due_on, is_called, logit without and with
    a call, and what came of it.
    """
    n = len(signed)
    age_d = np.subtract(np.datetime64(settings.end, "D"), first).astype(int)
    terms = age_d // 365 + 1  # were every renewal to happen
    parcels, late = _parcels(tables, signed)
    slow = _slow_tickets(tables, signed)
    reviews = np.datetime64((settings.end - pd.Timedelta(weeks=REVIEW_WEEKS)), "D")
    change = (REVIEW_EFFECT * plan["reviewed"].to_numpy() + ECONOMY) * settings.size(REVIEWS)
    persuadable = own < settings.preset.leave_logit + SETTLED * LEAVE_SD * settings.effect
    call = np.where(persuadable, CALL_EFFECT * settings.size(CALLS), 0.0)
    running = np.ones(n, dtype=bool)
    lasted = np.zeros(n, dtype=np.int64)
    left = np.zeros(n, dtype=bool)
    log = []
    for year in range(1, OLDEST_YEARS + 1):
        due = running & (terms > year)
        on = first + np.timedelta64(365 * year, "D")
        sent = parcels.in_year_before(on)
        late_share = np.where(sent > 0, late.in_year_before(on) / np.maximum(sent, 1), LATE_USUAL)
        asked = np.minimum(slow.in_year_before(on), 5)
        logit = own + settings.effect * (
            LATE_EFFECT * (late_share - LATE_USUAL) / 0.1 + TICKET_EFFECT * asked
        )
        has_calls = np.asarray(
            (on >= np.datetime64(settings.start, "D") + np.timedelta64(60, "D")) & (on < reviews)
        )
        logit = logit + np.where(on >= reviews, change, 0.0)
        is_called = has_calls & np.where(plan["by_lot"], rng.random(n) < 0.5, plan["risky"])
        with_call = logit + np.where(has_calls, call, 0.0)
        leaves = due & (rng.random(n) < logistic(np.where(is_called, with_call, logit)))
        lasted = np.where(running, year, lasted)
        left |= leaves
        running = due & ~leaves
        noted = np.flatnonzero(due & (on >= np.datetime64(settings.start, "D")))
        log.append(
            pd.DataFrame(
                {
                    "contract": noted,
                    "version_no": year,
                    "due_on": on[noted].astype("datetime64[us]"),
                    "has_calls": has_calls[noted],
                    "is_called": is_called[noted],
                    "logit": logit[noted],
                    "logit_called": with_call[noted],
                    "leaves": leaves[noted],
                }
            )
        )
    return lasted, left, pd.concat(log, ignore_index=True)


def _terms(
    settings: WorldSettings,
    contract_id: np.ndarray,
    account_id: np.ndarray,
    segment: np.ndarray,
    first: np.ndarray,
    lasted: np.ndarray,
    left: np.ndarray,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return one row per term of each contract; every array has one entry per contract."""
    n = len(contract_id)
    fee = np.round(np.array(settings.preset.fee_amt)[segment] * np.exp(rng.normal(0, FEE_LOG_SD, n)), -1)
    which = np.repeat(np.arange(n), lasted)
    version = np.arange(len(which)) - np.repeat(np.cumsum(lasted) - lasted, lasted) + 1
    starts = first[which] + ((version - 1) * 365).astype("timedelta64[D]")
    last = version == lasted[which]
    reason = rng.choice(REASONS, len(which), p=[0.3, 0.45, 0.25]).astype(object)
    reason[~(last & left[which])] = None
    return pd.DataFrame(
        {
            "contract_id": contract_id[which],
            "version_no": version.astype(np.int64),
            "party_type": "account",
            "party_id": account_id[which],
            "tier": TIER[segment][which],
            "starts_on": starts.astype("datetime64[us]"),
            "ends_on": (starts + np.timedelta64(365, "D")).astype("datetime64[us]"),
            "renewed": ~last,
            "end_reason": pd.array(reason, dtype="str"),
            "annual_fee_amt": fee[which],
        }
    )


def _clauses(
    tables: Mapping[str, pd.DataFrame],
    contracts: pd.DataFrame,
    signed: np.ndarray,
    segment: np.ndarray,
    which: np.ndarray,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the terms with what else was agreed; `which` is the contract of each term, by position."""
    n = len(signed)
    region = tables["accounts"]["region_id"].to_numpy()[signed]
    regions = tables["regions"]
    strict = regions.loc[regions["residency_required"].astype(bool), "region_id"]
    stays = np.isin(region, strict) & (rng.random(n) < STAYS)
    invested = tables["_parties"]["invested_share"].to_numpy()[signed][which]
    return contracts.assign(
        joint_investment_amt=np.round(invested * contracts["annual_fee_amt"], 2),
        notice_d=np.array(NOTICE_D)[pick((0.3, 0.3, 0.4), n, rng)][which],
        audit_right=(rng.random(n) < np.array(AUDITED)[segment])[which],
        residency_region_id=pd.array(np.where(stays, region, None)[which], dtype="str"),
    )


def _promises(settings: WorldSettings, contracts: pd.DataFrame, which: np.ndarray) -> pd.DataFrame:
    """Return what the last term of each contract promises by its tier."""
    last = np.flatnonzero(np.append(which[1:] != which[:-1], True)) if len(which) else np.empty(0, int)
    rows = contracts.iloc[last]
    tier = position(rows["tier"], TIERS)
    n, names = len(last), list(PROMISES)
    kind = np.repeat(np.arange(len(names)), n)
    fee = np.tile(rows["annual_fee_amt"].to_numpy(), len(names))
    return pd.DataFrame(
        {
            "term_id": ids("CT", n * len(names), settings.block),
            "contract_id": np.tile(rows["contract_id"].to_numpy(), len(names)),
            "metric": words(names, kind),
            "target": np.concatenate([np.array(PROMISES[name][1])[tier] for name in names]),
            "target_unit": words([PROMISES[name][0] for name in names], kind),
            "percentile": np.repeat([PROMISES[name][2] for name in names], n).astype(float),
            "penalty_amt": np.round(PENALTY * fee, 2),
            "cap_amt": np.round(CAP * fee, 2),
            "valid_from": np.tile(rows["starts_on"].to_numpy(), len(names)),
            "valid_to": np.tile(rows["ends_on"].to_numpy(), len(names)),
        }
    )


class _Events:
    """Dated events of the accounts with a contract, countable over the year before a date."""

    def __init__(self, account: np.ndarray, at: np.ndarray, n: int) -> None:
        keep = account >= 0
        self._key = np.sort(self._packed(account[keep], at[keep].astype("datetime64[D]")))
        self._n = n

    @staticmethod
    def _packed(account: np.ndarray, day: np.ndarray) -> np.ndarray:
        return account.astype(np.int64) * 1_000_000 + day.astype("datetime64[D]").astype(np.int64)

    def in_year_before(self, on: np.ndarray) -> np.ndarray:
        account = np.arange(self._n)
        until = np.searchsorted(self._key, self._packed(account, on))
        since = np.searchsorted(self._key, self._packed(account, on - np.timedelta64(365, "D")))
        return until - since


def _of_signed(tables: Mapping[str, pd.DataFrame], customer_id: pd.Series, signed: np.ndarray) -> np.ndarray:
    """Return the position among the signed accounts of each event's customer; -1 for the others."""
    account_id = tables["accounts"]["account_id"].to_numpy()[signed]
    customers = tables["customers"]
    signer = np.append(position(customers["account_id"], account_id), -1)  # last: of nobody's events
    return signer[position(customer_id, customers["customer_id"])]


def _parcels(tables: Mapping[str, pd.DataFrame], signed: np.ndarray) -> tuple[_Events, _Events]:
    """Return the parcels that arrived, and those of them that came late."""
    sent = tables["shipments"]
    account = _of_signed(tables, sent["customer_id"], signed)
    delivered = sent["delivered_at"].to_numpy()
    arrived, late = ~np.isnat(delivered), delivered > sent["promised_at"].to_numpy()
    n = len(signed)
    return _Events(account[arrived], delivered[arrived], n), _Events(account[late], delivered[late], n)


def _slow_tickets(tables: Mapping[str, pd.DataFrame], signed: np.ndarray) -> _Events:
    if "tickets" not in tables:
        return _Events(np.empty(0, np.int64), np.empty(0, "datetime64[D]"), len(signed))
    tickets = tables["tickets"]
    waited = tickets["resolved_at"] - tickets["opened_at"]
    slow = tickets[tickets["resolved_at"].isna() | (waited > pd.Timedelta(days=SLOW_D))]
    return _Events(_of_signed(tables, slow["customer_id"], signed), slow["opened_at"].to_numpy(), len(signed))
