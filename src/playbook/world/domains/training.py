"""Training attempts of everyone hired within the history, with the truth of how they learn, forget and
download.

What is planted, and where the truth of it lies:

- `truth_learning`, by role: score before any practice, gain a practice, forgetting, effect of skill on gain,
  and the slope of the rate of leaving on skill (`LEAVE_ON_SKILL`, scaled by the play's size, from
  `organisation`). Scores are binomial on cases of uneven difficulty and each person forgets at an own rate,
  while the play fits a normal score and one rate a role; stays are Weibull, while the play fits rates
  constant in stretches.
- `truth_onboarding`, by module: points of the check on the job that it is worth (scaled by
  its size). New hires of the first two thirds of the history got modules by draw, later ones chose;
  able people choose more.
- `truth_charts`, by role and chart: chance that an average new hire reads it right. One chart a role is
  misread (scaled by its size).
- `truth_bandwidth`, by region: median usable speed and the speed that 95 % of downloads exceed. Speeds are
  gamma, while the play fits a lognormal. A download that exceeds its slot is recorded without an end.

Missed practices are recorded as booked without an end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.methods.learning import after_practice, kept, transfer_minutes, wright
from playbook.world.domains.organisation import LEAVE_ON_SKILL, ROLES, STAY_SHAPE
from playbook.world.draws import logistic
from playbook.world.keys import ids
from playbook.world.plants import Plant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("organisation",)
PLAY = "sustain.training"

PRACTICES = 18
START = np.array([0.40, 0.36, 0.48, 0.42])  # score before any practice, by role
GAIN = np.array([0.15, 0.12, 0.20, 0.14])  # share of the gap closed by one practice, roughly
FORGET = np.array([0.45, 0.32, 0.60, 0.40])  # exponent of forgetting
GAIN_ON_SKILL = 0.6
FORGET_LOG_SD = 0.2
CASES = 50  # scored in a practice
FORM_SD = 0.03  # uneven difficulty of the cases
FIRST_MIN = np.array([50.0, 75.0, 40.0, 60.0])  # a first practice
WRIGHT_RATE = 0.9

# code, hours, points on the check on the job
ONBOARDING = (
    ("delivery windows", 1.0, 0.09),
    ("packing by customer", 1.5, 0.07),
    ("when to escalate", 1.0, 0.08),
    ("company history", 2.0, 0.0),
    ("product catalogue", 4.0, 0.0),
    ("forms library", 3.0, 0.0),
    ("system tour", 2.5, 0.0),
    ("all procedures", 5.0, 0.0),
)
JOB_CHECK_DAY = 42
JOB_CHECK_CASES = 40
JOB_CHECK_ON_SKILL = 0.05

CHARTS = ("trend or noise", "small numbers", "mean hides spread", "share of what", "two axes")
MISREAD = np.array([1, 2, 0, 3])  # the chart each role gets wrong
RIGHT_LOGIT, MISREAD_LOGIT, RIGHT_ON_SKILL = 1.1, -2.0, 0.4
CHART_DAY = 56

PACKAGES_MB = (25.0, 80.0, 200.0, 500.0, 900.0)
SLOT_MIN = {"online": 30.0, "offline": 480.0}  # a class hour's download; a night's
USABLE_SHARE = 0.10  # of a site's bandwidth, for one person
SPEED_SHAPE = 5.0  # gamma
SPEED_MEDIAN, SPEED_P05 = (
    4.670908882795985,
    1.9701495680595302,
)  # quantiles of that gamma; scipy.stats takes long to load


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return training, truth_learning, truth_onboarding, truth_charts and truth_bandwidth."""
    people = tables["staff"].merge(tables["truth_staff"], on="staff_id")
    people = people[people["hired_on"] >= settings.start].reset_index(drop=True)
    people["group"] = people["role"].map({role: k for k, role in enumerate(ROLES)})
    gone = people["left_on"].fillna(settings.end)
    people["days"] = (gone - people["hired_on"]).dt.total_seconds() / 86400
    parts = [
        _practices(people, rng),
        *_onboarding(people, settings, rng),
        _charts(people, settings.size(PLAY), rng),
        _packages(people, tables["regions"], rng),
    ]
    rows = pd.concat(parts, ignore_index=True)
    rows = rows[rows["start_d"] < people["days"].to_numpy()[rows["person"]]]
    rows = rows.sort_values(["start_d", "person"], kind="stable").reset_index(drop=True)
    hired = people["hired_on"].to_numpy()[rows["person"]]
    end_d = rows["start_d"] + rows["minutes"] / 1440
    training = pd.DataFrame(
        {
            "training_id": ids("L", len(rows), settings.block),
            "staff_id": people["staff_id"].to_numpy()[rows["person"]],
            "module_code": rows["module_code"],
            "role": people["role"].to_numpy()[rows["person"]],
            "item_code": rows["item_code"],
            "mode": rows["mode"],
            "assigned_by": rows["assigned_by"],
            "package_mb": rows["package_mb"],
            "slot_min": rows["slot_min"],
            "started_at": _moment(hired, rows["start_d"]),
            "completed_at": _moment(hired, end_d),
            "practice_no": rows["practice_no"].astype("int64"),
            "score_share": rows["score_share"],
        }
    )
    return {"training": training, **_truths(settings.size(PLAY), tables["regions"])}


