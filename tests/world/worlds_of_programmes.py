"""Worlds with programmes, made once for all tests of them, and the simplest right estimators for their effects."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import statsmodels.api as sm

from playbook.world.blocks import Tables, with_needs
from playbook.world.settings import WorldSettings

SEEDS = range(5)
CUSTOMERS = 10_000
DOMAINS = ("costs", "works", "price_checks")
PLAYS = (
    "define.customer_value",
    "define.engagement_model",
    "define.tier_assignment",
    "design.fulfilment_preferences",
    "balance.workforce_schedule",
    "balance.promotion_plan",
    "balance.customization_break_even",
    "govern.resource_disputes",
    "measure.control_groups",
    "measure.delayed_attribution",
    "measure.forecast_uplift",
    "measure.retention_cohorts",
    "measure.roi",
    "sustain.pilot_rollout",
)
WEEK = np.timedelta64(7, "D")
ORIGIN = np.datetime64("2000-01-01")


def tables_of(settings: WorldSettings, domains: tuple[str, ...]) -> Tables:
    """Return the tables of some domains with those that are for later domains only."""
    tables = Tables({})
    for name in with_needs(domains):
        tables.add(name, settings)
    return tables


@dataclass(frozen=True)
class Trial:
    """A world, and when each customer ordered."""

    settings: WorldSettings
    tables: Tables
    customers: pd.Index
    key: np.ndarray

    def count(self, customer: pd.Series, since: np.ndarray, until: np.ndarray) -> np.ndarray:
        """Return how many orders each customer made in a time of their own."""
        who = self.customers.get_indexer(customer)
        last, first = (np.searchsorted(self.key, _packed(who, np.asarray(at))) for at in (until, since))
        return last - first

    def assigned(self, initiative: str, design: str = "random") -> pd.DataFrame:
        """Return the assignments of one initiative and design."""
        table = self.tables["assignments"]
        return table[(table["initiative_id"] == initiative) & (table["design"] == design)]

    def truth(self, play: str, **where: str) -> pd.DataFrame:
        """Return the planted effects of a play that match."""
        table = self.tables["truth_effects"]
        table = table[table["play"] == play]
        for column, value in where.items():
            table = table[table[column] == value]
        return table


def _packed(who: np.ndarray, at: np.ndarray) -> np.ndarray:
    return who * 1e6 + (at - ORIGIN) / np.timedelta64(1, "D")


@cache
def trial(seed: int, planted: bool = True) -> Trial:
    """Return the world of a seed; not planted: all plays of programmes have effect 0."""
    effects = {} if planted else dict.fromkeys(PLAYS, 0.0)
    settings = WorldSettings(seed=seed, customers=CUSTOMERS, effects=effects)
    tables = tables_of(settings, DOMAINS)
    customers = pd.Index(tables["customers"]["customer_id"])
    orders = tables["orders"]
    who = customers.get_indexer(orders["customer_id"])
    return Trial(settings, tables, customers, np.sort(_packed(who, orders["ordered_at"].to_numpy())))


def trials() -> list[Trial]:
    """Return one world a seed."""
    return [trial(seed) for seed in SEEDS]


def log_ratio(
    world: Trial, rows: pd.DataFrame, treated: np.ndarray, weeks: tuple[float, float], before: float = 46
) -> tuple[float, float]:
    """Return log rate of the treated against the others in `weeks` since each began, and its standard error.

    Negative binomial on what each bought `before`, as purchases vary more than Poisson and people stop.
    """
    began = rows["starts_at"].to_numpy()
    old = world.count(rows["subject_id"], began - np.timedelta64(int(before * 7), "D"), began)
    since, until = (began + np.timedelta64(int(week * 7), "D") for week in weeks)
    new = world.count(rows["subject_id"], since, until)
    design = sm.add_constant(np.column_stack([np.asarray(treated, dtype=float), np.log(old + 0.5)]))
    fit = sm.GLM(new, design, family=sm.families.NegativeBinomial(alpha=0.5)).fit(cov_type="HC1")
    return float(fit.params[1]), float(fit.bse[1])


def plain_ratio(world: Trial, rows: pd.DataFrame, treated: np.ndarray, weeks: float) -> float:
    """Return what people look at: log ratio of orders since the beginning, with and without."""
    began = rows["starts_at"].to_numpy()
    new = world.count(rows["subject_id"], began, began + np.timedelta64(int(weeks * 7), "D"))
    treated = np.asarray(treated)
    return float(np.log(new[treated].mean() / new[~treated].mean()))


def pooled(found: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the mean of independent estimates and its standard error.

    Not weighted by precision, which favours estimates that are small by chance.
    """
    value, error = np.array(found).T
    return float(value.mean()), float(np.sqrt((error**2).sum()) / len(error))


def agrees(found: list[tuple[float, float]], planted: float, margin: float = 0.03) -> bool:
    """Return whether pooled estimates are within 3 standard errors (and a margin for the model) of `planted`."""
    value, error = pooled(found)
    return abs(value - planted) < 3 * error + margin
