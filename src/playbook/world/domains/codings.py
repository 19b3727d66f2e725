"""Colleagues read a sample of contact notes, with the recording at hand, and code their tone.

Planted for `define.qualitative_signals`: coders differ in severity, by `SEVERITY` times the size, and severe coders
mostly read the notes of service agents; a panel settles the tone of notes drawn by lot, with few errors. Codes come
from a normal threshold with noise, where a Rasch model has a logistic one. What the notes themselves hide is planted
in `relations`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.relations import TONE_SHARES
from playbook.world.keys import ids, position
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted
from playbook.world.wording import TONES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("organisation", "relations")
ONCE = True

PLAY = "define.qualitative_signals"
SEVERITY = (-0.75, -0.40, -0.05, 0.15, 0.45, 0.60)  # of each coder: how much lower it codes
NOISE = 0.45  # of one coding, where tones are 1 apart
CODED = 700  # notes, each by two coders
PANEL = 360  # of them, of each role, settled by the panel
PANEL_ERROR = 0.03
ROLES = ("service agent", "planner")


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return ratings, truth_raters, truth_parameters."""
    labels = tables["truth_labels"]
    labels = labels[labels["play"] == PLAY]
    notes = tables["notes"].set_index("note_id").loc[labels["key"]]
    role = notes["author_staff_id"].map(tables["staff"].set_index("staff_id")["role"]).to_numpy()
    tone = position(labels["value"], TONES)
    severity = np.array(SEVERITY) * settings.size(PLAY)
    agents = np.flatnonzero(role == ROLES[0])
    planners = np.flatnonzero(role == ROLES[1])
    note = np.sort(np.concatenate([_some(agents, CODED // 2, rng), _some(planners, CODED // 2, rng)]))
    first, second = _two_coders(role[note] == ROLES[0], rng)
    of = np.concatenate([note, note])
    coder = np.concatenate([first, second])
    latent = tone[of] - severity[coder] + rng.normal(0, NOISE, len(of))
    score = np.digitize(latent, (0.5, 1.5))
    settled = np.sort(np.concatenate([_some(agents, PANEL, rng), _some(planners, PANEL, rng)]))
    verdict = np.where(
        rng.random(len(settled)) < PANEL_ERROR, rng.integers(0, 3, len(settled)), tone[settled]
    )
    people = tables["staff"]["staff_id"].to_numpy()[:: max(1, len(tables["staff"]) // len(SEVERITY))]
    raters = people[: len(SEVERITY)]
    n, m = len(of), len(settled)
    begun = settings.end - pd.Timedelta(days=30)
    ratings = pd.DataFrame(
        {
            "rating_id": ids("RN", n + m),
            "exercise": "coding of notes",
            "rater_id": np.concatenate([raters[coder], np.full(m, "panel", dtype=object)]),
            "rater_function": words(("coder", "panel"), np.repeat([0, 1], [n, m])),
            "rater_party": "staff",
            "subject_type": "note",
            "subject_id": notes.index.to_numpy()[np.concatenate([of, settled])],
            "item_code": "tone",
            "score": np.concatenate([score, verdict]).astype(float),
            "scale_max": 2.0,
            "round_no": np.repeat([1.0, 2.0], [n, m]),
            "rated_at": (begun + pd.to_timedelta(np.sort(rng.random(n + m)) * 20, unit="D")).as_unit("us"),
            "effort_min": np.round(rng.gamma(3.0, 0.8, n + m), 1),
        }
    )
    truth = planted("truth_raters", PLAY, rater=raters, severity=severity, bias=0.0, noise=NOISE)
    parameters = planted(
        "truth_parameters",
        PLAY,
        name=[f"share of {kind} news" for kind in ("bad", "neutral", "good")],
        value=TONE_SHARES,
        unit="share",
    )
    return {"ratings": ratings, "truth_raters": truth, "truth_parameters": parameters}


def _some(rows: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(rows)[:n]


def _two_coders(of_agent: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return two different coders of each note; the last half of them, the severe ones, mostly read agents' notes."""
    late = np.arange(len(SEVERITY)) >= len(SEVERITY) // 2
    weight = np.where(of_agent[:, None] == late, 0.8, 0.2)
    drawn = np.argsort(np.log(weight) + rng.gumbel(size=weight.shape), axis=1)
    return drawn[:, -1], drawn[:, -2]


PLANTS = (
    Plant(
        play=PLAY,
        what="Agents and planners note what a customer said; colleagues code the tone of a sample, a panel settles it "
        "for some.",
        why="Coders differ in severity and read different people's notes, and a classifier of words errs more on some "
        "colleagues' notes than on others'.",
        tables=("notes", "ratings", "staff"),
        truth=("truth_labels", "truth_raters", "truth_parameters"),
        size="SEVERITY x size of the coders; relations.FLAT x size of planners' bad news is worded flatly",
    ),
)
