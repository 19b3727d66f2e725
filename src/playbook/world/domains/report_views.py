"""A report for customers, shown figure by figure by lot, and the questions that it causes.

Planted for `measure.customer_report`: each figure in `FIGURES` is shown to half of the customers of a pilot (drawn, in
`assignments`). Who sees a figure looks at it now and then, and far more after a late parcel. Views of some figures
make customers ask (`contacts per view`, times the size); late parcels make them ask as well, whether they look or not.
So those who look more ask more also where looking causes nothing. Views are a gamma mixture of Poisson numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids, local, position
from playbook.world.plants import Plant
from playbook.world.texts import repeated, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("orders", "delivery")

PLAY = "measure.customer_report"
# figure: contacts that one view of it causes
FIGURES = {"parcels on time": 0.0, "parcel map": 0.0, "credit left": 0.16, "forecast of prices": 0.08}
CUSTOMERS, WEEKS = 1_200, 26
VIEWS = 1.6  # of a figure that is shown, over the pilot
VIEWS_LATE = 4.0  # more, after each late parcel
CONTACTS = 0.15  # over the pilot, without any cause
CONTACTS_LATE = 0.6  # after each late parcel
PROBLEM_DAYS = 10  # for which a late parcel is on the customer's mind

PLANTS = (
    Plant(
        play=PLAY,
        what="A pilot shows figures to customers, drawn figure by figure. Views of some figures make customers ask; "
        "late parcels make them look and ask.",
        why="Customers who look more ask more, but not always because they looked.",
        tables=("reports", "events", "assignments", "tickets", "shipments"),
        truth=("truth_effects",),
        size="contacts per view in FIGURES x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return events, tickets, assignments, and once initiatives, reports and truth_effects."""
    customers = tables["customers"]
    start = settings.end - pd.Timedelta(weeks=WEEKS)
    open_ones = np.flatnonzero(
        (customers["created_at"] < start).to_numpy() & customers["closed_at"].isna().to_numpy()
    )
    who = np.sort(rng.permutation(open_ones)[:CUSTOMERS])
    n, k = len(who), len(FIGURES)
    late = _late_parcels(tables["shipments"], customers["customer_id"], who, start, settings.end)
    shown = rng.random((n, k)) < 0.5

    keen = rng.gamma(2.0, 0.5, n)
    views = _moments(rng.poisson(np.where(shown, VIEWS * keen[:, None], 0.0)), rng)
    late_views = _after(late, np.where(shown, VIEWS_LATE, 0.0)[late["subject"]], rng)
    views = pd.concat([views, late_views], ignore_index=True)
    per_view = np.array(list(FIGURES.values())) * settings.size(PLAY)
    asks = views[rng.random(len(views)) < per_view[views["figure"]]]
    asks = asks.assign(day=asks["day"] + rng.exponential(0.3, len(asks)))
    by_itself = _moments(rng.poisson(CONTACTS, (n, 1)), rng)
    by_parcel = _after(late, np.full((len(late), 1), CONTACTS_LATE), rng)
    contacts = pd.concat([asks, by_itself, by_parcel], ignore_index=True)
    made = {
        "events": _events(settings, start, views, customers["customer_id"].array.take(who), rng),
        "tickets": _tickets(settings, start, contacts, customers.iloc[who], rng),
        "assignments": _assignments(settings, start, shown, customers["customer_id"].array.take(who)),
    }
    return made if settings.block else made | _company_wide(settings, start)


def _late_parcels(
    shipments: pd.DataFrame,
    customer_id: pd.Series,
    who: NDArray[np.int64],
    start: pd.Timestamp,
    end: pd.Timestamp,
) -> pd.DataFrame:
    """Return the late parcels of these customers (positions): subject (position in `who`), day of arrival."""
    late = shipments[
        (shipments["delivered_at"] > shipments["promised_at"]) & (shipments["delivered_at"] >= start)
    ]
    late = late[late["delivered_at"] < end - pd.Timedelta(days=PROBLEM_DAYS)]
    subject = position(late["customer_id"], customer_id.iloc[who])
    day = ((late["delivered_at"] - start) / pd.Timedelta(days=1)).to_numpy()
    return pd.DataFrame({"subject": subject[subject >= 0], "day": day[subject >= 0]})


def _moments(counts: NDArray[np.int64], rng: np.random.Generator) -> pd.DataFrame:
    """Return one row per count: subject, figure (column), day of the pilot."""
    subject, figure = (np.repeat(grid.ravel(), counts.ravel()) for grid in np.indices(counts.shape))
    return pd.DataFrame({"subject": subject, "figure": figure, "day": rng.random(len(subject)) * 7 * WEEKS})


