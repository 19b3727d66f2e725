"""What vendors are paid for, and what they make their agents do (`sustain.vendor_slas`).

All vendors are paid per contact and held to a handling time. A vendor takes care when what it earns for a case that does
not come back is worth the minutes that care takes, and else cuts contacts short (`HASTE_LOG`), after which more customers
come back (`HASTE`): two actions, and a threshold for the bonus (`threshold`). One vendor has such a bonus from
the start; on a known day the two others get one, of which one is too small. The first gets the easy cases and the last
the hard ones (`service.VENDOR_CASES`), so that plain averages blame the wrong one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.organisation import vendor_units
from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("organisation", "service")

CHANGE_AT = 0.6  # of the history
HASTE = 0.15  # change of the chance of a repeat contact
HASTE_LOG = -0.35  # change of the log of the handling time
WORK_FACTOR = 1.45  # mean work of a written contact against the median of a simple one
WAGE_AMT_H = 16.0
FEE_AMT = 4.5  # per contact
BONUS = ((0.0, 1.6), (0.0, 0.5), (1.6, 1.6))  # before and after the change, against the threshold, by vendor
HANDLE_TARGET = 0.9  # of the mean work

PLANTS = (
    Plant(
        play="sustain.vendor_slas",
        what="Vendors answer a part of what customers write. Their terms pay for contacts and handling time; terms for "
        "cases that stay solved differ between vendors and change on a known day. Vendors do what pays.",
        why="Vendors get different cases, so their averages differ whatever they do. Meeting the handling time can be what "
        "makes customers come back.",
        tables=("interactions", "tickets", "staff", "units", "contract_terms", "costs"),
        truth=("truth_effects", "truth_parameters"),
        size="HASTE x size and HASTE_LOG x size while BONUS is below the threshold",
    ),
)


def cost_of_care(settings: WorldSettings) -> float:
    """Return what it costs a vendor not to cut a contact short, money per contact."""
    minutes = settings.preset.handle_min * WORK_FACTOR * (1 - np.exp(HASTE_LOG))
    return float(minutes / 60 * WAGE_AMT_H)


def threshold(settings: WorldSettings) -> float:
    """Return the bonus for a case that stays solved from which care pays, money per case."""
    return cost_of_care(settings) / HASTE


def hurries(settings: WorldSettings) -> NDArray[np.bool_]:
    """Return which vendor hurries, before and after the change, shape (vendors, 2)."""
    bonus = np.array(BONUS) * threshold(settings)
    return bonus * HASTE < cost_of_care(settings)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return contract_terms, costs, truth, and _repeat_changes and _handle_changes for `repeats`."""
    cases = tables["_cases"]
    size = settings.size("sustain.vendor_slas")
    day = np.floor(settings.days * CHANGE_AT)
    rows = np.flatnonzero(cases["vendor"] >= 0)
    theirs = cases.iloc[rows]
    after = (theirs["opened_min"].to_numpy() >= day * 1440).astype(np.int64)
    hasty = hurries(settings)[theirs["vendor"], after] * size
    units = vendor_units(settings.block)
    return {
        "contract_terms": _terms(settings, units, settings.start + pd.Timedelta(days=day)),
        "costs": _costs(settings, theirs, units),
        "_repeat_changes": pd.DataFrame({"case": rows, "change": HASTE * hasty}),
        "_handle_changes": pd.DataFrame(
            {"contact": theirs["contact"].to_numpy(), "log_change": HASTE_LOG * hasty, "add_s": 0.0}
        ),
        **_truth(settings, units, size),
    }


def _terms(settings: WorldSettings, units: list[str], change: pd.Timestamp) -> pd.DataFrame:
    handle_s = settings.preset.handle_min * WORK_FACTOR * HANDLE_TARGET * 60
    rows: list[tuple] = []
    for unit, bonus in zip(units, BONUS, strict=True):
        rows.append((unit, "handling time", round(handle_s), "s", 2_000.0, np.nan, settings.start, pd.NaT))
        for factor, since, until in ((bonus[0], settings.start, change), (bonus[1], change, pd.NaT)):
            amount = round(factor * threshold(settings), 2)
            rows.append((unit, "solved for good", 1.0, "bonus per case", np.nan, amount, since, until))
    columns = ["provider_unit_id", "metric", "target", "target_unit", "penalty_amt", "bonus_amt"]
    terms = pd.DataFrame(rows, columns=[*columns, "valid_from", "valid_to"])
    terms.insert(0, "term_id", ids("VT", len(terms), settings.block))
    return terms.astype({"valid_from": "datetime64[us]", "valid_to": "datetime64[us]"})


def _costs(settings: WorldSettings, theirs: pd.DataFrame, units: list[str]) -> pd.DataFrame:
    """Return one row per vendor and month: contacts and what they cost."""
    months = settings.months
    starts = [settings.start + pd.DateOffset(months=k) for k in range(months)]
    opened = theirs["opened_min"].to_numpy() / 1440
    month = np.searchsorted([(at - settings.start).days for at in starts], opened, side="right") - 1
    count = np.bincount(theirs["vendor"] * months + month, minlength=len(units) * months)
    return pd.DataFrame(
        {
            "cost_id": ids("VC", len(count), settings.block),
            "month_on": pd.Series(starts * len(units)).astype("datetime64[us]"),
            "activity": "vendor contacts",
            "subject_type": "unit",
            "subject_id": np.repeat(units, months),
            "driver": "contacts",
            "driver_qty": count.astype(float),
            "variable_amt": count * FEE_AMT,
        }
    )


def _truth(settings: WorldSettings, units: list[str], size: float) -> dict[str, pd.DataFrame]:
    play = "sustain.vendor_slas"
    parameters = planted(
        "truth_parameters",
        play,
        name=["cost_of_care_amt", "bonus_threshold_amt"],
        value=[cost_of_care(settings), threshold(settings)],
        unit=["money/contact", "money/case"],
    )
    effects = planted(
        "truth_effects",
        play,
        action=np.repeat(units, 2),
        stratum=["before the change", "after the change"] * len(units),
        metric="repeat contact",
        size=HASTE * size * hurries(settings).ravel(),
        unit="share",
    )
    return {"truth_effects": effects, **({} if settings.block else {"truth_parameters": parameters})}
