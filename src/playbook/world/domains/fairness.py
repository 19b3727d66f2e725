"""Models that decide on customers, some unfair to a group: cases for the bias audit, and two models near
prices and service.

Planted, for the smaller protected group, times the play's size:

- Bias audit: `CASES` are live models of three kinds. "biased": the group's score is lower by `SCORE_BIAS`
  at equal need. "need": the group needs less on average (`NEED_SHIFT`), and the score follows need alone.
  "clean": neither. The score follows need as a step that is smoothed (a tanh), while a play fits a logit in
  need; labels follow need alone.
- Impact assessment: `PRICE_BIAS` is a premium on the group's price at equal need. The share of fast service
  slots is lower for the group only because it needs them less.

`truth_labels` has the kind of each model, `truth_effects` the gap between groups that is left at equal
need.
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

NEEDS: tuple[str, ...] = ("orders",)
ONCE = True

YEAR = pd.Timedelta(days=365)
AUDIT, IMPACT = "govern.bias_audit", "govern.impact_assessment"
CASES = (
    ("credit limit", "biased"),
    ("visit slot", "need"),
    ("fraud hold", "clean"),
    ("call-back order", "biased"),
    ("deposit waiver", "need"),
    ("return approval", "clean"),
    ("fast lane", "biased"),
    ("spare part loan", "need"),
    ("goodwill", "clean"),
)
CASE_CUSTOMERS = 900  # scored by each model, about
SCORE_BIAS = 0.20  # of a score between 0 and 1
NEED_SHIFT = 0.20  # of a need between 0 and 1
SCORE_SD = 0.12
THRESHOLD = 0.5
LABEL_SLOPE = 4.0  # log-odds of a good outcome on need

IMPACT_CUSTOMERS = 1600
BASE_AMT = 100.0
PRICE_ON_NEED = 0.25  # log price from no need to full need
PRICE_BIAS = 0.06  # log price
PRICE_LOG_SD = 0.06
BASES = (("contract", 0.8), ("legitimate interest", 0.15), ("consent", 0.05))

PLANTS = (
    Plant(
        play=AUDIT,
        what="Nine models score customers whose need and group are known. Some treat a group worse at "
        "equal need, some only meet a group that needs less, some do neither.",
        why="The gap between groups is as large where need explains it as where it does not.",
        tables=("model_versions", "model_scores", "customers"),
        truth=("truth_labels", "truth_effects"),
        size="SCORE_BIAS x size; NEED_SHIFT x size",
    ),
    Plant(
        play=IMPACT,
        what="One model sets prices, one gives fast service slots; both see how much a customer needs, and "
        "each leaves the groups apart, for different reasons.",
        why="Plain averages by group blame need and group alike, and the smallest groups are small.",
        tables=("model_versions", "model_scores", "decisions", "customers"),
        truth=("truth_labels", "truth_effects"),
        size="PRICE_BIAS x size; NEED_SHIFT x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return model_versions, model_scores, decisions, truth_labels and truth_effects."""
    customers = tables["customers"]
    cases, case_gap = _cases(settings, customers, rng)
    impact, decisions = _impact(settings, customers, rng)
    names = [name for name, _ in CASES] + ["price offer", "service slot"]
    kinds = [kind for _, kind in CASES] + ["biased", "need"]
    version_ids = ids("FAV", len(names))
    scores = pd.concat([cases, impact], ignore_index=True)
    scores["model_version_id"] = version_ids.array.take(scores.pop("model").to_numpy())
    n_cases = len(CASES)
    labels = [
        planted(
            "truth_labels",
            play,
            table="model_versions",
            key=version_ids[part].to_numpy(),
            label=[kind if settings.size(play) else "clean" for kind in kinds[part]],
        )
        for play, part in ((AUDIT, slice(0, n_cases)), (IMPACT, slice(n_cases, None)))
    ]
    effects = [
        planted(
            "truth_effects",
            AUDIT,
            action=version_ids[:n_cases].to_numpy(),
            stratum="b",
            metric="approved at equal need",
            size=case_gap,
            unit="share",
        ),
        planted(
            "truth_effects",
            IMPACT,
            action=version_ids[n_cases:].to_numpy(),
            stratum="b",
            metric=["log price at equal need", "fast slots at equal need"],
            size=[PRICE_BIAS * settings.size(IMPACT), 0.0],
            unit=["log price", "share"],
        ),
    ]
    return {
        "model_versions": _versions(settings, version_ids, names),
        "model_scores": scores,
        "decisions": decisions,
        "truth_labels": pd.concat(labels, ignore_index=True),
        "truth_effects": pd.concat(effects, ignore_index=True),
    }


