"""The books hold the planted drivers of the lanes; cost a parcel mixes them with what a lane costs anyway."""

import numpy as np
import pandas as pd
import pytest

from tests.world.worlds_of_programmes import trial, trials

PLAY = "balance.customization_break_even"


def books(world, activity):
    """Amount and driver of one activity, by lane, option and month."""
    rows = world.tables["costs"].query("subject_type == 'lane' and activity == @activity")
    return rows.assign(option=rows["subject_id"].str.rsplit("-", n=1).str[-1])


def slopes(world, activity):
    """Cost of one more parcel by option: common fixed cost of a lane, weighted as errors grow with the amount."""
    rows = books(world, activity)
    design = np.column_stack(
        [np.ones(len(rows))]
        + [rows["driver_qty"] * (rows["option"] == option) for option in ("day", "evening")]
    )
    weight = 1 / rows["variable_amt"].to_numpy()
    for _ in range(5):
        found, *_ = np.linalg.lstsq(design * weight[:, None], rows["variable_amt"] * weight, rcond=None)
        weight = 1 / (design @ found)
    cover = np.linalg.inv((design * weight[:, None]).T @ (design * weight[:, None]))
    error = np.sqrt(np.diag(cover) * (((rows["variable_amt"] - design @ found) * weight) ** 2).mean())
    return dict(zip(("day", "evening"), found[1:], strict=True)), dict(
        zip(("day", "evening"), error[1:], strict=True)
    )


@pytest.mark.parametrize("activity", ["pick and pack", "tours"])
def test_customization_break_even_recovers_the_drivers(activity):
    """Regression of cost on parcels gives what one more parcel costs, by option."""
    for world in trials():
        truth = world.tables["truth_parameters"].query("play == @PLAY").set_index("name")["value"]
        found, error = slopes(world, activity)
        for option, value in found.items():
            assert abs(value - truth[f"{activity}, {option}, a parcel"]) < 4 * error[option]


def test_customization_break_even_sorting_hours_lost():
    """A parcel at its own hour takes the planted hours of the sorter."""
    for world in trials():
        truth = world.tables["truth_parameters"].query("play == @PLAY").set_index("name")["value"]
        rows = books(world, "sorting")
        parcels = books(world, "tours").set_index(["subject_id", "month_on"])["driver_qty"]
        hours = rows.set_index(["subject_id", "month_on", "option"])["driver_qty"]
        sums = pd.DataFrame({"hours": hours, "parcels": parcels.reindex(hours.index.droplevel(2)).to_numpy()})
        unit = sums.groupby("option").sum().pipe(lambda s: s["hours"] / s["parcels"])
        for option in ("day", "evening"):
            assert unit[option] == pytest.approx(truth[f"sorting, {option}, a parcel"], rel=0.03)


def test_customization_break_even_cost_a_parcel_overstates_what_one_more_costs():
    """Cost a parcel on lanes with few parcels is far above the cost of one more."""
    for world in trials():
        truth = world.tables["truth_parameters"].query("play == @PLAY").set_index("name")["value"]
        rows = books(world, "tours").groupby(["option", "subject_id"])[["variable_amt", "driver_qty"]].sum()
        unit = rows["variable_amt"] / rows["driver_qty"]
        assert unit["evening"].max() > 1.5 * truth["tours, evening, a parcel"]


def test_customization_break_even_without_effect_options_cost_the_same():
    """Without the effect one more parcel costs the same on both options."""
    for activity in ("pick and pack", "tours"):
        found, error = slopes(trial(9, planted=False), activity)
        assert abs(found["evening"] - found["day"]) < 4 * np.hypot(error["day"], error["evening"])


def test_parcels_in_the_books_are_those_that_were_sent():
    """A lane's driver is the number of its shipments."""
    world = trial(0)
    booked = books(world, "tours").groupby("subject_id")["driver_qty"].sum()
    sent = world.tables["shipments"]["lane_id"].value_counts()
    assert (booked == sent[booked.index]).all()
