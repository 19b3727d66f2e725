"""Alerts are as right, as late and as incomplete as planted, which a recount of parcels shows and closing notes hide."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.domains.alerts import SLOW_H, WEEKS
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

PLAY = "measure.exception_dashboard"
END = WorldSettings().end


def make(seed, customers=2000, **kw):
    """A world with alerts."""
    return generate(WorldSettings(seed=seed, customers=customers, **kw), domains=["alerts"])


@pytest.fixture(scope="module")
def worlds():
    """Five worlds with noisy alerts."""
    return [make(seed) for seed in range(5)]


def problems(world):
    """Every real problem of the last quarter, from the parcels themselves: kind, parcel, moment."""
    parcels = world["shipments"].merge(world["orders"][["order_id", "ordered_at"]], on="order_id")
    parcels = parcels[parcels["ordered_at"] >= END - pd.Timedelta(weeks=WEEKS)]
    slow_at = parcels["ordered_at"] + pd.Timedelta(hours=SLOW_H)
    found = [
        ("late parcel", parcels["promised_at"], ~(parcels["delivered_at"] <= parcels["promised_at"])),
        ("wrong items", parcels["delivered_at"], ~parcels["items_correct"]),
        ("slow dispatch", slow_at, ~(parcels["dispatched_at"] <= slow_at)),
    ]
    frames = [
        pd.DataFrame({"kind": kind, "key": parcels["shipment_id"], "at": at})[real & (at < END)]
        for kind, at, real in found
    ]
    return pd.concat(frames)


def recount(world):
    """Precision, delay and missed share per kind of alert, event by event, with the numbers they rest on."""
    alerts = world["exceptions"].query("alert_at.notna()").rename(columns={"exception_type": "kind"})
    pairs = alerts.merge(
        problems(world), how="outer", left_on=["kind", "subject_id"], right_on=["kind", "key"]
    )
    pairs["delay"] = (pairs["alert_at"] - pairs["at"]).dt.total_seconds() / 3600
    told, real = pairs["alert_at"].notna(), pairs["key"].notna()
    rows = {}
    for kind in pairs["kind"].unique():
        here = pairs["kind"] == kind
        old = here & real & (pairs["at"] < END - pd.Timedelta(days=14))  # later ones may still be told
        rows[kind] = {
            "precision": (here & told & real).sum() / (here & told).sum(),
            "delay": pairs.loc[here & told & real & old, "delay"].mean(),
            "missed": (old & ~told).sum() / old.sum(),
            "n": (here & real).sum(),
        }
    return pd.DataFrame(rows).T


def planted(world):
    """The planted figures, by kind."""
    rows = world["truth_parameters"].query("play == @PLAY")
    name = rows["name"].str.split(": ", expand=True)
    return pd.DataFrame({"kind": name[1], "figure": name[0], "value": rows["value"]}).pivot_table(
        index="kind", columns="figure", values="value"
    )


def test_tables_keep_their_schemas(worlds):
    """Declared, resolved, told after the fact."""
    alerts = worlds[0]["exceptions"]
    validate("exceptions", alerts)
    assert alerts["subject_id"].isin(worlds[0]["shipments"]["shipment_id"]).all()
    assert (alerts["alert_at"] >= alerts["occurred_at"]).all()
    assert alerts["alert_at"].max() < END


def test_exception_dashboard_recount_gives_the_planted_figures(worlds):
    """Precision, delay and missed share, pooled over the seeds, are those of the truth."""
    counts = [recount(world) for world in worlds]
    true = planted(worlds[0])
    for kind in true.index:
        mean = np.mean([count.loc[kind] for count in counts], axis=0)
        found = dict(zip(counts[0].columns, mean, strict=True))
        n = found["n"] * len(worlds)
        assert found["precision"] == pytest.approx(true.loc[kind, "precision"], abs=0.02)
        assert found["missed"] == pytest.approx(true.loc[kind, "missed"], abs=4 * 0.5 / np.sqrt(n))
        assert found["delay"] == pytest.approx(true.loc[kind, "delay"], rel=4 * 0.82 / np.sqrt(n))


def test_exception_dashboard_labels_are_what_a_recount_finds_wrong(worlds):
    """Alerts without a problem are exactly those that are labelled."""
    world = worlds[0]
    alerts = world["exceptions"].query("alert_at.notna()")
    pairs = alerts.merge(
        problems(world), how="left", left_on=["exception_type", "subject_id"], right_on=["kind", "key"]
    )
    wrong = set(pairs.loc[pairs["key"].isna(), "exception_id"])
    assert wrong == set(world["truth_labels"].query("play == @PLAY")["key"])


def test_exception_dashboard_dispositions_flatter(worlds):
    """The share of closed alerts that were confirmed is far above the precision of the noisiest kind."""
    for world in worlds:
        closed = world["exceptions"].query("alert_disposition.notna()")
        naive = (closed["alert_disposition"] == "confirmed").groupby(closed["exception_type"]).mean()
        assert naive["slow dispatch"] > planted(world).loc["slow dispatch", "precision"] + 0.15


def test_exception_dashboard_alerts_are_right_and_prompt_without_effect():
    """No wrong alert, no delay, nothing missed."""
    world = make(3, effects={PLAY: 0})
    count = recount(world)
    assert (count["precision"] == 1).all()
    assert (count["missed"] == 0).all()
    assert count["delay"].max() < 0.01
    assert world["truth_labels"].query("play == @PLAY").empty
