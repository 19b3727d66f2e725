"""Episodes: requests of large accounts, from the moment the customer asks to the moment the customer says it is done.

Planted for `measure.experience_sla`: our own clock (what we spend in "handled") keeps the promise of
`contract_terms` for almost every account. In some accounts, `truth_labels` "watermelon", the customer waits where
no clock of ours runs: in an inbox before work begins, or for a partner. Half of them wait in every episode, the other
half seldom and very long, so that their mean looks fine and their 90th percentile does not. Work is lognormal,
hidden waits are Weibull. Satisfaction (`surveys`, instrument "episode") follows the customer's clock; the unhappy
answer less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.processes import step_ids, step_parties
from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import repeated, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders")
PLAY = "measure.experience_sla"

ACCOUNTS = 150  # per division, those with the most customers of the whole history first
EPISODES = 22.0
TARGET_H, PERCENTILE = 24.0, 0.9
WATERMELONS = 0.16
STEADY_H = 30.0  # hidden wait of every episode
RARE_H, RARE_SHARE = 60.0, 0.25  # of some episodes only
HANDLED_H, PARTNER_H, PARTNER_SHARE = 3.0, 4.0, 0.45

PLANTS = (
    Plant(
        play=PLAY,
        what="Episodes of service with what we did, what a partner did, and when the customer asked and was done; "
        "the promise; and what customers said afterwards.",
        why="A clock that runs only while we work is green while the customer waits.",
        tables=("touchpoints", "contract_terms", "surveys", "process_steps"),
        truth=("truth_labels",),
        size="hidden waits STEADY_H, RARE_H x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return touchpoints, surveys, contract_terms and truth_labels."""
    size = settings.size(PLAY)
    account_id, customer_id = _accounts(settings, tables)
    n_accounts = len(account_id)
    is_hidden = rng.random(n_accounts) < WATERMELONS
    is_rare = rng.random(n_accounts) < 0.5
    count = np.maximum(rng.poisson(EPISODES, n_accounts), 12)
    account = np.repeat(np.arange(n_accounts), count)
    n = len(account)
    starts = np.datetime64(settings.start, "us") + (rng.random(n) * (settings.days - 45) * 86_400e6).astype(
        "timedelta64[us]"
    )

    wait = 1.5 * rng.weibull(1.2, n)
    steady = is_hidden[account] & ~is_rare[account]
    rarely = (is_hidden & is_rare)[account] & (rng.random(n) < RARE_SHARE)
    wait += size * np.where(steady, STEADY_H, np.where(rarely, RARE_H, 0.0)) * rng.weibull(3.0, n)
    has_partner = rng.random(n) < PARTNER_SHARE
    handled = HANDLED_H * rng.lognormal(0, 0.45, n)
    partner = np.where(has_partner, PARTNER_H * rng.lognormal(0, 0.4, n), 0.0)
    # Where customers wait for the partner rather than for us, differs from account to account.
    before_us = rng.random(n_accounts)[account] < 0.6
    inbox, pause = np.where(before_us, wait, 0.3), np.where(before_us, 0.3, wait)
    begins = np.column_stack([np.zeros(n), inbox, inbox + handled + pause, inbox + handled + pause + partner])
    ends = np.column_stack([np.zeros(n), inbox + handled, begins[:, 2] + partner, begins[:, 3]])
    made = {
        "touchpoints": _touchpoints(settings, customer_id.take(account), starts, begins, ends, has_partner),
        "surveys": _surveys(settings, customer_id.take(account), starts, begins[:, 3], rng),
        "truth_labels": planted(
            "truth_labels",
            PLAY,
            table="accounts",
            key=account_id.take(np.flatnonzero(is_hidden & (size > 0))),
            label="watermelon",
            value=words(["every time", "seldom and long"], is_rare[is_hidden & (size > 0)].astype(int)),
        ),
    }
    return made if settings.block else {**made, "contract_terms": _terms(settings)}


def _accounts(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame]
) -> tuple[pd.api.extensions.ExtensionArray, pd.api.extensions.ExtensionArray]:
    """Return accounts and, of each, the customer who asks: one of the whole history."""
    customers = tables["customers"]
    stays = customers[(customers["created_at"] <= settings.start) & customers["closed_at"].isna()]
    first = stays.drop_duplicates("account_id").head(ACCOUNTS)
    return first["account_id"].array, first["customer_id"].array


def _touchpoints(
    settings: WorldSettings,
    customer_id: pd.api.extensions.ExtensionArray,
    starts: NDArray[np.datetime64],
    begins: NDArray[np.float64],
    ends: NDArray[np.float64],
    has_partner: NDArray[np.bool_],
) -> pd.DataFrame:
    """Return the steps of each episode; `begins` and `ends` are hours after its start, shape (n, steps)."""
    n, steps = begins.shape
    there = np.ones((n, steps), dtype=bool)
    there[:, 2] = has_partner
    of, step = np.nonzero(there)
    hour = 3600e6
    return pd.DataFrame(
        {
            "touchpoint_id": ids("TE", len(of), settings.block),
            "case_id": ids("CE", n, settings.block).array.take(of),
            "customer_id": customer_id.take(of),
            "step_id": words(step_ids("episode"), step),
            "party": step_parties("episode", step),
            "started_at": starts[of] + (begins[of, step] * hour).astype("timedelta64[us]"),
            "ended_at": starts[of] + (ends[of, step] * hour).astype("timedelta64[us]"),
            "recorded_at": starts[of] + (ends[of, step] * hour).astype("timedelta64[us]"),
        }
    )


def _surveys(
    settings: WorldSettings,
    customer_id: pd.api.extensions.ExtensionArray,
    starts: NDArray[np.datetime64],
    total_h: NDArray[np.float64],
    rng: np.random.Generator,
) -> pd.DataFrame:
    n = len(starts)
    score = np.clip(np.round(6.0 - 0.9 * np.log1p(total_h / 4) + rng.normal(0, 0.6, n)), 1, 5)
    answers = rng.random(n) < 0.25 + 0.05 * score
    sent = starts + ((total_h + 2.0) * 3600e6).astype("timedelta64[us]")
    responded = sent + (rng.exponential(20.0, n).clip(max=240) * 3600e6).astype("timedelta64[us]")
    return pd.DataFrame(
        {
            "survey_id": ids("QE", n, settings.block),
            "item_code": repeated("satisfaction", n),
            "customer_id": customer_id,
            "instrument": repeated("episode", n),
            "trigger_type": repeated("case", n),
            "trigger_id": ids("CE", n, settings.block),
            "sent_at": sent,
            "responded_at": np.where(answers, responded, np.datetime64("NaT")),
            "wave_no": 1.0,
            "score": np.where(answers, score, np.nan),
            "scale_max": 5.0,
        }
    )


def _terms(settings: WorldSettings) -> pd.DataFrame:
    """Return the promise to all accounts, as our clock and as the customer's would measure it."""
    return pd.DataFrame(
        {
            "term_id": ["service promise"],
            "metric": ["resolution"],
            "target": [TARGET_H],
            "target_unit": ["h"],
            "percentile": [PERCENTILE],
            "valid_from": [settings.start],
        }
    )
