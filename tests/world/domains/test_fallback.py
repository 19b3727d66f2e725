"""A breaker that watches the planted windows loses less than any fixed policy, and averages hide the windows."""

import numpy as np
import pytest
from scipy.stats import norm

from playbook.store.writing import validate
from playbook.world.domains.fallback import LEVELS
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

PLAY = "balance.fallback"
TIMEOUT_MS = 1000.0


def make(seed, **kw):
    """A world with a week of load."""
    return generate(WorldSettings(seed=seed, customers=200, **kw), domains=["fallback"])


@pytest.fixture(scope="module")
def worlds():
    """Five worlds."""
    return [make(seed) for seed in range(5)]


def drawn_values(world):
    """Mean value of an answer by level, of those whose level was drawn, and of all."""
    shown = world["events"].query("event_type == 'answer shown'")
    level = shown["tags"].str.split(";").str
    is_drawn = level[1] == "drawn"
    drawn = shown[is_drawn].groupby(level[0][is_drawn])["value"].mean()
    return drawn.loc[list(LEVELS)], shown.groupby(level[0])["value"].mean().loc[list(LEVELS)]


def served(world):
    """Per bucket and level: share of errors, p99, and the share of answers in time and right."""
    load = world["system_load"][world["system_load"]["system_id"].isin(LEVELS)]
    wide = load.pivot(index="bucket_at", columns="system_id")
    errors = (wide["errors"] / wide["requests"])[list(LEVELS)]
    p50, p99 = wide["latency_p50_ms"][list(LEVELS)], wide["latency_p99_ms"][list(LEVELS)]
    sigma = np.log(p99 / p50) / norm.ppf(0.99)
    slow = norm.sf(np.log(TIMEOUT_MS / p50) / sigma)
    return errors, p99, (1 - errors) * (1 - slow)


def breaker(errors, p99, limit=0.08, slow_ms=1500.0, rest=3):
    """Level per bucket: fall back one level when the last bucket was bad, probe again after `rest` buckets."""
    level, open_for, used = 0, 0, []
    bad = ((errors > limit) | (p99 > slow_ms)).to_numpy()
    for t in range(len(bad)):
        used.append(level)
        if level == 0 and bad[t, 0]:
            level, open_for = (1 if not bad[t, 1] else 2), rest
        elif level > 0:
            open_for -= 1
            if open_for <= 0 and not bad[t, 0]:  # a probe in the background
                level = 0
    return np.array(used)


def value(world, level):
    """Value of a policy, per request of all-time personal answers."""
    values, _ = drawn_values(world)
    _, _, fine = served(world)
    worth = fine.to_numpy() * values.to_numpy()
    return worth[np.arange(len(worth)), level].mean()


def test_tables_keep_their_schemas(worlds):
    """Declared, inside the history."""
    world = worlds[0]
    for table in ("systems", "system_load", "events", "exceptions"):
        validate(table, world[table])
    assert world["system_load"]["bucket_at"].max() < WorldSettings().end


def test_fallback_breaker_beats_every_fixed_policy(worlds):
    """Value over the week, and p99 in the planted windows, are better than the best fixed level's."""
    for world in worlds:
        errors, p99, fine = served(world)
        used = breaker(errors, p99)
        fixed = [value(world, np.full(len(fine), k)) for k in range(3)]
        assert value(world, used) > max(fixed) + 0.005
        inside = np.zeros(len(fine), dtype=bool)
        for window in world["truth_shifts"].query("play == @PLAY").itertuples():
            inside |= (fine.index >= window.start_at) & (fine.index < window.end_at)
        with_breaker = p99.to_numpy()[np.arange(len(p99)), used][inside]
        assert np.quantile(with_breaker, 0.8) < 0.5 * np.quantile(p99[LEVELS[0]][inside], 0.8)


def test_fallback_finds_the_planted_windows(worlds):
    """Buckets with bad errors or latency are those of the windows."""
    for world in worlds:
        errors, p99, _ = served(world)
        bad = (errors[LEVELS[0]] > 0.05) | (p99[LEVELS[0]] > 1500)
        inside = np.zeros(len(bad), dtype=bool)
        for window in world["truth_shifts"].query("play == @PLAY").itertuples():
            inside |= (bad.index >= window.start_at) & (bad.index < window.end_at)
        assert (bad == inside).mean() > 0.995


def test_fallback_averages_hide_the_windows(worlds):
    """The week's error share and median p99 look fine, and customers who got more were worth more."""
    for world in worlds:
        errors, p99, _ = served(world)
        assert errors[LEVELS[0]].mean() < 0.05
        faults = world["truth_shifts"].query("play == @PLAY and metric == 'fault'")
        alarms = world["exceptions"].query("exception_type == 'answer failed'")["occurred_at"]
        assert alarms.between(
            faults["start_at"].min(), faults["end_at"].max()
        ).all()  # overloads raise no alarm
        assert p99[LEVELS[0]].median() < 500
        drawn, all_shown = drawn_values(world)
        assert all_shown.iloc[0] / all_shown.iloc[2] > 1.5 * drawn.iloc[0] / drawn.iloc[2]


def test_fallback_drawn_levels_give_the_planted_values(worlds):
    """Over the seeds, mean values of drawn answers are the planted ones."""
    true = worlds[0]["truth_parameters"].query("play == @PLAY")["value"].to_numpy()
    found = np.array([drawn_values(world)[0].to_numpy() for world in worlds])
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    assert (abs(found.mean(axis=0) - true) < 4 * error + 0.01).all()


def test_fallback_never_opens_without_effect():
    """No window, no bad bucket, nothing gained."""
    for seed in range(3):
        world = make(seed, effects={PLAY: 0})
        errors, p99, _ = served(world)
        assert (breaker(errors, p99) == 0).all()
        assert world["truth_shifts"].query("play == @PLAY").empty
