"""Agreement: kappas, Krippendorff's alpha, Kendall's W, and tests per item with a false-discovery rate.

Sources: Cohen (1960), Educ. Psychol. Meas. 20:37, and Cohen (1968), Psychol. Bull. 70:213; Fleiss (1971), Psychol. Bull.
76:378; Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability"; Kendall & Babington Smith (1939), Ann. Math.
Stat. 10:275; Kruskal & Wallis (1952), JASA 47:583; Benjamini & Hochberg (1995), JRSS B 57:289.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVELS = ("nominal", "ordinal", "interval", "ratio")


def confusion(
    first: ArrayLike, second: ArrayLike, categories: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Count how two raters labelled the same cases.

    Parameters
    ----------
    first, second : array_like, shape (n,)
        Labels, in the same order of cases.
    categories : array_like, shape (k,), optional
        All labels there are, in order; by default those that occur, sorted.

    Returns
    -------
    array, shape (k, k)
        Rows: the first rater's label.

    Examples
    --------
    >>> confusion([1, 1, 0], [1, 0, 0]).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    first, second = np.asarray(first), np.asarray(second)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"two raters need the same cases; got {first.shape} and {second.shape} labels")
    labels = np.unique(np.concatenate([first, second])) if categories is None else np.asarray(categories)
    table = (first[:, None] == labels).astype(float).T @ (second[:, None] == labels).astype(float)
    if table.sum() != first.size:
        raise ValueError("there are labels outside the categories")
    return table


def cohen_kappa(table: ArrayLike, weights: ArrayLike | None = None) -> NDArray[np.float64] | float:
    """Return Cohen's kappa of two raters; with weights of disagreement, his weighted kappa.

    Parameters
    ----------
    table : array_like, shape (..., k, k)
        Counts or shares: rows the first rater's label, columns the second's.
    weights : array_like, shape (k, k), optional
        How bad each disagreement is, 0 on the diagonal; by default all are equally bad.

    Returns
    -------
    float or array, shape (...,)
        1 is perfect agreement, 0 what chance would give. Where chance leaves nothing to disagree about (both give one and
        the same label throughout), 1.

    Raises
    ------
    ValueError
        If a table is not square or holds no case.

    Notes
    -----
    Cohen (1968), eq. 3: one minus the weighted observed over the weighted chance disagreement.

    Examples
    --------
    >>> round(cohen_kappa([[20, 5], [10, 15]]), 3)
    0.4
    """
    table = np.asarray(table, dtype=float)
    if table.ndim < 2 or table.shape[-1] != table.shape[-2]:
        raise ValueError(f"kappa needs a square table of labels; got shape {table.shape}")
    total = table.sum(axis=(-2, -1), keepdims=True)
    if (total <= 0).any():
        raise ValueError("kappa needs at least one case that both raters labelled")
    share = table / total
    bad = 1 - np.eye(table.shape[-1]) if weights is None else np.asarray(weights, dtype=float)
    chance = share.sum(axis=-1)[..., :, None] * share.sum(axis=-2)[..., None, :]
    observed, expected = (bad * share).sum(axis=(-2, -1)), (bad * chance).sum(axis=(-2, -1))
    kappa = 1 - np.divide(observed, expected, out=np.zeros_like(observed), where=expected > 0)
    return float(kappa) if kappa.ndim == 0 else kappa


def kappa_interval(
    table: ArrayLike, *, level: float = 0.9, draws: int = 4000, seed: int = 0
) -> tuple[float, float]:
    """Return an interval of Cohen's kappa in all cases like these.

    Parameters
    ----------
    table : array_like, shape (k, k)
        Counts of cases.
    level : float
        Nominal coverage.
    draws, seed : int
        Of the simulation.

    Notes
    -----
    Quantiles of kappa under a Dirichlet posterior of the cells (Jeffreys prior, 1/2 a cell). Resampling cases instead would
    claim certainty when 20 cases happen to show no disagreement. As Brown, Cai & DasGupta (2001), Statist. Sci. 16:101,
    do for a share, the upper end is 1 when no disagreement was seen.

    Examples
    --------
    >>> low, high = kappa_interval([[10, 0], [0, 10]])
    >>> bool(0.6 < low < 0.9), high
    (True, 1.0)
    """
    table = np.asarray(table, dtype=float)
    estimate = cohen_kappa(table)
    rng = np.random.default_rng(seed)
    cells = rng.dirichlet(table.ravel() + 0.5, draws).reshape(draws, *table.shape)
    low, high = np.quantile(cohen_kappa(cells), [(1 - level) / 2, (1 + level) / 2])
    return float(low), 1.0 if estimate == 1 else float(high)


def fleiss_kappa(counts: ArrayLike) -> float:
    """Return Fleiss' kappa: agreement of many raters on labels without an order.

    Parameters
    ----------
    counts : array_like, shape (n, k)
        How many raters gave each case each label; as many raters for each case.

    Raises
    ------
    ValueError
        With fewer than two raters or a number of raters that varies (Krippendorff's alpha allows that).

    Examples
    --------
    >>> fleiss_kappa([[3, 0], [0, 3]])
    1.0
    """
    counts = np.asarray(counts, dtype=float)
    raters = counts.sum(axis=1)
    if raters.size == 0 or raters[0] < 2 or (raters != raters[0]).any():
        raise ValueError("Fleiss' kappa needs the same number of raters, at least 2, for each case")
    m = raters[0]
    observed = ((counts**2).sum(axis=1) - m).mean() / (m * (m - 1))
    expected = ((counts.sum(axis=0) / counts.sum()) ** 2).sum()
    return 1.0 if expected == 1 else float((observed - expected) / (1 - expected))


def value_counts(ratings: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the values that occur, sorted, shape (v,), and how many raters gave each unit each, shape (units, v).

    `ratings` has shape (raters, units), with NaN where a rater did not rate.

    Examples
    --------
    >>> value_counts([[1, 2], [1, float("nan")]])[1].tolist()
    [[2.0, 0.0], [0.0, 1.0]]
    """
    ratings = np.asarray(ratings, dtype=float)
    if ratings.ndim != 2:
        raise ValueError(f"ratings need raters in rows and units in columns; got shape {ratings.shape}")
    values = np.unique(ratings[~np.isnan(ratings)])
    return values, (ratings[:, :, None] == values).sum(axis=0).astype(float)


def krippendorff_alpha(ratings: ArrayLike, *, level: str = "nominal") -> float:
    """Return Krippendorff's alpha: agreement of any number of raters, with gaps, on any scale.

    Parameters
    ----------
    ratings : array_like, shape (raters, units)
        NaN where a rater did not rate.
    level : str
        "nominal", "ordinal", "interval" or "ratio": how far apart two values are.

    Returns
    -------
    float
        1 is perfect agreement, 0 what chance would give, below 0 worse than chance. It compares the disagreement about a
        unit with that between all ratings, so units which everybody rates alike give a low alpha.

    Raises
    ------
    ValueError
        If no unit has two ratings, if all ratings are the same value (alpha is then not defined) or the level is unknown.

    Notes
    -----
    Krippendorff (2011), section E; differences between values as in his section on metrics.

    Examples
    --------
    >>> round(krippendorff_alpha([[1, 2, 3, 3], [1, 2, 3, 4]], level="interval"), 3)
    0.889
    """
    values, counts = value_counts(ratings)
    return float(_alpha(values, counts, np.ones((1, len(counts))), level)[0])


def alpha_interval(
    ratings: ArrayLike, *, level: str = "nominal", coverage: float = 0.9, draws: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return an interval of alpha by resampling units (Zapf et al. 2016, BMC Med. Res. Methodol. 16:93).

    Parameters
    ----------
    ratings, level
        As in `krippendorff_alpha`.
    coverage : float
        Nominal coverage.
    draws, seed : int
        Of the bootstrap.

    Examples
    --------
    >>> low, high = alpha_interval([[1, 2, 1, 2, 2], [1, 2, 1, 2, 1]], seed=1)
    >>> low < krippendorff_alpha([[1, 2, 1, 2, 2], [1, 2, 1, 2, 1]]) <= high
    True
    """
    values, counts = value_counts(ratings)
    units = len(counts)
    times = np.random.default_rng(seed).multinomial(units, np.full(units, 1 / units), draws).astype(float)
    alphas = _alpha(values, counts, times, level)
    low, high = np.nanquantile(alphas, [(1 - coverage) / 2, (1 + coverage) / 2])
    return float(low), float(high)


def _alpha(
    values: NDArray[np.float64], counts: NDArray[np.float64], times: NDArray[np.float64], level: str
) -> NDArray[np.float64]:
    """Return alpha of each row of `times` (draws, units): how often each unit counts; NaN where it is not defined."""
    if level not in LEVELS:
        raise ValueError(f"level must be one of {', '.join(LEVELS)}; got '{level}'")
    raters = counts.sum(axis=1)
    pairable = raters > 1
    if not pairable.any():
        raise ValueError("alpha needs at least one unit with two ratings")
    counts, raters, times = counts[pairable], raters[pairable], times[:, pairable]
    totals = times @ counts  # (draws, values)
    if len(totals) == 1 and (totals > 0).sum() < 2:
        raise ValueError("alpha is not defined when all ratings are the same value")
    spread = _squared_differences(values, counts.sum(axis=0), level)
    within = np.einsum("uv,vw,uw->u", counts, spread, counts) / (raters - 1)
    n = totals.sum(axis=1)
    observed = times @ within
    expected = np.einsum("dv,vw,dw->d", totals, spread, totals) / np.maximum(n - 1, 1)
    ratio = np.divide(observed, expected, out=np.full(len(n), np.nan), where=expected > 0)
    return 1 - ratio


def _squared_differences(
    values: NDArray[np.float64], totals: NDArray[np.float64], level: str
) -> NDArray[np.float64]:
    """Return how far apart two values are, squared, shape (v, v); `totals` counts the ratings of each value."""
    first, second = values[:, None], values[None, :]
    if level == "nominal":
        return (first != second).astype(float)
    if level == "ordinal":
        below = np.cumsum(totals) - totals / 2  # ranks: those below and half of one's own
        return (below[:, None] - below[None, :]) ** 2
    if level == "interval":
        return (first - second) ** 2
    if values[0] < 0:
        raise ValueError("a ratio scale has no negative values")
    total = first + second
    return np.divide(first - second, total, out=np.zeros(total.shape), where=total > 0) ** 2


def ranks(values: ArrayLike) -> NDArray[np.float64]:
    """Return ranks along the last axis, ties sharing their mean rank.

    Examples
    --------
    >>> ranks([10, 30, 30]).tolist()
    [1.0, 2.5, 2.5]
    """
    values = np.asarray(values, dtype=float)
    below = (values[..., :, None] > values[..., None, :]).sum(axis=-1)
    alike = (values[..., :, None] == values[..., None, :]).sum(axis=-1)
    return below + (alike + 1) / 2


def _ties(ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of t^3 - t over groups of ties along the last axis."""
    alike = (ranked[..., :, None] == ranked[..., None, :]).sum(axis=-1)
    return (alike.astype(float) ** 2 - 1).sum(axis=-1)


def kendall_w(ratings: ArrayLike) -> tuple[float, float]:
    """Return Kendall's coefficient of concordance W and its p-value.

    Parameters
    ----------
    ratings : array_like, shape (raters, items)
        Complete; at least two of each. Only the order that each rater gives the items counts.

    Returns
    -------
    tuple of float
        W (1: all rank alike; 0: no common order) corrected for ties, and the chi-squared p-value of "no common order".

    Raises
    ------
    ValueError
        With gaps, too few raters or items, or raters who each rate everything alike.

    Notes
    -----
    m (n - 1) W is Friedman's statistic, chi-squared with n - 1 degrees of freedom (Kendall & Babington Smith 1939).

    Examples
    --------
    >>> kendall_w([[1, 2, 3], [10, 20, 30]])[0]
    1.0
    """
    ratings = np.asarray(ratings, dtype=float)
    if ratings.ndim != 2 or min(ratings.shape) < 2 or np.isnan(ratings).any():
        raise ValueError("Kendall's W needs at least two raters who each rated the same items, two or more")
    m, n = ratings.shape
    ranked = ranks(ratings)
    sums = ranked.sum(axis=0)
    most = m**2 * (n**3 - n) - m * _ties(ranked).sum()
    if most <= 0:
        raise ValueError("Kendall's W is not defined when each rater rates all items alike")
    w = float(12 * ((sums - sums.mean()) ** 2).sum() / most)
    return w, _chi_squared_tail(m * (n - 1) * w, n - 1)


def kruskal_wallis(values: ArrayLike, groups: ArrayLike) -> tuple[float, float]:
    """Test whether groups differ in location, by ranks.

    Parameters
    ----------
    values : array_like, shape (n,)
        NaN values are left out.
    groups : array_like, shape (n,)
        Group of each value.

    Returns
    -------
    tuple of float
        H, corrected for ties, and its chi-squared p-value. (0, 1) where all values are alike.

    Raises
    ------
    ValueError
        With fewer than two groups that have a value.

    Examples
    --------
    >>> h, p = kruskal_wallis([1, 2, 3, 4, 5, 6], list("aaabbb"))
    >>> round(h, 3), round(p, 3)
    (3.857, 0.05)
    """
    values, groups = np.asarray(values, dtype=float), np.asarray(groups)
    known = ~np.isnan(values)
    names, place = np.unique(groups[known], return_inverse=True)
    if len(names) < 2:
        raise ValueError("comparing groups needs at least two groups with ratings")
    ranked, n = ranks(values[known]), int(known.sum())
    spread = (n**3 - n) - _ties(ranked)
    if spread == 0:
        return 0.0, 1.0
    size = np.bincount(place)
    between = (size * (np.bincount(place, ranked) / size - (n + 1) / 2) ** 2).sum()
    h = 12 * between / (n * (n + 1)) / (spread / (n**3 - n))
    return float(h), _chi_squared_tail(h, len(names) - 1)


def _chi_squared_tail(x: float, freedom: int) -> float:
    from scipy.special import chdtrc

    return float(chdtrc(freedom, x))


def benjamini_hochberg(p: ArrayLike) -> NDArray[np.float64]:
    """Return p-values adjusted for the false-discovery rate.

    Parameters
    ----------
    p : array_like, shape (m,)
        p-values, 0 to 1.

    Returns
    -------
    array, shape (m,)
        Call the tests at or below q discoveries: of these, on average, at most the share q is false (independent or
        positively dependent tests).

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.02, 0.9]).round(3).tolist()
    [0.03, 0.03, 0.9]
    """
    p = np.asarray(p, dtype=float)
    if p.size and not ((p >= 0) & (p <= 1)).all():
        raise ValueError("p-values lie between 0 and 1")
    order = np.argsort(p)
    scaled = p[order] * p.size / np.arange(1, p.size + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return np.minimum(adjusted, 1)


def pooled_variance(ratings: ArrayLike, groups: ArrayLike) -> NDArray[np.float64]:
    """Return the variance of each item inside groups, pooled, so that the groups' means may differ.

    Parameters
    ----------
    ratings : array_like, shape (raters, items)
        NaN where a rater did not rate.
    groups : array_like, shape (raters,)
        Group of each rater.

    Returns
    -------
    array, shape (items,)
        Squared points; NaN where no group has two raters.

    Examples
    --------
    >>> pooled_variance([[1], [3], [5], [7]], list("aabb")).tolist()
    [2.0]
    """
    ratings, groups = np.asarray(ratings, dtype=float), np.asarray(groups)
    squares, freedom = np.zeros(ratings.shape[1]), np.zeros(ratings.shape[1])
    for group in np.unique(groups):
        own = ratings[groups == group]
        n = (~np.isnan(own)).sum(axis=0)
        mean = np.divide(np.nansum(own, axis=0), n, out=np.zeros(len(n)), where=n > 0)
        squares += np.nansum((own - mean) ** 2, axis=0)
        freedom += np.maximum(n - 1, 0)
    return np.divide(squares, freedom, out=np.full(len(freedom), np.nan), where=freedom > 0)


def within_group_agreement(ratings: ArrayLike, groups: ArrayLike, *, options: int) -> NDArray[np.float64]:
    """Return r_WG of each item: how much closer raters of one group are than if they answered at random.

    Parameters
    ----------
    ratings, groups
        As in `pooled_variance`.
    options : int
        Points of the scale.

    Returns
    -------
    array, shape (items,)
        1: all in a group say the same; 0: as scattered as random answers (variance (options^2 - 1) / 12); not below 0. NaN
        where no group has two raters.

    Notes
    -----
    James, Demaree & Wolf (1984), J. Appl. Psychol. 69:85, for one item, with the variance pooled over groups.

    Examples
    --------
    >>> within_group_agreement([[7], [7], [1], [1]], list("aabb"), options=7).tolist()
    [1.0]
    """
    if options < 2:
        raise ValueError("a scale has at least two points")
    return np.maximum(1 - pooled_variance(ratings, groups) / ((options**2 - 1) / 12), 0)
