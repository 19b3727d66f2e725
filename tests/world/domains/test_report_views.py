"""By lot, the figures whose views cause contacts are found; among viewers, all figures seem to."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings
from tests.world.worlds_redrawn import drawn

SEEDS = range(6)
PLAY = "measure.customer_report"


@pytest.fixture(scope="module")
def worlds():
    """Six worlds."""
    return [drawn("report_views", seed) for seed in SEEDS]


def pilot(tables):
    """Per customer: figures shown, views of each, contacts."""
    rows = tables["assignments"].query("initiative_id == 'customer report pilot'")
    figure = rows["arm"].str.split(": ").str[0]
    shown = pd.crosstab(rows["subject_id"], figure, values=rows["arm"].str.endswith("shown"), aggfunc="first")
    shown = shown.astype(bool)
    seen = tables["events"].query("event_type == 'report_view'")
    views = pd.crosstab(seen["customer_id"], seen["subject_id"]).reindex(shown.index, fill_value=0)
    asked = tables["tickets"].query("category == 'report question'")["customer_id"].value_counts()
    return shown, views[shown.columns], asked.reindex(shown.index, fill_value=0)


def by_lot(tables):
    """Contacts per view of each figure: what being shown adds to contacts, over what it adds to views."""
    shown, views, asked = pilot(tables)
    found = {}
    for figure in shown:
        on = shown[figure]
        more = asked[on].mean() - asked[~on].mean()
        error = np.sqrt(asked[on].var() / on.sum() + asked[~on].var() / (~on).sum())
        looks = views.loc[on, figure].mean()
        found[figure] = (more / looks, error / looks)
    return pd.DataFrame(found, index=["size", "error"]).T


def among_viewers(tables):
    """Contacts per view of each figure by regression among those who were shown it."""
    shown, views, asked = pilot(tables)
    return pd.Series({f: np.polyfit(views.loc[shown[f], f], asked[shown[f]], 1)[0] for f in shown})


def truth(tables):
    return tables["truth_effects"].query("play == @PLAY").set_index("action")["size"]


def test_tables_keep_their_schemas(worlds):
    """All tables pass their declarations; who is not shown a figure does not view it."""
    for name in ("events", "tickets", "assignments", "reports", "initiatives"):
        validate(name, worlds[0][name])
    shown, views, _ = pilot(worlds[0])
    assert not views.where(~shown, 0).to_numpy().any()


def test_customer_report_recovers_contacts_per_view(worlds):
    """The lot gives the planted contacts per view of each figure, and intervals that cover them."""
    found = [by_lot(tables) for tables in worlds]
    mean = pd.concat([f["size"] for f in found], axis=1).mean(axis=1)
    error = found[0]["error"] / np.sqrt(len(worlds))
    assert ((mean - truth(worlds[0])).abs() < 3.5 * error).all()
    covered = [(abs(f["size"] - truth(worlds[0])) < 1.96 * f["error"]).mean() for f in found]
    assert np.mean(covered) > 0.8
    assert mean["credit left"] > 5 * error["credit left"]


def test_customer_report_viewers_ask_more_whatever_they_view(worlds):
    """Among viewers, harmless figures seem to cause contacts too, because late parcels cause both."""
    found = pd.concat([among_viewers(tables) for tables in worlds], axis=1).mean(axis=1)
    assert found["parcels on time"] > 0.05
    assert found["parcel map"] > 0.05


def test_customer_report_without_the_plant_no_figure_causes_contacts():
    """Without the plant the lot finds nothing, and the regression among viewers still does."""
    worlds = [drawn("report_views", seed, effects={PLAY: 0}) for seed in SEEDS[:4]]
    found = [by_lot(tables) for tables in worlds]
    mean = pd.concat([f["size"] for f in found], axis=1).mean(axis=1)
    assert (mean.abs() < 3.5 * found[0]["error"] / np.sqrt(len(worlds))).all()
    assert pd.concat([among_viewers(tables) for tables in worlds], axis=1).mean(axis=1).min() > 0.03


@pytest.mark.parametrize("industry", ["retail", "telecom and field service", "software", "logistics"])
def test_other_worlds_hold_together(industry):
    """Other industries, one market and no effect give valid tables."""
    tables = generate(
        WorldSettings(seed=3, customers=200, industry=industry, regions=("GB",), effect=0.0),
        domains=["report_views"],
    )
    for name in ("events", "tickets", "assignments", "reports"):
        validate(name, tables[name])