def _after(late: pd.DataFrame, mean: NDArray[np.float64], rng: np.random.Generator) -> pd.DataFrame:
    """Return what follows late parcels within days, in `mean` numbers, (parcels, columns)."""
    counts = rng.poisson(mean)
    parcel, figure = (np.repeat(grid.ravel(), counts.ravel()) for grid in np.indices(counts.shape))
    day = late["day"].to_numpy()[parcel] + rng.random(len(parcel)) * PROBLEM_DAYS
    return pd.DataFrame({"subject": late["subject"].to_numpy()[parcel], "figure": figure, "day": day})


def _at(start: pd.Timestamp, day: pd.Series) -> NDArray[np.datetime64]:
    seconds = np.minimum(day.to_numpy() * 86_400, WEEKS * 7 * 86_400 - 60)
    return np.datetime64(start, "us") + seconds.astype(np.int64).astype("timedelta64[s]")


def _events(
    settings: WorldSettings,
    start: pd.Timestamp,
    views: pd.DataFrame,
    customer_id: pd.api.extensions.ExtensionArray,
    rng: np.random.Generator,
) -> pd.DataFrame:
    n = len(views)
    return pd.DataFrame(
        {
            "event_id": ids("YH", n, settings.block),
            "event_type": repeated("report_view", n),
            "schema_version": 1.0,
            "customer_id": customer_id.take(views["subject"].to_numpy()),
            "subject_type": repeated("figure", n),
            "subject_id": words(list(FIGURES), views["figure"].to_numpy()),
            "system_id": repeated("web", n),
            "occurred_at": _at(start, views["day"]),
            "value": np.round(rng.gamma(2.0, 15.0, n)),
        }
    )


def _tickets(
    settings: WorldSettings,
    start: pd.Timestamp,
    contacts: pd.DataFrame,
    customers: pd.DataFrame,
    rng: np.random.Generator,
) -> pd.DataFrame:
    n, subject = len(contacts), contacts["subject"].to_numpy()
    opened = _at(start, contacts["day"])
    answered = opened + (rng.gamma(2.0, 3.0, n) * 3600).astype(np.int64).astype("timedelta64[s]")
    end = np.datetime64(settings.end, "us")
    return pd.DataFrame(
        {
            "ticket_id": ids("YQ", n, settings.block),
            "customer_id": customers["customer_id"].array.take(subject),
            "category": repeated("report question", n),
            "tier_at_open": customers["tier"].array.take(subject),
            "severity": np.ones(n, dtype=np.int64),
            "opened_at": opened,
            "first_response_at": np.where(answered < end, answered, np.datetime64("NaT")),
            "resolved_at": np.where(answered < end, answered, np.datetime64("NaT")),
        }
    )


def _assignments(
    settings: WorldSettings,
    start: pd.Timestamp,
    shown: NDArray[np.bool_],
    customer_id: pd.api.extensions.ExtensionArray,
) -> pd.DataFrame:
    """Return who is shown which figure; arms are named after the figure."""
    n = shown.size
    of, figure = (grid.ravel() for grid in np.indices(shown.shape))
    arms = [f"{figure}: {what}" for figure in FIGURES for what in ("hidden", "shown")]
    return pd.DataFrame(
        {
            "assignment_id": ids("YZ", n, settings.block),
            "initiative_id": repeated("customer report pilot", n),
            "subject_type": repeated("customer", n),
            "subject_id": customer_id.take(of),
            "arm": words(arms, 2 * figure + shown.ravel()),
            "design": repeated("random", n),
            "cluster_id": repeated(local("pilot", settings.block), n),
            "propensity_share": 0.5,
            "starts_at": np.datetime64(start, "us"),
        }
    )


def _company_wide(settings: WorldSettings, start: pd.Timestamp) -> dict[str, pd.DataFrame]:
    return {
        "initiatives": pd.DataFrame(
            {
                "initiative_id": ["customer report pilot"],
                "kind": "pilot",
                "starts_on": [start],
                "target_metric": "contacts",
                "status": "running",
            }
        ),
        "reports": pd.DataFrame(
            {
                "report_id": "customer report",
                "figure": list(FIGURES),
                "use_case": "show the customer how we do",
                "audience_party": "customer",
                "refresh_min": 1440.0,
                "last_run_at": settings.end - pd.Timedelta(hours=3),
            }
        ),
        "truth_effects": planted(
            "truth_effects",
            PLAY,
            action=list(FIGURES),
            stratum="all",
            metric="contacts per view",
            lag=0.0,
            size=[value * settings.size(PLAY) for value in FIGURES.values()],
            unit="contacts",
        ),
    }
