"""Published kappas, alphas and p-values; scipy and statsmodels as independent oracles."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.multitest import multipletests

from playbook.methods import agreement

GAP = np.nan
KRIPPENDORFF = [  # Krippendorff (2011): four observers, twelve units
    [1, 2, 3, 3, 2, 1, 4, 1, 2, GAP, GAP, GAP],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, GAP, 3],
    [GAP, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, GAP],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, GAP],
]
FLEISS = [  # Fleiss (1971) layout: ten cases, five labels, fourteen raters
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]
BENJAMINI = [  # Benjamini & Hochberg (1995), section 4.2
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0,
]  # fmt: skip


@pytest.mark.parametrize(
    ("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_alpha_is_krippendorffs(level, published):
    """His matrix with gaps, on all four scales (V23)."""
    assert agreement.krippendorff_alpha(KRIPPENDORFF, level=level) == pytest.approx(published, abs=5e-4)


def test_alpha_is_one_minus_disagreement_of_pairs():
    """Enumerating every pair of ratings gives the same interval alpha."""
    ratings = np.array(KRIPPENDORFF)
    units = [column[~np.isnan(column)] for column in ratings.T]
    units = [unit for unit in units if len(unit) > 1]
    pooled = np.concatenate(units)
    observed = sum(sum((a - b) ** 2 for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in units)
    expected = sum((a - b) ** 2 for a, b in permutations(pooled, 2)) / (len(pooled) - 1)
    assert agreement.krippendorff_alpha(ratings, level="interval") == pytest.approx(1 - observed / expected)


def test_alpha_interval_covers_its_nominal_share():
    """Labels that are right 8 times in 10: 90 % intervals hold the alpha of a large sample about 9 times in 10."""
    rng = np.random.default_rng(0)

    def rated(units):
        truth = rng.random(units) < 0.5
        return np.where(rng.random((3, units)) < 0.8, truth, ~truth).astype(float)

    target = agreement.krippendorff_alpha(rated(200_000))
    hits = 0
    for draw in range(200):
        low, high = agreement.alpha_interval(rated(60), draws=300, seed=draw)
        hits += low <= target <= high
    assert 165 <= hits <= 195


@pytest.mark.parametrize(
    ("ratings", "level", "message"),
    [
        ([[1, GAP], [GAP, 2]], "nominal", "two ratings"),
        ([[1, 1], [1, 1]], "nominal", "same value"),
        ([[1, 2], [1, 2]], "cardinal", "one of nominal"),
        ([[-1, 2], [1, 2]], "ratio", "negative"),
    ],
)
def test_alpha_says_when_it_is_not_defined(ratings, level, message):
    """One clear line, not a NaN."""
    with pytest.raises(ValueError, match=message):
        agreement.krippendorff_alpha(ratings, level=level)


def test_kappa_of_two_raters_is_published():
    """V22: .40 of the two by two table."""
    assert agreement.cohen_kappa([[20, 5], [10, 15]]) == pytest.approx(0.4)


def test_weighted_kappa_is_cohens():
    """V22: Cohen's (1968) three by three table with weights 0, 1, 3, 6."""
    table, weights = [[88, 14, 18], [10, 40, 10], [2, 6, 12]], [[0, 1, 3], [1, 0, 6], [3, 6, 0]]
    assert agreement.cohen_kappa(table) == pytest.approx(0.492, abs=5e-4)
    assert agreement.cohen_kappa(table, weights) == pytest.approx(0.348, abs=5e-4)


@given(st.lists(st.integers(1, 50), min_size=9, max_size=9))
def test_kappa_agrees_with_statsmodels(cells):
    """On any table, unweighted and with linear weights."""
    table = np.reshape(cells, (3, 3))
    linear = np.abs(np.subtract.outer(range(3), range(3)))
    assert agreement.cohen_kappa(table) == pytest.approx(cohens_kappa(table, return_results=False))
    assert agreement.cohen_kappa(table, linear) == pytest.approx(
        cohens_kappa(table, wt="linear", return_results=False)
    )


