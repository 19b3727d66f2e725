"""A workshop on what intimacy and quality mean: statements rated, cases labelled, criteria compared, targets laid open.

The wording of a statement is in `item_code`. Planted for `define.shared_definition`: on the statements of `DISPUTED` one
function sees it otherwise, by `APART` points times the size; those of `VAGUE` are unclear to everybody, which is no
dispute. On some cases sales says "no failure" where the others say "failure". Weights of criteria are known, some raters
compare at random. Of the live KPI targets, some pay one role for what another is paid to avoid. Ratings are rounded
normals; tests of ranks assume none of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("organisation", "faults")
ONCE = True

PLAY = "define.shared_definition"
FUNCTIONS = {"service": "service agent", "sales": "account manager", "operations": "picker"}
RATERS = 12  # of each function
STATEMENTS = 24
APART = 2.2
DISPUTED = {
    2: ("sales", 1),
    7: ("operations", -1),
    11: ("service", 1),
    15: ("operations", 1),
    20: ("sales", -1),
}
VAGUE = (4, 9, 13, 18, 22)
TEXTS = (  # what is rated: intimacy, then quality; the vague ones are slogans
    "We know why a customer buys, not only what",
    "A customer never has to tell us a thing twice",
    "We may promise what operations has not confirmed",
    "A promised time is kept nine times in ten",
    "We delight our customers",
    "Whoever answers sees all open requests",
    "We tell the customer before the customer asks",
    "A special request may break the standard process",
    "An exception granted once is written down",
    "We are passionate about relationships",
    "We may say no, and we say why",
    "Time with a customer matters more than the queue",
    "A part that fails in use is a defect",
    "Quality is a mindset",
    "A wrong invoice is a quality failure",
    "Built to specification is good, whatever anyone says",
    "A fault that comes back is a new failure",
    "A late answer is a quality failure",
    "We aim for excellence in all we do",
    "What the customer has to correct is a failure",
    "A fault that nobody noticed is still a failure",
    "A failure is closed when the customer says so",
    "Every touchpoint is world class",
    "Who finds a failure owns it until handed over",
)
CLEAR_SD, VAGUE_SD = 0.9, 1.9

CASES = 30
CASES_DISPUTED = 9  # the first of them
ELSE_FAILURE = 0.4  # share of the other cases that all call a failure
SAYS_SO = 0.92  # share of labels that follow the function's view

CRITERIA = {"knows me": 0.36, "keeps promises": 0.28, "quick": 0.18, "friendly": 0.11, "price": 0.07}
COMPARE_LOG_SD = 0.25
AT_RANDOM = 4  # raters

TARGETS = (  # kpi, unit of the target, role and direction twice; opposed when the directions differ
    ("handle time", "min", "service agent", "down", "account manager", "up"),
    ("stock cover", "d", "planner", "down", "account manager", "up"),
    ("credits granted", "share", "service agent", "up", "account manager", "down"),
    ("parcels an hour", "1", "picker", "up", "planner", "up"),
    ("complaints", "share", "service agent", "down", "picker", "down"),
    ("repeat contacts", "share", "service agent", "down", "planner", "down"),
)
OPPOSED = 3  # the first of them


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return ratings, kpi_targets and what is true of them."""
    size = settings.size(PLAY)
    raters = _raters(settings, tables["staff"], rng)
    tickets = tables["tickets"]
    cases = tickets[(tickets["category"] == "fault") & (tickets["severity"] >= 2)]
    picked = np.sort(rng.permutation(len(cases))[:CASES])
    case_id = cases["ticket_id"].array.take(picked)
    parts = [_statements(raters, size, rng), _labels(raters, case_id, size, rng), _comparisons(raters, rng)]
    ratings = pd.concat(parts, ignore_index=True)
    at = settings.end - pd.Timedelta(days=20) + pd.to_timedelta(np.arange(len(ratings)) * 5, unit="s")
    ratings.insert(0, "rating_id", pd.Series(ids("RD", len(ratings))))
    targets, opposed = _targets(settings)
    statements = {f"statement {k + 1}": said for k, said in DISPUTED.items()} if size > 0 else {}
    structure = planted(
        "truth_structure",
        PLAY,
        kind=["dispute"] * len(statements) + ["opposed target"] * len(opposed),
        source=[*statements, *(pair[0] for pair in opposed)],
        target=[*(said[0] for said in statements.values()), *(pair[1] for pair in opposed)],
    )
    kappas = _kappas(size)
    disputed = case_id[: CASES_DISPUTED if size > 0 else 0]
    return {
        "ratings": ratings.assign(rated_at=at.as_unit("us"), rater_party="staff", round_no=1.0),
        "kpi_targets": targets,
        "truth_structure": structure,
        "truth_labels": planted(
            "truth_labels", PLAY, table="tickets", key=disputed, label="disputed case", value="sales"
        ),
        "truth_parameters": planted(
            "truth_parameters",
            PLAY,
            name=[*(f"weight, {name}" for name in CRITERIA), *(f"kappa, {pair}" for pair in kappas)],
            value=[*CRITERIA.values(), *kappas.values()],
            unit=["share"] * len(CRITERIA) + ["1"] * len(kappas),
        ),
    }


