"""Alerts: what the desk was told in the last quarter, right or wrong, soon or late, or not at all.

Planted for `measure.exception_dashboard`, per kind of alert (`KINDS`): the share that is right (`precision`), how many
hours an alert comes after the fact (gamma; `delay`), and the share of real problems that nobody is told of
(`missed`). What is real can be recounted event by event in `shipments`: late, wrong items, slow to leave. People
close part of the alerts, and many close a wrong one as confirmed, the default of the form, so that dispositions
flatter.

`truth_parameters` has the three figures per kind, `truth_labels` the wrong alerts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import repeated, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders", "delivery")
PLAY = "measure.exception_dashboard"

WEEKS = 13
SLOW_H = 20.0  # from order to dispatch: slow to leave
# share that is right, mean hours after the fact, share missed
KINDS = {
    "late parcel": (0.85, 1.0, 0.10),
    "wrong items": (0.60, 40.0, 0.25),
    "slow dispatch": (0.30, 6.0, 0.05),
}
CLOSED = 0.6
CONFIRMED_THOUGH_WRONG = 0.45

PLANTS = (
    Plant(
        play=PLAY,
        what="Alerts of three kinds about parcels, with what people closed them as. Some are wrong, some come "
        "late, some problems were never told.",
        why="What an alert was closed as is not what had happened, and problems without an alert are in no list "
        "of alerts.",
        tables=("exceptions", "shipments", "orders"),
        truth=("truth_parameters", "truth_labels"),
        size="KINDS x size (right, at once and complete at size 0)",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return exceptions, truth_parameters and truth_labels."""
    size = settings.size(PLAY)
    since = settings.end - pd.Timedelta(weeks=WEEKS)
    sent = tables["shipments"].head(
        len(tables["_parcels"])
    )  # in the order of `orders`; later rows are others'
    ordered = tables["orders"]["ordered_at"].to_numpy()[: len(sent)]
    recent = np.flatnonzero(ordered >= np.datetime64(since))
    parcels = sent.iloc[recent].assign(ordered_at=ordered[recent])
    frames = [_of_kind(settings, parcels, kind, size, rng) for kind in KINDS]
    alerts = pd.concat(frames, ignore_index=True).sort_values("alert_at", ignore_index=True)
    n = len(alerts)
    is_real = alerts.pop("is_real").to_numpy(dtype=bool)
    closed = rng.random(n) < CLOSED
    confirmed = np.where(is_real, rng.random(n) < 0.97, rng.random(n) < CONFIRMED_THOUGH_WRONG)
    word = np.where(closed, np.where(confirmed, 1, 2), 0)
    solved = alerts["alert_at"].to_numpy() + (rng.exponential(10.0, n) * 3600e6).astype("timedelta64[us]")
    known = closed & (solved < np.datetime64(settings.end, "us"))
    alerts["alert_disposition"] = words([None, "confirmed", "false alarm"], word * known)
    alerts["resolved_at"] = np.where(known, solved, np.datetime64("NaT"))
    alerts.insert(0, "exception_id", ids("XA", n, settings.block))
    labels = planted(
        "truth_labels",
        PLAY,
        table="exceptions",
        key=alerts["exception_id"].array[~is_real],
        label="wrong alert",
        value=alerts["exception_type"].array[~is_real],
    )
    made = {"exceptions": alerts, "truth_labels": labels}
    return made if settings.block else {**made, "truth_parameters": _truth(size)}


def _figures(kind: str, size: float) -> tuple[float, float, float]:
    """Return precision, mean delay (h) and missed share of a kind of alert."""
    right, delay, missed = KINDS[kind]
    return max(1 - (1 - right) * size, 0.05), delay * size, min(missed * size, 0.95)


def _of_kind(
    settings: WorldSettings, parcels: pd.DataFrame, kind: str, size: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the alerts of one kind: on parcels where it is real, and on others."""
    end = np.datetime64(settings.end, "us")
    promised, delivered = parcels["promised_at"].to_numpy(), parcels["delivered_at"].to_numpy()
    if kind == "late parcel":
        real = (delivered > promised) | np.isnat(delivered)
        at, known = promised, promised < end
    elif kind == "wrong items":
        real = ~parcels["items_correct"].to_numpy(dtype=bool)
        at, known = delivered, ~np.isnat(delivered)
    else:
        at = parcels["ordered_at"].to_numpy() + np.timedelta64(int(SLOW_H * 3600), "s")
        dispatched = parcels["dispatched_at"].to_numpy()
        real, known = (dispatched > at) | np.isnat(dispatched), at < end
    precision, delay, missed = _figures(kind, size)
    yes, no = np.flatnonzero(real & known), np.flatnonzero(~real & known)
    told = yes[rng.random(len(yes)) >= missed]
    wrong = rng.permutation(no)[: round(len(told) * (1 - precision) / precision)]
    which = np.concatenate([told, wrong])
    late_h = rng.gamma(1.5, max(delay, 1e-9) / 1.5, len(which))
    alert_at = at[which] + (late_h * 3600e6).astype("timedelta64[us]")
    came = alert_at < end
    n = int(came.sum())
    return pd.DataFrame(
        {
            "occurred_at": at[which][came],
            "exception_type": repeated(kind, n),
            "customer_id": parcels["customer_id"].array.take(which[came]),
            "subject_type": repeated("shipment", n),
            "subject_id": parcels["shipment_id"].array.take(which[came]),
            "alert_at": alert_at[came],
            "is_real": np.arange(len(which))[came] < len(told),
        }
    )


def _truth(size: float) -> pd.DataFrame:
    names = ("precision", "delay", "missed")
    values = [_figures(kind, size) for kind in KINDS]
    return planted(
        "truth_parameters",
        PLAY,
        name=[f"{name}: {kind}" for kind in KINDS for name in names],
        value=[value for figures in values for value in figures],
        unit=["share", "h", "share"] * len(KINDS),
    )
