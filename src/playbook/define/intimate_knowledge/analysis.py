"""What must we know about a customer? What each attribute saves in one operational decision, against asking for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.methods.information_value import action_scores, cross_fitted_payoff, folds_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

DOMAINS = "supply chain: time of delivery; service: first help"
LEAST_CASES, LEAST_KNOWN, MOST_VALUES = 60, 0.8, 6
FOLDS, SPLITS, DRAWS = 5, 3, 200
RARE_SHARE = 0.05
ROUNDING = 1e-9


@dataclass(frozen=True)
class Domain:
    """One decision, by customer.

    Parameters
    ----------
    decision : str
        Its kind.
    ways : tuple of str
        The actions.
    payoff : ndarray, (customers, ways)
        Sum over the customer's decisions of an unbiased score of what each way brings.
    size : ndarray, (customers,)
        Decisions of each customer.
    codes : DataFrame
        Per customer and attribute the position of the value in `values`.
    values : dict
        By attribute: its values.
    chosen_share : float
        Share of the variance of the choice between ways that the attributes explain; near 0 = left to chance.
    most : ndarray
        Worth of knowing all attributes at once: the estimate, then its bootstrap draws.
    folds, weights : ndarray
        Splits of the customers; how much each counts, first as it is, then in each draw of the Bayesian bootstrap.
    """

    decision: str
    ways: tuple[str, ...]
    payoff: NDArray[np.float64]
    size: NDArray[np.float64]
    codes: pd.DataFrame
    values: dict[str, tuple[str, ...]]
    chosen_share: float
    most: NDArray[np.float64] = field(repr=False)
    folds: NDArray[np.int64] = field(repr=False)
    weights: NDArray[np.float64] = field(repr=False)
    _payoffs: dict[tuple[str, ...], NDArray[np.float64]] = field(default_factory=dict, repr=False)

    def worth(self, attribute: str, beside: Sequence[str] = ()) -> NDArray[np.float64]:
        """Return what an attribute adds to those known, per decision: the estimate, then its bootstrap draws."""
        added = self._payoff([*beside, attribute]) - self._payoff(beside)
        return np.where(np.abs(added) < ROUNDING * np.abs(self._payoff(beside)), 0.0, added)

    def _payoff(self, known: Sequence[str]) -> NDArray[np.float64]:
        names = tuple(sorted(known))
        if names not in self._payoffs:
            key = np.zeros(len(self.codes), dtype=np.int64)
            for name in names:
                key = key * len(self.values[name]) + self.codes[name].to_numpy()
            cells = np.unique(key, return_inverse=True)[1]
            self._payoffs[names] = cross_fitted_payoff(
                self.payoff, self.size, cells, self.folds, weights=self.weights
            )
        return self._payoffs[names]

    @property
    def ceiling(self) -> tuple[float, float, float]:
        """Worth of knowing all attributes at once, with its 90 % interval; never less than that of one of them."""
        most = np.max([np.maximum(self.most, 0), *(self.worth(name) for name in self.values)], axis=0)
        return float(most[0]), float(np.quantile(most[1:], 0.05)), float(np.quantile(most[1:], 0.95))

    @property
    def best(self) -> int:
        """Position of the way that is best when nothing is known."""
        return int(self.payoff.sum(axis=0).argmax())


@dataclass(frozen=True)
class Knowledge:
    """What each attribute is worth in each domain.

    Parameters
    ----------
    domains : dict of Domain
        By name.
    table : DataFrame
        One row per domain and attribute, the most worth first in each domain: domain, attribute, worth, low, high (90 %;
        money per decision, when nothing else is known), predicts (rise of the squared miss of a prediction of the cost
        when the values are shuffled), gap (between the mean costs of its values, whatever was done), cost_amt (of one
        answer).
    customers : int
        Customers to ask.
    cost_known : bool
        Whether the data name the cost of an answer of each attribute.
    """

    domains: dict[str, Domain]
    table: pd.DataFrame
    customers: int
    cost_known: bool

    @property
    def lead(self) -> tuple[str, str]:
        """The attribute that saves most in one decision: (domain, attribute)."""
        row = self.table.iloc[int(self.table["worth"].argmax())]
        return str(row["domain"]), str(row["attribute"])

    def of(self, domain: str, attribute: str, column: str) -> float:
        """Return one figure of `table`."""
        rows = self.table[(self.table["domain"] == domain) & (self.table["attribute"] == attribute)]
        return float(rows[column].iloc[0])

    def telling(self, domain: str, each: int) -> pd.DataFrame:
        """Return the rows of the `each` attributes worth most and the `each` that predict best in a domain."""
        rows = self.table[self.table["domain"] == domain]
        kept = rows["worth"].nlargest(each).index.union(rows["predicts"].nlargest(each).index)
        return rows.loc[kept.sort_values()]


def worth(
    decided_cases: pd.DataFrame,
    preferences: pd.DataFrame,
    *,
    fields: pd.DataFrame | None = None,
    customers: pd.DataFrame | None = None,
    domains: str = DOMAINS,
    assumed_cost_amt: float = 2.0,
    seed: int = 1,
) -> Knowledge:
    """Value each attribute known of the customers by the decisions it would turn.

    Parameters
    ----------
    decided_cases, preferences, fields, customers : DataFrame
        The view and the tables of those names; the last two may be missing.
    domains : str
        "domain: kind of decision; domain: kind of decision". Where the data have none of them, the two kinds of decision
        with most cases.
    assumed_cost_amt : float
        Cost of one answer where `fields` names none.
    seed : int
        Of the splits and the bootstrap.

    Raises
    ------
    ValueError
        When no decision has two ways and an attribute known of most customers.
    """
    rows = decided_cases[["decision_type", "customer_id", "outcome", "realised_amt"]].dropna()
    found: dict[str, Domain] = {}
    parts = []
    for name, kind in _named(domains, rows):
        built = _domain(kind, rows[rows["decision_type"] == kind], preferences, seed)
        if built is not None:
            found[name], table = built
            parts.append(table.assign(domain=name))
    if not found:
        raise ValueError(
            f"intimate knowledge needs decisions of one kind with two outcomes of at least {LEAST_CASES} cases each, what "
            f"came of them, and one attribute in preferences known of {LEAST_KNOWN:.0%} of their customers"
        )
    table = pd.concat(parts, ignore_index=True)
    cost = pd.Series(dtype=float)
    if fields is not None:
        cost = (
            fields[fields["table_name"] == "preferences"]
            .groupby("field_name")["collection_amt"]
            .mean()
            .dropna()
        )
    table["cost_amt"] = table["attribute"].map(cost).fillna(assumed_cost_amt)
    people = max(len(domain.size) for domain in found.values())
    if customers is not None:
        people = int(customers["closed_at"].isna().sum()) if "closed_at" in customers else len(customers)
    return Knowledge(found, table, people, bool(table["attribute"].isin(cost.index).all()))


def _named(domains: str, rows: pd.DataFrame) -> list[tuple[str, str]]:
    pairs = [pair.rpartition(":") for pair in domains.split(";")]
    present = rows["decision_type"].value_counts().index.tolist()
    named = [
        (name.strip() or kind.strip(), kind.strip()) for name, _, kind in pairs if kind.strip() in present
    ]
    return named or [(str(kind), str(kind)) for kind in present[:2]]


def _domain(
    kind: str, rows: pd.DataFrame, preferences: pd.DataFrame, seed: int
) -> tuple[Domain, pd.DataFrame] | None:
    """Return one decision with what is known of its customers, and its part of the table; None where too little is."""
    count = rows["outcome"].value_counts()
    ways = tuple(sorted(str(way) for way in count[count >= LEAST_CASES].index))
    rows = rows[rows["outcome"].isin(ways)]
    codes, values = _attributes(preferences, pd.Index(rows["customer_id"].unique()))
    if len(ways) < 2 or not values:
        return None
    rng = np.random.default_rng(seed)
    unit = codes.index.get_indexer(pd.Index(rows["customer_id"]))
    way = pd.Index(ways).get_indexer(pd.Index(rows["outcome"]))
    pay = rows["realised_amt"].to_numpy(float)
    people = len(codes)
    size = np.bincount(unit, minlength=people).astype(float)
    folds = folds_of(people, FOLDS, SPLITS, rng)
    weights = np.concatenate([np.ones((1, people)), rng.standard_exponential((DRAWS, people))])
    known = {name: codes[name].to_numpy() for name in values}
    scores = action_scores(pay, way, unit, known, folds[:, 0], rng=rng)
    # The ceiling: choose by everything at once, for each customer by a rule learnt from others.
    by_all = scores.payoff[np.arange(people), scores.expected.argmax(axis=1)]
    most = (weights @ by_all - (weights @ scores.payoff).max(axis=1)) / (weights @ size)
    domain = Domain(kind, ways, scores.payoff, size, codes, values, scores.chosen_share, most, folds, weights)
    table = []
    for name, code in known.items():
        draws = np.maximum(domain.worth(name), 0)  # to know something is never worth less than nothing
        means = [pay[code[unit] == value].mean() for value in np.unique(code)]
        low, high = np.quantile(draws[1:], [0.05, 0.95])
        table.append((name, draws[0], low, high, max(scores.importance[name], 0.0), max(means) - min(means)))
    frame = pd.DataFrame(table, columns=["attribute", "worth", "low", "high", "predicts", "gap"])
    return domain, frame.sort_values(["worth", "predicts"], ascending=False, ignore_index=True)


def _attributes(
    preferences: pd.DataFrame, customers: pd.Index
) -> tuple[pd.DataFrame, dict[str, tuple[str, ...]]]:
    """Return what is known of most customers: codes per customer, and the values they stand for.

    The last value recorded holds. Numbers of many values are cut at their median, texts of many values are left out.
    """
    rows = preferences[["customer_id", "attribute", "value", "recorded_at"]]
    rows = rows[rows["customer_id"].isin(customers) & rows["value"].notna()]
    rows = rows.iloc[rows["recorded_at"].argsort(kind="stable").to_numpy()]
    unit = customers.get_indexer(pd.Index(rows["customer_id"]))
    attribute, names = pd.factorize(rows["attribute"], sort=True)
    value = rows["value"].to_numpy(object)
    codes, values = {}, {}
    for number in np.flatnonzero(np.bincount(attribute) >= LEAST_KNOWN * len(customers)):
        own, name = attribute == number, str(names[int(number)])
        told = np.full(len(customers), None, dtype=object)
        told[unit[own]] = value[own]  # in order of recording: the last one holds
        if pd.notna(told).mean() < LEAST_KNOWN:
            continue
        code, texts = _grouped(told)
        if len(texts) > 1:
            codes[name], values[name] = code, texts
    return pd.DataFrame(codes, index=customers), values


def _grouped(told: NDArray[np.object_]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the position of each text among a few, and those few; none at all when there are too many to compare."""
    if pd.Series(told).nunique() > MOST_VALUES:
        number = pd.to_numeric(pd.Series(told), errors="coerce").to_numpy(float)
        if np.isnan(number[pd.notna(told)]).any():
            return np.zeros(len(told), dtype=np.int64), ()
        half = float(np.nanmedian(number))
        told = np.where(number > half, f"above {half:g}", f"to {half:g}").astype(object)
        told[np.isnan(number)] = None
    code, texts = pd.factorize(np.where(pd.isna(told), "not known", told), sort=True)
    rare = np.bincount(code) < RARE_SHARE * len(code)
    code, texts = pd.factorize(np.where(rare[code], "other", texts[code]), sort=True)
    return code, tuple(map(str, texts))


def sides(result: Knowledge, name: str) -> pd.DataFrame:
    """Return, by attribute and value, how much cheaper the way best for all is than the best other one.

    Columns: attribute, value, gain (money per decision; below zero another way is better), low, high (90 %).
    """
    domain, rows = result.domains[name], []
    for attribute in result.telling(name, 3)["attribute"]:
        for code, value in enumerate(domain.values[attribute]):
            own = (domain.codes[attribute] == code).to_numpy()
            weight = domain.weights[:, own]
            means = weight @ domain.payoff[own] / (weight @ domain.size[own])[:, None]
            gain = means[:, domain.best] - np.delete(means, domain.best, axis=1).max(axis=1)
            rows.append((attribute, value, gain[0], *np.quantile(gain[1:], [0.05, 0.95])))
    return pd.DataFrame(rows, columns=["attribute", "value", "gain", "low", "high"])
