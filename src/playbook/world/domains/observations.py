"""Places where customers are served, looked at in several ways: watched, tracked, listened to, asked, and shopped.

Planted for `design.research_plan`: some places have a gap in intimacy. How clearly each instrument shows it depends on
the environment (`SHOWS`, standard deviations of a measurement); markets answer surveys in their own manner, so asking
must be compared within a market. What each costs is in `costs`, what it takes from the frontline in `ratings`.

Planted for `design.mystery_shopping`: shops differ in quality and shoppers in severity. Each shopper mostly visits
one zone, and zones have severe or lenient shoppers, so raw means rank zones' shoppers. Some criteria are noise. In
some jurisdictions a shopper must not note whom they met; a few did.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.draws import pick
from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company",)
ONCE = True

PLAN, SHOPPING = "design.research_plan", "design.mystery_shopping"
ENVIRONMENTS = ("shop", "contact centre", "trade counter")
PLACES = 110  # of each
GAP = 0.35  # share of places
INSTRUMENTS = ("field observation", "digital tracking", "passive signals", "active feedback")
SHOWS = ((1.9, 0.5, 0.5, 0.9), (0.6, 1.9, 1.0, 0.7), (0.8, 0.3, 0.6, 1.9))  # by environment and instrument
REPEATS = (3, 2, 1, 5)  # measurements of a place
COST = (140.0, 35.0, 10.0, 50.0)  # of a place, together
EFFORT_MIN = 45.0  # of the frontline, an observation
ANSWERS = {"R1": 0.55, "R2": 0.42, "R3": 0.50, "R4": 0.60, "R5": 0.68}
MANNER = {"R1": 0.0, "R2": -1.4, "R3": -0.6, "R4": 0.9, "R5": 2.0}  # points more of whatever is asked

SHOPS, SHOPPERS, ZONES, VISITS = 48, 12, 4, 5
QUALITY_SD, ZONE_SEVERITY, SEVERITY_SD = 0.50, 0.70, 0.30  # points
HOME = 0.75  # of a shopper's visits
CRITERIA = {"greeted": 0.55, "listened": 0.55, "knew the range": 0.65, "tidy": 1.7, "smiled": 1.6}  # noise sd
QUALITY_SHOWS = (1.0, 1.1, 0.9, 0.0, 0.0)
NAMED, NAMED_RULE = 0.06, {"EU": False, "UK": True, "US": True, "BR": False}


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return sites, ratings, events, surveys, costs, rules and what is true of them."""
    sites, gap = _sites(settings, tables, rng)
    ratings, events, surveys = _measured(settings, sites, gap, rng)
    shopped, truth = _shopped(settings, sites, rng)
    key = pd.Series(ids("SO", len(ratings) + len(shopped)))
    ratings = pd.concat([ratings, shopped], ignore_index=True)
    ratings.insert(0, "rating_id", key)
    truth["truth_labels"] = pd.concat(
        [
            planted("truth_labels", PLAN, table="sites", key=sites["site_id"].array[gap], label="gap"),
            _noted(tables, sites, ratings),
        ],
        ignore_index=True,
    )
    return {
        "sites": sites,
        "ratings": ratings,
        "events": events,
        "surveys": surveys,
        "costs": _costs(settings, sites),
        "rules": _rules(settings),
        **truth,
    }


