"""The engagement file: one client's settings, checked before anything runs."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from playbook import catalogue
from playbook.errors import SettingsError, nearest
from playbook.store.warehouse import SCHEMA
from playbook.world.settings import WorldSettings
from playbook.yamlfile import Strict, known, load

LONGEST_NAME = 80


class Client(Strict):
    """Who the engagement is for."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    industry: str = Field(min_length=1)
    currency: str

    @field_validator("currency")
    @classmethod
    def _known(cls, value: str) -> str:
        from babel.numbers import list_currencies

        codes = list_currencies()
        if value not in codes:
            guess = nearest(value, codes) if value.isalpha() else ""
            raise ValueError(
                f"expected an ISO 4217 code like EUR{'; ' + guess if guess.startswith('did') else ''}"
            )
        return value


class World(Strict):
    """A synthetic world; see `WorldSettings` for what each key means."""

    seed: int = WorldSettings.seed
    customers: int = WorldSettings.customers
    months: int = WorldSettings.months
    effect: float = WorldSettings.effect
    industry: str = WorldSettings.industry
    regions: list[str] = Field(default_factory=lambda: list(WorldSettings.regions))
    tiers: list[float] = Field(default_factory=lambda: list(WorldSettings.tiers))
    seasonality: float = WorldSettings.seasonality
    defects: float = WorldSettings.defects
    effects: dict[str, float] = Field(default_factory=dict)


class WarehouseAddress(Strict):
    """Where a client's warehouse keeps canonical tables; see `playbook.store.warehouse.open_warehouse`."""

    dialect: Literal["postgres", "spark"]
    connection: str | None = None
    # Not `schema`, which pydantic's models have for themselves.
    schema_: str = Field(default=SCHEMA, alias="schema", min_length=1)

    @field_validator("connection")
    @classmethod
    def _variable(cls, value: str | None) -> str | None:
        if value is not None and not value.isidentifier():
            raise ValueError("expected the name of an environment variable that holds the address")
        return value

    def settings(self) -> dict[str, str]:
        """Return what `open_warehouse` takes."""
        return {key: value for key, value in self.model_dump(by_alias=True).items() if value is not None}


class Data(Strict):
    """Where the data come from: a synthetic world, a mapping of the client's exports, or the client's warehouse."""

    world: World | None = None
    mapping: str | None = None
    warehouse: WarehouseAddress | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Data:
        if sum(source is not None for source in (self.world, self.mapping, self.warehouse)) != 1:
            raise ValueError(
                "expected exactly one of 'world' (synthetic), 'mapping' (the client's exports) and 'warehouse' "
                "(the client's canonical tables)"
            )
        return self


class Engagement(Strict):
    """One engagement file."""

    client: Client
    as_of: date
    data: Data
    modules: list[str] | None = None
    plays: list[str] | None = None
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @field_validator("modules")
    @classmethod
    def _modules(cls, value: list[str] | None) -> list[str] | None:
        for name in value or ():
            known(name, catalogue.MODULES)
        return value

    @field_validator("plays")
    @classmethod
    def _plays(cls, value: list[str] | None) -> list[str] | None:
        for play_id in value or ():
            known(play_id, catalogue.plays())
        return value

    @field_validator("settings")
    @classmethod
    def _settings(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for play_id, settings in value.items():
            known(play_id, catalogue.plays())
            declared = {setting.name: setting for setting in catalogue.play(play_id).settings}
            for name, given in settings.items():
                if name not in declared:
                    raise ValueError(f"{play_id}: unknown setting '{name}'; {nearest(name, declared)}")
                if problem := declared[name].problem(given):
                    raise ValueError(f"{play_id}.{name}: {problem}")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Engagement:
        if self.modules is not None and self.plays is not None:
            raise ValueError("expected 'modules' or 'plays', not both")
        if not self.chosen():
            raise ValueError("no play is chosen; leave out 'modules' and 'plays' to run all")
        self.world_settings()
        return self

    def chosen(self) -> list[catalogue.Play]:
        """Return the plays to run, in the catalogue's order."""
        return [
            play
            for play in catalogue.plays().values()
            if (self.plays is None or play.id in self.plays)
            and (self.modules is None or play.module in self.modules)
        ]

    def world_settings(self) -> WorldSettings:
        """Return the world to generate, up to the as-of date; for a client's data, the one for illustrations."""
        try:
            return WorldSettings(**(self.data.world or World()).model_dump(), as_of=self.as_of.isoformat())
        except SettingsError as error:
            raise ValueError(str(error)) from None

    def parameters(self, module: str) -> dict[str, Any]:
        """Return the papermill parameters of one module's notebook, except paths."""
        values: dict[str, Any] = {
            "client": self.client.name,
            "as_of": self.as_of.isoformat(),
            "currency": self.client.currency,
        }
        for play in self.chosen():
            if play.module == module:
                for name, value in self.settings.get(play.id, {}).items():
                    values[f"{play.name}_{name}"] = value
        return values

    @property
    def slug(self) -> str:
        """The client's name as a folder name."""
        return slug(self.client.name) or "client"


def slug(name: str) -> str:
    """Return a name as a folder name; empty when it holds no letter or digit.

    Examples
    --------
    >>> slug("Online Retail Ltd.")
    'online-retail-ltd'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def read_engagement(path: str | Path) -> Engagement:
    """Read and check an engagement file.

    Raises
    ------
    SettingsError
        One line: file, key, what was expected, nearest valid name.
    """
    return load(Path(path), Engagement, SettingsError)
