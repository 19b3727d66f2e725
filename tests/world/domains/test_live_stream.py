"""A pipeline on the time of what happened takes the planted actions, each once; one on arrival does not."""

import json
from collections import defaultdict

import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings
from tests.world.worlds_redrawn import drawn

SEEDS = range(6)


@pytest.fixture(scope="module")
def worlds():
    """Six worlds."""
    return [drawn("live_stream", seed) for seed in SEEDS]


def rules(tables):
    live = tables["rules"].query("ruleset == 'live'")
    return [json.loads(row.condition_json) | json.loads(row.outcome_json) for row in live.itertuples()]


def rows(tables):
    """The stream in order of arrival, times in seconds."""
    events = tables["events"].sort_values("received_at", kind="stable")
    second = [
        events[c].astype("datetime64[us]").astype("int64") / 1e6 for c in ("occurred_at", "received_at")
    ]
    message = [json.loads(text)["message"] for text in events["payload_json"]]
    return list(zip(events["event_id"], events["event_type"], events["customer_id"], events["product_id"],
                    *second, message, strict=True))  # fmt: skip


def holds(rule, times):
    """The first time at which `count` of these times lie within the window, or None."""
    times = sorted(times)
    count = rule["count"]
    ends = [b for a, b in zip(times, times[count - 1 :], strict=False) if b - a <= rule["window_s"]]
    return ends[0] if ends else None


def by_event_time(tables):
    """Actions of a pipeline with keyed state, deduplication and a watermark: {(action, customer): in time or late}."""
    done, live = {}, rules(tables)
    state, late, seen = defaultdict(list), defaultdict(list), set()
    watermark = 0.0
    for _, kind, customer, product, at, _, message in rows(tables):
        if message in seen:
            continue
        seen.add(message)
        for rule in live:
            if rule["event_type"] != kind:
                continue
            key = (rule["action"], customer, product if "product_id" in rule["key"] else "")
            if at < watermark:
                late[key].append(at)
            else:
                state[key].append(at)
                if holds(rule, state[key]) is not None:
                    done.setdefault(key[:2], "in time")
        watermark = max(watermark, at - 30)
    for rule in live:
        for key, times in late.items():
            if (
                key[0] == rule["action"]
                and key[:2] not in done
                and holds(rule, times + state[key]) is not None
            ):
                done[key[:2]] = "late"
    return done


def by_arrival(tables):
    """Actions of windows on the time of arrival, without deduplication."""
    done, state, live = set(), defaultdict(list), rules(tables)
    for _, kind, customer, product, _, arrival, _ in rows(tables):
        for rule in live:
            if rule["event_type"] == kind:
                key = (rule["action"], customer, product if "product_id" in rule["key"] else "")
                state[key].append(arrival)
                if holds(rule, state[key]) is not None:
                    done.add(key[:2])
    return done


def truth(tables):
    labels = tables["truth_labels"].query("play == 'unify.live_pipeline'")
    customer = tables["events"].set_index("event_id")["customer_id"].reindex(labels["key"])
    return dict(zip(zip(labels["label"], customer, strict=True), labels["value"], strict=True))


def test_tables_keep_their_schemas(worlds):
    """Events and rules pass their declarations; nothing is received before it happened."""
    for tables in worlds:
        validate("events", tables["events"])
        validate("rules", tables["rules"])
        assert (tables["events"]["received_at"] >= tables["events"]["occurred_at"]).all()
        assert not (tables["events"]["received_at"] == tables["events"]["occurred_at"]).all()


def test_live_pipeline_takes_each_planted_action_once(worlds):
    """Planted actions are those executed and those reported late, no more and no less."""
    for tables in worlds:
        assert by_event_time(tables) == truth(tables)
        assert {"in time", "late"} == set(truth(tables).values())


def test_live_pipeline_by_arrival_acts_on_the_wrong_customers(worlds):
    """Windows by time of arrival act where nothing happened, and miss some that did in time."""
    missed = 0
    for tables in worlds:
        done = by_arrival(tables)
        assert len(done - set(truth(tables))) > 20
        missed += len({key for key, value in truth(tables).items() if value == "in time"} - done)
    assert missed > 3 * len(worlds)


def test_live_pipeline_without_the_plant_nobody_is_acted_on():
    """Without the plant the right pipeline does nothing, while the other still acts."""
    for seed in SEEDS:
        tables = drawn("live_stream", seed, effects={"unify.live_pipeline": 0})
        assert by_event_time(tables) == {} == truth(tables)
        assert by_arrival(tables)


@pytest.mark.parametrize("industry", ["retail", "telecom and field service", "software", "logistics"])
def test_other_worlds_hold_together(industry):
    """Other industries, one market and no effect give valid tables."""
    tables = generate(
        WorldSettings(seed=3, customers=200, industry=industry, regions=("GB",), effect=0.0),
        domains=["live_stream"],
    )
    validate("events", tables["events"])
