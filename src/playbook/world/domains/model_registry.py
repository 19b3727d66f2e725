"""The registry of models: which version is live where, what file runs there, and what it answered.

Models are logistic in three inputs that are kept with each answer, so that an answer can be given again.
Versions went live everywhere in the same week. Planted, times the play's size (whole numbers), each in
another model and market where there are enough: `OTHER_FILE`, one version name and two files; `BEHIND`, a
market that still runs the version before, as its registry says; `ROLLED_BACK`, a market whose log and
registry name the new version while the one before answers; `OTHER_LIBRARY`, the same file under a library
that rounds. `truth_structure` has kind, model and market.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.draws import logistic
from playbook.world.keys import ids
from playbook.world.moments import at_day
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company",)
ONCE = True

PLAY = "sustain.model_versions"
MODELS = ("next order", "churn warning", "late parcel", "call reason")
FEATURES = ("orders_90d", "tickets_90d", "late_share")
VERSIONS = 3
OTHER_FILE, BEHIND, ROLLED_BACK, OTHER_LIBRARY = 2, 2, 2, 1
KINDS = ("other file", "behind", "rolled back unseen", "other library")
SCORES = 2_400
RECENT_D = 120  # answers are kept for so long
ROUNDS_TO = 1  # digits of the log-odds that the other library keeps

PLANTS = (
    Plant(
        play=PLAY,
        what="Four models in several versions are live in every market, with fingerprints of their file "
        "and libraries; each answer is kept with its inputs and the version that is said to have "
        "given it.",
        why="The same name in two markets need not be the same file, and what the log names need not be "
        "what answered.",
        tables=("model_versions", "model_scores", "regions"),
        truth=("truth_structure",),
        size="OTHER_FILE, BEHIND, ROLLED_BACK, OTHER_LIBRARY x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return model_versions, model_scores and truth_structure."""
    regions = tables["regions"]["region_id"].tolist()
    size = settings.size(PLAY)
    weights = rng.normal(0, 1, (len(MODELS), VERSIONS, len(FEATURES) + 1)).round(4)
    changed = rng.normal(0, 0.3, (len(MODELS), len(FEATURES) + 1)).round(4) + 0.05  # of another file
    faults = _faults(len(regions), size, rng)
    versions = _versions(settings, regions, weights, changed, faults)
    scores = _scores(settings, regions, weights, changed, faults, rng)
    found = [(KINDS[kind], MODELS[m], regions[r]) for (m, r), kind in sorted(faults.items())]
    return {
        "model_versions": versions,
        "model_scores": scores,
        "truth_structure": planted_rows("truth_structure", PLAY, ("kind", "source", "target"), found),
    }


def _faults(n_regions: int, size: float, rng: np.random.Generator) -> dict[tuple[int, int], int]:
    """Return what is wrong (position in `KINDS`) in which model and market; the first market is a model's
    reference.
    """
    cells = [(m, r) for m in range(len(MODELS)) for r in range(1, n_regions)]
    counts = [round(k * size) for k in (OTHER_FILE, BEHIND, ROLLED_BACK, OTHER_LIBRARY)]
    kinds = np.repeat(np.arange(len(KINDS)), counts).tolist()
    most = max((n_regions - 1) // 2, 1)  # of a model's markets: the others are what it is compared with
    chosen: dict[tuple[int, int], int] = {}
    for cell in rng.permutation(len(cells)):
        m, r = cells[cell]
        if kinds and sum(model == m for model, _ in chosen) < most:
            chosen[m, r] = kinds.pop(0)
    return chosen


def _content(weights: NDArray[np.float64]) -> str:
    return json.dumps({"intercept": float(weights[0]), "weights": [float(w) for w in weights[1:]]})


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def _key(m: int, v: int) -> str:
    return f"RGV{m * VERSIONS + v + 1:06d}"


def _live_days(settings: WorldSettings) -> NDArray[np.float64]:
    """Return the day on which each version went live; the last well before the answers that are kept."""
    return np.linspace(30, settings.days - RECENT_D - 30, VERSIONS)


def _versions(
    settings: WorldSettings,
    regions: list[str],
    weights: NDArray[np.float64],
    changed: NDArray[np.float64],
    faults: dict[tuple[int, int], int],
) -> pd.DataFrame:
    live = [settings.start + pd.Timedelta(days=int(day)) for day in _live_days(settings)]
    last = VERSIONS - 1
    rows = []
    for m, name in enumerate(MODELS):
        for r, region in enumerate(regions):
            fault = KINDS[faults[m, r]] if (m, r) in faults else ""
            current = last - 1 if fault == "behind" else last
            for v in range(current + 1):
                own = weights[m, v] + (changed[m] if fault == "other file" and v == last else 0.0)
                content = _content(own.round(4))
                rows.append(
                    (
                        _key(m, v),
                        region,
                        name,
                        "live" if v == current else "retired",
                        live[v] - pd.Timedelta(days=21),
                        live[v],
                        pd.NaT if v == current else live[v + 1],
                        _hash(f"data {m} {v}"),
                        _hash(f"code {m} {v}"),
                        _hash("library 1.4" if fault == "other library" and v == last else "library 1.5"),
                        _hash(content),
                        content,
                    )
                )
    columns = ["model_version_id", "region_id", "model_name", "stage", "trained_at", "deployed_at",
               "retired_at", "data_hash", "code_hash", "library_hash", "artifact_hash",
               "artifact_json"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    frame["retired_at"] = pd.to_datetime(frame["retired_at"]).astype("datetime64[us]")
    return frame.assign(purpose=frame["model_name"], risk_class="medium", feature_names=",".join(FEATURES))


def _scores(
    settings: WorldSettings,
    regions: list[str],
    weights: NDArray[np.float64],
    changed: NDArray[np.float64],
    faults: dict[tuple[int, int], int],
    rng: np.random.Generator,
) -> pd.DataFrame:
    n = SCORES
    model, region = rng.integers(0, len(MODELS), n), rng.integers(0, len(regions), n)
    fault = np.full((len(MODELS), len(regions)), -1)
    for cell, kind in faults.items():
        fault[cell] = kind
    what = fault[model, region]
    named = np.where(what == KINDS.index("behind"), VERSIONS - 2, VERSIONS - 1)
    answers = np.where(what == KINDS.index("rolled back unseen"), VERSIONS - 2, named)
    own = weights[model, answers] + changed[model] * (what == KINDS.index("other file"))[:, None]
    own = own.round(4)
    x = np.round(np.column_stack([rng.poisson(3, n), rng.poisson(1, n), rng.beta(1, 8, n)]), 3)
    logit = own[:, 0] + (own[:, 1:] * x).sum(axis=1)
    logit = np.where(what == KINDS.index("other library"), np.round(logit, ROUNDS_TO), logit)
    day = np.sort(settings.days - RECENT_D * rng.random(n))
    features = [
        f'{{"orders_90d": {a:g}, "tickets_90d": {b:g}, "late_share": {c:g}}}' for a, b, c in x.tolist()
    ]
    keys = [_key(m, v) for m in range(len(MODELS)) for v in range(VERSIONS)]
    return pd.DataFrame(
        {
            "score_id": ids("RGS", n),
            "model_version_id": words(keys, model * VERSIONS + named),
            "region_id": words(regions, region),
            "scored_at": at_day(settings, day),
            "score": np.round(logistic(logit), 9),
            "threshold": 0.5,
            "features_json": pd.array(features, dtype="str"),
        }
    )
