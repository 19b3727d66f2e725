"""The dearest hand-offs are those that were planted; counting failures or multiplying ratings finds others."""

from types import SimpleNamespace

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from playbook.define import handoffs
from playbook.store.reading import VIEWS
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

TABLES = ("touchpoints", "process_steps", "exceptions")


def view(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The process_handoffs view of some tables."""
    connection = duckdb.connect()
    for name in TABLES:
        connection.register(name, tables[name])
    query = (VIEWS / "process_handoffs.sql").read_text()
    return connection.execute(query, {"as_of": "2026-07-01"}).df()


def world(seed: int, effect: float) -> SimpleNamespace:
    """A small world with its view, truth and ranking."""
    tables = generate(
        WorldSettings(seed=seed, customers=400, effect=effect), domains=["handoffs", "processes"]
    )
    truth = tables["truth_parameters"].query("play == 'define.handoffs'")
    seen = view(tables)
    return SimpleNamespace(
        tables=tables,
        view=seen,
        truth=SimpleNamespace(truth_parameters=truth),
        result=handoffs.rank(seen),
    )


@pytest.fixture(scope="module")
def worlds() -> list[SimpleNamespace]:
    return [world(seed, 1.0) for seed in range(1, 5)]


@pytest.fixture(scope="module")
def quiet() -> list[SimpleNamespace]:
    return [world(seed, 0.0) for seed in range(1, 5)]


def planted(each: SimpleNamespace, kind: str) -> pd.Series:
    """A planted figure of each hand-off, in the order of the result."""
    values = each.truth.truth_parameters.set_index("name")["value"]
    ids = each.result.table["step_id"]
    return pd.Series([values[f"{kind}: {step}"] for step in ids], each.result.table.index)


def toy(**changed) -> pd.DataFrame:
    """A process of four steps: sales, customer, warehouse, customer; small enough for pencil and paper."""
    rows = pd.DataFrame(
        {
            "process": "toy",
            "step_id": ["a", "b", "c", "d"],
            "name": ["order", "form", "pick", "sign"],
            "seq_no": [1.0, 2.0, 3.0, 4.0],
            "lane": ["sales", "customer", "warehouse", "customer"],
            "from_lane": [None, "sales", "customer", "warehouse"],
            "cases": 1000,
            "handed_over": [0, 1000, 1000, 1000],
            "failed": [0, 200, 100, 50],
            "unnoticed": [0, 20, 80, 10],
            "reworked": [0, 180, 20, 40],
            "wait_h": [np.nan, 10.0, 5.0, 30.0],
            "work_h": 1.0,
            "work_rework_h": 3.0,
            "first_at": pd.Timestamp("2025-01-01"),
            "last_at": pd.Timestamp("2025-12-31"),
            "losses": [0, 20, 80, 10],
            "loss_amt": [0.0, 1000.0, 80_000.0, 2000.0],
            "loss_sq": [0.0, 60_000.0, 100_000_000.0, 500_000.0],
        }
    )
    return rows.assign(**changed)


def test_view_counts_what_plain_pandas_counts(worlds):
    """Cases, failures, escapes, rework, waits and losses of each step, from the log itself."""
    tables = worlds[0].tables
    log = tables["touchpoints"].sort_values(["case_id", "started_at"])
    wait = (log["started_at"] - log.groupby("case_id")["ended_at"].shift()).dt.total_seconds() / 3600
    log = log.assign(wait_h=wait, unnoticed=log["failed"] & (log["detected_by"] == "customer"))
    sums = log.groupby("step_id").agg(
        failed=("failed", "sum"),
        unnoticed=("unnoticed", "sum"),
        reworked=("rework", "sum"),
        wait_h=("wait_h", "mean"),
    )
    sums["loss_amt"] = tables["exceptions"].groupby("step_id")["loss_amt"].sum()
    seen = worlds[0].view.set_index("step_id").loc[sums.index]
    np.testing.assert_allclose(
        seen[sums.columns].astype(float), sums.fillna({"loss_amt": 0.0}).astype(float), rtol=1e-9
    )


def test_planted_order_is_recovered_and_that_of_the_rpn_is_not(worlds):
    """Expected loss ranks as planted; the risk priority number puts another hand-off first and orders worse."""
    taus = []
    for each in worlds:
        table, true = each.result.table, planted(each, "expected loss of a case")
        assert table.index[0] == true.idxmax()
        assert table["first_share"].iloc[0] > 0.95
        taus.append([kendalltau(table[column], true).statistic for column in ("loss_amt", "rpn")])
    mine, product = np.mean(taus, axis=0)
    assert mine > 0.9
    assert product < mine - 0.05
    assert max(tau for _, tau in taus) < 1
    assert np.mean([each.result.table["rpn"].idxmax() != each.result.table.index[0] for each in worlds]) > 0.5


def test_the_most_frequent_failure_is_cheap(worlds):
    """Who counts failures starts where hardly anything is lost."""
    for each in worlds:
        true = planted(each, "expected loss of a case")
        assert true[each.result.table["failed_share"].idxmax()] < 0.12 * true.sum()


def test_intervals_hold_the_planted_losses(worlds):
    """Of 32 intervals of 90 % at least 24 hold the truth, and the naive answer is farther from it every time."""
    rows = pd.concat(
        [handoffs.recover(SimpleNamespace(process_handoffs=w.view), w.truth) for w in worlds],
        ignore_index=True,
    )
    assert rows["truth"].between(rows["low"], rows["high"]).sum() >= 24
    assert ((rows["estimate"] - rows["truth"]).abs() < (rows["naive"] - rows["truth"]).abs()).all()
    assert rows.groupby("what").size().eq(len(worlds)).all()


def test_alike_hand_offs_yield_no_finding(quiet):
    """Where all are planted alike nobody is singled out: not in the decision, the text or the picture."""
    assert all(np.ptp(planted(each, "expected loss of a case")) < 1e-9 for each in quiet)
    assert min(each.result.alike_p for each in quiet) > 0.01
    for each in quiet:
        if handoffs.differ(each.result):
            continue
        assert handoffs.decide(each.result).recommendation.startswith("Redesign no single hand-off")
        assert "noise" in handoffs.compared(each.result)
        assert "no order of importance" in handoffs.customers_part(each.result)
        assert "none stands out" in " ".join(handoffs.plot(each.result).figure.get_suptitle().split())
    assert sum(handoffs.differ(each.result) for each in quiet) <= 1
    assert sum("no team to copy" not in handoffs.noticed(each.result) for each in quiet) <= 1


def test_toy_process_agrees_with_pencil_and_paper():
    """Loss a case 1, 80 and 2; ratings, RPN and Action Priority as the tables give them."""
    table = handoffs.rank(toy()).table
    assert table["loss_amt"].round(9).to_dict() == {"pick": 80.0, "sign": 2.0, "form": 1.0}
    ratings = table[["severity", "occurrence", "detection", "rpn", "priority"]].T.to_dict("list")
    assert ratings == {
        "pick": [7, 10, 8, 560, "H"],
        "sign": [4, 9, 2, 72, "M"],
        "form": [2, 10, 1, 20, "L"],
    }


def test_customers_steps_add_up_what_lies_on_both_sides():
    """The form has 1 before it and 80 after it; the signature only what comes before."""
    steps = handoffs.customer_steps(handoffs.rank(toy()))
    assert steps["loss_amt"].round(9).to_dict() == {"form": 81.0, "sign": 2.0}
    assert steps.loc["form", ["takes_from", "hands_to", "wait_h"]].tolist() == ["sales", "warehouse", 15.0]
    assert handoffs.customer_share(handoffs.rank(toy())) == 1.0


def test_a_check_saves_what_it_catches_less_rework_and_its_cost():
    """At the pick: 0.8 x 0.08 x (1000 - 50) - 8 a case; and the dearer the check, the fewer hand-offs it pays at."""
    result = handoffs.rank(toy())
    assert handoffs.net_saving(result, check_cost_amt=8)["pick"] == pytest.approx(52.8)
    scenarios = handoffs.what_if(result, check_cost_amt=[0.1, 1, 10, 100])
    assert scenarios["pays_at"].tolist() == [2, 2, 1, 0]
    assert (scenarios["saved_amt"] >= scenarios["everywhere_amt"]).all()
    assert "nowhere" in handoffs.plot_what_if(scenarios, 100).figure.get_suptitle()


def test_decision_names_the_order_and_the_loss_that_would_flip_it():
    """A check at 8 stops paying at the pick when it loses less than 8 / 0.8 + 0.08 x 50 = 14 a case."""
    decision = handoffs.decide(handoffs.rank(toy()), check_cost_amt=8)
    assert "in this order: pick. Integrate the customer's steps with ours: form." in decision.recommendation
    assert "pick lose less than 14 a case" in decision.flips_if
    assert decision.low < 0.2 * 80 < decision.high


def test_feedback_says_which_way_and_hides_the_answer(worlds):
    """Against the planted share: near, too high and too low, none of which states it."""
    each = worlds[0]
    true = 100 * handoffs.recover(SimpleNamespace(process_handoffs=each.view), each.truth)["truth"].iloc[-1]
    assert handoffs.check(true, each.truth, each.result).near
    for answer, side in ((true * 0.5, "Too low"), (true * 2, "Too high")):
        feedback = handoffs.check(answer, each.truth, each.result)
        assert feedback.message.startswith(side)
        assert f"{true:.0f}" not in feedback.message + "".join(feedback.hints)


def test_on_a_clients_data_the_answer_must_agree_with_the_table(worlds):
    """Without truth the feedback is about consistency, and says so."""
    result = worlds[0].result
    feedback = handoffs.check(100 * handoffs.customer_share(result), None, result)
    assert feedback.near
    assert "no planted truth" in feedback.basis


def test_without_recorded_losses_unnoticed_failures_are_counted(worlds):
    """The page says that every failure is taken to cost the same, and all doors still open."""
    tables = worlds[0].tables
    seen = view(tables | {"exceptions": tables["exceptions"].head(0)})
    result = handoffs.rank(seen, process="installation", assumed_loss_amt=40)
    assert "No losses are recorded" in handoffs.chosen(result)
    table = result.table
    assert (table["loss_amt"] - 40 * table["failed_share"] * table["unnoticed_share"]).abs().max() < 1e-9
    for draw in (handoffs.plot, handoffs.plot_noticed, handoffs.plot_loss):
        assert draw(result).figure.get_suptitle()
    assert handoffs.decide(result).flips_if


def test_where_nobody_records_who_noticed_all_failures_count_as_unnoticed():
    """And the page says so."""
    seen = toy(unnoticed=toy()["failed"])
    assert "all count as unnoticed" in handoffs.chosen(handoffs.rank(seen))


def test_a_hand_off_without_a_known_loss_takes_the_mean_of_the_others():
    """82,000 over the 90 failures at pick and signature; and the page says so."""
    result = handoffs.rank(toy(losses=[0, 0, 80, 10], loss_amt=[0.0, 0.0, 80_000.0, 2000.0]))
    assert result.table.loc["form", "loss_each_amt"] == pytest.approx(82_000 / 90)
    assert "No loss is recorded at form" in handoffs.chosen(result)


def test_page_says_who_notices_best_and_worst():
    """We notice 90 % at the form and 20 % at the pick."""
    text = handoffs.noticed(handoffs.rank(toy()))
    assert "best at **form**, where we notice 90%" in text
    assert "worst at **pick**, with 20%" in text


def test_what_cannot_be_ranked_is_refused():
    """No failure anywhere, and a process that is not there."""
    with pytest.raises(ValueError, match="no process"):
        handoffs.rank(toy(failed=0, unnoticed=0, losses=0, loss_amt=0.0))
    with pytest.raises(ValueError, match="'other'"):
        handoffs.rank(toy(), process="other")
