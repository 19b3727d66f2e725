"""Models that advise the front line: a simple one and an opaque one for each use, and people who want
otherwise.

Planted, times the play's size:

- Two uses. In "payment check" the outcome is additive, and the opaque model is only overconfident
  (`OVERCONFIDENT` times its log-odds). In "delivery date" it turns on an interaction (`INTERACTION`) that
  the simple model cannot see; the opaque one sees it and is calibrated. Outcomes follow a probit, models
  speak in logits.
- Overrides in "order release". Staff who want otherwise than the model know something of complex orders
  (`PRIVATE_GAIN` if their wish is followed) and nothing of routine ones, where it costs (`ROUTINE_LOSS`).
  For some it was drawn by lot whether the wish was followed; for others staff chose, and they went ahead
  where the order was good anyway (`GOOD_ANYWAY`), so that it looks as if every override paid.

`truth_effects` has what following is worth by kind of order; `truth_structure` the better model by use;
`truth_outcomes` what each order would have brought either way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.draws import logistic, normal_cdf
from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("orders", "organisation")
ONCE = True

PLAY = "govern.model_oversight"
USES, MODELS = ("payment check", "delivery date"), ("simple", "opaque")
CASES = 1_500  # of each use
OVERCONFIDENT = 1.0  # log-odds are stretched by 1 + this x size
INTERACTION = 1.3  # probit
PROBIT_TO_LOGIT = 1.7
ORDERS = 1_200  # on which somebody wanted otherwise
LOT_SHARE = 0.5
COMPLEX_SHARE = 0.45
PRIVATE_GAIN, ROUTINE_LOSS = 45.0, -30.0
GOOD_ANYWAY = 55.0  # between a good and a poor order
NOISE_AMT = 60.0
INITIATIVE = "MAI000001"

PLANTS = (
    Plant(
        play=PLAY,
        what="Two uses have a simple and an opaque model each; on order release people sometimes want "
        "otherwise than the model, and by lot or by choice their wish was followed.",
        why="The more complicated model is not better everywhere, and people follow their own advice "
        "where it could not go wrong.",
        tables=("model_versions", "model_scores", "decisions", "assignments"),
        truth=("truth_effects", "truth_structure", "truth_outcomes"),
        size="OVERCONFIDENT, INTERACTION, PRIVATE_GAIN, ROUTINE_LOSS, GOOD_ANYWAY x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return model_versions, model_scores, initiatives, assignments, decisions and the truth."""
    size = settings.size(PLAY)
    scores = _advice(settings, tables["customers"], size, rng)
    decisions, lots, outcomes = _overrides(settings, tables, size, rng)
    trained = settings.start + pd.Timedelta(days=60)
    versions = pd.DataFrame(
        {
            "model_version_id": ids("MAV", 4),
            "region_id": "any",
            "model_name": [f"{use}, {model}" for use in USES for model in MODELS],
            "purpose": [use for use in USES for _ in MODELS],
            "risk_class": "medium",
            "stage": "live",
            "trained_at": trained,
            "deployed_at": trained + pd.Timedelta(days=10),
            "feature_names": "x1,x2",
        }
    )
    return {
        "model_versions": versions,
        "model_scores": scores,
        "initiatives": pd.DataFrame(
            {
                "initiative_id": [INITIATIVE],
                "kind": "overrides by lot",
                "starts_on": settings.start,
                "status": "running",
            }
        ),
        "assignments": lots,
        "decisions": decisions,
        "truth_effects": planted(
            "truth_effects",
            PLAY,
            action="override followed",
            stratum=["complex order", "routine order"],
            metric="realised_amt",
            size=[PRIVATE_GAIN * size, ROUTINE_LOSS * size],
            unit="money",
        ),
        "truth_structure": planted(
            "truth_structure",
            PLAY,
            kind="better model",
            source=list(USES) if size else [],
            target=[f"{USES[0]}, simple", f"{USES[1]}, opaque"] if size else [],
        ),
        "truth_outcomes": outcomes,
    }


