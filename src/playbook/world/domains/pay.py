"""What service desks are paid for, and what they do about it (`sustain.incentives`).

In the first half of the history every desk has the same bonus sheet. Then half of the desks get a new one by lot, the
others as they chose: desks with many repeat contacts ask to be paid for outcomes (`CHOSEN_SD`). Paid for volume, people
are faster on what customers write (`FASTER_LOG`) and more customers come back (`VOLUME`); paid for outcomes, fewer do
(`OUTCOME`); the bonus that a journey's teams share works like the person's own for outcomes, and more (`SHARED`), and so
does one paid for the year (`LONG`). People respond in a straight line up to `SATURATES`, then no more: not the
linear answer of Holmstrom and Milgrom.

The steps of a complaint's journey have a RACI, in which some steps have nobody who does them (`GAPS`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.organisation import desks
from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.trials import initiative
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("organisation", "service")

CHANGE_AT = 0.5  # of the history
USUAL = (0.5, 0.1)  # pay weights on volume and on outcomes, the rest is fixed
SHEETS = {  # arm: weight on volume, on outcomes, whose result is paid
    "volume": (0.9, 0.0, "person"),
    "outcome": (0.1, 0.6, "person"),
    "journey": (0.1, 0.6, "journey"),
    "year": (0.1, 0.6, "year"),
}
VOLUME = 0.14  # change of the chance of a repeat contact per weight on volume
OUTCOME = -0.11  # and on outcomes
SHARED, LONG = 1.3, 1.15  # factor on the latter
FASTER_LOG = -0.45  # of handling time, per weight on volume
SATURATES = 0.8  # a weight above works no better
CHOSEN_SD = 0.05  # of the chance of a repeat contact, between the desks that chose

STEPS = (  # of a complaint: step, role that does it (empty: nobody), role that answers for it
    ("take the complaint", "service agent", "service agent"),
    ("confirm receipt", "service agent", "service agent"),
    ("find the parcel", "picker", "planner"),
    ("tell the customer what was found", "", "service agent"),
    ("decide on a credit", "service agent", "account manager"),
    ("send the replacement", "picker", "planner"),
    ("check that it arrived", "", "planner"),
    ("change the customer's record", "service agent", "account manager"),
    ("tell the account manager", "service agent", "account manager"),
    ("ask whether it is solved", "", "account manager"),
    ("report the cause", "planner", "planner"),
    ("remove the cause", "planner", "planner"),
)
GAPS = tuple(name for name, does, _ in STEPS if not does)

PLANTS = (
    Plant(
        play="sustain.incentives",
        what="On one day service desks get new bonus sheets, half of them by lot: more for volume, for outcomes, for the "
        "journey together, or for the year. People do more of what is paid. A RACI of the complaint's journey has gaps.",
        why="Closed cases go up under pay for volume, and some of them come back. The desks that chose to be paid for "
        "outcomes were the ones with the most repeats. Without a change of pay nothing can be learnt from it.",
        tables=("kpi_targets", "assignments", "tickets", "interactions", "responsibilities", "process_steps"),
        truth=("truth_parameters", "truth_structure"),
        size="VOLUME, OUTCOME (x SHARED, LONG) and FASTER_LOG, all x size; GAPS",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return kpi_targets, assignments, the complaint's journey and its RACI, truth, and changes for `repeats`."""
    names = [key for key, _ in desks(settings)]
    n, size = len(names), settings.size("sustain.incentives")
    change = settings.start + pd.Timedelta(days=int(settings.days * CHANGE_AT))
    by_lot = np.zeros(n, dtype=bool)
    by_lot[rng.permutation(n)[: n // 2]] = True
    level = np.where(by_lot, 0.0, CHOSEN_SD * rng.normal(0, 1, n))
    arm = rng.permutation(np.arange(n) % len(SHEETS))
    arm = np.where(
        by_lot, arm, np.where(level > 0, list(SHEETS).index("outcome"), list(SHEETS).index("volume"))
    )
    before, after = _response(*USUAL, 1.0), _responses()

    cases = tables["_cases"]
    desk = cases["desk"].to_numpy()
    since = cases["opened_min"].to_numpy() >= (change - settings.start).days * 1440
    repeat = np.where(since, after[arm[desk], 0], before[0]) - before[0]
    faster = np.where(since, after[arm[desk], 1], before[1]) - before[1]
    written = np.flatnonzero(cases["channel"] > 0)
    return {
        "kpi_targets": _targets(settings, names, arm, change),
        "initiatives": initiative(settings, "PI", "bonus sheet", "repeat contact"),
        "assignments": pd.DataFrame(
            {
                "assignment_id": ids("PY", n, settings.block),
                "initiative_id": ids("PI", 1, settings.block)[0],
                "subject_type": "unit",
                "subject_id": names,
                "arm": np.array(list(SHEETS))[arm],
                "design": np.where(by_lot, "random", "chosen"),
                "propensity_share": np.where(by_lot, 1 / len(SHEETS), np.nan),
                "starts_at": change,
            }
        ),
        "_repeat_changes": pd.DataFrame(
            {"case": np.arange(len(cases)), "change": level[desk] + size * repeat}
        ),
        "_handle_changes": pd.DataFrame(
            {
                "contact": cases["contact"].to_numpy()[written],
                "log_change": size * faster[written],
                "add_s": 0.0,
            }
        ),
        **({} if settings.block else _journey(settings) | _truth(size)),
    }


def _response(volume: float, outcome: float, factor: float) -> tuple[float, float]:
    """Return the change of the chance of a repeat contact, and of the log of handling time, under a bonus sheet."""
    volume, outcome = min(volume, SATURATES), min(outcome, SATURATES)
    return VOLUME * volume + OUTCOME * factor * outcome, FASTER_LOG * volume


def _responses() -> NDArray[np.float64]:
    factor = {"person": 1.0, "journey": SHARED, "year": LONG}
    return np.array([_response(volume, outcome, factor[basis]) for volume, outcome, basis in SHEETS.values()])


def _targets(
    settings: WorldSettings, names: list[str], arm: NDArray[np.int64], change: pd.Timestamp
) -> pd.DataFrame:
    """Return the bonus sheets of every desk before and after the change: one row per figure."""
    rows = []
    for name, sheet in zip(names, np.array(list(SHEETS))[arm], strict=True):
        volume, outcome, basis = SHEETS[sheet]
        for period, weights, whose in ((0, USUAL, "person"), (1, (volume, outcome), basis)):
            valid = (settings.start, change) if period == 0 else (change, pd.NaT)
            rows.append(
                (name, "written cases closed an hour", "up", 5.0, "1/h", weights[0], "person", *valid)
            )
            rows.append((name, "repeat contacts", "down", 0.2, "share", weights[1], whose, *valid))
    columns = ["unit_id", "kpi_code", "direction", "target", "target_unit", "pay_weight_share", "pay_basis"]
    targets = pd.DataFrame(rows, columns=[*columns, "valid_from", "valid_to"])
    targets.insert(0, "target_id", ids("KT", len(targets), settings.block))
    return targets.assign(role="service agent").astype(
        {"valid_from": "datetime64[us]", "valid_to": "datetime64[us]"}
    )


def _journey(settings: WorldSettings) -> dict[str, pd.DataFrame]:
    """Return process_steps and responsibilities of a complaint."""
    step_id = [f"PC{k:02d}" for k in range(1, len(STEPS) + 1)]
    letters = [
        (key, role, letter)
        for key, (_, does, answers) in zip(step_id, STEPS, strict=True)
        for role, letter in ((does, "R"), (answers, "A"), ("account manager", "I"))
        if role
    ]
    subject, role, letter = zip(*letters, strict=True)
    return {
        "process_steps": pd.DataFrame(
            {
                "step_id": step_id,
                "process": "complaint",
                "seq_no": np.arange(1.0, len(STEPS) + 1),
                "name": [name for name, _, _ in STEPS],
                "party": "us",
                "next_step_ids": [*step_id[1:], None],
            }
        ),
        "responsibilities": pd.DataFrame(
            {
                "responsibility_id": ids("PR", len(letters)),
                "subject_type": "process step",
                "subject_id": subject,
                "role": role,
                "party": "ours",
                "raci": letter,
                "scenario": "normal",
                "valid_from": settings.start,
            }
        ),
    }


def _truth(size: float) -> dict[str, pd.DataFrame]:
    play = "sustain.incentives"
    step_id = {name: f"PC{k:02d}" for k, (name, _, _) in enumerate(STEPS, start=1)}
    return {
        "truth_parameters": planted(
            "truth_parameters",
            play,
            name=[
                "repeat_per_volume_weight",
                "repeat_per_outcome_weight",
                "journey_factor",
                "year_factor",
                "log_handle_per_volume_weight",
                "saturates_at_weight",
            ],
            value=[VOLUME * size, OUTCOME * size, SHARED, LONG, FASTER_LOG * size, SATURATES],
            unit=["share", "share", "ratio", "ratio", "log", "share"],
        ),
        "truth_structure": planted(
            "truth_structure",
            play,
            kind="step that nobody does",
            source=[step_id[name] for name in GAPS],
            target="PC",
        ),
    }
