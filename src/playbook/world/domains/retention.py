"""What was done to keep accounts, as it was recorded: calls before a renewal, yearly reviews, and a loyalty club.

What calls and reviews do is planted in `contracts`. The loyalty club does nothing at all. It asks accounts some time after
their first renewal, if they are still there, so who is in it has stayed long already.

Every renewal in the time of the calls has a churn score from a model that knows most of the risk. It says who will
leave, not whom a call would keep: both chances, with and without, are in `truth_outcomes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.contracts import (
    CALL_EFFECT,
    CALLS,
    ECONOMY,
    REVIEW_EFFECT,
    REVIEW_WEEKS,
    REVIEWS,
)
from playbook.world.domains.requests import UTC_OFFSET_H, hour_profile
from playbook.world.draws import logistic
from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.trials import initiatives
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "contracts")

CALLED_D, SCORED_D = 30, 45  # days before the renewal
CLUB_YEARS = 1.5  # mean time from the first renewal, or the beginning of the club, until one is asked


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return assignments, model_scores, truth_outcomes; with block 0 initiatives, model_versions and truth_effects."""
    contracts, due = tables["_contracts"], tables["_renewals"]
    contract_id = tables["truth_contracts"]["contract_id"]
    due = due[due["has_calls"]].reset_index(drop=True)
    parts = [
        _calls(contracts, contract_id, due),
        _reviews(settings, contracts, contract_id),
        _club(settings, contracts, contract_id, rng),
    ]
    assignments = pd.concat(parts, ignore_index=True)
    assignments.insert(0, "assignment_id", ids("ASK", len(assignments), settings.block))
    key = contract_id.array.take(due["contract"].to_numpy()) + "-" + due["version_no"].astype(str).array
    chances = [logistic(due[name].to_numpy()) for name in ("logit", "logit_called")]
    made = {
        "assignments": assignments,
        "model_scores": _scores(settings, tables, contracts, due),
        "truth_outcomes": planted(
            "truth_outcomes",
            CALLS,
            subject=np.tile(np.asarray(key), 2),
            arm=np.repeat(["no call", "call"], len(due)),
            metric="leaves",
            value=np.concatenate(chances),
        ),
    }
    return made if settings.block else made | _company(settings)


def _calls(contracts: pd.DataFrame, contract_id: pd.Series, due: pd.DataFrame) -> pd.DataFrame:
    which = due["contract"].to_numpy()
    by_lot = contracts["by_lot"].to_numpy()[which]
    return pd.DataFrame(
        {
            "initiative_id": "IN-call",
            "subject_type": "contract",
            "subject_id": contract_id.array.take(which),
            "arm": words(["no call", "call"], due["is_called"].to_numpy().astype(np.int64)),
            "design": words(["chosen", "random"], by_lot.astype(np.int64)),
            "propensity_share": np.where(by_lot, 0.5, np.nan),
            "sequence_no": due["version_no"].astype(float),
            "starts_at": due["due_on"] - pd.Timedelta(days=CALLED_D),
            "ends_at": due["due_on"],
        }
    )


def _reviews(settings: WorldSettings, contracts: pd.DataFrame, contract_id: pd.Series) -> pd.DataFrame:
    """Return who was reviewed or not, since the reviews began or, later, since the contract did."""
    began = np.datetime64(settings.end - pd.Timedelta(weeks=REVIEW_WEEKS), "us").astype("datetime64[D]")
    first = contracts["first_on"].to_numpy().astype("datetime64[D]")
    ends = first + (365 * contracts["lasted"].to_numpy()).astype("timedelta64[D]")
    there = np.flatnonzero(ends >= began)
    by_lot = contracts["by_lot"].to_numpy()[there]
    over = ends[there] < np.datetime64(settings.end, "D")
    return pd.DataFrame(
        {
            "initiative_id": "IN-review",
            "subject_type": "contract",
            "subject_id": contract_id.array.take(there),
            "arm": words(["none", "review"], contracts["reviewed"].to_numpy()[there].astype(np.int64)),
            "design": words(["chosen", "random"], by_lot.astype(np.int64)),
            "propensity_share": np.where(by_lot, 0.5, np.nan),
            "starts_at": np.maximum(first[there], began).astype("datetime64[us]"),
            "ends_at": np.where(over, ends[there], np.datetime64("NaT")).astype("datetime64[us]"),
        }
    )


