"""What can be set about a world."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from playbook.errors import SettingsError

FIRST_DAY, LAST_DAY = "1980-01-01", "2199-12-31"
LIMITS = {"seed": (0, 2**63 - 1), "customers": (200, 10_000_000), "months": (36, 120), "effect": (0.0, 3.0)}


@dataclass(frozen=True)
class WorldSettings:
    """Settings of a world.

    Parameters
    ----------
    seed : int
        Everything random follows from it.
    customers : int
        How many customers the company has.
    months : int
        Length of the history, ending at `as_of`; at least 36.
    as_of : str
        The last day of the history, ISO 8601.
    effect : float
        Multiplies the size of every planted effect; 0 plants nothing to find.

    Raises
    ------
    SettingsError
        When a value is outside its limits.
    """

    seed: int = 20260701
    customers: int = 5_000
    months: int = 36
    as_of: str = "2026-07-01"
    effect: float = 1.0

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            whole = isinstance(low, int)
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
                raise SettingsError(
                    f"world.{name}: expected a {'whole ' if whole else ''}number, got {value!r}"
                )
            if not low <= value <= high:
                raise SettingsError(f"world.{name}: expected {low} to {high}, got {value!r}")
        try:
            day = date.fromisoformat(self.as_of)
        except (ValueError, TypeError):
            raise SettingsError(f"world.as_of: expected a date like 2026-07-01, got {self.as_of!r}") from None
        if not FIRST_DAY <= day.isoformat() <= LAST_DAY:
            raise SettingsError(f"world.as_of: expected {FIRST_DAY} to {LAST_DAY}, got {self.as_of!r}")

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as a plain mapping."""
        return asdict(self)

    @property
    def end(self):
        """The last moment of the history (midnight of `as_of`), a Timestamp."""
        import pandas as pd

        return pd.Timestamp(self.as_of).as_unit("us")

    @property
    def start(self):
        """The first moment of the history, a Timestamp."""
        import pandas as pd

        return (self.end - pd.DateOffset(months=self.months)).as_unit("us")

    @property
    def days(self) -> int:
        """Length of the history in days."""
        return (self.end - self.start).days
