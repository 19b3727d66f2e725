"""Deviations, pairs and favourites are found by methods that know how much chance does; simpler ones miss them."""

from functools import wraps

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from scipy.stats import binom

from playbook.world.domains import habits
from playbook.world.generate import generate
from playbook.world.plants import plants
from playbook.world.settings import WorldSettings

SEEDS = range(5)
SETTINGS = WorldSettings()
WEEKS = SETTINGS.days // 7


def cache_by_world(function):
    """Keep what a function makes of each world."""
    known = {}

    @wraps(function)
    def kept(tables):
        if id(tables) not in known:
            known[id(tables)] = (
                tables,
                function(tables),
            )  # the world is kept too, so that its id stays its own
        return known[id(tables)][1]

    return kept


@pytest.fixture(scope="module")
def worlds():
    """Worlds with effects."""
    return [generate(WorldSettings(seed=seed, customers=4000), domains=["orders"]) for seed in SEEDS]


@pytest.fixture(scope="module")
def quiet():
    """Worlds in which nothing at all is planted: nobody's habits change."""
    off = dict.fromkeys(plants(), 0.0)
    return [
        generate(WorldSettings(seed=seed, customers=4000, effects=off), domains=["orders"]) for seed in SEEDS
    ]


@pytest.mark.parametrize("changes", [{"regions": ("GB",)}, {"industry": "logistics"}, {"effect": 0.0}])
def test_other_worlds_do_not_break_it(changes):
    """One market, another industry, no effect, few customers."""
    generate(WorldSettings(customers=200, **changes), domains=["orders"])


def shifts(tables, play):
    truth = tables["truth_shifts"]
    return truth[truth["play"] == play]


