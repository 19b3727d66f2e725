"""The yearly survey of intimacy, in every market: six statements, two vignettes and one on what is expected.

Planted for `sustain.cultural_adaptation`: markets differ in how they answer (agreeing with whatever is said, going to
the ends of the scale), in one statement that means something else there (`BIASED`), and, besides, in the intimacy
they feel and expect. Two statements are worded the other way round; vignettes describe the same case everywhere. All
differences scale with the size. Answers are rounded to a scale of seven, where a factor model has continuous ones.

Language centres may vary a core process only as the rules allow; `FORBIDDEN` of them do what they do not.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.phrases import LANGUAGES
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted
from playbook.world.wording import language_codes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company", "orders")

PLAY = "sustain.cultural_adaptation"
ASKED = 1_500  # customers at most, of a block
RESPONSE = {"R1": 0.42, "R2": 0.34, "R3": 0.38, "R4": 0.46, "R5": 0.58}
FELT = {"R1": 0.0, "R2": 0.35, "R3": -0.10, "R4": 0.05, "R5": -0.40}  # standard deviations
EXPECTED = {"R1": 0.0, "R2": -0.45, "R3": 0.20, "R4": 0.15, "R5": 0.60}
AGREES = {"R1": 0.0, "R2": -0.25, "R3": -0.05, "R4": 0.25, "R5": 0.75}  # points
STRETCH = {"R1": 0.0, "R2": -0.12, "R3": -0.05, "R4": 0.15, "R5": 0.30}  # log

ITEMS = (
    "knows my business",
    "remembers me",
    "calls by name",
    "gives time",
    "must repeat myself",
    "feels anonymous",
)
LOADING = (0.9, 0.8, 0.6, 0.8, -0.8, -0.7)
INTERCEPT = (4.6, 4.4, 4.8, 4.3, 3.6, 3.7)
BIASED = {("R2", "calls by name"): -1.1, ("R5", "gives time"): 0.9, ("R3", "calls by name"): -0.7}  # points
VIGNETTES = {"vignette: a number in a queue": 2.6, "vignette: the old shopkeeper": 5.4}
EXPECTATION = "should know me personally"
NOISE = 0.75

STEPS = (
    "greet",
    "verify identity",
    "listen",
    "offer options",
    "agree next step",
    "write summary",
    "close",
    "follow up",
)
CORE = ("verify identity", "agree next step", "follow up")  # the same everywhere
VARIANTS = {  # allowed in place of a step
    "greet": ("greet formally", "greet by first name", "small talk first"),
    "listen": ("listen", "listen, then repeat back"),
    "offer options": ("offer options", "recommend one option"),
    "write summary": ("write summary", "send summary by message"),
    "close": ("close", "close with thanks"),
}
SKIPS = {
    "verify identity": "verify by voice only",
    "agree next step": "promise to call back",
    "follow up": "no follow up",
}
WRONG = {"greet": "greet in English", "write summary": "no summary", "offer options": "transfer to partner"}
FORBIDDEN = 5  # variants, at most one a centre and step
CENTRES = 8


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return surveys, process_steps, rules and what is true of them."""
    made = {"surveys": _surveys(settings, tables, rng)}
    if settings.block:
        return made
    steps, forbidden = _steps(settings, tables, rng)
    return made | {
        "process_steps": steps,
        "rules": _rules(settings),
        "truth_labels": planted(
            "truth_labels", PLAY, table="process_steps", key=forbidden, label="forbidden variant"
        ),
        "truth_parameters": _truth(settings, tables),
    }


