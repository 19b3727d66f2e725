"""Journeys: a plan year of a customer, from sign-up to the decision to renew, as two sources saw it.

Planted for `define.journey_map`:

- Each optional touchpoint of `TOUCHPOINTS` really moves the chance that the plan is renewed (the case's last
  touchpoint; `failed` = not renewed), on a probit scale with a larger effect of site visits on gold customers, while a
  play fits a logistic or linear model. Who has a touchpoint depends on tier, orders before and preferred channel,
  which move renewal too: some touchpoints without any effect look best.
- The log misses touchpoints, most of all physical ones. A diary (`surveys`, instrument "journey diary": 1 = it
  happened) is a second source. Both miss the same cases more often than by chance: some customers document little.
- In a pilot (`assignments`, "site visit pilot") site visits were drawn by lot for some cases.

`truth_effects` has, per touchpoint, the true `reach`, the effect on `renewal` and their product `leverage` (all as
shares of the cases); `truth_parameters` the coverage of the log and the odds ratio between the two sources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtr

from playbook.world.domains.processes import step_ids, step_names, step_parties
from playbook.world.draws import logistic
from playbook.world.keys import ids, local
from playbook.world.plants import Plant
from playbook.world.texts import repeated, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders")
PLAY = "define.journey_map"

CASES = 2_500  # at most, per division
# position in the process, channel, logit of reach, pull of engagement on reach, effect (probit), share logged, day
TOUCHPOINTS = (
    (1, "phone", 0.2, 0.2, 0.28, 0.80, 12),
    (2, "in person", -0.2, -0.2, 0.85, 0.35, 60),
    (3, "in person", -0.9, -0.3, 0.08, 0.25, 110),
    (4, "web", -0.3, 1.6, 0.0, 0.97, 40),
    (5, "email", 0.8, 1.2, 0.0, 0.95, 150),
    (6, "post", -0.8, -0.4, -0.6, 0.75, 200),
    (7, "in person", -1.4, 0.3, 0.45, 0.60, 300),
)
RENEWS = -0.55  # probit of an average customer without any touchpoint
RENEWS_ON_ENGAGEMENT = 0.55
SITE_VISIT, GOLD_VISIT = 1, 1.5  # position in TOUCHPOINTS; times its effect on gold customers
DIARY = 0.75  # share of touchpoints that a diary names
ANSWERS = 0.65
TRAIT = 0.65  # half the relative difference in being seen between customers who document much and little
YEAR_D = 365
PILOT = 0.25  # of the cases
# what the touchpoint at each position is about: contracts and promotions are sales, requests service, orders fulfilment
SUBJECTS = (
    "contract", "ticket", "contract", "order", "ticket", "promotion", "order", "contract", "contract",
)  # fmt: skip
SYSTEMS = {"web": "web", "phone": "support", "in person": "crm", "email": "mailer", "post": "erp"}

PLANTS = (
    Plant(
        play=PLAY,
        what="Plan years from sign-up to renewal, with touchpoints that really change who renews, a log that "
        "misses some of them, and a diary of customers as a second source. For some cases one was drawn by lot.",
        why="Engaged customers take part in more and renew anyway, and what happens in person is seldom logged: "
        "the touchpoints that look best in the log need not be those that work.",
        tables=("touchpoints", "surveys", "assignments", "process_steps", "customers", "orders"),
        truth=("truth_effects", "truth_parameters"),
        size="TOUCHPOINTS (effect, gaps of the log) and TRAIT x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return touchpoints, surveys, initiatives, assignments, truth_effects and truth_parameters."""
    size = settings.size(PLAY)
    cases = _cases(settings, tables, rng)
    n, steps = len(cases), len(TOUCHPOINTS)
    _, _, base, pull, effect, logged, _ = (np.array(column) for column in zip(*TOUCHPOINTS, strict=True))
    engaged = cases["engaged"].to_numpy()
    chance = logistic(base + np.outer(engaged, pull))
    happened = rng.random((n, steps)) < chance
    drawn = np.flatnonzero(rng.random(n) < PILOT)
    happened[drawn, SITE_VISIT] = rng.random(len(drawn)) < 0.5

    strength = np.tile(effect * size, (n, 1))
    strength[cases["is_gold"], SITE_VISIT] *= GOLD_VISIT
    before = RENEWS + RENEWS_ON_ENGAGEMENT * engaged
    latent = before + (strength * happened).sum(axis=1)
    renewed = rng.random(n) < ndtr(latent)
    rest = latent[:, None] - strength * happened
    gain = (ndtr(rest + strength) - ndtr(rest)).mean(axis=0)

    covered = np.clip(1 - (1 - logged) * size, 0.05, 1.0)
    much = rng.choice([1.0, -1.0], n) * TRAIT * min(size, 1.0)
    seen = rng.random((n, steps)) < _shifted(covered, much[:, None])
    named = rng.random((n, steps)) < _shifted(np.full(steps, DIARY), much[:, None])
    return {
        "touchpoints": _touchpoints(settings, cases, happened & seen, renewed, rng),
        "surveys": _diaries(settings, cases, happened & named, rng),
        **_pilot(settings, cases, drawn, happened[drawn, SITE_VISIT]),
        **_truth(settings, happened.mean(axis=0), gain, covered),
    }