@cache_by_world
def weekly(tables):
    """Orders a week of customers with at least 30 orders, and in which weeks each was seen to be there."""
    orders = tables["orders"]
    often = orders["customer_id"].value_counts()
    orders = orders[orders["customer_id"].isin(often.index[often >= 30])]
    week = (orders["ordered_at"] - SETTINGS.start).dt.days // 7
    counts = pd.crosstab(orders["customer_id"], week).reindex(columns=range(WEEKS), fill_value=0)
    first = orders["ordered_at"].groupby(orders["customer_id"]).min()
    last = orders["ordered_at"].groupby(orders["customer_id"]).max()
    begins, ends = (
        ((at - SETTINGS.start).dt.days // 7).reindex(counts.index).to_numpy() for at in (first, last)
    )
    place = np.arange(WEEKS)
    return counts, (place >= begins[:, None]) & (place <= ends[:, None])


def windows(counts, width):
    """Sums over every `width` weeks, (customers, windows)."""
    total = np.cumsum(np.pad(np.asarray(counts, dtype=float), ((0, 0), (1, 0))), axis=1)
    return total[:, width:] - total[:, :-width]


def around(counts, width, reach=26):
    """Sums over the `reach` weeks before and after every window."""
    total = np.cumsum(np.pad(np.asarray(counts, dtype=float), ((0, 0), (1, 0))), axis=1)
    first = np.arange(WEEKS - width + 1)
    low, high = np.maximum(first - reach, 0), np.minimum(first + width + reach, WEEKS)
    return total[:, high] - total[:, low] - windows(counts, width)


@cache_by_world
def surprise(tables):
    """For each customer how unlikely its oddest spell is (minus log), against its own weeks before and after.

    Given the sum of two Poisson counts, either is binomial: their rate cancels.
    """
    counts, there = weekly(tables)
    best = np.zeros(len(counts))
    for width, is_burst in ((6, True), (16, False)):
        seen, near = windows(counts, width), around(counts, width)
        share = width / np.maximum(width + around(there, width), 1)
        tail = (
            binom.logsf(seen - 1, seen + near, share) if is_burst else binom.logcdf(seen, seen + near, share)
        )
        best = np.maximum(best, np.where(windows(there, width) == width, -tail, 0).max(axis=1))
    return pd.Series(best, counts.index)


def swing(tables):
    """The naive measure: the largest change of a customer's orders from one six weeks to the next."""
    counts, _ = weekly(tables)
    sums = windows(counts, 6)
    return pd.Series(np.abs(sums[:, 6:] - sums[:, :-6]).max(axis=1), counts.index)


def recall(score, planted, budget):
    return planted.isin(score.nlargest(budget).index).mean()


def test_anomalies_against_each_customers_own_rate_find_the_planted(worlds):
    """With alerts for as many as are planted, most are found; nearly all bursts."""
    found, bursts = [], []
    for tables in worlds:
        truth = shifts(tables, "unify.anomalies")
        score = surprise(tables)
        found.append(recall(score, truth["subject"], len(truth)))
        bursts.append(recall(score, truth.loc[truth["kind"] == "burst", "subject"], len(truth)))
    assert np.mean(found) > 0.6
    assert np.mean(bursts) > 0.8


def test_anomalies_by_one_limit_for_all_are_the_big_customers(worlds):
    """The largest swings are those of the largest customers: the naive list finds at most half as many."""
    own, naive = (
        np.mean([recall(score(t), (p := shifts(t, "unify.anomalies"))["subject"], len(p)) for t in worlds])
        for score in (surprise, swing)
    )
    assert naive < own - 0.2


def test_anomalies_are_none_where_none_are_planted(worlds, quiet):
    """Without them the oddest twenty customers are far less odd, and truth names none."""
    for with_them, without in zip(worlds, quiet, strict=True):
        assert len(shifts(without, "unify.anomalies")) == 0
        odd = [surprise(tables).nlargest(20).mean() for tables in (with_them, without)]
        assert odd[0] > 1.5 * odd[1]


@cache_by_world
def pairs(tables):
    """Pairs of products on one order: how often, and how far above what their popularity explains, in standard errors."""
    lines = tables["order_lines"]
    code, product = pd.factorize(lines["product_id"], sort=True)
    order = np.cumsum(lines["line_no"] == 1) - 1  # lines of an order stand together
    basket = csr_array((np.ones(len(code), dtype=np.float32), (order, code)))
    basket.data[:] = 1  # a product twice on an order counts once
    size = basket.sum(axis=1)
    several, size = basket[size >= 2], size[size >= 2]
    together = (several.T @ several).toarray()
    share = np.diag(together) / size.sum()
    expected = np.outer(share, share) * (size * (size - 1)).sum()
    one, other = np.triu_indices(len(product), 1)
    table = pd.DataFrame({"one": product[one], "other": product[other], "n": together[one, other]})
    table["z"] = (table["n"] - expected[one, other]) / np.sqrt(expected[one, other])
    return table.set_index([table["one"].astype(str), table["other"].astype(str)])


def planted_pairs(tables):
    truth = tables["truth_structure"]
    truth = truth[truth["play"] == "balance.fulfilment_lanes"]
    return [tuple(sorted(pair)) for pair in zip(truth["source"], truth["target"], strict=True)]


def test_fulfilment_lanes_find_the_products_that_belong_together(worlds):
    """The pairs farthest above chance are the planted ones."""
    for tables in worlds:
        planted = planted_pairs(tables)
        assert len(planted) == len(habits.PAIRS)
        assert set(pairs(tables)["z"].nlargest(len(planted)).index) == set(planted)


def test_fulfilment_lanes_by_counting_pairs_find_popular_products(worlds):
    """Of the most frequent pairs hardly any belongs together."""
    for tables in worlds:
        planted = planted_pairs(tables)
        assert len(set(pairs(tables)["n"].nlargest(len(planted)).index) & set(planted)) <= len(planted) / 4


def test_fulfilment_lanes_have_no_pairs_where_none_are_planted(quiet):
    """No pair is farther from chance than the largest of so many Poisson counts."""
    for tables in quiet:
        assert planted_pairs(tables) == []
        assert pairs(tables)["z"].max() < 9  # expected counts of rare pairs are far below one


@cache_by_world
def cells(tables):
    """Sales by product, market and customer: customers in the cell, and whether it breaks the p % rule (p = 20)."""
    lines = tables["order_lines"].merge(tables["orders"][["order_id", "customer_id"]])
    lines = lines.merge(tables["customers"][["customer_id", "region_id"]])
    lines["amt"] = lines["qty_ordered"] * lines["unit_price_amt"]
    sales = (
        lines.groupby(["product_id", "region_id", "customer_id"])["amt"].sum().sort_values(ascending=False)
    )
    cell = sales.groupby(level=[0, 1]).agg(["size", "sum"])
    cell["first"] = sales.groupby(level=[0, 1]).nth(0).droplevel(2)
    cell["second"] = sales.groupby(level=[0, 1]).nth(1).droplevel(2)
    cell["exposed"] = cell["sum"] - cell["first"] - cell["second"].fillna(0) < 0.2 * cell["first"]
    return cell


def planted_cells(tables):
    truth = tables["truth_labels"]
    return [tuple(value.split("|")) for value in truth.loc[truth["play"] == "govern.data_sharing", "value"]]


def test_data_sharing_by_dominance_finds_the_exposed_customers(worlds):
    """The p % rule flags nearly all planted cells."""
    flagged = [cells(tables).loc[planted_cells(tables), "exposed"].mean() for tables in worlds]
    assert np.mean(flagged) >= 0.9


def test_data_sharing_by_counting_customers_calls_them_safe(worlds):
    """Most planted cells have five customers and more: a least number of customers lets them pass."""
    assert np.mean([(cells(t).loc[planted_cells(t), "size"] >= 5).mean() for t in worlds]) > 0.6


def test_data_sharing_exposes_nobody_in_well_filled_cells_where_nothing_is_planted(quiet):
    """Among cells of five customers and more hardly any breaks the rule."""
    for tables in quiet:
        assert planted_cells(tables) == []
        cell = cells(tables)
        assert cell.loc[cell["size"] >= 5, "exposed"].sum() <= 1
