"""What reports and checks share misleads Lincoln and Petersen; Chao's bound holds on average."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import conform, validate
from playbook.world.blocks import stream
from playbook.world.domains import corrections
from playbook.world.domains.corrections import PLAY, ROUNDS
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SETTINGS = WorldSettings(seed=1, customers=2500, defects=1.5)


@pytest.fixture(scope="module")
def company() -> dict[str, pd.DataFrame]:
    """The customers and staff of one company, in which errors are made anew for every seed."""
    return generate(SETTINGS, domains=corrections.NEEDS)


def drawn(company: dict[str, pd.DataFrame], settings: WorldSettings, seed: int) -> dict[str, pd.DataFrame]:
    made = corrections.generate(settings, company, stream(seed, "corrections"))
    return company | {"corrections": conform("corrections", made.pop("corrections"))} | made


@pytest.fixture(scope="module")
def worlds(company):
    return [drawn(company, SETTINGS, seed) for seed in range(20)]


@pytest.fixture(scope="module")
def quiet(company):
    return [drawn(company, replace(SETTINGS, effects={PLAY: 0}), seed) for seed in range(20)]


def histories(tables) -> pd.DataFrame:
    """Which rounds noticed each true error, (errors, rounds)."""
    rows = tables["corrections"].query("verified and method in ('report', 'check')")
    return (
        rows.assign(one=1).pivot_table(index="record_id", columns="occasion_no", values="one", fill_value=0)
        > 0
    )


def lincoln(seen: pd.DataFrame) -> tuple[float, float]:
    """Errors by Chapman's form of Lincoln and Petersen, reports against checks, and its standard error."""
    methods = np.array(ROUNDS)[seen.columns.astype(int) - 1]
    report, check = (seen.loc[:, methods == name].any(axis=1) for name in ("report", "check"))
    a, b, m = report.sum() + 1, check.sum() + 1, (report & check).sum() + 1
    return a * b / m - 1, np.sqrt(a * b * (a - m) * (b - m) / (m**2 * (m + 1)))


def chao(seen: pd.DataFrame) -> float:
    """Chao's lower bound for errors noticed in several rounds."""
    times = seen.sum(axis=1)
    once, twice, t = (times == 1).sum(), (times == 2).sum(), seen.shape[1]
    return len(seen) + (t - 1) / t * once * (once - 1) / (2 * (twice + 1))


def true(tables) -> int:
    return (tables["truth_labels"]["play"] == PLAY).sum()


def test_tables_are_canonical(worlds):
    """Corrections keep their schema; nothing is put right before it is reported, nor after the end."""
    for tables in worlds[:2]:
        validate("corrections", tables["corrections"])
        rows = tables["corrections"].dropna(subset="fixed_at")
        assert (rows["fixed_at"] >= rows["reported_at"]).all()
        assert rows["customer_id"].isin(tables["customers"]["customer_id"]).all()


def test_frontline_corrections_chao_holds_and_lincoln_petersen_misses(worlds):
    """With errors easier or harder to see, two lists promise too few, with a narrow interval; Chao's bound is nearer,
    and below the truth on average.
    """
    ratio, bound, covered = [], [], []
    for tables in worlds:
        seen, n = histories(tables), true(tables)
        guess, error = lincoln(seen)
        ratio.append(guess / n)
        covered.append(abs(guess - n) < 1.96 * error)
        bound.append(chao(seen) / n)
    print(f"Lincoln-Petersen {np.mean(ratio):.2f} ({np.mean(covered):.0%} cover), Chao {np.mean(bound):.2f}")
    assert np.mean(covered) < 0.2
    assert np.mean(ratio) < 0.8
    assert np.mean(ratio) + 0.03 < np.mean(bound) <= 1.02


def test_frontline_corrections_lists_are_independent_without_effect(quiet):
    """Where all errors are as easy to see, both agree with the truth."""
    found = [
        (lincoln(histories(tables))[0] / true(tables), chao(histories(tables)) / true(tables))
        for tables in quiet
    ]
    error = np.std(found, axis=0, ddof=1) / np.sqrt(len(found))
    print("Without effect", np.mean(found, axis=0).round(3), error.round(3))
    assert (abs(np.mean(found, axis=0) - 1) < 3.5 * error).all()
    assert (error < 0.04).all()


def test_frontline_corrections_recovers_who_reports_wrongly(worlds):
    """The share of each reporter's mistaken reports follows the planted one, and the mean is right."""
    pairs = []
    for tables in worlds[:8]:
        rows = tables["corrections"].query("method == 'report'")
        share = 1 - rows.groupby("reporter_staff_id")["verified"].mean()
        planted = tables["truth_raters"].query("play == @PLAY").set_index("rater")["noise"]
        pairs.append(pd.DataFrame({"found": share, "true": planted.reindex(share.index)}))
    both = pd.concat(pairs)
    assert both["true"].notna().all()
    assert both.corr().iloc[0, 1] > 0.45
    assert both["found"].mean() == pytest.approx(both["true"].mean(), abs=0.03)
