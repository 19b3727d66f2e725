"""The sources that change the decision are found, in their order; the fresh one without value is not among them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from playbook.define import data_sources
from playbook.methods import topsis
from playbook.store.reading import Store
from playbook.store.writing import write_store
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

TABLES = (
    "decisions", "src_iot_readings", "src_support_tickets", "src_erp_orders", "src_crm_customers", "events", "customers",
    "accounts", "corrections", "systems",
)  # fmt: skip
TELEMETRY, SERVICE, ERP, CRM, WEB = data_sources.LABELS.values()


def world(folder, seed: int, **settings) -> SimpleNamespace:
    tables = generate(WorldSettings(seed=seed, **settings), domains=["intake", "web", "systems"])
    write_store(folder, {name: tables[name] for name in TABLES}, {"kind": "client"})
    play = {
        name: tables[name].query("play == 'define.data_sources'")
        for name in ("truth_effects", "truth_parameters")
    }
    views = {
        name: Store(folder).view(name, as_of="2026-07-01") for name in ("device_decisions", "source_quality")
    }
    return SimpleNamespace(**views, tables=tables, truth=SimpleNamespace(**play))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return world(tmp_path_factory.mktemp("world") / "store", 2, customers=4000)


@pytest.fixture(scope="module")
def result(made):
    return data_sources.sources(made.device_decisions, made.source_quality)


def test_planted_values_are_recovered_in_their_order(made, result):
    """Planted costs are within their intervals; telemetry, service, ERP in this order; the fresh web log shows no value."""
    rows = data_sources.recover(made, made.truth).set_index("what")
    assert rows["truth"].between(rows["low"], rows["high"]).sum() >= 4
    assert list(rows["estimate"].nlargest(3).index) == [
        f"without {name}" for name in (TELEMETRY, SERVICE, ERP)
    ]
    assert result.table.loc[WEB, "low_amt"] <= 0
    assert result.table.loc[WEB, "delay_h"] < result.table.loc[ERP, "delay_h"] / 10


def test_savings_of_each_source_alone_count_the_same_money_twice(made):
    """Added up, today's business cases are off by more than half of the planted sum; ours by less than a quarter."""
    rows = data_sources.recover(made, made.truth)
    planted = rows["truth"].sum()
    assert rows["naive"].sum() > 1.5 * planted
    assert rows["estimate"].sum() == pytest.approx(planted, rel=0.25)


def test_without_effect_no_source_is_found(tmp_path):
    """Each interval holds zero, and nothing is to be integrated now."""
    none = world(tmp_path / "store", 1, customers=1500, effect=0.0)
    found = data_sources.sources(none.device_decisions, none.source_quality)
    assert (found.table["low_amt"] <= 0).all()
    assert "now" not in set(data_sources.verdicts(found))
    assert "shown to change" in data_sources.plot(found).figure.get_suptitle()


def test_signals_are_what_plain_pandas_counts(made):
    """Requests that name the machine and median vibration in mm/s, in the 90 days before, for each decision."""
    rows = made.device_decisions.set_index("device_id")
    asked = made.tables["src_support_tickets"].dropna(subset="serial_no").drop_duplicates("ticket_no")
    asked = asked.assign(at=pd.to_datetime(asked["opened"], errors="coerce", format="%Y-%m-%dT%H:%M"))
    before = rows.loc[asked["serial_no"], "decided_at"].to_numpy() - asked["at"].to_numpy()
    inside = (before >= np.timedelta64(0)) & (before <= np.timedelta64(90, "D"))
    count = asked[inside]["serial_no"].value_counts().reindex(rows.index).fillna(0)
    assert (rows["service"] == count).all()
    read = made.tables["src_iot_readings"].query("metric == 'vibration'").dropna(subset="value")
    read = read[read["device_id"].isin(rows.index)]
    value = np.log(read["value"].astype(float) * np.where(read["unit"] == "in/s", 25.4, 1.0))
    expected = value.groupby(read["device_id"]).median().reindex(rows.index)
    assert np.allclose(rows["telemetry"], expected, equal_nan=True)


