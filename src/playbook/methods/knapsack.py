"""Multiple-choice knapsack: one option for everybody, within a few resources.

Sources: Sinha & Zoltners (1979), "The multiple-choice knapsack problem", Operations Research 27(3):503 (one option a
class, and the bound by the linear relaxation); solved here with several resource rows by branch and bound (HiGHS, through
`scipy.optimize.milp`). Members that are alike are counted, not listed: `members` of a class share its values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Choice:
    """Who gets what.

    Parameters
    ----------
    counts : ndarray, shape (n, k)
        Members of each class that get each option; rows add up to `members`.
    value : float
        Total value.
    used : ndarray, shape (m,)
        Of each resource.
    prices : ndarray, shape (m,) or None
        Value of one more unit of each resource, from the dual of the linear relaxation; None for whole numbers, which have
        no shadow price.
    """

    counts: NDArray[np.float64]
    value: float
    used: NDArray[np.float64]
    prices: Any


@dataclass(frozen=True)
class Problem:
    """Classes, options and resources of a multiple-choice knapsack.

    Parameters
    ----------
    value : array_like, shape (n, k)
        Value of one member of a class in each option.
    use : array_like, shape (k, m)
        What one member in an option takes of each resource.
    capacity : array_like, shape (m,)
        Of each resource; `inf` for a resource that never runs out.
    members : array_like of int, shape (n,), optional
        Members of each class; one each by default.
    offered : array_like of bool, shape (n, k), optional
        Which options a class may get; all by default.

    Raises
    ------
    ValueError
        When shapes do not fit, a class is offered nothing, or a number is not finite.

    Examples
    --------
    Three customers, three depths, five hours:

    >>> found = Problem([[0, 4, 9], [0, 3, 4], [0, 2, 6.5]], [[0], [1], [3]], [5]).solve()
    >>> found.value, found.counts.argmax(axis=1).tolist()
    (14.0, [2, 1, 1])
    """

    value: Any
    use: Any
    capacity: Any
    members: Any = None
    offered: Any = None

    def __post_init__(self) -> None:
        value, use, capacity = (np.asarray(x, dtype=float) for x in (self.value, self.use, self.capacity))
        if value.ndim != 2 or use.ndim != 2 or use.shape != (value.shape[1], capacity.size):
            raise ValueError(
                f"value (n, k), use (k, m), capacity (m,) do not fit: {value.shape}, {use.shape}, {capacity.shape}"
            )
        if not (np.isfinite(value).all() and np.isfinite(use).all()):
            raise ValueError("values and uses must be finite numbers")
        members = np.ones(len(value)) if self.members is None else np.asarray(self.members, dtype=float)
        offered = np.ones(value.shape, bool) if self.offered is None else np.asarray(self.offered, dtype=bool)
        if members.shape != (len(value),) or offered.shape != value.shape or not offered.any(axis=1).all():
            raise ValueError("every class needs a number of members and at least one option on offer")
        for name, array in zip(
            ("value", "use", "capacity", "members", "offered"),
            (value, use, np.atleast_1d(capacity), members, offered),
            strict=True,
        ):
            object.__setattr__(self, name, array)

    def within(self, capacity: ArrayLike) -> Problem:
        """Return the same problem with other capacities."""
        return Problem(self.value, self.use, capacity, self.members, self.offered)

    def only(self, options: ArrayLike) -> Problem:
        """Return the same problem in which no other options are offered (bool, shape (k,))."""
        offered = self.offered & np.asarray(options, dtype=bool)
        return Problem(self.value, self.use, self.capacity, self.members, offered)

    def solve(self, *, gap: float = 1e-6) -> Choice:
        """Return the best whole-number choice.

        Parameters
        ----------
        gap : float
            Relative gap to the bound at which the search stops.

        Raises
        ------
        ValueError
            When no choice fits into the resources.
        """
        from scipy.optimize import Bounds, LinearConstraint, milp

        cells, one_each, uses = self._rows()
        limited = np.isfinite(self.capacity)
        rows = [LinearConstraint(one_each, self.members, self.members)]
        if limited.any():
            rows.append(LinearConstraint(uses[limited], -np.inf, self.capacity[limited]))
        found = milp(
            -self.value[cells],
            constraints=rows,
            bounds=Bounds(0, self.members[cells[0]]),
            integrality=np.ones(len(cells[0])),
            options={"mip_rel_gap": gap},
        )
        return self._choice(found, cells, None, whole=True)

    def relax(self) -> Choice:
        """Return the best choice when members may be split: a bound on `solve`, and the prices of the resources.

        At most one class a resource is split (Sinha & Zoltners 1979, for one resource).

        Raises
        ------
        ValueError
            When no choice fits into the resources.

        Examples
        --------
        >>> problem = Problem([[0, 4, 9], [0, 3, 4], [0, 2, 6.5]], [[0], [1], [3]], [5])
        >>> bound = problem.relax()
        >>> round(bound.value, 3), bound.prices.round(3).tolist()
        (14.167, [2.167])
        """
        from scipy.optimize import linprog

        cells, one_each, uses = self._rows()
        limited = np.isfinite(self.capacity)
        found = linprog(
            -self.value[cells],
            A_ub=uses[limited] if limited.any() else None,
            b_ub=self.capacity[limited] if limited.any() else None,
            A_eq=one_each,
            b_eq=self.members,
            method="highs",
        )
        prices = np.zeros(len(self.capacity))
        if found.x is not None and limited.any():
            prices[limited] = -found.ineqlin.marginals
        return self._choice(found, cells, np.abs(prices), whole=False)

    def gain(self, step: ArrayLike, *, gap: float = 1e-9) -> float:
        """Return what `step` more of the resources (m,) adds to the whole-number optimum, by solving twice."""
        more = self.within(self.capacity + np.asarray(step, dtype=float))
        return more.solve(gap=gap).value - self.solve(gap=gap).value

    def _rows(self) -> tuple[Any, Any, NDArray[np.float64]]:
        """Return class and option of each variable, the rows "one option each", and what each variable uses."""
        from scipy.sparse import csr_array

        cells = np.nonzero(self.offered)
        one = np.ones(len(cells[0]))
        rows = csr_array((one, (cells[0], np.arange(len(one)))), shape=(len(self.members), len(one)))
        return cells, rows, self.use[cells[1]].T

    def _choice(self, found, cells, prices, *, whole: bool) -> Choice:
        if found.x is None:
            raise ValueError(
                "no choice fits: even the lightest option for everybody takes more than there is"
            )
        counts = np.zeros(self.value.shape)
        counts[cells] = np.round(found.x) if whole else found.x
        return Choice(counts, float((counts * self.value).sum()), counts.sum(axis=0) @ self.use, prices)


def hand_out(counts: ArrayLike, group: ArrayLike, rank: ArrayLike) -> NDArray[np.int64]:
    """Return each member's option: within a class the members with the highest rank get the last options.

    Parameters
    ----------
    counts : array_like of int, shape (n, k)
        Members of each class that get each option.
    group : array_like of int, shape (members,)
        Class of each member.
    rank : array_like, shape (members,)
        What orders the members of a class.

    Raises
    ------
    ValueError
        When a class has not as many members as counts.

    Examples
    --------
    >>> hand_out([[1, 1], [0, 1]], group=[0, 0, 1], rank=[5, 2, 9]).tolist()
    [1, 0, 1]
    """
    counts, group = np.asarray(counts).astype(np.int64), np.asarray(group)
    if (np.bincount(group, minlength=len(counts)) != counts.sum(axis=1)).any():
        raise ValueError("counts must add up to the members of each class")
    option = np.empty(len(group), dtype=np.int64)
    order = np.lexsort((np.asarray(rank), group))
    option[order] = np.repeat(np.tile(np.arange(counts.shape[1]), len(counts)), counts.ravel())
    return option
