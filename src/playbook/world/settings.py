"""What can be set about a world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from playbook.errors import SettingsError, nearest
from playbook.world.presets import PRESETS, Preset

FIRST_DAY, LAST_DAY = "1980-01-01", "2199-12-31"
LIMITS = {
    "seed": (0, 2**63 - 1),
    "customers": (200, 100_000_000),
    "months": (36, 120),
    "effect": (0.0, 3.0),
    "seasonality": (0.0, 2.0),
    "defects": (0.0, 3.0),
}
COUNTRIES = ("GB", "DE", "FR", "US", "BR")
TIERS = ("gold", "silver", "bronze")


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
    industry : str
        A key of `presets.PRESETS`.
    regions : tuple of str
        Countries in which the company sells, from `COUNTRIES`.
    tiers : tuple of float
        Share of customers in gold, silver and bronze; they sum to 1.
    seasonality : float
        Multiplies the industry's season; 0 is a year without one.
    defects : float
        Multiplies the rate of errors in the source extracts.
    effects : mapping of str to float
        Multiplies what is planted for single plays, e.g. ``{"define.journey_map": 0}``.
    block : int
        Which division of the company this is; set by the generator.

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
    industry: str = "industrial distribution"
    regions: tuple[str, ...] = COUNTRIES
    tiers: tuple[float, ...] = (0.08, 0.25, 0.67)
    seasonality: float = 1.0
    defects: float = 1.0
    effects: Mapping[str, float] = field(default_factory=dict)
    block: int = 0

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            _check(f"world.{name}", getattr(self, name), low, high)
        try:
            day = date.fromisoformat(self.as_of)
        except (ValueError, TypeError):
            raise SettingsError(f"world.as_of: expected a date like 2026-07-01, got {self.as_of!r}") from None
        if not FIRST_DAY <= day.isoformat() <= LAST_DAY:
            raise SettingsError(f"world.as_of: expected {FIRST_DAY} to {LAST_DAY}, got {self.as_of!r}")
        if self.industry not in PRESETS:
            raise SettingsError(
                f"world.industry: unknown '{self.industry}'; {nearest(str(self.industry), PRESETS)}"
            )
        self._check_regions()
        self._check_tiers()
        self._check_effects()

    def _check_regions(self) -> None:
        object.__setattr__(self, "regions", tuple(self.regions))
        for country in self.regions:
            if country not in COUNTRIES:
                raise SettingsError(f"world.regions: unknown '{country}'; {nearest(str(country), COUNTRIES)}")
        if not self.regions or len(set(self.regions)) < len(self.regions):
            raise SettingsError(f"world.regions: expected different countries, got {list(self.regions)}")

    def _check_tiers(self) -> None:
        object.__setattr__(self, "tiers", tuple(self.tiers))
        if len(self.tiers) != len(TIERS):
            raise SettingsError(f"world.tiers: expected shares of {', '.join(TIERS)}, got {list(self.tiers)}")
        for name, share in zip(TIERS, self.tiers, strict=True):
            _check(f"world.tiers, {name}", share, 0.0, 1.0)
        if abs(sum(self.tiers) - 1) > 1e-6:
            raise SettingsError(f"world.tiers: expected shares that sum to 1, got {sum(self.tiers):g}")

    def _check_effects(self) -> None:
        object.__setattr__(self, "effects", dict(self.effects))
        if not self.effects:
            return
        from playbook.world.plants import plants

        for play, factor in self.effects.items():
            if play not in plants():
                raise SettingsError(f"world.effects: unknown play '{play}'; {nearest(str(play), plants())}")
            _check(f"world.effects, {play}", factor, 0.0, 3.0)

    def __hash__(self) -> int:
        return hash(repr(self))

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as a plain mapping."""
        return {name: value for name, value in asdict(self).items() if name != "block"}

    def size(self, play: str) -> float:
        """Return the factor on what is planted for `play`: `effect`, times the play's own.

        Examples
        --------
        >>> WorldSettings(effect=2.0).size("define.journey_map")
        2.0
        """
        return self.effect * self.effects.get(play, 1.0)

    @property
    def preset(self) -> Preset:
        """The industry's ways."""
        return PRESETS[self.industry]

    @cached_property
    def end(self):
        """The last moment of the history (midnight of `as_of`), a Timestamp."""
        import pandas as pd

        return pd.Timestamp(self.as_of).as_unit("us")

    @cached_property
    def start(self):
        """The first moment of the history, a Timestamp."""
        import pandas as pd

        return (self.end - pd.DateOffset(months=self.months)).as_unit("us")

    @cached_property
    def days(self) -> int:
        """Length of the history in days."""
        return (self.end - self.start).days


def _check(name: str, value: Any, low: float, high: float) -> None:
    whole = isinstance(low, int)
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise SettingsError(f"{name}: expected a {'whole ' if whole else ''}number, got {value!r}")
    if not low <= value <= high:
        raise SettingsError(f"{name}: expected {low} to {high}, got {value!r}")
