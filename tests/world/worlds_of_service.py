"""Small worlds of the service desk, made once for all tests that read them, pooled with the seed as a column."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd

from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = range(20)
CUSTOMERS = 500
PLAYS = (
    "design.scripts", "design.agent_desktop", "measure.action_metrics", "define.latency_thresholds",
    "define.standardize_or_localize", "design.trust_rules", "sustain.vendor_slas", "sustain.incentives",
    "design.field_service",
)  # fmt: skip
KEPT = (
    "actions", "assignments", "visits", "kpi_targets", "contract_terms", "staff", "customers", "units",
    "truth_effects", "truth_labels", "truth_parameters", "truth_structure", "truth_values",
)  # fmt: skip
IN_TIME = pd.Timedelta(days=30)  # cases of the last days may still come back after the history


def _one(seed: int, customers: int, effects: dict[str, float]) -> dict[str, pd.DataFrame]:
    settings = WorldSettings(seed=seed, customers=customers, effects=effects)
    world = generate(settings, domains=["repeats", "visits"])
    contacts = world["interactions"].dropna(subset="ticket_id").sort_values("arrived_at", kind="stable")
    contacts = contacts[~contacts["ticket_id"].duplicated()]
    contacts["wait_min"] = (
        contacts["answered_at"].fillna(contacts["ended_at"]) - contacts["arrived_at"]
    ).dt.total_seconds() / 60
    day = world["interactions"].dropna(subset="ticket_id")["arrived_at"].dt.normalize()
    usual = day.value_counts().loc[lambda count: count.index.day_of_week < 5].mean()
    columns = [
        "ticket_id",
        "interaction_id",
        "channel",
        "staff_id",
        "wait_min",
        "handle_s",
        "verification_level",
    ]
    tickets = world["tickets"].merge(contacts[columns], on="ticket_id")
    tickets["busy"] = tickets["opened_at"].dt.normalize().map(day.value_counts()) / usual
    tickets["vendor"] = tickets["staff_id"].map(world["staff"].set_index("staff_id")["unit_id"])
    tickets["vendor"] = tickets["vendor"].where(tickets["vendor"].str.startswith("UV"), "own")
    tickets["back"] = tickets["reopened_at"].notna().astype(float)
    tickets = tickets.sort_values(["customer_id", "opened_at"], kind="stable")
    asked = tickets.groupby("customer_id")["opened_at"].diff() < pd.Timedelta(days=30)
    tickets["history"] = np.where(asked, "repeat", "first")
    tickets = tickets[tickets["resolved_at"] < settings.end - IN_TIME]
    return {"tickets": tickets} | {name: world[name] for name in KEPT}


@cache
def service_worlds(
    planted: bool = True, seeds: int = len(SEEDS), customers: int = CUSTOMERS
) -> SimpleNamespace:
    """The tables of all seeds; with `planted` False the plays of the desk have nothing to find."""
    effects = {} if planted else dict.fromkeys(PLAYS, 0.0)
    worlds = [_one(seed, customers, effects) for seed in range(seeds)]
    return SimpleNamespace(
        **{
            name: pd.concat(
                [world[name].assign(seed=seed) for seed, world in enumerate(worlds)], ignore_index=True
            )
            for name in worlds[0]
        }
    )


def effects_of(world: SimpleNamespace, play: str) -> pd.DataFrame:
    """The planted effects of a play, of the first world (they are alike in all, where they have no keys)."""
    return world.truth_effects.query("play == @play and seed == 0").set_index(["action", "stratum"])


def share_gap(outcome: pd.Series, treated: pd.Series, weight: pd.Series | float = 1.0) -> tuple[float, float]:
    """Weighted difference of means, treated less the others, with its standard error."""
    weight = pd.Series(weight, index=outcome.index) if np.isscalar(weight) else weight
    means, variances = [], []
    for group in (treated, ~treated):
        w, y = weight[group], outcome[group]
        mean = float((w * y).sum() / w.sum())
        means.append(mean)
        variances.append(float((w**2 * (y - mean) ** 2).sum() / w.sum() ** 2))
    return means[0] - means[1], float(np.sqrt(sum(variances)))
