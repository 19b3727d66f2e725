"""Quarterly reviews with key accounts: both sides score five figures on one page, and say how they weigh
them.

Planted, times the play's size: `CHANGES`, steps of `STEP` points in one figure of one account from one
quarter on; none in `QUIET` quarters, in which all that moves is noise. Scores are on half points, people
differ in how severe they are, and noise is a Student t. Two accounts, the pair, are level over all figures:
one is strong in the figures of efficiency, one in those of experience, so that the weights of our side and
of the customers' rank them differently.

`truth_shifts` has the steps and the quiet quarters, `truth_structure` who of the pair is ahead under whose
weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted, planted_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market",)

PLAY = "measure.scorecard"
FIGURES = ("cost to serve", "orders in time", "problems solved", "feels known", "ease of contact")
EFFICIENCY = 2  # the first figures; the others are of experience
ACCOUNTS, QUARTERS = 14, 12
RATERS = 6  # of each account: half ours, half theirs
LEVEL, LEVEL_SD = 6.5, 0.8  # of 10
SEVERITY_SD = 0.5
NOISE_SD, NOISE_DF = 0.45, 5.0
CHANGES, STEP = 14, 1.3
QUIET = (4, 5, 6, 9)  # quarters
STRONG = 1.2  # of the pair: above the level in its own figures, and below it in the others
WEIGHTS = {
    "ours": (34.0, 30.0, 16.0, 10.0, 10.0),
    "customer": (10.0, 16.0, 24.0, 28.0, 22.0),
}  # of 100 points
WEIGHT_RATERS, WEIGHT_SD = 6, 3.0  # of each side

PLANTS = (
    Plant(
        play=PLAY,
        what="Six people of both sides score five figures for each key account every quarter, and each "
        "side says how it weighs them. Some figures changed for good in some quarter, and some "
        "quarters have nothing but noise.",
        why="An arrow for every difference finds a change each quarter, and who is first depends on whose "
        "weights were used.",
        tables=("ratings", "accounts"),
        truth=("truth_shifts", "truth_structure"),
        size="CHANGES of STEP x size; STRONG x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return ratings, truth_shifts and truth_structure."""
    size = settings.size(PLAY)
    accounts = tables["accounts"]
    # Key accounts first, then others, in random order.
    order = rng.permutation(len(accounts))
    order = order[np.argsort(~accounts["is_key"].to_numpy(dtype=bool)[order], kind="stable")][:ACCOUNTS]
    keys = accounts["account_id"].array.take(order)
    n, figures = len(keys), len(FIGURES)
    level = LEVEL + rng.normal(0, LEVEL_SD, (n, figures))
    level[:2] = LEVEL
    strong = np.arange(figures) < EFFICIENCY
    lean = STRONG * size * np.where(strong, 1.0, -EFFICIENCY / (figures - EFFICIENCY))  # sums to nothing
    level[0] += lean
    level[1] -= lean
    steps = _steps(n, size, rng)
    shift = np.zeros((n, figures, QUARTERS))
    for account, figure, quarter, step in steps:
        shift[account, figure, quarter:] += step
    scores = _scores(level[:, :, None] + shift, rng)
    begins = [
        (settings.start + (settings.end - settings.start) / QUARTERS * q).floor("s")
        for q in range(QUARTERS + 1)
    ]
    ratings = pd.concat([_reviews(begins, keys, scores, rng), _weights(begins[-2], rng)], ignore_index=True)
    ratings.insert(0, "rating_id", ids("QRR", len(ratings), settings.block))
    return {"ratings": ratings, **_truths(begins, keys, steps, size)}


def _steps(n: int, size: float, rng: np.random.Generator) -> list[tuple[int, int, int, float]]:
    """Return steps: account (not of the pair), figure, quarter, points; a figure has one at most."""
    cells = rng.permutation((n - 2) * len(FIGURES))[: CHANGES if size else 0]
    noisy = [q for q in range(1, QUARTERS) if q not in QUIET]
    return [
        (2 + int(cell) // len(FIGURES), int(cell) % len(FIGURES), int(rng.choice(noisy)),
         float(STEP * size * (1 if rng.random() < 0.5 else -1)))
        for cell in cells
    ]  # fmt: skip