def _sites(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    n = PLACES * len(ENVIRONMENTS)
    regions = tables["regions"]["region_id"].to_numpy()
    sites = pd.DataFrame(
        {
            "site_id": ids("SP", n),
            "kind": words(ENVIRONMENTS, np.repeat(np.arange(len(ENVIRONMENTS)), PLACES)),
            "region_id": regions[pick([0.3, 0.25, 0.2, 0.15, 0.1][: len(regions)], n, rng)],
            "owner_party": "us",
        }
    )
    return sites, (rng.random(n) < GAP) & (settings.size(PLAN) > 0)


def _measured(
    settings: WorldSettings, sites: pd.DataFrame, gap: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return observations, tracked and passive signals, and answers, of every place."""
    n = len(sites)
    environment = np.repeat(np.arange(len(ENVIRONMENTS)), PLACES)
    worse = gap * settings.size(PLAN)
    shows = np.array(SHOWS)[environment]  # of the mean of a place's measurements

    def measures(instrument: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        times = REPEATS[instrument]
        place = np.repeat(np.arange(n), times)
        return place, rng.normal(0, np.sqrt(times), len(place)) - (shows[:, instrument] * worse)[place]

    begun = settings.end - pd.Timedelta(days=90)

    def moments(k: int) -> pd.Series:
        seconds = pd.to_timedelta(np.floor(np.sort(rng.random(k)) * 40 * 86_400), unit="s")
        return pd.Series(begun + seconds).dt.as_unit("us")

    place, seen = measures(0)
    observations = pd.DataFrame(
        {
            "exercise": "field observation",
            "rater_id": words([f"observer {k}" for k in range(8)], rng.integers(0, 8, len(place))),
            "rater_function": "research",
            "rater_party": "staff",
            "subject_type": "site",
            "subject_id": sites["site_id"].array.take(place),
            "item_code": "felt known",
            "score": np.clip(np.round(60 + 9 * seen), 0, 100),
            "scale_max": 100.0,
            "rated_at": moments(len(place)),
            "effort_min": np.round(EFFORT_MIN * rng.gamma(9.0, 1 / 9.0, len(place))),
        }
    )
    parts = []
    for instrument, event_type, unit in ((1, "site tracking", 4.0), (2, "site signals", 1.2)):
        place, seen = measures(instrument)
        parts.append(
            pd.DataFrame(
                {
                    "event_type": event_type,
                    "subject_type": "site",
                    "subject_id": sites["site_id"].array.take(place),
                    "occurred_at": moments(len(place)),
                    "value": np.round(np.exp(2.0 + 0.1 * unit * seen), 2),
                }
            )
        )
    events = pd.concat(parts, ignore_index=True)
    events.insert(0, "event_id", pd.Series(ids("ES", len(events))))
    place, seen = measures(3)
    region = sites["region_id"].array.take(place)
    manner = pd.Series(region).map(MANNER).fillna(0.0).to_numpy() * settings.size(PLAN)
    answers = rng.random(len(place)) < pd.Series(region).map(ANSWERS).fillna(0.5).to_numpy()
    asked = moments(len(place))
    surveys = pd.DataFrame(
        {
            "survey_id": ids("SS", len(place)),
            "item_code": "felt known",
            "instrument": "place",
            "trigger_type": "site",
            "trigger_id": sites["site_id"].array.take(place),
            "sent_at": asked,
            "responded_at": asked.where(answers) + pd.Timedelta(minutes=4),
            "wave_no": 1.0,
            "score": np.where(answers, np.clip(np.round(6 + manner + 0.75 * seen), 0, 10), np.nan),
            "scale_max": 10.0,
        }
    )
    return observations, events, surveys


def _costs(settings: WorldSettings, sites: pd.DataFrame) -> pd.DataFrame:
    n, kinds = len(sites), len(INSTRUMENTS)
    return pd.DataFrame(
        {
            "cost_id": ids("SIC", n * kinds),
            "month_on": (settings.end - pd.Timedelta(days=60)).to_period("M").to_timestamp(),
            "activity": words(INSTRUMENTS, np.tile(np.arange(kinds), n)),
            "subject_type": "site",
            "subject_id": sites["site_id"].array.repeat(kinds),
            "driver": "measurements",
            "driver_qty": np.tile(np.array(REPEATS, dtype=float), n),
            "variable_amt": np.tile(COST, n),
        }
    ).astype({"month_on": "datetime64[us]"})


def _shopped(
    settings: WorldSettings, sites: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return the score sheets of mystery visits, and the truth about shops and shoppers."""
    size = settings.size(SHOPPING)
    quality = rng.normal(0, QUALITY_SD, SHOPS) * size
    zone_of_shopper = np.arange(SHOPPERS) % ZONES
    strict = np.where(zone_of_shopper < ZONES / 2, ZONE_SEVERITY, -ZONE_SEVERITY)
    severity = (strict + rng.normal(0, SEVERITY_SD, SHOPPERS)) * size
    shop = np.repeat(np.arange(SHOPS), VISITS)
    near = (shop % ZONES)[:, None] == zone_of_shopper
    weight = np.where(
        near, HOME / near.sum(axis=1, keepdims=True), (1 - HOME) / (~near).sum(axis=1, keepdims=True)
    )
    shopper = (rng.random((len(shop), 1)) >= np.cumsum(weight, axis=1)).sum(axis=1).clip(0, SHOPPERS - 1)
    visit_error = rng.normal(0, 0.25, len(shop))
    latent = (
        3.3 + (quality[shop] + visit_error)[:, None] * np.array(QUALITY_SHOWS) - severity[shopper][:, None]
    )
    latent = latent + rng.normal(0, list(CRITERIA.values()), latent.shape)
    named = rng.random(len(shop)) < NAMED
    score = np.column_stack([np.clip(np.round(latent), 1, 5), named])
    items = (*CRITERIA, "noted a name")
    at = (
        settings.end
        - pd.Timedelta(days=120)
        + pd.to_timedelta(np.floor(rng.random(len(shop)) * 90 * 24), unit="h")
    )
    per, visits = len(items), len(shop)
    shoppers = [f"shopper {k + 1}" for k in range(SHOPPERS)]
    ratings = pd.DataFrame(
        {
            "exercise": "mystery shopping",
            "rater_id": words(shoppers, shopper.repeat(per)),
            "rater_party": "shopper",
            "subject_type": "site",
            "subject_id": sites["site_id"].array[:SHOPS].take(shop.repeat(per)),
            "item_code": words(items, np.tile(np.arange(per), visits)),
            "score": score.ravel(),
            "scale_max": np.tile([*[5.0] * len(CRITERIA), 1.0], visits),
            "round_no": np.tile(np.arange(1.0, VISITS + 1), SHOPS).repeat(per),
            "rated_at": at.as_unit("us").repeat(per),
            "effort_min": 25.0,
        }
    )
    outcomes = planted(
        "truth_outcomes",
        SHOPPING,
        subject=sites["site_id"].array[:SHOPS],
        arm="average shopper",
        metric="quality",
        value=quality,
    )
    raters = planted(
        "truth_raters", SHOPPING, rater=shoppers, severity=severity, bias=0.0, noise=CRITERIA["greeted"]
    )
    items_truth = planted(
        "truth_parameters",
        SHOPPING,
        name=[f"quality shows in {name}" for name in CRITERIA],
        value=np.array(QUALITY_SHOWS) * size,
        unit="points a point",
    )
    effects = planted(
        "truth_parameters",
        PLAN,
        name=[f"{kind}, {instrument}" for kind in ENVIRONMENTS for instrument in INSTRUMENTS],
        value=np.ravel(SHOWS) * settings.size(PLAN),
        unit="sd of a place's mean",
    )
    return ratings, {
        "truth_outcomes": outcomes,
        "truth_raters": raters,
        "truth_parameters": pd.concat([items_truth, effects], ignore_index=True),
    }


def _noted(tables: Mapping[str, pd.DataFrame], sites: pd.DataFrame, ratings: pd.DataFrame) -> pd.DataFrame:
    """Return the visits in which a name was noted where that is forbidden."""
    law = sites["region_id"].map(tables["regions"].set_index("region_id")["jurisdiction"])
    allowed = pd.Series(law.map(NAMED_RULE).to_numpy(), index=sites["site_id"])
    broke = ratings[(ratings["item_code"] == "noted a name") & (ratings["score"] == 1)]
    broke = broke[~broke["subject_id"].map(allowed).astype(bool)]
    return planted(
        "truth_labels", SHOPPING, table="ratings", key=broke["rating_id"].array, label="breaks the rule"
    )


def _rules(settings: WorldSettings) -> pd.DataFrame:
    laws = list(NAMED_RULE)
    return pd.DataFrame(
        {
            "rule_id": ids("LM", len(laws)),
            "ruleset": "mystery shopping",
            "jurisdiction": laws,
            "priority": 1,
            "condition_json": json.dumps({"item": "noted a name"}),
            "outcome_json": [json.dumps({"allowed": allowed}) for allowed in NAMED_RULE.values()],
            "owner_role": "works council liaison",
            "valid_from": settings.start - pd.DateOffset(years=1),
        }
    ).astype({"valid_from": "datetime64[us]"})


PLANTS = (
    Plant(
        play=PLAN,
        what="The same places are observed, tracked, listened to and asked. Some have a gap. Each instrument sees it "
        "clearly in one environment and hardly in another.",
        why="What works best on the whole is second best somewhere, and raw answers rank markets by their manner.",
        tables=("sites", "ratings", "events", "surveys", "costs"),
        truth=("truth_labels", "truth_parameters"),
        size="SHOWS x size by environment and instrument; MANNER x size by market",
    ),
    Plant(
        play=SHOPPING,
        what="Shoppers visit shops unannounced and score them by a sheet, mostly in their own zone.",
        why="A shop with a severe shopper looks bad, and some lines of the sheet are noise.",
        tables=("ratings", "sites", "rules"),
        truth=("truth_outcomes", "truth_raters", "truth_parameters", "truth_labels"),
        size="shops QUALITY_SD, shoppers ZONE_SEVERITY and SEVERITY_SD, all x size",
    ),
)