def _shifted(share: NDArray[np.float64], trait: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share seen among those who document much or little; its mean over both stays `share`."""
    return share + trait * np.minimum(share, 1 - share)


def _cases(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> pd.DataFrame:
    """Return the plan years: customer_id, starts_at, engaged (standardised), is_gold."""
    customers = tables["customers"]
    room = (settings.end - customers["created_at"]).dt.days.to_numpy() - YEAR_D - 35
    offset = np.floor(rng.random(len(customers)) * np.maximum(room, 0))
    starts = customers["created_at"] + pd.to_timedelta(offset, unit="D") + pd.Timedelta(hours=9)
    lives = customers["closed_at"].isna() | (customers["closed_at"] > starts + pd.Timedelta(days=YEAR_D + 30))
    fits = np.flatnonzero((room > 0) & lives.to_numpy())
    chosen = np.sort(rng.permutation(fits)[:CASES])
    who = tables["_parcels"]["customer"].to_numpy()  # of the first orders; later rows are of other kinds
    is_before = tables["orders"]["ordered_at"].to_numpy()[: len(who)] < starts.to_numpy()[who]
    bought = np.bincount(who[is_before], minlength=len(customers))
    tier = customers["tier"].map({"gold": 2.0, "silver": 1.0}).fillna(0.0).to_numpy()
    written = (customers["preferred_channel"] != "phone").to_numpy()
    engaged = (0.7 * tier + 0.6 * written + 0.5 * np.log1p(bought))[chosen]
    return pd.DataFrame(
        {
            "customer_id": customers["customer_id"].array.take(chosen),
            "starts_at": starts.to_numpy()[chosen],
            "engaged": (engaged - engaged.mean()) / max(engaged.std(), 1e-9),
            "is_gold": tier[chosen] == 2.0,
        }
    )


def _touchpoints(
    settings: WorldSettings,
    cases: pd.DataFrame,
    seen: NDArray[np.bool_],
    renewed: NDArray[np.bool_],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return what the log has: sign-up and renewal of every case, of the others what was seen."""
    n = len(cases)
    case, which = np.nonzero(seen)
    step = np.concatenate([np.zeros(n, int), np.array([t[0] for t in TOUCHPOINTS])[which], np.full(n, 8)])
    of = np.concatenate([np.arange(n), case, np.arange(n)])
    days = np.array([float(t[6]) for t in TOUCHPOINTS])[which] * rng.gamma(9.0, 1 / 9.0, len(which))
    day = np.concatenate([np.zeros(n), np.clip(days, 1, 350), np.full(n, float(YEAR_D))])
    order = np.lexsort((day, of))
    of, step, day = of[order], step[order], day[order]
    starts = cases["starts_at"].to_numpy()[of] + (day * 86_400e6).astype("timedelta64[us]")
    minutes = np.array([10, 15, 90, 20, 40, 1, 2, 60, 5])[step]
    channels = ["web", *[t[1] for t in TOUCHPOINTS], "web"]
    return pd.DataFrame(
        {
            "touchpoint_id": ids("TJ", len(of), settings.block),
            "case_id": ids("CJ", n, settings.block).array.take(of),
            "customer_id": cases["customer_id"].array.take(of),
            "step_id": words(step_ids("plan year"), step),
            "subject_type": words(SUBJECTS, step),
            "party": step_parties("plan year", step),
            "channel": words(channels, step),
            "system_id": words([SYSTEMS[channel] for channel in channels], step),
            "started_at": starts,
            "ended_at": starts + minutes * np.timedelta64(60_000_000, "us"),
            "failed": (step == 8) & ~renewed[of],
            "recorded_at": starts + (rng.exponential(0.5, len(of)) * 86_400e6).astype("timedelta64[us]"),
        }
    )


def _diaries(
    settings: WorldSettings, cases: pd.DataFrame, named: NDArray[np.bool_], rng: np.random.Generator
) -> pd.DataFrame:
    """Return one question per touchpoint and case, sent a week before the renewal; answered by some."""
    n, steps = len(named), len(TOUCHPOINTS)
    answers = rng.random(n) < ANSWERS
    sent = cases["starts_at"].to_numpy() + np.timedelta64((YEAR_D - 7) * 24 * 3600, "s")
    responded = sent + (rng.uniform(0.05, 6.0, n) * 86_400e6).astype("timedelta64[us]")
    of, item = np.repeat(np.arange(n), steps), np.tile(np.arange(steps), n)
    return pd.DataFrame(
        {
            "survey_id": ids("QJ", n, settings.block).array.take(of),
            "item_code": step_names("plan year", np.array([t[0] for t in TOUCHPOINTS])[item]),
            "customer_id": cases["customer_id"].array.take(of),
            "instrument": repeated("journey diary", n * steps),
            "trigger_type": repeated("case", n * steps),
            "trigger_id": ids("CJ", n, settings.block).array.take(of),
            "sent_at": sent[of],
            "responded_at": np.where(answers, responded, np.datetime64("NaT"))[of],
            "wave_no": 1.0,
            "score": np.where(answers[of], named.ravel(), np.nan),
            "scale_max": 1.0,
        }
    )


def _pilot(
    settings: WorldSettings, cases: pd.DataFrame, drawn: NDArray[np.int64], is_visited: NDArray[np.bool_]
) -> dict[str, pd.DataFrame]:
    """Return the pilot in which site visits were drawn, and the arm of each of its cases."""
    n, pilot = len(drawn), local("site visit pilot", settings.block)
    initiative = pd.DataFrame(
        {
            "initiative_id": [pilot],
            "kind": ["pilot"],
            "component_id": ["plan year:site visit"],
            "starts_on": [settings.start],
            "target_metric": ["renewal"],
            "status": ["running"],
        }
    )
    assignments = pd.DataFrame(
        {
            "assignment_id": ids("AJ", n, settings.block),
            "initiative_id": repeated(pilot, n),
            "subject_type": repeated("case", n),
            "subject_id": ids("CJ", len(cases), settings.block).array.take(drawn),
            "arm": words(["none", "site visit"], is_visited.astype(int)),
            "design": repeated("random", n),
            "propensity_share": 0.5,
            "starts_at": cases["starts_at"].to_numpy()[drawn],
        }
    )
    return {"initiatives": initiative, "assignments": assignments}


def _truth(
    settings: WorldSettings,
    reach: NDArray[np.float64],
    gain: NDArray[np.float64],
    covered: NDArray[np.float64],
) -> dict[str, pd.DataFrame]:
    name = list(step_names("plan year", np.array([t[0] for t in TOUCHPOINTS])))
    effects = planted(
        "truth_effects",
        PLAY,
        action=name * 3,
        stratum=local("all", settings.block),
        metric=["reach"] * len(name) + ["renewal"] * len(name) + ["leverage"] * len(name),
        size=np.concatenate([reach, gain, reach * gain]),
        unit="share",
    )
    if settings.block:
        return {"truth_effects": effects}
    trait = TRAIT * min(settings.size(PLAY), 1.0)
    log = np.array([_shifted(covered, np.array(sign * trait)) for sign in (1, -1)])
    diary = np.array([_shifted(np.full(len(name), DIARY), np.array(sign * trait)) for sign in (1, -1)])
    both, only_log = (log * diary).mean(axis=0), (log * (1 - diary)).mean(axis=0)
    only_diary, neither = ((1 - log) * diary).mean(axis=0), ((1 - log) * (1 - diary)).mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = both * neither / (only_log * only_diary)
    parameters = planted(
        "truth_parameters",
        PLAY,
        name=[
            f"{kind}: {step}"
            for kind in ("coverage of the log", "odds ratio of the sources")
            for step in name
        ],
        value=np.concatenate([covered, np.where(np.isfinite(odds), odds, 1.0)]),
        unit=["share"] * len(name) + ["ratio"] * len(name),
    )
    return {"truth_effects": effects, "truth_parameters": parameters}
