"""Leverage is found where it was planted, through what the log misses; the log alone funds a touchpoint without effect."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from playbook.define import journey_map
from playbook.store.reading import Store
from playbook.store.writing import write_store
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

READ = ("touchpoints", "process_steps", "surveys", "customers", "orders", "assignments", "initiatives")
VIEWS = ("journey_records", "journey_cases")


def views(tables: dict[str, pd.DataFrame], folder) -> list[pd.DataFrame]:
    """The play's two views of some tables."""
    write_store(folder, tables, {"kind": "client"})
    return [Store(folder).view(name, as_of="2026-07-01") for name in VIEWS]


def world(folder, seed: int, effect: float) -> SimpleNamespace:
    """A world with its views, truth and map."""
    made = generate(
        WorldSettings(seed=seed, customers=2000, effect=effect), domains=["journeys", "processes"]
    )
    tables = {name: made[name] for name in READ}
    seen = views(tables, folder / f"{seed}-{effect:g}")
    truth = {
        name: made[name][made[name]["play"] == "define.journey_map"]
        for name in ("truth_effects", "truth_parameters")
    }
    result = journey_map.follow(*seen, draws=200)
    return SimpleNamespace(tables=tables, views=seen, truth=SimpleNamespace(**truth), result=result)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory) -> list[SimpleNamespace]:
    return [world(tmp_path_factory.mktemp("journeys"), seed, 1.0) for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def quiet(tmp_path_factory) -> list[SimpleNamespace]:
    return [world(tmp_path_factory.mktemp("quiet"), seed, 0.0) for seed in (1, 2, 3)]


def planted(one: SimpleNamespace, metric: str) -> pd.Series:
    rows = one.truth.truth_effects.query("metric == @metric")
    return rows.set_index("action")["size"].loc[one.result.table.index]


def test_the_planted_order_of_leverage_is_found(worlds):
    """First and last in each world; the three that help, and the one that harms, in order on average."""
    for one in worlds:
        assert one.result.best == planted(one, "leverage").idxmax()
        assert one.result.table["leverage"].idxmin() == planted(one, "leverage").idxmin()
    mean = sum(one.result.table["leverage"] for one in worlds).sort_values(ascending=False)
    assert list(mean.index[:3]) == ["site visit", "welcome call", "review meeting"]


def test_the_log_alone_funds_a_touchpoint_without_effect(worlds):
    """Who compares renewal with and without a logged touchpoint starts where nothing was planted."""
    for one in worlds:
        assert planted(one, "leverage")[one.result.table["simple"].idxmax()] == 0


def test_reach_is_found_though_the_log_misses_most_of_it(worlds):
    """Counter visits happen to three times as many customers as the log says; the estimate is within a fifth."""
    for one in worlds:
        true, rows = planted(one, "reach")["counter visit"], one.result.table.loc["counter visit"]
        assert rows["logged"] < 0.4 * true
        assert rows["reach"] == pytest.approx(true, rel=0.2)


def test_planted_coverage_lies_in_its_range_and_independence_flatters_the_log(worlds):
    """All but a few of 21 ranges hold it; taking the sources as independent overstates the log's share."""
    held, flattered = [], []
    for one in worlds:
        parameters = one.truth.truth_parameters.set_index("name")["value"]
        for place, (step, row) in enumerate(one.result.table.iterrows()):
            true = parameters[f"coverage of the log: {step}"]
            held.append(row["coverage_low"] <= true <= row["coverage_high"])
            flattered.append(one.result.sources.coverage()[0, place] - true)
    assert np.mean(held) > 0.85
    assert np.mean(flattered) > 2 * np.std(flattered) / np.sqrt(len(flattered))


def test_the_pilot_shows_how_far_the_sources_depend_on_each_other(worlds):
    """The planted odds ratio of site visits lies within three standard errors of what the lot shows."""
    for one in worlds:
        true = one.truth.truth_parameters.set_index("name").loc[
            "odds ratio of the sources: site visit", "value"
        ]
        low, high = (np.log(one.result.facts[f"known_{end}"]) for end in ("low", "high"))
        error = (high - low) / (2 * 1.645)
        assert abs(np.log(true) - (low + high) / 2) < 3 * error


def test_without_effects_or_gaps_nothing_is_recommended(quiet):
    """No touchpoint in most worlds, and none of which the log is thought to miss anything."""
    assert sum(bool(journey_map.invest(one.result) or journey_map.harmful(one.result)) for one in quiet) <= 1
    for one in quiet:
        assert journey_map.gaps(one.result) == []
        assert (one.result.table[["coverage_low", "coverage_high"]] == 1).all(axis=None)
    assert "Invest in no touchpoint" in journey_map.decide(quiet[0].result).recommendation


def test_the_view_holds_what_plain_pandas_counts(worlds):
    """Cases with each touchpoint in the log, ticks of answered diaries, and orders before the first touchpoint."""
    one = worlds[0]
    records, cases = one.views
    log = one.tables["touchpoints"].assign(step=lambda t: t["step_id"].str.split(":").str[1])
    seen = records.query("source == 'log'")["step"].value_counts()
    assert seen.to_dict() == log["step"].value_counts().to_dict()
    diary = one.tables["surveys"].query("instrument == 'journey diary' and score == 1")
    told = records.query("source == 'diary'")["step"].value_counts()
    assert told.to_dict() == diary["item_code"].value_counts().to_dict()
    start = log.groupby("customer_id")["started_at"].min()
    before = one.tables["orders"].query("kind == 'order'")
    before = before[before["ordered_at"] < before["customer_id"].map(start)]
    assert cases["orders_before"].sum() == len(before)
    areas = records.drop_duplicates("step").set_index("step")["area"]
    assert set(areas) == {"sales", "service", "fulfilment"}


def test_more_dependence_leaves_less_to_the_log_and_moves_the_decision(worlds):
    """Coverage falls and leverage grows in size with the odds ratio; somewhere a gap more is to be closed."""
    table = journey_map.what_if(worlds[0].result, odds=[1, 2, 4, 8])
    for _, rows in table.groupby("step"):
        assert rows["coverage"].is_monotonic_decreasing
        assert rows["leverage"].abs().is_monotonic_increasing
    gaps = table.groupby("odds")["close"].sum()
    assert gaps[8] > gaps[1]


def test_feedback_says_which_way_and_hides_the_answer(worlds):
    """The log's answer is too low; near is near; far is too high; own data are held against themselves."""
    one = worlds[0]
    row = one.result.table.loc[one.result.best]
    said = [journey_map.check(1000 * row[column], one.truth, one.result) for column in ("leverage", "simple")]
    assert said[0].near
    assert said[1].message.startswith("Too low")
    high = journey_map.check(10_000 * row["leverage"], one.truth, one.result)
    assert high.message.startswith("Too high")
    own = journey_map.check(1000 * row["leverage"], None, one.result)
    assert own.near
    assert "no planted truth" in own.basis
    assert not any(f"{1000 * row['leverage']:.0f}" in text for text in (said[1].message, high.message))


def test_decision_names_the_touchpoints_the_gaps_and_what_would_flip_it(worlds):
    """Invest in the first, redesign the harmful, record what is seldom logged; the next best is the bar."""
    decision = journey_map.decide(worlds[0].result)
    assert decision.recommendation.startswith("Invest first in site visit")
    assert "Redesign payment reminder" in decision.recommendation
    assert "site visit and counter visit recorded" in decision.recommendation
    assert journey_map.invest(worlds[0].result)[1] in decision.flips_if


def test_without_diary_lot_and_customers_the_page_says_what_it_leaves_out(worlds, tmp_path):
    """Only the log and the steps: the map, the leverage in the log, no coverage, all doors open."""
    seen = views({name: worlds[0].tables[name] for name in READ[:2]}, tmp_path / "bare")
    result = journey_map.follow(*seen, draws=50)
    assert "no second source" in journey_map.looked_at(result)
    assert result.table["coverage"].isna().all()
    assert "service tier" not in journey_map.compared(result)
    for ax in (
        journey_map.plot(result),
        journey_map.plot_coverage(result),
        journey_map.plot_leverage(result),
    ):
        assert ax.figure.get_suptitle()
    texts = [
        journey_map.dependence(result),
        journey_map.decide(result).recommendation,
        journey_map.question(result),
    ]
    tables = [journey_map.overview(result), journey_map.by_group(result)]
    assert "diary" in texts[1]
    assert not any("nan" in str(text) for text in texts + tables)


def test_too_few_journeys_are_one_clear_line(worlds):
    """Fifty cases, or none."""
    records, cases = worlds[0].views
    for few in (cases.head(50), cases.head(0)):
        with pytest.raises(ValueError, match=f"a journey map needs 100 journeys .* got {len(few)}"):
            journey_map.follow(records, few)
