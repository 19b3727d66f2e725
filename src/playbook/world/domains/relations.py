"""How colleagues keep in touch with customers: contacts of service agents, account managers and planners, what they
note, and what the customer says afterwards.

Planted for `sustain.erosion_watch`: customers score newcomers lower (the gap fades with tenure, exponentially, while
the play compares tenure bands). In growing teams newcomers take over a larger share of the contacts; in eroding
teams everybody's scores fall, over some weeks rather than in a step.

Planted for `unify.intimacy_score`: an account manager notes the mood of each meeting, out of ten. In busy weeks moods
are lower and notes are more often not written, so what is written flatters. In the last year the meetings without a
note went worse than their week explains, by `UNWRITTEN` times the size: nothing in the data can show it.

Planted for `define.qualitative_signals`: agents and planners note what was said; the tone is known. Planners word
bad news flatly, by `FLAT` times the size, so that a classifier of words errs more for their notes than for others'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world import wording
from playbook.world.draws import logistic, pick
from playbook.world.keys import ids, position
from playbook.world.moments import DAY
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "orders", "organisation")

EROSION, SCORE, TONE = "sustain.erosion_watch", "unify.intimacy_score", "define.qualitative_signals"
CONTACTS, CONTACTS_PER_CUSTOMER = 6_000, 0.7
ROLES = {"service agent": 0.42, "account manager": 0.36, "planner": 0.22}
CHANNELS = ("chat", "meeting", "email")
WEEK_SHAPE = 4.0  # gamma shape of how busy a week is

SCORE_MEAN, SCORE_SD, CUSTOMER_SD = 8.1, 1.2, 0.5
NEWCOMER, NEWCOMER_YEARS = -2.8, 0.7  # of a first day; how fast it fades
NEWCOMER_SHARE, NEWCOMER_GROWTH = (
    0.22,
    0.38,
)  # of contacts, where there are both; more of them in growing teams
GROWS_MONTHS, ERODES_MONTHS, ERODES_WITHIN_D = 18, 12, 75  # before the end
ERODES = -1.1
ERODING, GROWING = (1, 6, 9), (0, 3, 9)  # teams, counted market by market, in the order of ROLES
ANSWERS = {"R1": 0.55, "R2": 0.42, "R3": 0.50, "R4": 0.60, "R5": 0.68}

MOOD_MEAN, MOOD_SD = 6.9, 1.15
MOOD_ON_LOAD = -1.1  # a week twice as busy as the mean
UNWRITTEN_LOGIT, UNWRITTEN_ON_LOAD = -0.9, 1.6
UNWRITTEN = -1.4
OPTIONAL_MONTHS = 12  # before the end: since then a note is no longer asked for

TONE_SHARES = (0.30, 0.38, 0.32)
FLAT = 0.55
NOTED = 0.8


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return interactions, surveys, notes and what is true of them."""
    contacts = _contacts(settings, tables, rng)
    n = len(contacts)
    customers = tables["customers"]
    who = contacts["customer"].to_numpy()
    customer_id = customers["customer_id"].array.take(who)
    role = contacts["role"].to_numpy()
    interaction_id = pd.Series(ids("RI", n, settings.block))
    seconds = np.round(60 * np.where(role == 1, 35.0, 9.0) * rng.gamma(4.0, 0.25, n))
    at = contacts["at"].to_numpy()
    interactions = pd.DataFrame(
        {
            "interaction_id": interaction_id,
            "customer_id": customer_id,
            "staff_id": contacts["staff_id"].array,
            "channel": words(CHANNELS, role),
            "direction": "out",
            "purpose": "service",
            "arrived_at": at,
            "answered_at": at,
            "ended_at": np.minimum(at + seconds.astype("timedelta64[s]"), np.datetime64(settings.end)),
            "handle_s": seconds,
        }
    )
    mood, written = _moods(settings, contacts, rng)
    tone = np.where(role == 1, np.digitize(mood, (5.5, 7.5)), pick(TONE_SHARES, n, rng))
    notes = _notes(settings, contacts, interactions, customers, mood, tone, written, rng)
    truth = [
        _truth_score(interactions, mood, role == 1),
        planted(
            "truth_labels",
            TONE,
            table="notes",
            key=notes["note_id"].array[role[written] != 1],
            label="tone",
            value=words(wording.TONES, tone[written & (role != 1)]),
        ),
    ]
    return {
        "interactions": interactions,
        "surveys": _surveys(settings, contacts, interactions, customers, rng),
        "notes": notes,
        "truth_outcomes": truth[0],
        "truth_labels": truth[1],
        "truth_shifts": _truth_shifts(settings, tables),
        **({} if settings.block else {"truth_parameters": _truth_parameters(settings)}),
    }


