"""Margin to come: purchases projected and discounted group by group, renewals of contracts, and their spread.

`clv` holds the models (Fader, Hardie & Lee 2005; Fader & Hardie 2013, 2007); here they are summed up to a horizon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playbook.methods import clv
from playbook.methods.intervals import Z90

Floats = NDArray[np.float64]
QUARTER_WEEKS, YEAR_WEEKS = 13, 52
ALL = "all customers"
Models = Mapping[str, clv.Projection]


def discounted_years(weeks: float, discount_share: float) -> float:
    """Return the years to the horizon, each moment discounted at `discount_share` a year.

    Examples
    --------
    >>> discounted_years(104, 0.0), round(discounted_years(104, 0.10), 3)
    (2.0, 1.821)
    """
    rate, years = np.log1p(discount_share), weeks / YEAR_WEEKS
    return float(years if rate == 0 else (1 - np.exp(-rate * years)) / rate)


def periods(weeks: int) -> Floats:
    """Return the ends of the periods to discount: the next quarter, then half years.

    Examples
    --------
    >>> periods(104).tolist()
    [0.0, 13.0, 39.0, 65.0, 91.0, 104.0]
    """
    return np.unique([0, *np.arange(QUARTER_WEEKS, weeks, 26), weeks]).astype(float)


@dataclass(frozen=True)
class Buyers:
    """What is known of customers, (n,) each.

    Parameters
    ----------
    frequency, recency, age : ndarray
        As for `clv.bgnbd_fit`, in weeks.
    spend : ndarray
        Of all purchases, the first included.
    group : ndarray of object
        Customers who are known to differ; each group has a model of its own.
    """

    frequency: Floats
    recency: Floats
    age: Floats
    spend: Floats
    group: NDArray[np.object_]

    def rows(self, models: Models) -> list[tuple[str, NDArray[np.bool_]]]:
        """Return which customers each model speaks for: its group, or (`ALL`) groups without a model."""
        own = [(name, self.group == name) for name in models if name != ALL]
        if ALL in models:
            own.append((ALL, ~np.isin(self.group, [name for name, _ in own])))
        return own

    def fit(self, *, customers: int = 100, repeats: int = 30) -> dict[str, clv.Projection]:
        """Fit purchases and spend of each group by itself, and of `ALL` for groups too small to be fitted.

        Parameters
        ----------
        customers, repeats : int
            Customers, and customers who came back, that a group needs for a model of its own.
        """
        names, codes = np.unique(self.group.astype(str), return_inverse=True)
        size = np.bincount(codes)
        back = np.bincount(codes, weights=self.frequency > 0)
        large = [str(name) for name in names[(size >= customers) & (back >= repeats)]]
        fits = {} if len(large) == len(names) and len(names) > 1 else {ALL: np.ones(len(codes), dtype=bool)}
        if len(names) > 1:
            fits |= {name: self.group == name for name in large}
        return {
            name: clv.project(self.frequency[at], self.recency[at], self.age[at], self.spend[at])
            for name, at in fits.items()
        }

    def project(self, models: Models, weeks: Floats, discount_share: float = 0.0) -> Floats:
        """Return, by customer, (n, 3): discounted sales, purchases in the first period, chance to be active."""
        middle = (weeks[1:] + weeks[:-1]) / 2 / YEAR_WEEKS
        found = np.empty((len(self.frequency), 3))
        for name, at in self.rows(models):
            model = models[name]
            x, t_x, age = self.frequency[at], self.recency[at], self.age[at]
            until = clv.bgnbd_expected(model.purchases, x[:, None], t_x[:, None], age[:, None], ahead=weeks)
            each = np.diff(until, axis=1)
            spend = model.spend_per_purchase(x + 1, self.spend[at] / (x + 1))
            found[at, 0] = (each @ (1 + discount_share) ** -middle) * spend
            found[at, 1] = each[:, 0]
            found[at, 2] = clv.bgnbd_alive(model.purchases, x, t_x, age)
        return found

    def resampled_sums(
        self,
        models: Models,
        worth: Callable[[Models], Floats],
        codes: NDArray[np.integer],
        weights: Floats,
    ) -> Floats:
        """Return sums of what customers are worth, in resamples of the customers: (draws, sums, segments).

        Models are refitted by `clv.one_step`, and `worth` follows them to first order.

        Parameters
        ----------
        models : mapping
            As from `fit`.
        worth : callable
            What customers are worth under models, (n, sums).
        codes : ndarray, shape (n,)
            Segment of each customer, from 0.
        weights : ndarray, shape (draws, n)
            How often each customer counts in each resample.
        """
        base = worth(models)
        member = np.eye(int(codes.max()) + 1)[codes]
        total = np.stack([weights @ (member * column[:, None]) for column in base.T], axis=1)
        moved = {}
        for name, model in models.items():
            at = np.ones(len(codes), dtype=bool) if name == ALL else self.group == name
            x, t_x, age, spend = self.frequency[at], self.recency[at], self.age[at], self.spend[at]
            moved[name] = model.refitted(x, t_x, age, spend, weights[:, at]) - np.log(model.values)
        width = 1e-3
        for k in range(7):
            factor = np.exp(width * np.eye(7)[k])
            bent = worth({name: model.with_values(model.values * factor) for name, model in models.items()})
            slope = (bent - base) / width
            for name, at in self.rows(models):
                total += moved[name][:, k, None, None] * (slope[at].T @ member[at])
        return np.asarray(total)


@dataclass(frozen=True)
class Renewals:
    """Contracts by renewals so far, and the model of who renews.

    Parameters
    ----------
    left : ndarray, shape (k,)
        Contracts that ended at their first, second ... renewal.
    still : ndarray, shape (k + 1,)
        Contracts that run, after 0, 1 ... k renewals.
    model : clv.SBG
        Fitted to them.
    """

    left: Floats
    still: Floats
    model: clv.SBG

    @classmethod
    def of(cls, renewals: NDArray[np.integer], runs: NDArray[np.bool_]) -> Renewals | None:
        """Count contracts by their renewals so far and whether they still run; None before any renewal came up."""
        size = int(renewals.max(initial=0)) + 1
        left = np.bincount(renewals[~runs], minlength=size).astype(float)
        still = np.bincount(renewals[runs], minlength=size + 1).astype(float)
        if left.sum() + still[1:].sum() == 0:
            return None
        return cls(left, still, clv.sbg_fit(left, still))

    def curve(self, least: int = 10) -> tuple[Floats, Floats, Floats, Floats]:
        """Return renewal, contracts that came up for it, and the shares that stayed so far, observed and fitted.

        Only renewals that at least `least` came up for.

        Examples
        --------
        >>> seen = Renewals.of(np.array([0, 0, 1, 1, 1]), np.array([False, True, True, True, True]))
        >>> seen.curve(least=1)[2].tolist()
        [0.75]
        """
        k = np.arange(1.0, len(self.left) + 1)
        up_for_it = self.left[::-1].cumsum()[::-1] + self.still[:0:-1].cumsum()[::-1]
        stayed = np.cumprod(1 - self.left / np.maximum(up_for_it, 1))
        kept = up_for_it >= least
        return k[kept], up_for_it[kept], stayed[kept], clv.sbg_survival(self.model, k)[kept]

    def paid_years(
        self, model: clv.SBG, renewed: Floats, due_years: Floats, years: float, discount_share: float
    ) -> Floats:
        """Return the discounted years of fees to be expected from renewals up to the horizon, (m,).

        Parameters
        ----------
        model : clv.SBG
            This one's, or that of a resample.
        renewed, due_years : ndarray, shape (m,)
            Renewals so far of running contracts, and years until the next one.
        years, discount_share : float
            The horizon, and the discount a year.
        """
        paid = np.zeros(len(renewed))
        for k in range(1, int(np.ceil(years)) + 1):
            when = due_years + k - 1
            term = np.clip(years - when, 0.0, 1.0)  # the part of that term before the horizon
            stays = clv.sbg_survival(model, renewed + k) / clv.sbg_survival(model, renewed)
            paid += stays * term * (1 + discount_share) ** -(when + term / 2)
        return paid

    def resampled(self, draws: int, rng: np.random.Generator) -> list[clv.SBG]:
        """Return the model in bootstrap samples of the contracts."""
        counts = np.concatenate([self.left, self.still])
        again = rng.multinomial(int(counts.sum()), counts / counts.sum(), draws).astype(float)
        values = [self.model.alpha, self.model.beta]
        moved = clv.one_step(clv.sbg_rows, values, clv.sbg_cells(len(self.left)), again, counts)
        return [clv.SBG(*map(float, row)) for row in np.exp(moved)]


def widened(ends: ArrayLike, hit: ArrayLike) -> tuple[Floats, Floats]:
    """Return an interval stretched by what a hold-out missed (actual over predicted), on the side on which it missed.

    A bootstrap knows nothing of a wrong model; the hold-out does.

    Examples
    --------
    >>> [round(float(end)) for end in widened([90.0, 110.0], 1.1)]
    [90, 121]
    """
    low, high = np.asarray(ends, dtype=float)
    below, above = np.maximum(0.0, 1 - np.asarray(hit)), np.maximum(0.0, np.asarray(hit) - 1)
    return low - np.abs(low) * below, high + np.abs(high) * above


def next_range(
    ahead: Floats, active: Floats, member: Floats, spread: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the purchases of each segment in the next period: mean, and ends of the 90 % range, (segments,).

    Parameters
    ----------
    ahead, active : ndarray, shape (n,)
        Purchases expected of each customer, and the chance to be active.
    member : ndarray, shape (n, segments)
        1 where a customer belongs.
    spread : ndarray, shape (segments,)
        Variance of the expected sums, from resamples; chance (who is active, how often they buy) is added.
    """
    mean = member.T @ ahead
    error = Z90 * np.sqrt(member.T @ (ahead + ahead**2 * (1 / active - 1)) + spread)
    return mean, np.maximum(mean - error, 0.0), mean + error