def _versions(settings: WorldSettings, version_ids: pd.Series, names: list[str]) -> pd.DataFrame:
    trained = settings.start + pd.Timedelta(days=settings.days // 4)
    return pd.DataFrame(
        {
            "model_version_id": version_ids,
            "region_id": "any",
            "model_name": names,
            "purpose": [f"{name} by need" for name in names],
            "risk_class": ["medium"] * len(CASES) + ["high", "high"],
            "stage": "live",
            "trained_at": trained,
            "deployed_at": trained + pd.Timedelta(days=14),
            "feature_names": "need",
        }
    )


def _sample(
    settings: WorldSettings, customers: pd.DataFrame, n: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.datetime64]]:
    """Return `n` customers (positions), whether each is in the smaller group, and a day in each one's time,
    in year 3.
    """
    who = rng.integers(0, len(customers), n)
    group = (customers["protected_group"] == "b").to_numpy()[who]
    end = np.datetime64(settings.end, "us")
    first = np.maximum(customers["created_at"].to_numpy()[who], np.datetime64(settings.end - YEAR, "us"))
    last = np.fmin(customers["closed_at"].to_numpy()[who], end)  # NaT: still here
    alive = first < last
    at = first + ((last - first) * rng.random(n)).astype("timedelta64[s]")
    return who[alive], group[alive], at[alive]


def _needs(
    group: NDArray[np.bool_], shift: float | NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    need: NDArray[np.float64] = np.clip(rng.beta(2.5, 2.0, len(group)) - shift * group, 0.0, 1.0)
    return need.round(3)


def _cases(
    settings: WorldSettings, customers: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Return the scores of the audited models, and for each the gap in approvals that is left at equal
    need.
    """
    size = settings.size(AUDIT)
    who, group, at = _sample(settings, customers, CASE_CUSTOMERS * len(CASES), rng)
    model = rng.integers(0, len(CASES), len(who))
    kind = np.array([kind for _, kind in CASES])[model]
    need = _needs(group, NEED_SHIFT * size * (kind == "need"), rng)
    bias = SCORE_BIAS * size * (kind == "biased")
    expected = 0.5 + 0.42 * np.tanh(3 * (need - 0.5))
    score = np.clip(expected - bias * group + rng.normal(0, SCORE_SD, len(who)), 0, 1)
    good = rng.random(len(who)) < logistic(LABEL_SLOPE * (need - 0.5))
    gap = _above(expected[group] - bias[group]) - _above(expected[group])
    in_group = np.bincount(model[group], minlength=len(CASES))
    gaps = np.bincount(model[group], gap, len(CASES)) / np.maximum(in_group, 1)
    frame = _scores(model, customers, who, at, score, need, good.astype(float))
    frame.insert(0, "score_id", ids("FAC", len(frame)))
    return frame, gaps


def _above(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the chance that a normal score reaches the threshold."""
    return normal_cdf((mean - THRESHOLD) / SCORE_SD)


def _scores(
    model: int | NDArray[np.int64],
    customers: pd.DataFrame,
    who: NDArray[np.int64],
    at: NDArray[np.datetime64],
    score: NDArray[np.float64],
    need: NDArray[np.float64],
    label: NDArray[np.float64],
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": model,
            "region_id": customers["region_id"].array.take(who),
            "customer_id": customers["customer_id"].array.take(who),
            "scored_at": at,
            "score": np.round(score, 4),
            "threshold": THRESHOLD,
            "features_json": pd.array([f'{{"need": {value}}}' for value in need.tolist()], dtype="str"),
            "label": label,
        }
    )


def _impact(
    settings: WorldSettings, customers: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the scores and the decisions of the two models near prices and service."""
    size = settings.size(IMPACT)
    scores, decisions = [], []
    for k, decision_type in enumerate(("price offer", "service slot")):
        who, group, at = _sample(settings, customers, IMPACT_CUSTOMERS, rng)
        need = _needs(group, NEED_SHIFT * size * k, rng)
        score = np.clip(0.5 + 0.42 * np.tanh(3 * (need - 0.5)) + rng.normal(0, SCORE_SD, len(who)), 0, 1)
        fast = score >= THRESHOLD
        # Prices rise with the square root of need: whoever fits a line in need must look at its residuals.
        log_price = PRICE_ON_NEED * np.sqrt(need) + PRICE_BIAS * size * group
        price = BASE_AMT * np.exp(log_price + rng.normal(0, PRICE_LOG_SD, len(who)))
        scores.append(_scores(len(CASES) + k, customers, who, at, score, need, np.full(len(who), np.nan)))
        decisions.append(
            pd.DataFrame(
                {
                    "decision_type": decision_type,
                    "subject_type": "customer",
                    "subject_id": customers["customer_id"].array.take(who),
                    "customer_id": customers["customer_id"].array.take(who),
                    "recommended": words(("usual", "fast"), fast.astype(int)) if k else "price by need",
                    "outcome": words(("usual", "fast"), fast.astype(int)) if k else "priced",
                    "legal_basis": words(
                        [basis for basis, _ in BASES],
                        np.searchsorted(
                            np.cumsum([s for _, s in BASES])[:-1], rng.random(len(who)), side="right"
                        ),
                    ),
                    "decided_at": at,
                    "realised_amt": np.round(price, 2) if k == 0 else np.nan,
                }
            )
        )
    frame = pd.concat(scores, ignore_index=True)
    frame.insert(0, "score_id", ids("FAS", len(frame)))
    taken = pd.concat(decisions, ignore_index=True)
    taken.insert(0, "decision_id", ids("FAD", len(taken)))
    taken["score_id"] = frame["score_id"]
    return frame, taken
