"""Tiers that follow every move change for customers who have not changed; real changes are seen in time."""

from itertools import pairwise

import numpy as np

from playbook.world.trials import LOTS
from tests.world.worlds_of_programmes import WEEK, trial, trials

PLAY = "define.tier_assignment"
WINDOW = 26  # weeks of orders in the score


def scores(world, customer):
    """Orders in the last half year of each customer at each week, (customers, weeks), from week 52 on."""
    end = np.datetime64(world.settings.end, "us")
    weeks = end - WEEK * np.arange(104, -1, -1)
    return np.stack(
        [
            world.count(customer, np.full(len(customer), at - WINDOW * WEEK), np.full(len(customer), at))
            for at in weeks
        ],
        axis=1,
    )


def tiers(score, cuts, band):
    """Tier of each week: a cut counts only when passed by the band (share of the cut)."""
    tier = np.searchsorted(cuts, score[:, 0], side="right")
    found = [tier]
    for week in range(1, score.shape[1]):
        up = np.searchsorted(np.array(cuts) * (1 + band), score[:, week], side="right")
        down = np.searchsorted(np.array(cuts) * (1 - band), score[:, week], side="right")
        tier = np.clip(tier, np.minimum(up, down), np.maximum(up, down))
        found.append(tier)
    return np.stack(found, axis=1)


def constant(world):
    """Customers whose rate never changed, and who were there all the time."""
    labels = world.tables["truth_labels"]
    keys = labels[(labels["play"] == PLAY) & (labels["label"] == "constant rate")]["key"]
    truth = world.tables["truth_purchases"].merge(world.tables["customers"], on="customer_id")
    there = truth[truth["active"] & (truth["created_at"] == world.settings.start)]
    return there[there["customer_id"].isin(keys)]["customer_id"]


def test_tier_assignment_hysteresis_saves_constant_customers_from_false_moves():
    """A band cuts moves of constant customers by more than half, and real changes are still seen."""
    cuts = (3.0, 8.0)
    for world in trials()[:3]:
        customer = constant(world)
        assert len(customer) > 50
        score = scores(world, customer)
        moves = {
            band: (np.diff(tiers(score, cuts, band)) != 0).sum() / len(customer) / 2 for band in (0.0, 0.5)
        }
        assert moves[0.5] < moves[0.0] / 2
        assert moves[0.0] > 0.5


def test_tier_assignment_constant_customers_buy_at_one_rate():
    """Orders of both halves of the history differ by chance only."""
    counts = []
    for world in trials():
        customer = constant(world)
        end = np.datetime64(world.settings.end, "us")
        edges = [np.full(len(customer), end - WEEK * weeks) for weeks in (140, 70, 0)]
        counts.append([world.count(customer, *edges[:2]), world.count(customer, *edges[1:])])
    first, second = (np.concatenate(part) for part in zip(*counts, strict=True))
    z = (second - first) / np.sqrt(np.maximum(first + second, 1))
    assert abs(z.mean()) < 4 / np.sqrt(len(z))
    assert z[first + second > 5].var() < 1.25


def shifted(world):
    """Orders in the year before and in the half year after each shift, of those who still buy."""
    shifts = world.tables["truth_shifts"]
    shifts = shifts[shifts["play"] == PLAY].merge(
        world.tables["truth_purchases"], left_on="subject", right_on="customer_id"
    )
    shifts = shifts[shifts["active"]]
    at = shifts["start_at"].to_numpy()
    before = world.count(shifts["subject"], at - 40 * WEEK, at)
    after = world.count(shifts["subject"], at, at + 40 * WEEK)
    return shifts["size"].to_numpy(), before, after


def test_tier_assignment_recovers_the_size_of_real_changes():
    """Growing and shrinking customers order as much more and less as planted."""
    sums = {True: np.zeros(2), False: np.zeros(2)}
    planted = {}
    for world in trials():
        size, before, after = shifted(world)
        for grows in (True, False):
            sums[grows] += [before[(size > 0) == grows].sum(), after[(size > 0) == grows].sum()]
            planted[grows] = size[(size > 0) == grows].mean()
    for grows, (before, after) in sums.items():
        assert abs(np.log(after / before) - planted[grows]) < 4 * np.sqrt(1 / before + 1 / after)


def test_tier_assignment_detects_growth_within_the_half_year():
    """With a band, most who buy often enough and grow are in a higher tier half a year later."""
    seen = []
    for world in trials():
        shifts = world.tables["truth_shifts"].query("play == @PLAY and size > 0")
        rate = world.tables["truth_purchases"].set_index("customer_id")
        shifts = shifts[
            rate.loc[shifts["subject"], "active"].to_numpy()
            & (rate.loc[shifts["subject"], "rate_week"].to_numpy() > 0.5)
        ]
        at = shifts["start_at"].to_numpy()
        before = world.count(shifts["subject"], at - WINDOW * WEEK, at)
        after = world.count(shifts["subject"], at, at + WINDOW * WEEK)
        seen += list((after >= 12.0) & (after > 1.5 * before))
    assert np.mean(seen) > 0.7


def moves_a_year(world, customer, band):
    """Moves per customer-year of each, in the last two years."""
    return (np.diff(tiers(scores(world, customer), (3.0, 8.0), band)) != 0).sum(axis=1) / 2


def of_lot(world, lot):
    """Customers whose lot it was to have a fortune or none, and who were there all the time."""
    lots = world.tables["_lots"]["lot"].to_numpy()
    customer_id = world.tables["customers"]["customer_id"][lots == tuple(LOTS).index(lot)]
    truth = world.tables["truth_purchases"].merge(world.tables["customers"], on="customer_id")
    there = truth[truth["active"] & (truth["created_at"] == world.settings.start)]["customer_id"]
    return there[there.isin(customer_id)]


def test_tier_assignment_without_effect_nobody_changes():
    """No shift is planted; that lot moves as often as constant customers do, a band calms both, and all moves are chance."""
    worlds = [trial(seed, planted=False) for seed in (9, 10)]
    for world in worlds:
        assert not (world.tables["truth_shifts"]["play"] == PLAY).any()
        assert len(constant(world)) > 50
    for band in (0.0, 0.5):
        steady, lot = (
            np.concatenate([moves_a_year(world, pick(world), band) for world in worlds])
            for pick in (constant, lambda world: of_lot(world, "fortune"))
        )
        error = np.sqrt(steady.var() / len(steady) + lot.var() / len(lot))
        assert abs(steady.mean() - lot.mean()) < 3 * error
        assert (steady.mean() > 0.5) == (band == 0.0)


def test_tier_assignment_false_moves_are_those_of_shuffled_weeks():
    """At effect 0, constant customers move as often as their own weeks do in random order, with a band and without."""
    world, rng = trial(9, planted=False), np.random.default_rng(1)
    customer = constant(world)
    end = np.datetime64(world.settings.end, "us")
    edges = [end - WEEK * back for back in range(156, -1, -1)]
    weekly = np.stack(
        [
            world.count(customer, np.full(len(customer), since), np.full(len(customer), until))
            for since, until in pairwise(edges)
        ],
        axis=1,
    )
    for band in (0.0, 0.5):
        real = moves_a_year(world, customer, band).sum()
        chance = []
        for _ in range(60):
            total = np.cumsum(rng.permuted(weekly, axis=1), axis=1)
            score = (total[:, WINDOW:] - total[:, :-WINDOW])[:, -105:]
            chance.append((np.diff(tiers(score, (3.0, 8.0), band)) != 0).sum() / 2)
        assert abs(real - np.mean(chance)) < 4 * np.std(chance)