def test_kappa_interval_covers_its_nominal_share():
    """30 cases from a known table: 90 % intervals hold its kappa about 9 times in 10, also when kappa is 1."""
    rng = np.random.default_rng(1)
    for shares in ([[0.42, 0.0], [0.3, 0.28]], [[0.4, 0.1], [0.1, 0.4]], [[0.45, 0.0], [0.0, 0.55]]):
        truth, hits = agreement.cohen_kappa(shares), 0
        for draw in range(400):
            table = rng.multinomial(30, np.ravel(shares)).reshape(2, 2)
            low, high = agreement.kappa_interval(table, draws=800, seed=draw)
            hits += low <= truth <= high
        assert hits / 400 > 0.84


def test_kappa_refuses_what_is_no_table():
    """Neither an empty table nor an oblong one; and labels must be of the same cases."""
    with pytest.raises(ValueError, match="at least one case"):
        agreement.cohen_kappa([[0, 0], [0, 0]])
    with pytest.raises(ValueError, match="square"):
        agreement.cohen_kappa([[1, 2, 3], [1, 2, 3]])
    with pytest.raises(ValueError, match="same cases"):
        agreement.confusion([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="outside"):
        agreement.confusion([1, 2], [1, 5], categories=[1, 2])


def test_fleiss_kappa_is_published():
    """V22: .210."""
    assert agreement.fleiss_kappa(FLEISS) == pytest.approx(0.210, abs=5e-4)


def test_fleiss_kappa_needs_as_many_raters_for_each_case():
    """A missing rater is refused."""
    with pytest.raises(ValueError, match="same number of raters"):
        agreement.fleiss_kappa([[2, 1], [2, 0]])


def test_concordance_is_friedmans_statistic():
    """m (n - 1) W and its p-value are Friedman's, ties included."""
    ratings = np.random.default_rng(2).integers(1, 5, (9, 6))
    w, p = agreement.kendall_w(ratings)
    friedman = stats.friedmanchisquare(*ratings.T)
    assert w * 9 * 5 == pytest.approx(friedman.statistic)
    assert p == pytest.approx(friedman.pvalue)


def test_concordance_knows_its_ends():
    """Opposite orders cancel to 0, equal orders give 1, gaps are refused."""
    assert agreement.kendall_w([[1, 2, 3], [3, 2, 1]])[0] == 0
    assert agreement.kendall_w([[1, 2, 3], [1, 2, 3]])[0] == 1
    with pytest.raises(ValueError, match="same items"):
        agreement.kendall_w([[1, 2, GAP], [1, 2, 3]])
    with pytest.raises(ValueError, match="alike"):
        agreement.kendall_w([[2, 2, 2], [3, 3, 3]])


def test_kruskal_wallis_agrees_with_scipy():
    """With ties, unequal groups and gaps."""
    rng = np.random.default_rng(3)
    values, groups = rng.integers(1, 8, 40).astype(float), rng.choice(list("abc"), 40)
    values[:3] = np.nan
    known = ~np.isnan(values)
    scipy = stats.kruskal(*(values[known & (groups == g)] for g in "abc"))
    assert agreement.kruskal_wallis(values, groups) == pytest.approx((scipy.statistic, scipy.pvalue))


def test_kruskal_wallis_sees_nothing_in_equal_values():
    """All alike: no difference; one group: refused."""
    assert agreement.kruskal_wallis([4, 4, 4, 4], list("aabb")) == (0.0, 1.0)
    with pytest.raises(ValueError, match="two groups"):
        agreement.kruskal_wallis([1, 2], list("aa"))


def test_false_discovery_control_is_the_published_one():
    """Their fifteen p-values: the first four are discoveries at 5 %, where Bonferroni keeps three."""
    assert (agreement.benjamini_hochberg(BENJAMINI) <= 0.05).sum() == 4
    assert (np.array(BENJAMINI) <= 0.05 / 15).sum() == 3


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_p_values_agree_with_statsmodels(p):
    """In any order, with ties."""
    assert agreement.benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1])


def test_within_group_agreement_is_against_random_answers():
    """Uniform answers on five points score 0 up to chance; a group of equal answers 1; groups may differ."""
    rng = np.random.default_rng(4)
    scattered = rng.integers(1, 6, (20_000, 1)).astype(float)
    assert agreement.within_group_agreement(scattered, np.zeros(20_000), options=5)[0] < 0.03
    assert agreement.within_group_agreement([[1], [1], [5], [5]], list("aabb"), options=5)[0] == 1
