"""Two models and what became of them: one that the world left behind on known dates, one that fades with age.

Planted for `measure.model_drift`, all times the size:

- `reminder`: inputs drift first (`INPUT_SHIFT` of the share of web orders), then a launch doubles answers for two weeks
  (`LAUNCH`), then the meaning of recency changes (`CONCEPT_SHIFT` of its weight and of the level) while inputs stay as
  they are.
- `winback`: retrained twice a year; its calibration falls by `FADE_WEEK` of the log-odds per week of age.

Labels come four weeks after the answer; those of the last weeks are empty. One input is skewed, so that tests for normal
data and equal bins disagree a little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.draws import logistic
from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("orders",)

PLAY = "measure.model_drift"
WEEKS, PER_WEEK = 78, 100  # answers of `reminder`
LEVEL, ON_WEB, ON_RECENCY = -0.5, 0.9, -0.7
INPUT_AT, LAUNCH_AT, CONCEPT_AT = 45, 32, 22  # weeks before the end
INPUT_SHIFT = 0.7  # standard deviations
LAUNCH, LAUNCH_WEEKS = 1.2, 2  # log-odds
CONCEPT_SHIFT = (0.8, -0.5)  # of the weight of recency, and of the level, log-odds
LABEL_DAYS = 28
FADE_WEEK = 0.03
RETRAIN_WEEKS, FADES_PER_WEEK, VERSIONS = 26, 60, 3

PLANTS = (
    Plant(
        play=PLAY,
        what="A model's inputs shift on one date; on another what it predicts follows other rules; after a launch "
        "customers answer more for a while. A second model fades until it is trained again.",
        why="Watching the inputs alone misses that the rules changed, and answers whose outcome is not yet known look "
        "like refusals.",
        tables=("model_versions", "model_scores"),
        truth=("truth_shifts", "truth_parameters"),
        size="INPUT_SHIFT, LAUNCH, CONCEPT_SHIFT, FADE_WEEK x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return model_scores, and once model_versions and truth."""
    size = settings.size(PLAY)
    reminder, fading = _reminder(size, rng), _winback(size, rng)
    scores = _scores(settings, pd.concat([reminder, fading], ignore_index=True), tables["customers"], rng)
    if settings.block:
        return {"model_scores": scores}
    return {
        "model_scores": scores,
        "model_versions": _versions(settings),
        "truth_shifts": _shifts(settings, size),
        "truth_parameters": planted(
            "truth_parameters",
            PLAY,
            name=["winback: log-odds lost per week of age"],
            value=[FADE_WEEK * size],
            unit="log-odds/week",
        ),
    }


def _reminder(size: float, rng: np.random.Generator) -> pd.DataFrame:
    """Return the answers of the first model: version, day (before the end), inputs, log-odds given and true."""
    n = WEEKS * PER_WEEK
    left = np.sort(rng.random(n) * 7 * WEEKS)[::-1]  # days before the end
    web = np.round(rng.normal(0, 1, n) + INPUT_SHIFT * size * (left < 7 * INPUT_AT), 1)
    recency = np.round(rng.gamma(2.0, 2**-0.5, n) - 2**0.5, 1)
    given = LEVEL + ON_WEB * web + ON_RECENCY * recency
    changed = left < 7 * CONCEPT_AT
    launched = (left < 7 * LAUNCH_AT) & (left >= 7 * (LAUNCH_AT - LAUNCH_WEEKS))
    true = given + size * (changed * (CONCEPT_SHIFT[0] * recency + CONCEPT_SHIFT[1]) + LAUNCH * launched)
    return pd.DataFrame(
        {"version": 0, "left": left, "web": web, "recency": recency, "given": given, "true": true}
    )


def _winback(size: float, rng: np.random.Generator) -> pd.DataFrame:
    """Return the answers of the second model, which is trained every half year."""
    n = RETRAIN_WEEKS * VERSIONS * FADES_PER_WEEK
    left = np.sort(rng.random(n) * 7 * RETRAIN_WEEKS * VERSIONS)[::-1]
    age_w = RETRAIN_WEEKS - (left / 7) % RETRAIN_WEEKS
    version = VERSIONS - np.floor(left / 7 / RETRAIN_WEEKS).astype(np.int64)
    web = np.round(rng.normal(0, 1, n), 1)
    recency = np.round(rng.gamma(2.0, 2**-0.5, n) - 2**0.5, 1)
    given = -0.8 + 0.6 * web + 0.8 * recency
    true = given - FADE_WEEK * size * age_w
    return pd.DataFrame(
        {"version": version, "left": left, "web": web, "recency": recency, "given": given, "true": true}
    )