def _surveys(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> pd.DataFrame:
    """Return one row a customer and question, for everybody asked."""
    size, customers = settings.size(PLAY), tables["customers"]
    sent = settings.end - pd.Timedelta(days=60)
    there = customers["closed_at"].isna().to_numpy() & (customers["created_at"] < sent).to_numpy()
    who = np.flatnonzero(there)
    # The same number from each market, as far as there are so many: small ones could not be compared else.
    market = customers["region_id"].to_numpy()[who]
    order = rng.permutation(len(who))
    place = pd.Series(order).groupby(market[order]).cumcount().to_numpy()
    who = np.sort(who[order][place < max(60, ASKED // len(tables["regions"]))])
    region = customers["region_id"].array.take(who)
    n, items = len(who), len(ITEMS)

    def of(by: dict[str, float]) -> np.ndarray:
        return pd.Series(region).map(by).fillna(0.0).to_numpy() * size

    felt = of(FELT) + rng.normal(0, 1, n)
    wanted = of(EXPECTED) + rng.normal(0, 1, n)
    true = np.array(INTERCEPT) + felt[:, None] * np.array(LOADING)
    for (country, item), shift in BIASED.items():
        true[region == country, ITEMS.index(item)] += shift * size
    true = np.column_stack([true, *(np.full(n, level) for level in VIGNETTES.values()), 4.4 + 0.9 * wanted])
    said = true + rng.normal(0, NOISE, true.shape)
    said = 4 + (said + of(AGREES)[:, None] - 4) * np.exp(of(STRETCH))[:, None]
    answers = rng.random(n) < pd.Series(region).map(RESPONSE).fillna(0.4).to_numpy()
    score = np.where(answers[:, None], np.clip(np.round(said), 1, 7), np.nan)
    replied = sent + pd.to_timedelta(np.floor(rng.exponential(6.0, n).clip(0, 50) * 86_400), unit="s")
    questions = (*ITEMS, *VIGNETTES, EXPECTATION)
    per = len(questions)
    assert per == items + len(VIGNETTES) + 1
    return pd.DataFrame(
        {
            "survey_id": ids("SI", n, settings.block).array.repeat(per),
            "item_code": words(questions, np.tile(np.arange(per), n)),
            "customer_id": customers["customer_id"].array.take(who).repeat(per),
            "instrument": "intimacy scale",
            "trigger_type": "calendar",
            "sent_at": sent,
            "responded_at": np.where(answers, replied.as_unit("us"), np.datetime64("NaT")).repeat(per),
            "wave_no": 1.0,
            "language": words(LANGUAGES, language_codes(customers["language"])[who].repeat(per)),
            "score": score.ravel(),
            "scale_max": 7.0,
        }
    ).astype({"sent_at": "datetime64[us]"})


def _steps(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> tuple[pd.DataFrame, list[str]]:
    """Return how each language centre does the core process, and the keys of forbidden variants."""
    languages = tables["regions"]["language"].drop_duplicates().tolist()
    centres = [f"{languages[k % len(languages)]}-{1 + k // len(languages)}" for k in range(CENTRES)]
    name = [[rng.choice(VARIANTS.get(step, (step,))) for step in STEPS] for _ in centres]
    breaks = {**SKIPS, **WRONG}
    n = min(round(FORBIDDEN * settings.size(PLAY)), CENTRES * len(breaks))
    chosen = rng.permutation(CENTRES * len(breaks))[:n]
    bad = set()
    for place in chosen:
        centre, step = divmod(int(place), len(breaks))
        broken = list(breaks)[step]
        name[centre][STEPS.index(broken)] = breaks[broken]
        bad.add((centre, STEPS.index(broken)))
    keys = ids("VS", CENTRES * len(STEPS))
    steps = pd.DataFrame(
        {
            "step_id": keys,
            "process": np.repeat([f"conversation, centre {centre}" for centre in centres], len(STEPS)),
            "seq_no": np.tile(np.arange(1.0, len(STEPS) + 1), CENTRES),
            "name": [step for centre in name for step in centre],
            "party": "us",
            "role": "service agent",
            "component_id": np.tile(np.array(STEPS, dtype=object), CENTRES),
        }
    )
    return steps, [keys[centre * len(STEPS) + step] for centre, step in sorted(bad)]


def _rules(settings: WorldSettings) -> pd.DataFrame:
    """Return what each step may be: itself everywhere, or one of its variants."""
    allowed = {step: VARIANTS.get(step, (step,)) for step in STEPS}
    return pd.DataFrame(
        {
            "rule_id": ids("LV", len(STEPS)),
            "ruleset": "variants of conversation",
            "jurisdiction": "any",
            "priority": np.arange(1, len(STEPS) + 1),
            "condition_json": [json.dumps({"step": step}) for step in STEPS],
            "outcome_json": [
                json.dumps({"core": step in CORE, "allowed": list(allowed[step])}) for step in STEPS
            ],
            "owner_role": "service design",
            "valid_from": settings.start - pd.DateOffset(years=1),
        }
    ).astype({"valid_from": "datetime64[us]"})


def _truth(settings: WorldSettings, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    size = settings.size(PLAY)
    regions = tables["regions"]["region_id"].tolist()
    rows = [
        (f"{name}, {region}", by[region] * size, unit)
        for name, by, unit in (
            ("felt", FELT, "sd"),
            ("expected", EXPECTED, "sd"),
            ("agrees", AGREES, "points"),
            ("stretch", STRETCH, "log"),
        )
        for region in regions
    ]
    rows += [
        (f"biased, {r}, {item}", shift * size, "points")
        for (r, item), shift in BIASED.items()
        if r in regions
    ]
    name, value, unit = zip(*rows, strict=True)
    return planted("truth_parameters", PLAY, name=name, value=value, unit=unit)


PLANTS = (
    Plant(
        play=PLAY,
        what="Every market answers the same questions in its own manner; some statements mean something else in some "
        "markets. Language centres vary a core process.",
        why="Scores rank the manner of answering, and one overall check says that the scale is fine.",
        tables=("surveys", "regions", "rules", "process_steps"),
        truth=("truth_parameters", "truth_labels"),
        size="FELT, EXPECTED, AGREES, STRETCH, BIASED, all x size; FORBIDDEN x size variants",
    ),
)
