"""Agents' effects that grow are found against customers who never got one; two-way fixed effects miss them."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from tests.world.worlds_of_programmes import WEEK, log_ratio, plain_ratio, trial, trials

PLAY = "measure.control_groups"


def panel(worlds, design="random"):
    """Orders of each wave in each quarter before the end, and in how many quarters it has had agents."""
    parts = []
    for k, world in enumerate(worlds):
        rows = world.assigned("IN-agent", design)
        end = np.datetime64(world.settings.end, "us")
        since = rows["starts_at"].to_numpy()
        for quarter in range(12):
            until = end - 13 * WEEK * quarter
            count = world.count(
                rows["subject_id"], np.full(len(rows), until - 13 * WEEK), np.full(len(rows), until)
            )
            age = np.round((until - since) / (13 * WEEK)).astype(int)
            treated = (rows["arm"] != "none").to_numpy() & (age > 0)
            parts.append(
                pd.DataFrame(
                    {
                        "world": k,
                        "wave": rows["cluster_id"].to_numpy(),
                        "quarter": quarter,
                        "age": np.where(treated, age, 0),
                        "orders": count,
                    }
                )
            )
    cells = pd.concat(parts).groupby(["world", "wave", "quarter", "age"], as_index=False)["orders"].sum()
    return cells.groupby(["wave", "quarter", "age"], as_index=False)["orders"].sum()


def poisson(cells, terms):
    """Coefficients of `terms` with an effect for each wave and each quarter."""
    fixed = pd.get_dummies(cells[["wave", "quarter"]].astype(str), drop_first=True)
    design = sm.add_constant(pd.concat([terms, fixed], axis=1).astype(float))
    fit = sm.GLM(cells["orders"], design, family=sm.families.Poisson()).fit(scale="X2")
    return fit.params[terms.columns], fit.bse[terms.columns]


def test_control_groups_recovers_effects_that_grow_by_wave():
    """Growth a quarter of each wave, against those who never got an agent and before they did."""
    cells = panel(trials())
    terms = pd.DataFrame(
        {f"wave {k}": np.where(cells["wave"] == f"wave {k}", cells["age"], 0) for k in (1, 2, 3)}
    )
    found, error = poisson(cells, terms)
    truth = trial(0).truth(PLAY, action="dedicated agent")
    for wave in terms.columns:
        growth = np.diff(truth[truth["stratum"] == wave]["size"], prepend=0.0).mean()
        assert abs(found[wave] - growth) < 3 * error[wave] + 0.01


def test_control_groups_two_way_fixed_effects_are_biased():
    """One effect for all treated quarters comes out below the mean of the planted ones in the same cells."""
    cells = panel(trials())
    static, _ = poisson(cells, pd.DataFrame({"treated": (cells["age"] > 0).astype(float)}))
    truth = trial(0).truth(PLAY, action="dedicated agent").set_index(["stratum", "lag"])["size"]
    treated = cells[cells["age"] > 0]
    planted = truth.loc[list(zip(treated["wave"], 13.0 * (treated["age"] - 1), strict=True))]
    assert static["treated"] < planted.mean() - 0.05


def test_control_groups_recovery_looks_like_success_and_is_none():
    """Those enrolled order far more than in the quarter before; so do those who were not."""
    rises, effects = [], []
    for world in trials():
        rows = world.assigned("IN-recovery", "chosen")
        began = rows["starts_at"].to_numpy()
        before = world.count(rows["subject_id"], began - 13 * WEEK, began)
        after = world.count(rows["subject_id"], began, began + 13 * WEEK)
        enrolled = (rows["arm"] == "recovery").to_numpy()
        rises.append(np.log(after[enrolled].sum() / before[enrolled].sum()))
        effects.append(log_ratio(world, rows, enrolled, (0.0, 39.0)))
    value, error = (
        np.mean([e[0] for e in effects]),
        np.mean([e[1] for e in effects]) / np.sqrt(len(effects)),
    )
    assert min(rises) > 0.4
    assert abs(value) < 3 * error


def test_control_groups_served_in_order_of_size_look_too_good():
    """Where the largest got agents first, the plain comparison of the first wave is far off."""
    for world in trials():
        rows = world.assigned("IN-agent", "chosen")
        rows = rows[rows["cluster_id"].isin(["wave 1", "never"])]
        assert plain_ratio(world, rows, rows["arm"] != "none", 26) > 1.0


def test_control_groups_finds_nothing_where_nothing_is_planted():
    """Without the effect no wave grows, and nobody dipped."""
    world = trial(9, planted=False)
    cells = panel([world])
    terms = pd.DataFrame({"age": cells["age"].astype(float)})
    found, error = poisson(cells, terms)
    assert abs(found["age"]) < 3 * error["age"]
    assert world.truth(PLAY)["size"].to_numpy() == pytest.approx(0)