def _moment(hired: np.ndarray, days: pd.Series) -> pd.Series:
    """Return hire date plus days, to the second; NaT where days are missing."""
    return pd.Series(hired + pd.to_timedelta((days * 86400).round(), unit="s").to_numpy()).astype(
        "datetime64[us]"
    )


def _rows(
    person: np.ndarray, start_d: np.ndarray, minutes: np.ndarray | float, **columns: object
) -> pd.DataFrame:
    """Return attempts as rows; `minutes` NaN means without an end."""
    blank: dict[str, object] = {
        "item_code": None,
        "assigned_by": "plan",
        "package_mb": np.nan,
        "slot_min": np.nan,
        "practice_no": 0,
        "score_share": np.nan,
    }
    rows = pd.DataFrame({"person": person, "start_d": start_d, "minutes": minutes} | blank | columns)
    return rows.astype({"item_code": "str"})


def _practices(people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return practices: scores before feedback, and bookings that were missed."""
    n, group = len(people), people["group"].to_numpy()
    skill = people["skill"].to_numpy()
    start, gain = START[group], GAIN[group] * np.exp(GAIN_ON_SKILL * skill)
    forget = FORGET[group] * np.exp(rng.normal(0, FORGET_LOG_SD, n))
    every_d = rng.choice([4.0, 7.0, 14.0], n)  # drawn for each person
    day, score = rng.uniform(5, 12, n), start
    who, days, took, number_of, scores = [], [], [], [], []
    for number in range(1, PRACTICES + 1):
        shown = np.clip(score + rng.normal(0, FORM_SD, n), 0, 1)
        right = rng.binomial(CASES, shown) / CASES
        minutes = wright(1.0, np.full(n, number), rate=WRIGHT_RATE) * FIRST_MIN[group]
        minutes *= np.exp(rng.normal(0, 0.12, n) - 0.1 * skill)
        missed = rng.geometric(0.8, n) - 1
        away = np.where(rng.random(n) < 0.08, rng.uniform(21, 70, n), 0.0)  # peaks, leave, parenthood
        # The last booking missed before a gap stands for all of them: a session is re-booked once a cycle.
        skipped = np.flatnonzero(missed > 0) if number < PRACTICES else np.empty(0, dtype=np.int64)
        who += [np.arange(n), skipped]
        days += [day, (day + every_d)[skipped]]
        took += [minutes, np.full(len(skipped), np.nan)]
        number_of += [np.full(n, number), np.full(len(skipped), number + 1)]
        scores += [right, np.full(len(skipped), np.nan)]
        gap = every_d * (1 + missed) + away + rng.uniform(-1, 1, n)
        learned = after_practice(score, gain=gain)
        score = start + (learned - start) * kept(gap, number, forget=forget)
        day = day + gap
    return _rows(np.concatenate(who), np.concatenate(days), np.concatenate(took), module_code="practice",
                 mode="classroom", practice_no=np.concatenate(number_of),
                 score_share=np.concatenate(scores))  # fmt: skip


def _onboarding(
    people: pd.DataFrame, settings: WorldSettings, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return onboarding modules taken, and the check on the job."""
    n, skill = len(people), people["skill"].to_numpy()
    hired = (people["hired_on"] - settings.start).dt.days.to_numpy()
    drawn = hired < settings.days * 2 / 3
    wants = logistic(1.2 * settings.size(PLAY) * skill)[:, None]
    taken = rng.random((n, len(ONBOARDING))) < np.where(drawn[:, None], 0.5, wants)
    person, module = np.nonzero(taken)
    hours = np.array([h for _, h, _ in ONBOARDING])[module]
    codes = np.array([f"onboarding:{code}" for code, _, _ in ONBOARDING])[module]
    modules = _rows(
        person,
        rng.uniform(0, 4, len(person)),
        60 * hours * np.exp(rng.normal(0, 0.1, len(person))),
        module_code=codes,
        mode="online",
        assigned_by=np.where(drawn[person], "draw", "choice"),
    )
    points = taken @ np.array([p for _, _, p in ONBOARDING]) * settings.size(PLAY)
    chance = np.clip(0.62 + points + JOB_CHECK_ON_SKILL * skill, 0.02, 0.98)
    check = _rows(
        np.arange(n),
        JOB_CHECK_DAY + rng.uniform(-3, 3, n),
        60.0,
        module_code="job-check",
        mode="on the job",
        score_share=rng.binomial(JOB_CHECK_CASES, chance) / JOB_CHECK_CASES,
    )
    return modules, check


def _chart_logits(effect: float) -> np.ndarray:
    """Return the log odds of a right reading, (roles, charts)."""
    logits = np.full((len(ROLES), len(CHARTS)), RIGHT_LOGIT)
    logits[np.arange(len(ROLES)), MISREAD] += MISREAD_LOGIT * effect
    return logits


def _charts(people: pd.DataFrame, effect: float, rng: np.random.Generator) -> pd.DataFrame:
    """Return the interpretation test: one right or wrong a chart."""
    n = len(people)
    logits = _chart_logits(effect)[people["group"]] + RIGHT_ON_SKILL * people["skill"].to_numpy()[:, None]
    right = rng.random((n, len(CHARTS))) < logistic(logits)
    person, chart = np.divmod(np.arange(right.size), len(CHARTS))
    day = (CHART_DAY + rng.uniform(-4, 4, n))[person]
    return _rows(person, day, 3.0, module_code="charts", mode="online", item_code=np.array(CHARTS)[chart],
                 score_share=right.ravel().astype(float))  # fmt: skip


def _packages(people: pd.DataFrame, regions: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return downloads; what exceeded its slot has no end."""
    person, size = np.divmod(np.arange(len(people) * len(PACKAGES_MB)), len(PACKAGES_MB))
    mb = np.array(PACKAGES_MB)[size]
    site = people["region_id"].map(regions.set_index("region_id")["bandwidth_kbps"]).to_numpy()[person]
    speed = site * USABLE_SHARE * rng.gamma(SPEED_SHAPE, 1 / SPEED_SHAPE, len(person))
    mode = rng.choice(list(SLOT_MIN), len(person))
    slot = np.where(mode == "online", SLOT_MIN["online"], SLOT_MIN["offline"])
    minutes = transfer_minutes(mb, speed)
    codes = np.array([f"package:{mb:g} MB" for mb in PACKAGES_MB])[size]
    return _rows(person, rng.uniform(2, 40, len(person)), np.where(minutes <= slot, minutes, np.nan),
                 module_code=codes, mode=mode, package_mb=mb, slot_min=slot)  # fmt: skip


def _truths(effect: float, regions: pd.DataFrame) -> dict[str, pd.DataFrame]:
    learning = pd.DataFrame(
        {
            "role": ROLES,
            "start_share": START,
            "gain": GAIN,
            "forget": FORGET,
            "gain_on_skill": GAIN_ON_SKILL,
            "leave_on_skill": STAY_SHAPE * LEAVE_ON_SKILL * effect,
            "wright_rate": WRIGHT_RATE,
        }
    )
    onboarding = pd.DataFrame(
        [(f"onboarding:{code}", hours, points * effect) for code, hours, points in ONBOARDING],
        columns=["module_code", "hours", "points_share"],
    )
    right = logistic(_chart_logits(effect))
    charts = pd.DataFrame(
        [(role, chart, right[r, c]) for r, role in enumerate(ROLES) for c, chart in enumerate(CHARTS)],
        columns=["role", "item_code", "right_share"],
    )
    usable = regions["bandwidth_kbps"] * USABLE_SHARE / SPEED_SHAPE
    bandwidth = pd.DataFrame(
        {
            "region_id": regions["region_id"],
            "median_kbps": usable * SPEED_MEDIAN,
            "p05_kbps": usable * SPEED_P05,
        }
    )
    return {
        "truth_learning": learning,
        "truth_onboarding": onboarding,
        "truth_charts": charts,
        "truth_bandwidth": bandwidth,
    }


PLANTS = (
    Plant(
        play=PLAY,
        what="New people practise, forget between practices and leave. Modules of the first weeks were drawn for some "
        "and chosen by others; charts are read right or wrong; packages are downloaded over the line of the site.",
        why="Who is still here after many practices is not who began, able people choose more modules, and a mean "
        "speed says nothing about the slow days.",
        tables=("training", "staff", "regions"),
        truth=("truth_learning", "truth_onboarding", "truth_charts", "truth_bandwidth"),
        size="START, GAIN, FORGET by role; ONBOARDING points, MISREAD_LOGIT and LEAVE_ON_SKILL x size; USABLE_SHARE",
    ),
)
