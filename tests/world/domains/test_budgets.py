"""Returns of both budget lines and how they clash are found where levels were drawn, and only where both were spent."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from playbook.world.domains.budgets import LEVELS, SATURATION
from tests.world.worlds_of_programmes import trial, trials

PLAY = "govern.resource_disputes"


def cells(worlds, by_lot):
    """Orders of each area in each period with both levels, of customers there."""
    parts = []
    for k, world in enumerate(worlds):
        table = world.tables["assignments"]
        pair = [
            table[(table["initiative_id"] == name) & ((table["design"] == "random") == by_lot)]
            for name in ("IN-intimacy", "IN-savings")
        ]
        keys = ["subject_id", "cluster_id", "sequence_no"]
        both = pair[0].merge(pair[1][[*keys, "arm"]], on=keys, suffixes=("", "_savings"))
        end = both["ends_at"].fillna(world.settings.end).to_numpy()
        orders = world.count(both["subject_id"], both["starts_at"].to_numpy(), end)
        weeks = (end - both["starts_at"].to_numpy()) / np.timedelta64(7, "D")
        both = both.assign(
            world=k,
            orders=orders,
            weeks=weeks,
            x=both["arm"].astype(float),
            y=both["arm_savings"].astype(float),
        )
        parts.append(both)
    rows = pd.concat(parts)
    return rows.groupby(["world", "cluster_id", "sequence_no", "x", "y"], as_index=False)[
        ["orders", "weeks"]
    ].sum()


def saturated(level):
    """Share of all it can do, from the curve's form: with free saturation the fit is nonlinear in one number."""
    return -np.expm1(-np.asarray(level) / SATURATION)


def fit(table, terms):
    """Coefficients with an effect for each area of each world and each period."""
    area = table["world"].astype(str) + table["cluster_id"]
    fixed = pd.get_dummies(
        pd.DataFrame({"area": area, "period": table["sequence_no"].astype(str)}), drop_first=True
    )
    design = sm.add_constant(pd.concat([terms, fixed], axis=1).astype(float))
    result = sm.GLM(table["orders"], design, family=sm.families.Poisson(), offset=np.log(table["weeks"])).fit(
        scale="X2"
    )
    return result.params[terms.columns], result.bse[terms.columns]


def terms_of(table):
    """Both saturated levels and their product."""
    x, y = saturated(table["x"]), saturated(table["y"])
    return pd.DataFrame({"intimacy": x, "savings": y, "clash": x * y})


def test_resource_disputes_recovers_returns_and_the_clash():
    """From areas by lot: what intimacy adds, that savings alone take nothing, and what both lose."""
    table = cells(trials(), by_lot=True)
    found, error = fit(table, terms_of(table))
    truth = trial(0).truth(PLAY).set_index(["action", "stratum"])["size"]
    most = truth[("intimacy", f"level {LEVELS[-1]:g}")] / saturated(LEVELS[-1])
    clash = truth[("intimacy x savings", "product of saturated shares")]
    for name, planted in (("intimacy", most), ("savings", 0.0), ("clash", clash)):
        assert abs(found[name] - planted) < 3 * error[name] + 0.03
    assert found["clash"] < -2 * error["clash"]


def test_resource_disputes_marginal_returns_get_smaller():
    """With one effect for each level, the second unit adds less than the first, and the third and fourth least."""
    table = cells(trials(), by_lot=True)
    table = table[table["y"] == 0]
    levels = pd.DataFrame({f"{x:g}": (table["x"] == x).astype(float) for x in LEVELS[1:]})
    found, error = fit(table, levels)
    truth = trial(0).truth(PLAY, action="intimacy")["size"].to_numpy()[1:]
    assert (abs(found.to_numpy() - truth) < 3 * error.to_numpy() + 0.03).all()


def test_resource_disputes_lines_do_not_meet_in_the_first_half():
    """No area has both lines in the first half, so nothing there says how they act together; later many have."""
    table = cells(trials()[:1], by_lot=True)
    both = (table["x"] > 0) & (table["y"] > 0)
    first = table["sequence_no"] <= table["sequence_no"].max() / 2
    assert not both[first].any()
    assert both[~first].mean() > 0.4


def test_resource_disputes_areas_that_got_more_bought_more_anyway():
    """Where sales chose, orders a week on the level, with nothing else, overstate the return."""
    table = cells(trials(), by_lot=False)
    alone = table[table["y"] == 0].groupby("x")[["orders", "weeks"]].sum()
    rate = np.log(alone["orders"] / alone["weeks"])
    truth = trial(0).truth(PLAY, action="intimacy")["size"].to_numpy()
    assert rate[4.0] - rate[0.0] > truth[-1] + 0.2


def test_resource_disputes_savings_cut_the_cost_to_serve():
    """The books' cost to serve a customer falls with the second line as planted."""
    costs = trial(0).tables["costs"].query("subject_type == 'area'")
    wide = costs.pivot_table(index=["subject_id", "month_on"], columns="activity", values="variable_amt")
    wide["customers"] = costs.groupby(["subject_id", "month_on"])["driver_qty"].first()
    unit = (wide["cost to serve"] / wide["customers"]).dropna()
    none = wide["savings budget"] < 1e-9
    most = wide["savings budget"] / wide["customers"]
    most = most > most.quantile(0.9)
    saved = np.log(unit[most]).mean() - np.log(unit[none]).mean()
    assert saved == pytest.approx(trial(0).truth(PLAY, action="savings")["size"].min(), abs=0.05)


def test_resource_disputes_finds_nothing_where_nothing_is_planted():
    """Without the effect no line and no product matters."""
    table = cells([trial(9, planted=False)], by_lot=True)
    found, error = fit(table, terms_of(table))
    assert (abs(found) < 3 * error).all()
