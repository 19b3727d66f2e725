"""Which accounts take the hours, whose need moved, and how many hours to keep for gold customers."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

PLAY = "balance.capacity_protection"
SEEDS = range(5)


def log_of(seed: int, **settings) -> dict[str, pd.DataFrame]:
    """A world with its desk and the hours that were booked."""
    return generate(WorldSettings(seed=seed, customers=1200, **settings), domains=["service", "bookings"])


def needs(world: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Per account: orders and requests, in the first and the last third of the history."""
    account = world["customers"].set_index("customer_id")["account_id"]
    settings = WorldSettings()
    third = (settings.end - settings.start) / 3
    tickets = world["tickets"][world["tickets"]["category"] != "delivery"]
    table = pd.DataFrame(index=world["accounts"]["account_id"])
    for name, rows, at in (("orders", world["orders"], "ordered_at"), ("requests", tickets, "opened_at")):
        owner, moment = rows["customer_id"].map(account), rows[at]
        table[f"{name}_first"] = owner[moment < settings.start + third].value_counts()
        table[f"{name}_last"] = owner[moment >= settings.end - third].value_counts()
        table[name] = owner.value_counts()
    return table.fillna(0.0)


@pytest.fixture(scope="module")
def worlds():
    """Five worlds, with the needs of their accounts."""
    return [(world := log_of(seed), needs(world)) for seed in SEEDS]


def test_capacity_protection_effort_per_account_is_recovered(worlds):
    """Requests per order, by account, go with the planted effort: slope one in logs, where nothing moved."""
    slopes = []
    for world, table in worlds:
        truth = world["truth_outcomes"].query("play == @PLAY").set_index("subject")["value"]
        moved = world["truth_shifts"].query("play == @PLAY")["subject"]
        rows = table[(table["orders"] >= 40) & ~table.index.isin(moved)]
        rate = np.log((rows["requests"] + 0.5) / rows["orders"])
        slopes.append(np.polyfit(np.log(truth.loc[rows.index]), rate, 1)[0])
    assert np.mean(slopes) == pytest.approx(1, abs=0.06)


def test_capacity_protection_few_accounts_take_most_hours(worlds):
    """The tenth with the most hours takes far more of them than an equal need per order would give it."""
    for world, table in worlds:
        account = world["customers"].set_index("customer_id")["account_id"]
        hours = (
            world["interactions"].groupby(world["interactions"]["customer_id"].map(account))["handle_s"].sum()
        )
        top = hours.sort_values(ascending=False)
        tenth = len(table) // 10
        by_orders = table["orders"].sort_values(ascending=False)
        assert top.head(tenth).sum() / top.sum() > 1.1 * by_orders.head(tenth).sum() / by_orders.sum()


def test_capacity_protection_moves_are_found_and_an_average_hides_them(worlds):
    """From the first to the last third, requests per order of the moved accounts change by the planted factor; the
    company's average hardly does.
    """
    gap, error, overall = [], [], []
    for world, table in worlds:
        truth = world["truth_shifts"].query("play == @PLAY").set_index("subject")["size"]
        for sign in (-1, 1):
            rows = table.loc[truth[np.sign(truth) == sign].index]
            rows = rows[(rows["orders_first"] >= 5) & (rows["orders_last"] >= 5)]
            exposed = rows["requests_first"] * rows["orders_last"] / rows["orders_first"]
            gap.append(np.log(rows["requests_last"].sum() / exposed.sum()) - sign * abs(truth.iloc[0]))
            error.append(np.sqrt(1 / rows["requests_last"].sum() + 1 / rows["requests_first"].sum()))
        totals = table.sum()
        before = totals["requests_first"] / totals["orders_first"]
        overall.append(np.log(totals["requests_last"] / totals["orders_last"] / before))
    assert np.mean(gap) == pytest.approx(0, abs=0.15)
    assert max(np.abs(overall)) < 0.25


def demand(world: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Hours that gold customers and others asked for, and got, on each day."""
    rows = world["actions"][world["actions"]["action_code"].str.startswith("expert hour on ")]
    tier = rows["customer_id"].map(world["customers"].set_index("customer_id")["tier"])
    day = rows["action_code"].str[-10:]
    is_gold = tier == "gold"
    return pd.DataFrame(
        {
            "asked": day[is_gold].value_counts(),
            "booked": day[is_gold & rows["taken"]].value_counts(),
            "other": day[~is_gold].value_counts(),
        }
    ).fillna(0)


def littlewood(gold: np.ndarray, ratio: float) -> int:
    """The smallest number of protected hours that gold exceeds with at most this chance (Littlewood 1972)."""
    hours = 0
    while (gold > hours).mean() > ratio:
        hours += 1
    return hours


def truth_of(world: dict[str, pd.DataFrame]) -> pd.Series:
    """The planted parameters."""
    return world["truth_parameters"].query("play == @PLAY").set_index("name")["value"]


def test_capacity_protection_level_from_what_was_asked_for_is_the_planted_optimum(worlds):
    """Littlewood's level from asked hours is within one of the planted law's; from booked hours it is too low."""
    for world, _ in worlds:
        truth = truth_of(world)
        ratio = truth["price_other_amt"] / truth["price_gold_amt"]
        shape, mean = truth["gold_shape"], truth["gold_mean"]
        law = stats.nbinom(shape, shape / (shape + mean))
        best = next(hours for hours in range(60) if law.sf(hours) <= ratio)
        days = demand(world)
        assert abs(littlewood(days["asked"].to_numpy(), ratio) - best) <= 1
        assert littlewood(days["booked"].to_numpy(), ratio) < littlewood(days["asked"].to_numpy(), ratio)


def test_capacity_protection_worked_example():
    """Littlewood's rule by hand: gold asks for 0 to 4 hours alike, prices 100 and 50: keep two hours."""
    assert littlewood(np.array([0, 1, 2, 3, 4]), 0.5) == 2


def test_capacity_protection_without_an_effect_accounts_are_alike():
    """In a world without it requests per order vary as a Poisson count does, and nothing moves."""
    world = log_of(1, effects={PLAY: 0.0})
    table = needs(world)
    rows = table[table["orders"] >= 20]
    expected = rows["orders"] * rows["requests"].sum() / rows["orders"].sum()
    assert ((rows["requests"] - expected) ** 2 / expected).mean() == pytest.approx(1, abs=0.25)
    assert world["truth_shifts"].query("play == @PLAY").empty
    days = demand(world)["asked"]
    assert days.var() / days.mean() == pytest.approx(1, abs=0.35)


@pytest.mark.parametrize(
    "settings", [{"industry": "software"}, {"regions": ("US",)}, {"tiers": (0.0, 0.0, 1.0)}]
)
def test_tables_are_canonical(settings):
    """Schemas hold in other industries and regions, and without gold customers."""
    world = generate(WorldSettings(seed=1, customers=250, **settings), domains=["service", "bookings"])
    for name in ("tickets", "actions", "kpi_targets"):
        validate(name, world[name])