def _contacts(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> pd.DataFrame:
    """Return contacts in order of time: customer (position), at, day, role (position), team, staff_id, tenure_y, load.

    `load` is the week's number of contacts against the mean week.
    """
    customers = tables["customers"]
    n = int(CONTACTS + CONTACTS_PER_CUSTOMER * settings.customers)
    busy = np.repeat(rng.gamma(WEEK_SHAPE, 1 / WEEK_SHAPE, settings.days // 7 + 1), 7)[: settings.days]
    weekday = (np.arange(settings.days) + settings.start.weekday()) % 7
    day = np.sort(pick(busy * (weekday < 5), n, rng))
    minute = np.floor(rng.uniform(8 * 60, 17 * 60, n))
    at = np.datetime64(settings.start, "us") + (day * 1440 + minute).astype("timedelta64[m]")
    who = rng.integers(0, settings.customers, n)
    created, closed = customers["created_at"].to_numpy()[who], customers["closed_at"].to_numpy()[who]
    there = (at >= created) & ~(at + 2 * DAY >= closed)  # all is said and noted before they close
    regions = tables["regions"]["region_id"].to_numpy()
    market = position(customers["region_id"].array.take(who), regions)
    role = pick(list(ROLES.values()), n, rng)
    team = market * len(ROLES) + role
    found, hired = _staff(settings, tables, regions, team, day, rng)
    kept = np.flatnonzero(there & (found >= 0))
    week = day[kept] // 7
    per_week = np.bincount(week, minlength=settings.days // 7 + 1)
    return pd.DataFrame(
        {
            "customer": who[kept],
            "region_id": regions[market[kept]],
            "at": at[kept],
            "day": day[kept],
            "role": role[kept],
            "team": team[kept],
            "staff_id": tables["staff"]["staff_id"].array.take(found[kept]),
            "tenure_y": (day[kept] - hired[found[kept]]) / 365.0,
            "load": per_week[week] / per_week[per_week > 0].mean(),
        }
    )


def _staff(
    settings: WorldSettings,
    tables: Mapping[str, pd.DataFrame],
    regions: NDArray[np.object_],
    team: NDArray[np.int64],
    day: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return who of the team has each contact (position in staff; -1: nobody there), and all days of hiring."""
    staff = tables["staff"]
    start = np.datetime64(settings.start, "us")
    hired = (staff["hired_on"].to_numpy() - start) / DAY
    left = (staff["left_on"].to_numpy() - start) / DAY
    left = np.where(np.isnan(left), np.inf, left)
    market = position(staff["region_id"], regions)
    role = position(staff["role"], list(ROLES))
    own_team = np.where((market >= 0) & (role >= 0), market * len(ROLES) + role, -1)
    order = np.argsort(own_team, kind="stable")
    order = order[own_team[order] >= 0]
    teams = len(regions) * len(ROLES)

    month = np.arange(settings.days // 30 + 1)
    first, last = month * 30.0, month * 30.0 + 30.0  # employed through the whole month
    there = (hired[order] <= first[:, None]) & (left[order] > last[:, None])
    is_new = there & (hired[order] > first[:, None] - 335)
    is_old = there & ~is_new
    of_team = (own_team[order][:, None] == np.arange(teams)).astype(float)
    grows = np.isin(np.arange(teams), GROWING) & (first[:, None] >= settings.days - GROWS_MONTHS * 30.4)
    share = NEWCOMER_SHARE + NEWCOMER_GROWTH * settings.size(EROSION) * grows
    n_new, n_old = is_new @ of_team, is_old @ of_team
    share = np.minimum(share, 0.95)
    per_new = np.where(n_old > 0, share, 1.0) / np.maximum(n_new, 1)
    per_old = np.where(n_new > 0, 1 - share, 1.0) / np.maximum(n_old, 1)
    weight = is_new * per_new[:, own_team[order]] + is_old * per_old[:, own_team[order]]
    cumulative = np.cumsum(weight, axis=1)
    # Each team's people are neighbours: draw within the team's part of the month's cumulated weights.
    at_month = day // 30
    begin, end = (np.searchsorted(own_team[order], np.arange(teams), side=side) for side in ("left", "right"))
    padded = np.hstack([np.zeros((len(month), 1)), cumulative])
    low, high = padded[at_month, begin[team]], padded[at_month, end[team]]
    aim = low + rng.random(len(team)) * (high - low)
    base = padded[:, -1:].max() + 1
    flat = (cumulative + base * month[:, None]).ravel()
    place = np.searchsorted(flat, aim + base * at_month, side="right") - at_month * len(order)
    place = np.clip(place, begin[team], np.maximum(end[team] - 1, 0))
    return np.where(high > low + 1e-9, order[np.minimum(place, len(order) - 1)], -1), hired


def _moods(
    settings: WorldSettings, contacts: pd.DataFrame, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the mood of each contact, 0 to 10, and whether a note of it was written."""
    size, n = settings.size(SCORE), len(contacts)
    over = contacts["load"].to_numpy() - 1
    managers = contacts["role"].to_numpy() == 1
    logit = UNWRITTEN_LOGIT + UNWRITTEN_ON_LOAD * size * over
    unwritten = rng.random(n) < logistic(logit)
    optional = contacts["day"].to_numpy() >= settings.days - OPTIONAL_MONTHS * 30.4
    mood = MOOD_MEAN + MOOD_ON_LOAD * size * over + rng.normal(0, MOOD_SD, n)
    mood += UNWRITTEN * size * (unwritten & optional)
    others = rng.random(n) < NOTED
    return np.clip(np.round(mood), 0, 10), np.where(managers, ~unwritten, others)


def _notes(
    settings: WorldSettings,
    contacts: pd.DataFrame,
    interactions: pd.DataFrame,
    customers: pd.DataFrame,
    mood: NDArray[np.float64],
    tone: NDArray[np.int64],
    written: NDArray[np.bool_],
    rng: np.random.Generator,
) -> pd.DataFrame:
    rows = np.flatnonzero(written)
    role = contacts["role"].to_numpy()[rows]
    is_manager = role == 1
    language = wording.language_codes(customers["language"])[contacts["customer"].to_numpy()[rows]]
    thing = pick(1 / np.arange(1, len(settings.preset.things) + 1), len(rows), rng)
    flat = (role == 2) & (tone[rows] == 0) & (rng.random(len(rows)) < FLAT * settings.size(TONE))
    said = np.where(flat, 1, tone[rows])
    text = np.empty(len(rows), dtype=object)
    for some, figure in ((is_manager, mood[rows][is_manager]), (~is_manager, None)):
        text[some] = wording.contact_notes(
            settings.industry, language[some], thing[some], said[some], rng, mood=figure
        )
    ended = interactions["ended_at"].to_numpy()[rows]
    typed = ended + (rng.exponential(600.0, len(rows)) * 1e6).astype("timedelta64[us]")
    typed = np.minimum(typed, np.datetime64(settings.end, "us"))
    return pd.DataFrame(
        {
            "note_id": ids("NC", len(rows), settings.block),
            "subject_type": "interaction",
            "subject_id": interactions["interaction_id"].array.take(rows),
            "customer_id": interactions["customer_id"].array.take(rows),
            "author_staff_id": interactions["staff_id"].array.take(rows),
            "kind": words(("contact note", "meeting note"), is_manager.astype(np.int64)),
            "language": words(wording.LANGUAGES, language),
            "text": pd.array(text, dtype="str"),
            "written_at": typed,
            "recorded_at": typed,
        }
    )


def _surveys(
    settings: WorldSettings,
    contacts: pd.DataFrame,
    interactions: pd.DataFrame,
    customers: pd.DataFrame,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return one question after each contact, scored 0 to 10 by those who answer."""
    n = len(contacts)
    own = rng.normal(0, CUSTOMER_SD, settings.customers)[contacts["customer"]]
    since = contacts["day"].to_numpy() - (settings.days - ERODES_MONTHS * 30.4)
    eroded = np.clip(since / ERODES_WITHIN_D, 0, 1) * np.isin(contacts["team"].to_numpy(), ERODING)
    newness = np.exp(-contacts["tenure_y"].to_numpy() / NEWCOMER_YEARS)
    score = SCORE_MEAN + own + NEWCOMER * newness + ERODES * settings.size(EROSION) * eroded
    score = np.clip(np.round(score + rng.normal(0, SCORE_SD, n)), 0, 10)
    sent = interactions["ended_at"].to_numpy() + np.timedelta64(3600, "s")
    replied = sent + (rng.exponential(1.2, n) * 86_400).astype("timedelta64[s]")
    end = np.datetime64(settings.end, "us")
    closed = customers["closed_at"].to_numpy()[contacts["customer"]]
    answers = rng.random(n) < contacts["region_id"].map(ANSWERS).fillna(0.5).to_numpy()
    answers &= (replied < end) & ~(replied >= closed)
    language = wording.language_codes(customers["language"])[contacts["customer"]]
    comment = wording.comments(language, np.digitize(score, (6.5, 8.5)), rng)
    sent_in_time = np.flatnonzero(sent < end)
    surveys = pd.DataFrame(
        {
            "survey_id": ids("SC", n, settings.block),
            "item_code": "felt known",
            "customer_id": interactions["customer_id"].array,
            "instrument": "contact",
            "trigger_type": "interaction",
            "trigger_id": interactions["interaction_id"].array,
            "sent_at": sent,
            "responded_at": np.where(answers, replied, np.datetime64("NaT")),
            "wave_no": 1.0,
            "language": words(wording.LANGUAGES, language),
            "score": np.where(answers, score, np.nan),
            "scale_max": 10.0,
            "text": pd.Series(comment).where(answers & (rng.random(n) < 0.2)),
        }
    )
    return surveys.iloc[sent_in_time].reset_index(drop=True)


def _truth_score(
    interactions: pd.DataFrame,
    mood: NDArray[np.float64],
    managers: NDArray[np.bool_],
) -> pd.DataFrame:
    return planted(
        "truth_outcomes",
        SCORE,
        subject=interactions["interaction_id"].array[managers],
        arm="note written",
        metric="mood",
        value=mood[managers],
    )


def team_units(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Return the unit of each team in the order in which the plant counts them; empty where it has nobody."""
    home = tables["staff"].groupby(["region_id", "role"])["unit_id"].first()
    pairs = [(region, role) for region in tables["regions"]["region_id"] for role in ROLES]
    return [home.get(pair, "") for pair in pairs]


def _truth_shifts(settings: WorldSettings, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    size = settings.size(EROSION)
    units = team_units(tables)
    end = settings.end
    rows = [
        *((team, "behaviour", "trend", ERODES_MONTHS, ERODES * size) for team in ERODING),
        *((team, "share of newcomers", "step", GROWS_MONTHS, NEWCOMER_GROWTH * size) for team in GROWING),
    ]
    rows = [row for row in rows if row[0] < len(units) and units[row[0]]]
    shifts = planted(
        "truth_shifts",
        EROSION,
        subject=[units[row[0]] for row in rows],
        metric=[row[1] for row in rows],
        kind=[row[2] for row in rows],
        start_at=[end - pd.Timedelta(days=round(row[3] * 30.4)) for row in rows],
        end_at=end,
        size=[row[4] for row in rows],
    )
    optional = planted(
        "truth_shifts",
        SCORE,
        subject=["notes of meetings"],
        metric="mood where no note was written, against others of that week",
        kind="step",
        start_at=end - pd.Timedelta(days=round(OPTIONAL_MONTHS * 30.4)),
        end_at=end,
        size=UNWRITTEN * settings.size(SCORE),
    )
    return pd.concat([shifts, optional], ignore_index=True)


def _truth_parameters(settings: WorldSettings) -> pd.DataFrame:
    size = settings.size(SCORE)
    score = planted(
        "truth_parameters",
        SCORE,
        name=["delta of unwritten notes, last year", "mood per load", "log-odds of no note per load"],
        value=[UNWRITTEN * size, MOOD_ON_LOAD * size, UNWRITTEN_ON_LOAD * size],
        unit=["points", "points", "log-odds"],
    )
    tone = planted(
        "truth_parameters",
        TONE,
        name=["share of bad news that planners word flatly"],
        value=[FLAT * settings.size(TONE)],
        unit="share",
    )
    return pd.concat([score, tone], ignore_index=True)


PLANTS = (
    Plant(
        play=EROSION,
        what="Teams keep in touch with customers, who score how well they felt known. Some teams grow and give contacts "
        "to newcomers, in some everybody's touch fades, one does both.",
        why="A falling average looks the same whether people changed or only who picks up.",
        tables=("interactions", "surveys", "staff"),
        truth=("truth_shifts",),
        size="behaviour ERODES x size in ERODING; share of newcomers + NEWCOMER_GROWTH x size in GROWING",
    ),
    Plant(
        play=SCORE,
        what="Account managers note the mood of each meeting. When the desk is busy, notes are not written, and in the "
        "last year it also matters how the meeting went.",
        why="What is written was written in quiet weeks after pleasant meetings.",
        tables=("notes", "interactions", "surveys"),
        truth=("truth_outcomes", "truth_parameters", "truth_shifts"),
        size="MOOD_ON_LOAD, UNWRITTEN_ON_LOAD and, in the last OPTIONAL_MONTHS, UNWRITTEN; all x size",
    ),
)