def _advice(
    settings: WorldSettings, customers: pd.DataFrame, size: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Return what both models said of each case of both uses, and what came to be."""
    n = CASES * len(USES)
    use = np.repeat(np.arange(len(USES)), CASES)
    who, at = _moments(settings, customers, n, rng)
    x = np.round(rng.normal(0, 1, (n, 2)), 2)
    main = 0.9 * x[:, 0] - 0.6 * x[:, 1]
    crossed = INTERACTION * size * x[:, 0] * x[:, 1] * use
    label = rng.random(n) < normal_cdf(main + crossed)
    # What one who sees the main effects only can say: the interaction is noise to it, and shrinks its slope.
    simple = PROBIT_TO_LOGIT * main / np.sqrt(1 + (INTERACTION * size * use) ** 2)
    opaque = PROBIT_TO_LOGIT * (main + crossed) * (1 + OVERCONFIDENT * size * (use == 0))
    logit = np.stack([simple, opaque], axis=1) + rng.normal(0, 0.05, (n, 2))
    score = np.round(logistic(logit.ravel()), 4)
    case = np.repeat(np.arange(n), 2)
    features = pd.array([f'{{"x1": {a}, "x2": {b}}}' for a, b in x.tolist()], dtype="str")
    last = np.datetime64(settings.end - pd.Timedelta(seconds=1), "us")
    known = np.minimum(at + np.timedelta64(20, "D"), last)
    return pd.DataFrame(
        {
            "score_id": ids("MAS", 2 * n),
            "model_version_id": words(ids("MAV", 4).tolist(), 2 * use[case] + np.tile([0, 1], n)),
            "region_id": customers["region_id"].array.take(who[case]),
            "customer_id": customers["customer_id"].array.take(who[case]),
            "scored_at": at[case],
            "score": score,
            "threshold": 0.5,
            "features_json": features.take(case),
            "label": label.astype(float)[case],
            "label_at": known[case],
        }
    )


def _moments(
    settings: WorldSettings, customers: pd.DataFrame, n: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.datetime64]]:
    """Return `n` customers (positions), and a moment in each one's time, in the last two years."""
    end = np.datetime64(settings.end, "us")
    first = np.maximum(
        customers["created_at"].to_numpy(), np.datetime64(settings.end - pd.Timedelta(days=700), "us")
    )
    last = np.fmin(customers["closed_at"].to_numpy(), end)
    there = np.flatnonzero(last - first > np.timedelta64(30, "D"))
    who = there[rng.integers(0, len(there), n)]
    return who, first[who] + ((last - first)[who] * rng.random(n) * 0.95).astype("timedelta64[s]")


def _overrides(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return decisions on which somebody wanted otherwise, how it was settled, and what either way would
    have brought.
    """
    orders, staff = tables["orders"], tables["staff"]
    n = min(ORDERS, len(orders))
    chosen_orders = np.sort(rng.permutation(len(orders))[:n])
    at = orders["ordered_at"].to_numpy()[chosen_orders]
    whole = staff[(staff["hired_on"] <= settings.start) & staff["left_on"].isna()]
    complex_order = rng.random(n) < COMPLEX_SHARE
    good = rng.random(n) < 0.5
    by_lot = rng.random(n) < LOT_SHARE
    follows = rng.random(n) < np.where(
        by_lot, 0.5, np.where(good, 0.5 + 0.4 * min(size, 1), 0.5 - 0.35 * min(size, 1))
    )
    gain = np.where(complex_order, PRIVATE_GAIN, ROUTINE_LOSS) * size
    # Skewed noise: most orders bring a little, few bring much.
    without = 80 + GOOD_ANYWAY * size * (good - 0.5) + (rng.gamma(2.0, 0.5, n) - 1) * NOISE_AMT * 2**0.5
    realised = without + gain * follows
    keys = ids("MAD", n)
    held = rng.random(n) < 0.6
    outcome = held ^ follows
    decisions = pd.DataFrame(
        {
            "decision_id": keys,
            "decision_type": "order release",
            "subject_type": words(("routine order", "complex order"), complex_order.astype(int)),
            "subject_id": orders["order_id"].array.take(chosen_orders),
            "customer_id": orders["customer_id"].array.take(chosen_orders),
            "recommended": words(("release", "hold"), held.astype(int)),
            "outcome": words(("release", "hold"), outcome.astype(int)),
            "overridden_by": whole["staff_id"].array.take(rng.integers(0, len(whole), n)),
            "legal_basis": "contract",
            "decided_at": at,
            "realised_amt": np.round(realised, 2),
        }
    )
    lots = pd.DataFrame(
        {
            "assignment_id": ids("MAA", n),
            "initiative_id": INITIATIVE,
            "subject_type": "decision",
            "subject_id": keys,
            "arm": words(("model", "override followed"), follows.astype(int)),
            "design": words(("chosen", "random"), by_lot.astype(int)),
            "stratum": decisions["subject_type"],
            "propensity_share": np.where(by_lot, 0.5, np.nan),
            "starts_at": at,
        }
    )
    outcomes = planted(
        "truth_outcomes",
        PLAY,
        subject=np.tile(keys.to_numpy(), 2),
        arm=np.repeat(["model", "override followed"], n),
        metric="realised_amt",
        value=np.concatenate([without, without + gain]),
    )
    return decisions, lots, outcomes
