"""What three systems claim about how a customer pays, is invoiced, unloads and opens.

Planted: each system is wrong at its own rate (`WRONG`, times defects; some customers are harder to get right than others,
so errors of the systems are not independent), and the ERP takes `COPIED` of its rows from the CRM, errors included. The
truth is in `truth_values`, of every customer known to any system; auditors asked a few customers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.fields import field_id
from playbook.world.keys import ids, position
from playbook.world.moments import before_end
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("fields", "extracts")
COMPLETES = ("src_crm_customers", "src_erp_customers", "src_support_users")

PLAY = "unify.golden_record"
# What can be claimed, per attribute, by its name in the CRM; the first is the most common.
VALUES = {
    "terms": ("30", "14", "45", "60"),
    "invoice_by": ("email", "paper", "edi", "portal"),
    "unloading": ("forklift", "tail lift", "by hand", "crane"),
    "opening": ("07-15", "08-16", "08-18", "06-14"),
}
COMMON = (0.42, 0.28, 0.18, 0.12)
# extract, its columns for these, how it writes the terms
LAYOUTS = {
    "crm": ("src_crm_customers", ("terms", "invoice_by", "unloading", "opening"), "{} days"),
    "erp": ("src_erp_customers", ("payment_key", "billing_mode", "unload_mode", "receiving_hours"), "Z0{}"),
    "support": ("src_support_users", ("pays_within", "invoices", "unloading_by", "hours"), "{}"),
}
WRONG = {"crm": 0.22, "erp": 0.12, "support": 0.09}
WRONG_HERE = (1.3, 0.7, 1.0, 1.0)  # per attribute, against the source's rate
EMPTY = {"crm": 0.05, "erp": 0.05, "support": 0.25}
HARD_SHAPE = 12.0  # gamma over customers: how hard they are to get right
MISTAKES = (0.6, 0.25, 0.15)  # of the other values, the next is the likeliest mistake
COPIED = 0.6  # of the ERP's rows whose customer the CRM knows, times size
AUDITED = 500

PLANTS = (
    Plant(
        play=PLAY,
        what="Three systems disagree about how customers pay, are invoiced, unload and open; auditors asked some customers.",
        why="What two systems say may be what one of them said first, and what is newest need not be right.",
        tables=("src_crm_customers", "src_erp_customers", "src_support_users", "corrections"),
        truth=("truth_values", "truth_parameters", "truth_structure"),
        size="WRONG x defects per source; COPIED x size of the ERP's rows",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return the three extracts with these columns filled, corrections, truth_values, truth_parameters, truth_structure."""
    customers, entities = tables["customers"]["customer_id"], tables["truth_entities"]
    behind = position(entities["customer_id"], customers)
    source = entities["source"].to_numpy()
    true = np.searchsorted(np.cumsum(COMMON)[:-1], rng.random((len(customers), len(VALUES))), side="right")
    hard = rng.gamma(HARD_SHAPE, 1 / HARD_SHAPE, len(customers))
    share = min(COPIED * settings.size(PLAY), 0.95)
    claims: dict[str, NDArray[np.int64]] = {}
    made: dict[str, pd.DataFrame] = {}
    audits = []
    for name, (table, columns, terms) in LAYOUTS.items():
        rows = np.flatnonzero(source == name)
        who = behind[rows]
        said = _says(true[who], hard[who], WRONG[name] * settings.defects, rng)
        said[rng.random(said.shape) < EMPTY[name]] = -1
        if name == "erp":
            first = np.full(len(customers), -1)
            crm = np.flatnonzero(source == "crm")[::-1]
            first[behind[crm]] = np.arange(len(crm))[::-1]
            copies = (first[who] >= 0) & (rng.random(len(who)) < share)
            said[copies] = claims["crm"][first[who[copies]]]
        claims[name] = said
        texts = [_texts(attribute, terms) for attribute in VALUES]
        frame = tables[table]
        key = entities["source_key"].array.take(rows)
        if not np.array_equal(key, frame.iloc[:, 0].array):
            raise ValueError(f"truth_entities is not in the order of {table}")
        made[table] = frame.assign(
            **{
                column: pd.array([*texts[k], None], dtype="str").take(said[:, k])
                for k, column in enumerate(columns)
            }  # position -1 is the empty one
        )
        audits.append(_audited(name, key, customers.array.take(who), said, true[who], texts, rng))
    known = np.unique(behind)
    return made | {
        "corrections": _corrections(settings, pd.concat(audits, ignore_index=True), rng),
        "truth_values": planted(
            "truth_values", PLAY, table="customers", key=customers.array.take(np.tile(known, len(VALUES))),
            field=words(list(VALUES), np.repeat(np.arange(len(VALUES)), len(known))),
            value=words(
                [text for values in VALUES.values() for text in values],
                (true[known] + len(COMMON) * np.arange(len(VALUES))).T.ravel(),
            ),
        ),
        **({} if settings.block else _once(settings, share)),
    }  # fmt: skip


def _says(
    true: NDArray[np.int64], hard: NDArray[np.float64], rate: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return a system's claims, (rows, attributes), as positions in `VALUES`."""
    wrong = rng.random(true.shape) < np.minimum(rate * hard[:, None] * np.array(WRONG_HERE), 0.8)
    other = 1 + np.searchsorted(np.cumsum(MISTAKES)[:-1], rng.random(true.shape), side="right")
    return np.where(wrong, (true + other) % len(COMMON), true)


def _texts(attribute: str, terms: str) -> list[str]:
    return [terms.format(value) if attribute == "terms" else value for value in VALUES[attribute]]


def _audited(
    name: str,
    key: pd.api.extensions.ExtensionArray,
    customer_id: pd.api.extensions.ExtensionArray,
    said: NDArray[np.int64],
    true: NDArray[np.int64],
    texts: list[list[str]],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return claims that auditors checked, drawn by chance among those that are not empty."""
    row, attribute = np.nonzero(said >= 0)
    chosen = rng.permutation(len(row))[:AUDITED]
    row, attribute = row[chosen], attribute[chosen]
    flat = pd.array([text for values in texts for text in values], dtype="str")
    columns = np.array([field_id(name, column) for column in LAYOUTS[name][1]])
    was, right = said[row, attribute], true[row, attribute]
    return pd.DataFrame(
        {
            "field_id": columns[attribute],
            "record_id": key.take(row),
            "customer_id": customer_id.take(row),
            "old_value": flat.take(attribute * len(COMMON) + was),
            "new_value": flat.take(attribute * len(COMMON) + right),
            "verified": was != right,
        }
    )


def _corrections(settings: WorldSettings, audits: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    n = len(audits)
    at = before_end(settings, rng.integers(1, 5 * 86_400, n))
    key = ids("GA", n, settings.block)
    return audits.assign(correction_id=key, method="audit", reported_at=at)


def _once(settings: WorldSettings, share: float) -> dict[str, pd.DataFrame]:
    rates = [rate * settings.defects for rate in WRONG.values()]
    return {
        "truth_parameters": planted(
            "truth_parameters", PLAY, name=[*(f"{source} wrong by itself" for source in WRONG), "erp copied from crm"],
            value=[*rates, share], unit="share",
        ),
        "truth_structure": planted(
            "truth_structure", PLAY, kind="copies", source=["erp"] * (share > 0), target=["crm"] * (share > 0)
        ),
    }  # fmt: skip
