"""Honoured wishes bring customers back as planted, where a coin decided about them."""

import numpy as np
import pytest

from playbook.store.writing import conform, validate
from playbook.world.domains.wishes import ATTRIBUTES, FOLLOWED
from tests.world.worlds_of_programmes import agrees, log_ratio, plain_ratio, trial, trials

PLAY = "design.fulfilment_preferences"


def effect(world, attribute):
    """Estimate for one kind of wish, by lot."""
    rows = world.assigned("IN-wish")
    rows = rows[rows["stratum"] == attribute]
    return log_ratio(world, rows, rows["arm"] == "honoured", (0.0, 91.0))


def test_preferences_are_canonical_and_known_for_every_parcel():
    """The table keeps its schema; a parcel's preference is its customer's."""
    tables = trial(0).tables
    validate("preferences", conform("preferences", tables["preferences"]))
    known = (
        tables["shipments"].dropna(subset=["preference_id"]).merge(tables["preferences"], on="preference_id")
    )
    assert (known["customer_id_x"] == known["customer_id_y"]).all()
    assert (
        not tables["shipments"].loc[tables["shipments"]["preference_id"].isna(), "preference_applied"].any()
    )


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_fulfilment_preferences_recovers_the_effect_of_each_wish(attribute):
    """By lot, honouring a wish changes repeat purchase as planted."""
    planted = trial(0).truth(PLAY, stratum=attribute)["size"].item()
    assert agrees([effect(world, attribute) for world in trials()], planted)


def test_fulfilment_preferences_easy_wishes_look_too_good():
    """Where the dispatcher chose, customers with honoured wishes order far more, mostly for other reasons."""
    most = trial(0).truth(PLAY)["size"].max()
    found = []
    for world in trials():
        rows = world.assigned("IN-wish", "chosen")
        found.append(plain_ratio(world, rows, rows["arm"] == "honoured", 91))
    assert np.median(found) > most + 0.4


def test_fulfilment_preferences_finds_nothing_where_nothing_is_planted():
    """Without the effect a lot finds nothing."""
    for attribute in ATTRIBUTES:
        value, error = effect(trial(9, planted=False), attribute)
        assert abs(value) < 3 * error


def test_fulfilment_preferences_hit_rate_and_cost_of_honouring():
    """Parcels of honoured wishes follow them at the planted rate; the books' cost a parcel is the planted one."""
    tables = trial(0).tables
    rows = trial(0).assigned("IN-wish")
    sent = tables["shipments"].merge(rows, left_on="customer_id", right_on="subject_id")
    sent = sent[
        (sent["arm"] == "honoured") & (sent["dispatched_at"] > sent["starts_at"] + np.timedelta64(7, "D"))
    ]
    hit = sent["preference_applied"].mean()
    assert hit == pytest.approx(FOLLOWED, abs=4 * np.sqrt(FOLLOWED * (1 - FOLLOWED) / len(sent)))
    truth = tables["truth_parameters"].query("play == @PLAY").set_index("name")["value"]
    for attribute in ATTRIBUTES:
        costs = tables["costs"].query("activity == @attribute")
        unit = costs["variable_amt"].sum() / costs["driver_qty"].sum()
        assert unit == pytest.approx(truth[f"{attribute}, a parcel"], rel=0.05)