def test_freshness_gaps_and_errors_are_the_planted_ones(made, result):
    """Median delay 4 minutes, plus the few machines offline; shares without value and wrong within four standard errors."""
    planted = made.truth.truth_parameters.set_index("name")["value"]
    row = result.table.loc[TELEMETRY]
    assert 60 * row["delay_h"] == pytest.approx(planted["iot delay"], rel=0.2)
    n = made.source_quality.set_index("source")["rows"]["telemetry"]
    for found, name, cases in (
        ("complete_share", "iot without value", n),
        ("right_share", "iot wrong", row["audited"]),
    ):
        rate = planted[name]
        assert 1 - row[found] == pytest.approx(rate, abs=4 * np.sqrt(rate / cases))


def test_ranking_is_topsis_of_what_the_page_shows(result):
    """Full weight on value ranks by value; who is beaten has a beater at least as good on all five counts."""
    columns = list(data_sources.COLUMNS)
    known = result.table[columns].fillna(result.table[columns].mean())
    for name, by in result.table["beaten_by"].items():
        for winner in filter(None, by.split(", ")):
            ahead = (known.loc[winner].clip(lower=0) - known.loc[name].clip(lower=0)) * [1, -1, 1, 1, -1]
            assert (ahead >= 0).all()
    near = topsis.closeness(result.matrix(), [1, 0, 0, 0, 0], data_sources.MORE_IS_BETTER)
    assert result.table.index[near.argmax()] == result.first


def test_cost_of_joining_moves_sources_from_now_to_never(result):
    """Dearer never helps a source; the least cost has as many now as there is room for, the highest none."""
    table = data_sources.what_if(result, point_amt=data_sources.cost_steps(result))
    rank = table.assign(rank=table["verdict"].map({"now": 0, "later": 1, "never": 2}))
    wide = rank.pivot_table(index="point_amt", columns="source", values="rank")
    assert (wide[[TELEMETRY, SERVICE, WEB]].diff().dropna() >= 0).all(axis=None)
    assert (wide.iloc[0] == 0).sum() == result.at_once
    assert (wide.iloc[-1] > 0).all()
    assert "the cost of joining one rises" in data_sources.plot_what_if(table).figure.get_suptitle().replace(
        "\n", " "
    )


def test_decision_names_a_cost_that_really_flips_it(result):
    """Just below the cost it names, the first source comes now; just above it waits."""
    decision = data_sources.decide(result)
    limit = float(decision.flips_if.split("more than ")[1].split(" a year")[0].replace(",", ""))
    for factor, verdict in ((0.99, "now"), (1.01, "later")):
        moved = data_sources.verdicts(replace(result, point_amt=factor * limit))
        assert moved.loc[result.first] == verdict
    assert decision.low <= result.table.loc[result.first, "lost_amt"] * result.decisions_year <= decision.high


def test_feedback_says_which_way_and_hides_the_answer(made, result):
    """Saving alone is too high, a tenth too low; own data are held against the result."""
    planted = made.truth.truth_effects.set_index("action")["size"]["iot"]
    assert data_sources.check(planted, made.truth, result).near
    for wrong, side in ((result.table.loc[TELEMETRY, "alone_amt"], "high"), (planted / 10, "low")):
        feedback = data_sources.check(wrong, made.truth, result)
        assert feedback.message.startswith(f"Too {side}")
        assert f"{planted:.1f}" not in feedback.message
    own = data_sources.check(result.table["lost_amt"].max(), None, result)
    assert own.near
    assert "no planted truth" in own.basis


def test_runs_on_decisions_with_two_sources_and_no_quality(made):
    """Without the other extracts and `systems`, it ranks by value and says what it leaves out."""
    bare = made.device_decisions.assign(crm=np.nan, web=np.nan, erp=np.nan)
    found = data_sources.sources(bare)
    assert list(found.table.index) == [TELEMETRY, SERVICE]
    assert "nothing is known: freshness, completeness, accuracy, ease" in data_sources.ranked(found)
    for draw in (data_sources.plot, data_sources.plot_front, data_sources.plot_weights):
        assert draw(found).figure.get_suptitle()
    assert "not known" in data_sources.shown(found).to_string()
    assert data_sources.decide(found).flips_if


def test_views_run_when_only_decisions_are_there(made, tmp_path):
    """No source says anything: empty figures, no quality, and one clear line."""
    write_store(tmp_path / "store", {"decisions": made.tables["decisions"]}, {"kind": "client"})
    store = Store(tmp_path / "store")
    decisions, quality = (
        store.view(name, as_of="2026-07-01") for name in ("device_decisions", "source_quality")
    )
    assert len(quality) == 0
    with pytest.raises(ValueError, match="compares two sources at least"):
        data_sources.sources(decisions, quality)