def _club(
    settings: WorldSettings, contracts: pd.DataFrame, contract_id: pd.Series, rng: np.random.Generator
) -> pd.DataFrame:
    """Return who is in the club: asked some time after the first renewal, if they are still there."""
    start, end = np.datetime64(settings.start, "D"), np.datetime64(settings.end, "D")
    first = contracts["first_on"].to_numpy().astype("datetime64[D]")
    until = np.minimum(first + (365 * contracts["lasted"].to_numpy()).astype("timedelta64[D]"), end)
    waits_d = np.floor(rng.exponential(365 * CLUB_YEARS, len(contracts))).astype("timedelta64[D]")
    since = np.maximum(first + np.timedelta64(365, "D"), start) + waits_d
    joins = np.flatnonzero(since < until)
    over = until[joins] < end
    return pd.DataFrame(
        {
            "initiative_id": "IN-club",
            "subject_type": "contract",
            "subject_id": contract_id.array.take(joins),
            "arm": "club",
            "design": "chosen",
            "starts_at": since[joins].astype("datetime64[us]"),
            "ends_at": np.where(over, until[joins], np.datetime64("NaT")).astype("datetime64[us]"),
        }
    )


def _scores(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], contracts: pd.DataFrame, due: pd.DataFrame
) -> pd.DataFrame:
    """Return the churn score of each renewal, under the account's first customer; the contract is in its features."""
    account = tables["_lots"]["account"].to_numpy()
    accounts, place = np.unique(account, return_index=True)
    first = np.full(len(tables["accounts"]), -1)
    first[accounts] = place
    which = due["contract"].to_numpy()
    of = contracts["account"].to_numpy()[which]
    contract_id = tables["truth_contracts"]["contract_id"].array.take(which)
    features = (
        '{"contract_id": "' + contract_id + '", "version_no": ' + due["version_no"].astype(str).array + "}"
    )
    seen = contracts["logit_seen"].to_numpy()[which]
    return pd.DataFrame(
        {
            "score_id": ids("SCK", len(due), settings.block),
            "model_version_id": "renewal-1",
            "region_id": tables["accounts"]["region_id"].array.take(of),
            "customer_id": tables["customers"]["customer_id"].array.take(first[of], allow_fill=True),
            "scored_at": due["due_on"] - pd.Timedelta(days=SCORED_D),
            "score": logistic(seen),
            "threshold": 0.5,
            "features_json": features,
            "label": due["leaves"].astype(float),
            "label_at": due["due_on"],
        }
    )


def _company(settings: WorldSettings) -> dict[str, pd.DataFrame]:
    """Return what is the same for all divisions."""
    calls, reviews = settings.size(CALLS), settings.size(REVIEWS)
    regions, hours = list(UTC_OFFSET_H), range(24)
    return {
        "initiatives": initiatives(
            settings,
            *[
                {
                    "initiative_id": key,
                    "kind": kind,
                    "target_metric": "renewals",
                    "status": "done" if end else "running",
                    "start": start,
                    "end": end,
                }
                for key, kind, start, end in (
                    ("IN-call", "call before a renewal", settings.days // 7, REVIEW_WEEKS),
                    ("IN-review", "yearly review", REVIEW_WEEKS, None),
                    ("IN-club", "loyalty club", settings.days // 7, None),
                )
            ],
        ),
        "model_versions": pd.DataFrame(
            {
                "model_version_id": ["renewal-1"],
                "region_id": "any",
                "model_name": "renewal risk",
                "purpose": "chance that an account does not renew",
                "stage": "live",
                "feature_names": "contract_id,version_no",
            }
        ),
        "truth_effects": planted(
            "truth_effects",
            REVIEWS,
            action=["review", "economy", "club"],
            stratum="all",
            metric="leaves at a renewal",
            lag=0.0,
            size=[REVIEW_EFFECT * reviews, ECONOMY * reviews, 0.0],
            unit="log odds",
        ),
        "truth_parameters": planted(
            "truth_parameters",
            CALLS,
            name=[
                "call, persuadable",
                "call, settled",
                *[f"share of calls, {region}, {hour:02d} h UTC" for region in regions for hour in hours],
            ],
            value=[CALL_EFFECT * calls, 0.0, *hour_profile().ravel()],
            unit=["log odds", "log odds", *["share"] * (len(regions) * 24)],
        ),
    }


PLANTS = (
    Plant(
        play=CALLS,
        what="Calls come in at each market's own hours. Accounts were called before a renewal or not; a score says how "
        "likely each is to leave. Whom a call keeps is another question.",
        why="The hours for calls go to those with the highest score, and some of them have made up their minds.",
        tables=("interactions", "staff", "shifts", "model_scores", "assignments", "contracts"),
        truth=("truth_outcomes", "truth_parameters"),
        size="CALL_EFFECT x size (log odds) below SETTLED standard deviations of risk, none above",
    ),
    Plant(
        play=REVIEWS,
        what="Some accounts have a yearly review since a date, others are members of a loyalty club; in the same months "
        "the economy changed for all, and parcels and requests were late for some.",
        why="Who is in the club had to stay long enough to be asked; reviews were given to safe accounts first; and "
        "before and after mixes them with the economy.",
        tables=("contracts", "initiatives", "assignments", "orders", "tickets"),
        truth=("truth_effects", "truth_contracts"),
        size="REVIEW_EFFECT, ECONOMY x size (log odds), nothing for the club",
    ),
)
