"""The sampled log gives back the full counts to who weighs by the sampling, and only to them."""

import json

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings
from tests.world.worlds_redrawn import drawn

SEEDS = range(20)


@pytest.fixture(scope="module")
def worlds():
    """Twenty worlds."""
    return [drawn("traces", seed) for seed in SEEDS]


def read(tables):
    """Events with the chance at which they were kept, and the version of their payload."""
    events = tables["events"].query("subject_type == 'trace'")
    bodies = {text: json.loads(text) for text in events["payload_json"].unique()}
    rate = {t: b["sample_rate"] if "sample_rate" in b else b["kept_percent"] / 100 for t, b in bodies.items()}
    version = {t: 2 if "sample_rate" in b else 1 for t, b in bodies.items()}
    return events.assign(rate=events["payload_json"].map(rate), body=events["payload_json"].map(version))


def totals(tables):
    truth = tables["truth_parameters"].query("play == 'unify.event_schema'")
    return truth.groupby(truth["name"].str.split(": ").str[1])["value"].sum()


def test_tables_keep_their_schemas(worlds):
    """Events pass their declaration and stay in the last four weeks."""
    settings = WorldSettings(seed=0, customers=600)
    for tables in worlds[:3]:
        validate("events", tables["events"])
        assert tables["events"]["occurred_at"].min() >= settings.end - pd.Timedelta(weeks=4)
        assert tables["events"]["occurred_at"].max() < settings.end


def test_event_schema_weighting_by_trace_covers_the_full_counts(worlds):
    """Counts weighted by 1/rate, with the variance of whole traces, cover the truth in about 95 of 100 cases."""
    inside, sure = [], []
    for tables in worlds:
        events, truth = read(tables), totals(tables)
        for kind in ("stock_check", "advice_request", "offer_view", "basket_change"):
            own = events[events["event_type"] == kind]
            per_trace = own.groupby("subject_id")["rate"].agg(["size", "first"])
            total = (per_trace["size"] / per_trace["first"]).sum()
            spread = np.sqrt(
                (per_trace["size"] ** 2 * (1 - per_trace["first"]) / per_trace["first"] ** 2).sum()
            )
            single = np.sqrt(((1 - own["rate"]) / own["rate"] ** 2).sum())
            inside.append(abs(total - truth[kind]) < 1.96 * spread)
            sure.append(abs(total - truth[kind]) < 1.96 * single)
    assert np.mean(inside) > 0.86
    assert np.mean(sure) < 0.8


def test_event_schema_counting_what_is_there_is_wrong(worlds):
    """Rows of the log show a tenth of ordinary events, and failures several times too often."""
    for tables in worlds:
        events, truth = read(tables), totals(tables)
        seen = events["event_type"].value_counts()
        assert seen["stock_check"] < 0.35 * truth["stock_check"]
        assert seen["failure"] == truth["failure"]
        assert seen["failure"] / seen.sum() > 2.5 * truth["failure"] / truth.sum()


def test_event_schema_wrong_versions_are_those_that_do_not_parse(worlds):
    """The payload of exactly the planted events is of another version than they say."""
    planted_ones = 0
    for tables in worlds:
        events = read(tables)
        found = set(events.loc[events["body"] != events["schema_version"], "event_id"])
        assert found == set(tables["truth_labels"].query("play == 'unify.event_schema'")["key"])
        planted_ones += len(found)
    assert planted_ones > 20


def test_event_schema_without_the_plant_the_log_is_whole():
    """Without sampling the rows are the truth, and every version is right."""
    for seed in range(5):
        tables = drawn("traces", seed, effects={"unify.event_schema": 0})
        events = read(tables)
        seen = events["event_type"].value_counts().reindex(totals(tables).index, fill_value=0)
        assert (seen == totals(tables)).all()
        assert (events["rate"] == 1).all()
        assert (events["body"] == events["schema_version"]).all()


@pytest.mark.parametrize("industry", ["retail", "telecom and field service", "software", "logistics"])
def test_other_worlds_hold_together(industry):
    """Other industries, one market and no effect give valid tables."""
    tables = generate(
        WorldSettings(seed=3, customers=200, industry=industry, regions=("GB",), effect=0.0),
        domains=["traces"],
    )
    validate("events", tables["events"])