def _scores(expected: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return scores on half points from 0 to 10: (accounts, figures, quarters, raters)."""
    shape = (*expected.shape, RATERS)
    severity = rng.normal(0, SEVERITY_SD, (expected.shape[0], 1, 1, RATERS))
    severity -= severity.mean(
        axis=-1, keepdims=True
    )  # people differ within an account; accounts are comparable
    noise = rng.standard_t(NOISE_DF, shape) * NOISE_SD * np.sqrt((NOISE_DF - 2) / NOISE_DF)
    return np.clip(np.round(2 * (expected[..., None] - severity + noise)) / 2, 0, 10)


def _reviews(
    begins: list[pd.Timestamp],
    keys: pd.api.extensions.ExtensionArray,
    scores: NDArray[np.float64],
    rng: np.random.Generator,
) -> pd.DataFrame:
    account, figure, quarter, rater = (k.ravel() for k in np.indices(scores.shape))
    party = (rater >= RATERS // 2).astype(int)
    raters = [
        f"{keys[a]} {side} {k + 1}"
        for a in range(len(keys))
        for side in ("ours", "theirs")
        for k in range(RATERS // 2)
    ]
    ends = np.array([begin.to_datetime64() for begin in begins[1:]]).astype("datetime64[us]")
    back = (rng.random(len(account)) * 12 * 86_400).astype("int64").astype("timedelta64[s]") + np.timedelta64(
        3600, "s"
    )
    return pd.DataFrame(
        {
            "exercise": "quarterly review",
            "rater_id": words(raters, account * RATERS + rater),
            "rater_party": words(("staff", "customer"), party),
            "subject_type": "account",
            "subject_id": keys.take(account),
            "item_code": words(FIGURES, figure),
            "score": scores.ravel(),
            "scale_max": 10.0,
            "round_no": quarter + 1.0,
            "rated_at": ends[quarter] - back,
        }
    )


def _weights(at: pd.Timestamp, rng: np.random.Generator) -> pd.DataFrame:
    """Return how people of both sides spread a hundred points over the figures."""
    rows = []
    for side, middle in WEIGHTS.items():
        for person in range(WEIGHT_RATERS):
            points = np.maximum(np.array(middle) + rng.normal(0, WEIGHT_SD, len(FIGURES)), 1)
            points = np.round(100 * points / points.sum(), 1)
            rows += [
                (f"{side} {person + 1}", side, name, p)
                for name, p in zip(FIGURES, points.tolist(), strict=True)
            ]
    return pd.DataFrame(
        {
            "exercise": "scorecard weights",
            "rater_id": [row[0] for row in rows],
            "rater_party": ["staff" if row[1] == "ours" else "customer" for row in rows],
            "subject_type": "figure",
            "subject_id": [row[2] for row in rows],
            "item_code": "weight",
            "score": [row[3] for row in rows],
            "scale_max": 100.0,
            "rated_at": at,
        }
    )


def _truths(
    begins: list[pd.Timestamp],
    keys: pd.api.extensions.ExtensionArray,
    steps: list[tuple[int, int, int, float]],
    size: float,
) -> dict[str, pd.DataFrame]:
    quiet = QUIET if size else range(1, QUARTERS)
    rows = [(keys[a], FIGURES[f], "step", begins[q], begins[-1], step) for a, f, q, step in steps]
    rows += [("all accounts", "all figures", "noise only", begins[q], begins[q + 1], 0.0) for q in quiet]
    shifts = planted_rows(
        "truth_shifts", PLAY, ("subject", "metric", "kind", "start_at", "end_at", "size"), rows
    )
    ahead = [("ours", keys[0], keys[1]), ("customer", keys[1], keys[0])] if size else []
    structure = planted(
        "truth_structure",
        PLAY,
        kind=[f"ahead by the weights of: {side}" for side, _, _ in ahead],
        source=[first for _, first, _ in ahead],
        target=[second for _, _, second in ahead],
    )
    return {"truth_shifts": shifts, "truth_structure": structure}
