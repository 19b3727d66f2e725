"""Figures that show care predict orders; noise does not; a gamed figure stops on the day of its target."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from playbook.world.domains.indicators import KINDS
from playbook.world.settings import WorldSettings
from tests.world.worlds_of_voices import SEEDS, truth, voices

PLAY = "define.intimacy_kpis"
START, DAYS = WorldSettings().start, WorldSettings().days
DRIVERS = ("first contact resolution", "personal resolution")


def panel(world):
    """Each customer's figures of a half-year, orders in the next, and orders over all."""
    tickets = world["tickets"].query("category == 'care'").set_index("ticket_id")
    actions = world["actions"].query("action_id.str.startswith('CAR')")
    actions = actions.assign(taken=actions["taken"].astype(float))
    done = actions.pivot_table(index="subject_id", columns="action_code", values="taken")
    scores = world["surveys"].query("instrument == 'csat'").set_index("trigger_id")["score"]
    frame = tickets[["customer_id", "opened_at"]].join(done).assign(satisfaction=scores)
    frame["recommendation"] = world["surveys"].query("instrument == 'nps'").set_index("trigger_id")["score"]
    frame["first contact resolution"] = tickets["reopened_at"].isna().astype(float)
    frame["time to first answer"] = np.log(
        (tickets["first_response_at"] - tickets["opened_at"]).dt.total_seconds()
    )
    frame["half"] = half(frame["opened_at"])
    figures = frame.groupby(["customer_id", "half"])[list(KINDS)].mean().reset_index()
    orders = world["orders"]
    count = orders.groupby(["customer_id", half(orders["ordered_at"]).rename("half")]).size()
    key = pd.MultiIndex.from_arrays([figures["customer_id"], figures["half"] + 1])
    figures["next"] = count.reindex(key).fillna(0).to_numpy()
    figures["usual"] = (
        orders.groupby("customer_id").size().reindex(figures["customer_id"]).fillna(0).to_numpy() / 6
    )
    # Nobody knows who left: keep those who order again at all.
    last = half(orders.groupby("customer_id")["ordered_at"].max())
    figures["last"] = last.reindex(figures["customer_id"]).to_numpy()
    return figures[(figures["half"] < 5) & (figures["last"] > figures["half"])].reset_index(drop=True)


def half(at):
    """Half-year of the history."""
    return ((at - START).dt.days * 6 // DAYS).astype(int)


def relation(frame, kpi):
    """Slope of log orders in the next half-year, against the usual, on a standardised figure, with its error.

    In logs, so that the few who order every other day do not decide.
    """
    frame = frame[frame[kpi].notna()]
    x = (frame[kpi] - frame[kpi].mean()) / frame[kpi].std()
    more = np.log((frame["next"] + 0.5) / (frame["usual"] + 0.5)).to_numpy()
    fit = sm.OLS(more, sm.add_constant(x.to_numpy())).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(frame["customer_id"])[0]}
    )
    return fit.params[1], fit.bse[1]


@pytest.fixture(scope="module")
def pooled():
    """Panels of five worlds together, each with customers of its own."""
    return pd.concat(
        [panel(voices(s)).assign(customer_id=lambda f, s=s: f["customer_id"] + f"-{s}") for s in SEEDS]
    )


def test_intimacy_kpis_recovers_drivers_and_noise(pooled):
    """Before the targets, drivers predict next orders; noise does not; satisfaction predicts less than either."""
    before = pooled[pooled["half"] < 3]
    slope = {kpi: relation(before, kpi) for kpi in KINDS}
    for kpi in DRIVERS:
        assert slope[kpi][0] > 4 * slope[kpi][1]
        assert slope[kpi][0] > slope["satisfaction"][0]
    for kpi in ("thank-you card", "time to first answer"):
        assert abs(slope[kpi][0]) < 3 * slope[kpi][1]


def test_intimacy_kpis_recovers_the_break_of_the_gamed_figure(pooled):
    """Since its target the gamed figure predicts nothing, though it rose; the other, with a target too, still does."""
    before, after = pooled[pooled["half"] < 3], pooled[pooled["half"] >= 3]
    gamed, kept = DRIVERS
    assert truth(voices(1), "truth_shifts", PLAY)["subject"].tolist() == [gamed]
    (was, error), (now, error_now) = relation(before, gamed), relation(after, gamed)
    assert abs(now) < 3 * error_now
    assert was - now > 2 * np.hypot(error, error_now)
    assert relation(after, kept)[0] > 3 * relation(after, kept)[1]


def test_intimacy_kpis_level_alone_praises_the_gamed_figure(pooled):
    """By its level the gamed figure improves most: whoever steers by levels picks the one that says nothing."""
    after = pooled["half"] >= 3
    rise = {kpi: pooled.loc[after, kpi].mean() - pooled.loc[~after, kpi].mean() for kpi in DRIVERS}
    assert rise["first contact resolution"] > 0.1
    assert rise["first contact resolution"] > 1.5 * rise["personal resolution"]


def test_intimacy_kpis_find_nothing_without_the_effect():
    """With the size at nothing no figure predicts orders, before or after."""
    frame = pd.concat(
        [
            panel(voices(s, effect=0.0)).assign(customer_id=lambda f, s=s: f["customer_id"] + f"-{s}")
            for s in (9, 10)
        ]
    )
    for kpi in KINDS:
        slope, error = relation(frame, kpi)
        assert abs(slope) < 3.3 * error
    assert truth(voices(9, effect=0.0), "truth_shifts", PLAY).empty
