"""Service contracts of accounts: yearly renewals that differ between accounts and suffer from bad service.

Planted in `truth_contracts`, in log-odds of leaving at a renewal: `leave_logit`, the account's own (mean
`leave_logit` of the industry, standard deviation `LEAVE_SD` x effect: logistic-normal, while a play may fit the beta
distribution of sBG); `late_effect` for each 10 points of parcels that came late in the year before the
renewal, above `LATE_USUAL`; `ticket_effect` for each request of the account that waited more than `SLOW_D`
days in that year, or is still open. Renewals before the history know no parcels and no requests: they follow
`leave_logit` alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids

if TYPE_CHECKING:
    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders", "delivery", "service")

OLDEST_YEARS = 7
TIER = np.array(["gold", "silver", "bronze", "silver"])
FEE_LOG_SD = 0.35
LEAVE_SD = 1.4
LATE_EFFECT = 0.35
LATE_USUAL = 0.10
TICKET_EFFECT = 0.20
SLOW_D = 7.0
REASONS = ("price", "service", "need ended")


def generate(
    settings: WorldSettings, tables: dict[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return contracts (every term) and truth_contracts (one row a contract)."""
    accounts = tables["accounts"]
    preset = settings.preset
    segment = pd.Index(preset.segments).get_indexer(pd.Index(accounts["segment"]))
    signed = np.flatnonzero(rng.random(len(accounts)) < np.array(preset.contract_share)[segment])
    n = len(signed)
    end = np.datetime64(settings.end, "D")
    first = np.full(n, end) - rng.integers(1, 365 * OLDEST_YEARS, n).astype("timedelta64[D]")
    own = rng.normal(preset.leave_logit, LEAVE_SD * settings.effect, n)
    lasted, left = _renewals(settings, tables, signed, first, own, rng)
    contract_id = ids("K", n, settings.block).to_numpy()
    account_id = accounts["account_id"].to_numpy()[signed]
    contracts = _terms(settings, contract_id, account_id, segment[signed], first, lasted, left, rng)
    truth = pd.DataFrame(
        {
            "contract_id": contract_id,
            "leave_logit": own,
            "late_effect": LATE_EFFECT * settings.effect,
            "ticket_effect": TICKET_EFFECT * settings.effect,
        }
    )
    return {"contracts": contracts, "truth_contracts": truth}


def _renewals(
    settings: WorldSettings,
    tables: dict[str, pd.DataFrame],
    signed: np.ndarray,
    first: np.ndarray,
    own: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return for how many terms each contract lasted, and whether the account left at the end of the last."""
    n = len(signed)
    age_d = np.subtract(np.datetime64(settings.end, "D"), first).astype(int)
    terms = age_d // 365 + 1  # were every renewal to happen
    late, parcels = _late_parcels(tables, signed), _parcels(tables, signed)
    slow = _slow_tickets(tables, signed)
    running = np.ones(n, dtype=bool)
    lasted = np.zeros(n, dtype=np.int64)
    left = np.zeros(n, dtype=bool)
    for year in range(1, OLDEST_YEARS + 1):
        due = running & (terms > year)
        on = first + np.timedelta64(365 * year, "D")
        sent = parcels.in_year_before(on)
        late_share = np.where(sent > 0, late.in_year_before(on) / np.maximum(sent, 1), LATE_USUAL)
        asked = np.minimum(slow.in_year_before(on), 5)
        logit = own + settings.effect * (
            LATE_EFFECT * (late_share - LATE_USUAL) / 0.1 + TICKET_EFFECT * asked
        )
        leaves = due & (rng.random(n) < 1 / (1 + np.exp(-logit)))
        lasted = np.where(running, year, lasted)
        left |= leaves
        running = due & ~leaves
    return lasted, left


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


def _of_signed(tables: dict[str, pd.DataFrame], customer_id: pd.Series, signed: np.ndarray) -> np.ndarray:
    """Return the position among the signed accounts of each event's customer; -1 for the others."""
    account_id = tables["accounts"]["account_id"].to_numpy()[signed]
    customers = tables["customers"]
    position = pd.Series(pd.Index(account_id).get_indexer(customers["account_id"]), customers["customer_id"])
    return customer_id.map(position).fillna(-1).to_numpy().astype(np.int64)


def _parcels(tables: dict[str, pd.DataFrame], signed: np.ndarray) -> _Events:
    sent = tables["shipments"]
    arrived = sent[sent["delivered_at"].notna()]
    return _Events(
        _of_signed(tables, arrived["customer_id"], signed), arrived["delivered_at"].to_numpy(), len(signed)
    )


def _late_parcels(tables: dict[str, pd.DataFrame], signed: np.ndarray) -> _Events:
    sent = tables["shipments"]
    late = sent[sent["delivered_at"] > sent["promised_at"]]
    return _Events(
        _of_signed(tables, late["customer_id"], signed), late["delivered_at"].to_numpy(), len(signed)
    )


def _slow_tickets(tables: dict[str, pd.DataFrame], signed: np.ndarray) -> _Events:
    if "tickets" not in tables:
        return _Events(np.empty(0, np.int64), np.empty(0, "datetime64[D]"), len(signed))
    tickets = tables["tickets"]
    waited = tickets["resolved_at"] - tickets["opened_at"]
    slow = tickets[tickets["resolved_at"].isna() | (waited > pd.Timedelta(days=SLOW_D))]
    return _Events(_of_signed(tables, slow["customer_id"], signed), slow["opened_at"].to_numpy(), len(signed))