def _raters(settings: WorldSettings, staff: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return who takes part: staff_id and function (position), people who still work here."""
    here = staff[staff["left_on"].isna() & (staff["hired_on"] < settings.end - pd.Timedelta(days=30))]
    chosen = []
    for k, role in enumerate(FUNCTIONS.values()):
        own = here.loc[here["role"] == role, "staff_id"].to_numpy()
        own = rng.permutation(own)[:RATERS]
        chosen.append(pd.DataFrame({"staff_id": own, "function": k}))
    return pd.concat(chosen, ignore_index=True)


def _long(
    raters: pd.DataFrame, subjects: int, score: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], pd.DataFrame]:
    """Return the rater and subject (positions) of each row, and the columns that all exercises share."""
    who = np.repeat(np.arange(len(raters)), subjects)
    subject = np.tile(np.arange(subjects), len(raters))
    frame = pd.DataFrame(
        {
            "rater_id": raters["staff_id"].array.take(who),
            "rater_function": words(tuple(FUNCTIONS), raters["function"].to_numpy()[who]),
            "score": score.ravel(),
        }
    )
    return who, subject, frame


def _statements(raters: pd.DataFrame, size: float, rng: np.random.Generator) -> pd.DataFrame:
    mean = np.tile(rng.normal(4.1, 0.4, STATEMENTS), (len(raters), 1))
    for place, (function, sign) in DISPUTED.items():
        holds = raters["function"].to_numpy() == list(FUNCTIONS).index(function)
        mean[holds, place] += sign * APART * size
    spread = np.where(np.isin(np.arange(STATEMENTS), VAGUE), VAGUE_SD, CLEAR_SD)
    score = np.clip(np.round(mean + rng.normal(0, spread, mean.shape)), 1, 7)
    _, statement, frame = _long(raters, STATEMENTS, score)
    names = [f"statement {k + 1}" for k in range(STATEMENTS)]
    return frame.assign(
        exercise="definition statements",
        subject_type="statement",
        subject_id=words(names, statement),
        item_code=words(TEXTS, statement),
        scale_max=7.0,
    )


def _labels(
    raters: pd.DataFrame, case_id: pd.api.extensions.ExtensionArray, size: float, rng: np.random.Generator
) -> pd.DataFrame:
    n = len(case_id)
    failure = np.arange(n) < CASES_DISPUTED  # what the dispute is about
    failure |= rng.random(n) < ELSE_FAILURE
    view = np.tile(failure, (len(raters), 1))
    sales = raters["function"].to_numpy() == list(FUNCTIONS).index("sales")
    sees_otherwise = rng.random(view.shape) < min(size, 1)
    view &= ~(sales[:, None] & (np.arange(n) < CASES_DISPUTED) & sees_otherwise)
    label = np.where(rng.random(view.shape) < SAYS_SO, view, ~view).astype(float)
    _, case, frame = _long(raters, n, label)
    return frame.assign(
        exercise="quality failure?",
        subject_type="ticket",
        subject_id=case_id.take(case),
        item_code="is a failure",
        scale_max=1.0,
    )


def _kappas(size: float) -> dict[str, float]:
    """Return Cohen's kappa between the views of functions over all cases like these."""
    disputed = (
        CASES_DISPUTED / CASES if size > 0.5 else 0.0
    )  # below that, most of sales sees it as the others do
    failure = CASES_DISPUTED / CASES + (1 - CASES_DISPUTED / CASES) * ELSE_FAILURE
    sales = failure - disputed
    chance = failure * sales + (1 - failure) * (1 - sales)
    apart = 1 - disputed / (1 - chance)
    return {"operations and sales": apart, "operations and service": 1.0, "sales and service": apart}


def _comparisons(raters: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return judgements how many times more one criterion matters than another, 1/9 to 9."""
    names, weight = list(CRITERIA), np.array(list(CRITERIA.values()))
    pairs = np.array(np.triu_indices(len(names), k=1))
    log = np.log(weight[pairs[0]] / weight[pairs[1]]) + rng.normal(
        0, COMPARE_LOG_SD, (len(raters), pairs.shape[1])
    )
    careless = rng.permutation(len(raters))[:AT_RANDOM]
    log[careless] = rng.normal(0, 1.3, (len(careless), pairs.shape[1]))
    log = np.clip(log, -np.log(9), np.log(9))
    steps = np.round(np.exp(np.abs(log)))
    score = np.where(log >= 0, steps, 1 / steps)
    _, pair, frame = _long(raters, pairs.shape[1], score)
    return frame.assign(
        exercise="weights of criteria",
        subject_type="criterion",
        subject_id=words(names, pairs[0][pair]),
        compared_to=words(names, pairs[1][pair]),
        item_code="times as important",
        scale_max=9.0,
    )


def _targets(settings: WorldSettings) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    rows: list[tuple[str, str, str, str]] = []
    for kpi, unit, first, up, second, down in TARGETS:
        opposed = len(rows) < 2 * OPPOSED and settings.size(PLAY) > 0
        rows += [
            (first, kpi, up, unit),
            (second, kpi, down if opposed or len(rows) >= 2 * OPPOSED else up, unit),
        ]
    frame = pd.DataFrame(rows, columns=["role", "kpi_code", "direction", "target_unit"])
    key = pd.Series(ids("TD", len(frame)))
    frame.insert(0, "target_id", key)
    frame["pay_weight_share"] = 0.15
    frame["pay_basis"] = "person"
    frame["valid_from"] = (settings.end - pd.DateOffset(months=18)).as_unit("us")
    n = OPPOSED if settings.size(PLAY) > 0 else 0
    return frame, [(key[2 * k], key[2 * k + 1]) for k in range(n)]


PLANTS = (
    Plant(
        play=PLAY,
        what="In a workshop three functions rate statements, label cases and compare criteria. On some they see it "
        "differently, some are merely unclear. Some live targets pay for opposite things.",
        why="Unclear statements scatter more than disputed ones, and an average label hides who disagrees.",
        tables=("ratings", "staff", "tickets", "kpi_targets"),
        truth=("truth_structure", "truth_labels", "truth_parameters"),
        size="APART x size points on DISPUTED; CASES_DISPUTED cases with chance size; OPPOSED pairs of targets",
    ),
)
