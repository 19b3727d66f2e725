"""Options: what customers choose when they configure an order, what they pay for it, and what goes wrong.

Planted for `balance.customization_depth`, for twelve options in `config_versions` (kind "order options": the options
chosen, what was paid for them, and the hours to set the order up): `PAID_AMT` per option, with what is paid for
several growing less than their sum (`CONCAVE`); `ERROR` per option and one pair of options that fail together
(`PAIR`, log odds `TOGETHER`), though neither fails alone. A third option is mostly chosen with that pair (`COMPANION`)
and does nothing. Hours grow with the number of pairs of options. Errors follow a complementary log-log, while a play
may fit a logistic model. Errors are `exceptions` with a loss.

`truth_parameters` has value and error per option, `truth_structure` the pair.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import repeated
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders")
PLAY = "balance.customization_depth"

CONFIGURED = 4_000  # orders with options, at most, per division
OPTIONS = (
    "engraving",
    "split delivery",
    "own packaging",
    "test report",
    "colour",
    "pre-assembly",
    "labelling",
    "night delivery",
    "pallet height",
    "documents by post",
    "return crate",
    "installation kit",
)
CHOSEN = (0.15, 0.25, 0.35, 0.12, 0.30, 0.22, 0.40, 0.18, 0.28, 0.10, 0.08, 0.20)
PAID_AMT = (14.0, 6.0, 9.0, 20.0, 4.0, 18.0, 3.0, 16.0, 5.0, 2.0, 7.0, 12.0)
ERROR = (0.5, 0.0, 0.2, 0.0, 0.0, 0.7, 0.0, 0.3, 0.0, 0.0, 0.2, 0.0)  # log hazard
PAIR, TOGETHER = (2, 8), 2.6  # own packaging with pallet height
COMPANION, WITH_PAIR = 6, 0.9  # labelling: nearly always chosen with both
CONCAVE = 0.85
ERROR_LOG_HAZARD = -3.3
LOSS_AMT = 70.0
SETUP_H, PAIR_H = 0.6, 0.15

PLANTS = (
    Plant(
        play=PLAY,
        what="Orders with up to twelve options: what was paid for them, how long the set-up took, and which went "
        "wrong. Two options do not go together.",
        why="The options with the most errors are not those that cause them, and each alone is harmless.",
        tables=("config_versions", "exceptions", "orders"),
        truth=("truth_parameters", "truth_structure"),
        size="PAID_AMT, ERROR, TOGETHER x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return config_versions, exceptions, truth_parameters and truth_structure."""
    size = settings.size(PLAY)
    orders = tables["orders"]
    at = np.sort(rng.permutation(len(orders))[:CONFIGURED])
    n = len(at)
    taken = rng.random((n, len(OPTIONS))) < CHOSEN
    pair = taken[:, PAIR].all(axis=1)
    taken[:, COMPANION] = np.where(pair, rng.random(n) < WITH_PAIR, taken[:, COMPANION])
    count = taken.sum(axis=1)
    paid = size * (taken @ np.array(PAID_AMT)) ** CONCAVE * rng.lognormal(-0.02, 0.2, n)
    hours = (1.0 + SETUP_H * count + PAIR_H * count * (count - 1) / 2) * rng.lognormal(0, 0.25, n)
    log_hazard = ERROR_LOG_HAZARD + size * (taken @ np.array(ERROR) + TOGETHER * pair)
    fails = rng.random(n) < -np.expm1(-np.exp(log_hazard))

    version = ids("GQ", n, settings.block)
    ordered = orders["ordered_at"].to_numpy()[at]
    configs = pd.DataFrame(
        {
            "config_version_id": version,
            "config_id": orders["order_id"].array.take(at),
            "kind": repeated("order options", n),
            "environment": repeated("live", n),
            "value_json": _json(taken, paid, hours),
            "is_live": True,
            "valid_from": ordered,
        }
    )
    wrong = np.flatnonzero(fails & (ordered < np.datetime64(settings.end - pd.Timedelta(days=4))))
    found = ordered[wrong] + (rng.uniform(0.2, 3.0, len(wrong)) * 86_400e6).astype("timedelta64[us]")
    exceptions = pd.DataFrame(
        {
            "exception_id": ids("XQ", len(wrong), settings.block),
            "occurred_at": found,
            "exception_type": repeated("wrong configuration", len(wrong)),
            "customer_id": orders["customer_id"].array.take(at[wrong]),
            "subject_type": repeated("order", len(wrong)),
            "subject_id": orders["order_id"].array.take(at[wrong]),
            "config_version_id": version.array.take(wrong),
            "loss_amt": np.round(LOSS_AMT * rng.gamma(2.0, 0.5, len(wrong)), 2),
        }
    )
    made = {"config_versions": configs, "exceptions": exceptions}
    return made if settings.block else {**made, **_truth(size)}


def _json(
    taken: NDArray[np.bool_], paid: NDArray[np.float64], hours: NDArray[np.float64]
) -> pd.api.extensions.ExtensionArray:
    """Return the configuration of each order as JSON."""
    masks, inverse = np.unique(taken @ (1 << np.arange(len(OPTIONS))), return_inverse=True)
    names = [json.dumps([name for k, name in enumerate(OPTIONS) if mask >> k & 1]) for mask in masks]
    heads = ['{"options": ' + name for name in names]
    rows = [
        f'{heads[i]}, "paid_amt": {p:.2f}, "setup_h": {h:.2f}}}'
        for i, p, h in zip(inverse.tolist(), paid.tolist(), hours.tolist(), strict=True)
    ]
    return pd.array(rows, dtype="str")


def _truth(size: float) -> dict[str, pd.DataFrame]:
    kinds = {"value": (PAID_AMT, "money before concavity"), "error": (ERROR, "log hazard")}
    parameters = planted(
        "truth_parameters",
        PLAY,
        name=[f"{kind}: {option}" for kind in kinds for option in OPTIONS] + ["concavity"],
        value=[value * size for kind in kinds for value in kinds[kind][0]] + [CONCAVE],
        unit=[kinds[kind][1] for kind in kinds for _ in OPTIONS] + ["exponent"],
    )
    pairs = [PAIR] if size > 0 else []
    structure = planted(
        "truth_structure",
        PLAY,
        kind=["interaction" for _ in pairs],
        source=[OPTIONS[a] for a, _ in pairs],
        target=[OPTIONS[b] for _, b in pairs],
    )
    return {"truth_parameters": parameters, "truth_structure": structure}
