"""Looks at prices improve a forecast in the segments where they announce orders, and in no other."""

import numpy as np
import pytest
from scipy import stats

from playbook.store.writing import conform, validate
from tests.world.worlds_of_programmes import trial, trials

PLAY = "measure.forecast_uplift"


def weekly(world, segment):
    """Orders and looks a week of the segment's customers with access to the portal."""
    looks = world.tables["events"].query("event_type == 'price_check'")
    people = world.tables["customers"].merge(
        world.tables["accounts"][["account_id", "segment"]], on="account_id"
    )
    people = people[(people["segment"] == segment) & people["customer_id"].isin(looks["customer_id"])][
        "customer_id"
    ]
    start, weeks = np.datetime64(world.settings.start, "us"), world.settings.days // 7
    found = []
    for table, at in ((world.tables["orders"], "ordered_at"), (looks, "occurred_at")):
        moments = table.loc[table["customer_id"].isin(people), at].to_numpy()
        week = ((moments - start) / np.timedelta64(7, "D")).astype(int)
        found.append(np.bincount(week, minlength=weeks)[:weeks].astype(float))
    return found


def clark_west(world, segment, first=30):
    """One-step errors at rolling origins with and without looks, and the p-value of Clark and West (2007)."""
    orders, looks = weekly(world, segment)
    t = np.arange(40, len(orders))
    # What looks after orders tell, the level of the last months, the small model must know already.
    past, long_past = (np.mean([orders[t - lag] for lag in range(1, n + 1)], axis=0) for n in (4, 40))
    year = np.cos(2 * np.pi * t / 52.18), np.sin(2 * np.pi * t / 52.18)
    small = np.column_stack([np.ones(len(t)), past, long_past, *year])
    large = np.column_stack([small, looks[t - 1], looks[t - 2]])
    target, forecast = orders[t], []
    for x in (small, large):
        gram, moment = (
            np.cumsum(x[:, :, None] * x[:, None, :], axis=0),
            np.cumsum(x * target[:, None], axis=0),
        )
        known = slice(first - 1, -1)  # what each origin knows: all weeks before it
        coefficients = np.linalg.solve(gram[known], moment[known][:, :, None])[:, :, 0]
        forecast.append((x[first:] * coefficients).sum(axis=1))
    without, with_looks = forecast
    actual = target[first:]
    gain = (actual - without) ** 2 - ((actual - with_looks) ** 2 - (without - with_looks) ** 2)
    z = gain.mean() / (gain.std(ddof=1) / np.sqrt(len(gain)))
    return 1 - np.mean((actual - with_looks) ** 2) / np.mean((actual - without) ** 2), float(stats.norm.sf(z))


def test_events_are_canonical():
    """Columns, kinds, keys and choices as declared."""
    validate("events", conform("events", trial(0).tables["events"]))


def test_forecast_uplift_keeps_looks_where_they_announce_orders():
    """The test rejects in most worlds of the segments with announced orders, and the gain follows the planted share."""
    truth = trial(0).truth(PLAY).set_index("stratum")["size"]
    found = {s: np.array([clark_west(world, s) for world in trials()]) for s in truth.index}
    power = {s: (found[s][:, 1] < 0.05).mean() for s in truth.index}
    gain = {s: found[s][:, 0].mean() for s in truth.index}
    assert all(power[s] >= 0.6 for s in truth.index if truth[s] > 0)
    assert power[truth.idxmin()] <= 0.4
    assert max(gain, key=gain.get) == truth.idxmax()
    assert min(gain, key=gain.get) == truth.idxmin()


def test_forecast_uplift_looks_go_with_orders_everywhere():
    """The naive answer: customers who look more order more, in the segment without announced orders too."""
    truth = trial(0).truth(PLAY).set_index("stratum")["size"]
    for world in trials()[:2]:
        people = world.tables["customers"].merge(
            world.tables["accounts"][["account_id", "segment"]], on="account_id"
        )
        people = people[people["segment"] == truth.idxmin()]["customer_id"]
        looks = world.tables["events"].query("event_type == 'price_check'")["customer_id"].value_counts()
        orders = world.tables["orders"]["customer_id"].value_counts()
        who = people[people.isin(looks.index)]
        assert np.corrcoef(looks[who], orders.reindex(who, fill_value=0))[0, 1] > 0.6


@pytest.mark.parametrize("place", range(4))
def test_forecast_uplift_finds_nothing_where_nothing_is_planted(place):
    """Without the effect looks improve no forecast."""
    world = trial(9, planted=False)
    assert clark_west(world, world.settings.preset.segments[place])[0] < 0.05