def _names() -> list[str]:
    return ["reminder-1", *(f"winback-{k}" for k in range(1, VERSIONS + 1))]


def _scores(
    settings: WorldSettings, answers: pd.DataFrame, customers: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    n = len(answers)
    end = np.datetime64(settings.end, "us")
    left_s = (answers["left"].to_numpy() * 86_400 + 1).astype(np.int64)
    known = left_s > LABEL_DAYS * 86_400
    scored = pd.Series(settings.end - pd.to_timedelta(left_s, unit="s"))
    known_at = (scored + pd.Timedelta(days=LABEL_DAYS)).where(pd.Series(known))
    oldest = end - np.timedelta64(7 * WEEKS + 1, "D")
    there = np.flatnonzero(
        (customers["created_at"].to_numpy() < oldest) & customers["closed_at"].isna().to_numpy()
    )
    said_yes = rng.random(n) < logistic(answers["true"].to_numpy())
    pairs = np.round(10 * answers[["web", "recency"]].to_numpy()).astype(np.int64)
    code, position = np.unique(pairs[:, 0] * 10_000 + pairs[:, 1] + 5_000, return_inverse=True)
    inputs = zip((code // 10_000) / 10, (code % 10_000 - 5_000) / 10, strict=True)
    texts = [f'{{"web_share_z": {web:.1f}, "recency_z": {recency:.1f}}}' for web, recency in inputs]
    return pd.DataFrame(
        {
            "score_id": ids("YSC", n, settings.block),
            "model_version_id": words(_names(), answers["version"].to_numpy()),
            "customer_id": customers["customer_id"].array.take(there[rng.integers(0, len(there), n)]),
            "scored_at": scored.astype("datetime64[us]"),
            "score": np.round(logistic(answers["given"].to_numpy()), 5),
            "threshold": 0.5,
            "features_json": words(texts, position),
            "label": np.where(known, said_yes.astype(float), np.nan),
            "label_at": known_at.astype("datetime64[us]"),
        }
    )


def _versions(settings: WorldSettings) -> pd.DataFrame:
    names = _names()
    left = [WEEKS, *(RETRAIN_WEEKS * (VERSIONS - k) for k in range(VERSIONS))]
    trained = pd.Series([settings.end - pd.Timedelta(weeks=w) for w in left])
    retired = pd.Series([pd.NaT, *trained.tolist()[2:], pd.NaT])
    return pd.DataFrame(
        {
            "model_version_id": names,
            "region_id": "any",
            "model_name": [name.split("-")[0] for name in names],
            "purpose": "chance that the customer answers",
            "risk_class": "low",
            "stage": np.where(retired.isna(), "live", "retired"),
            "trained_at": trained.astype("datetime64[us]"),
            "deployed_at": trained.astype("datetime64[us]"),
            "retired_at": retired.astype("datetime64[us]"),
            "feature_names": "web_share_z,recency_z",
        }
    )


def _shifts(settings: WorldSettings, size: float) -> pd.DataFrame:
    rows = (
        ("mean of web_share_z", "step", INPUT_AT, 0, INPUT_SHIFT),
        ("log-odds of the answer", "burst", LAUNCH_AT, LAUNCH_AT - LAUNCH_WEEKS, LAUNCH),
        ("weight of recency_z", "step", CONCEPT_AT, 0, CONCEPT_SHIFT[0]),
        ("level of the log-odds", "step", CONCEPT_AT, 0, CONCEPT_SHIFT[1]),
    )
    return planted(
        "truth_shifts",
        PLAY,
        subject="reminder-1",
        metric=[row[0] for row in rows],
        kind=[row[1] for row in rows],
        start_at=[settings.end - pd.Timedelta(weeks=row[2]) for row in rows],
        end_at=[settings.end - pd.Timedelta(weeks=row[3]) for row in rows],
        size=[row[4] * size for row in rows],
    )
