"""Units and staff; each person's latent skill is the truth behind handle times, training scores and who leaves.

Beside the teams of each market there are service desks, which keep the work lists (`tickets.queue`), technicians who
visit customers, and three vendors whose agents answer a part of what customers write. Vendor agents are like the
company's own in skill; what their vendors make them do is planted in `vendors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.domains.company import MARKETS, market_shares
from playbook.world.draws import pick
from playbook.world.keys import ids, local
from playbook.world.texts import words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market",)

ROLES = ("service agent", "account manager", "picker", "planner")
FUNCTIONS = ("service", "sales", "operations", "planning")
ROLE_SHARES = (0.42, 0.18, 0.26, 0.14)
AUTHORITY_AMT = (50.0, 500.0, 0.0, 0.0)  # credit that a role may grant alone
YEARS_TO_LEAVE = 2.4  # scale of a stay; its median is 1.4 years for an average person
STAY_SHAPE = 0.7  # Weibull: most who leave do so early
LEAVE_ON_SKILL = 1.0  # one sd less skill shortens a stay by exp(1.0): survivors look too good

DESKS = 24  # service desks, spread over the markets as customers are
VENDORS = ("Northline", "Callwise", "Brightdesk")
VENDOR_ROLE = "vendor agent"
VENDOR_AGENTS = 12  # of each vendor
CARRIER = "UC"
TECHNICIAN_ROLE = "technician"
TECHNICIANS = 30
TRADES = ("mechanics", "electronics", "network")


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return units, staff and truth_staff."""
    own, truth = _own_staff(settings, rng)
    hired, truth_hired = _standing_staff(settings, len(own), rng)
    return {
        "units": _units(settings, own),
        "staff": pd.concat([own, hired], ignore_index=True),
        "truth_staff": pd.concat([truth, truth_hired], ignore_index=True),
    }


def desks(settings: WorldSettings) -> list[tuple[str, str]]:
    """Return key and market of each service desk."""
    share = market_shares(settings)
    # The largest remainders get the desks that are left; each market in which the company sells has one at least.
    count = np.where(share > 0, np.maximum(np.floor(share * DESKS), 1), 0).astype(int)
    for market in np.argsort(-(share * DESKS - count))[: max(DESKS - int(count.sum()), 0)]:
        count[market] += 1
    return [
        (local(f"UD{market + 1}{k:02d}", settings.block), f"R{market + 1}")
        for market in range(len(MARKETS))
        for k in range(count[market])
    ]


def vendor_units(block: int) -> list[str]:
    """Return the key of each vendor."""
    return [local(f"UV{k + 1}", block) for k in range(len(VENDORS))]


def field_unit(block: int) -> str:
    """Return the key of the technicians' team."""
    return local("UF", block)


def _units(settings: WorldSettings, staff: pd.DataFrame) -> pd.DataFrame:
    teams = [
        (local(f"U{r}{k}", settings.block), f"{role}s {market[0]}", "team", None, role, f"R{r}")
        for r, market in enumerate(MARKETS, start=1)
        if market[0] in settings.regions
        for k, role in enumerate(ROLES)
    ]
    own_desks = [
        (key, f"service desk {key[2:]}", "desk", local(f"U{region[1]}0", settings.block), ROLES[0], region)
        for key, region in desks(settings)
    ]
    vendors = [
        (key, name, "vendor", None, VENDOR_ROLE, None)
        for key, name in zip(vendor_units(settings.block), VENDORS, strict=True)
    ]
    field = [
        (field_unit(settings.block), "field service", "team", None, TECHNICIAN_ROLE, None),
        (local(CARRIER, settings.block), "parcel carrier", "partner", None, "carrier", None),
    ]
    units = pd.DataFrame(
        [*teams, *own_desks, *vendors, *field],
        columns=["unit_id", "name", "kind", "parent_unit_id", "function", "region_id"],
    )
    employed = staff[staff["left_on"].isna()]["unit_id"].value_counts()
    return units.assign(
        planned_headcount=units["unit_id"].map(employed).mul(1.1).round(),
        cost_center=("CC-" + units["unit_id"]).where(units["kind"] == "team"),
    )


def _own_staff(settings: WorldSettings, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the company's people, and their truth."""
    n = max(240, settings.customers // 10)
    region = pick(market_shares(settings), n, rng)
    role = pick(ROLE_SHARES, n, rng)
    skill = rng.normal(0, 1, n)
    # Hiring is even from four years before the history to its end: rapid, because many leave.
    first = settings.start - pd.DateOffset(years=4)
    span = (settings.end - first).days
    hired = pd.Series(first + pd.to_timedelta(np.floor(rng.random(n) * span), unit="D"))
    scale_d = YEARS_TO_LEAVE * 365 * np.exp(LEAVE_ON_SKILL * settings.size("sustain.training") * skill)
    stay_d = scale_d * rng.weibull(STAY_SHAPE, n)
    left = hired + pd.to_timedelta(np.floor(np.minimum(stay_d, 40_000)), unit="D")
    wage = np.array([market[7] for market in MARKETS])[region]
    units = [local(f"U{r}{k}", settings.block) for r in range(1, len(MARKETS) + 1) for k in range(len(ROLES))]
    languages = [market[3] if market[3] == "en" else f"{market[3]},en" for market in MARKETS]
    staff = pd.DataFrame(
        {
            "staff_id": ids("T", n, settings.block),
            "unit_id": words(units, region * len(ROLES) + role),
            "role": words(ROLES, role),
            "function": words(FUNCTIONS, role),
            "manager_staff_id": None,
            "region_id": words([f"R{r}" for r in range(1, len(MARKETS) + 1)], region),
            "hired_on": hired.astype("datetime64[us]"),
            "left_on": left.where(left < settings.end).astype("datetime64[us]"),
            "fte_h_week": rng.choice([20.0, 32.0, 38.0], n, p=[0.2, 0.2, 0.6]),
            "cost_amt_h": np.round(wage * rng.uniform(0.95, 1.2, n), 2),
            "languages": words(languages, region),
            "authority_amt": np.array(AUTHORITY_AMT)[role],
        }
    )
    # Each team reports to the one who has been there longest and is still there.
    there = staff[staff["left_on"].isna()].sort_values("hired_on", kind="stable")
    staff["manager_staff_id"] = (
        staff["unit_id"].map(there.groupby("unit_id")["staff_id"].first()).astype("str")
    )
    staff.loc[staff["manager_staff_id"] == staff["staff_id"], "manager_staff_id"] = None
    return staff, pd.DataFrame({"staff_id": staff["staff_id"], "skill": skill, "stay_d": stay_d})


def _standing_staff(
    settings: WorldSettings, own: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the vendors' people and the technicians, who were all there before the history and stay.

    `own` is the number of the company's people before them.
    """
    hired = VENDOR_AGENTS * len(VENDORS)
    n = hired + TECHNICIANS
    units = [*vendor_units(settings.block), field_unit(settings.block)]
    since_d = rng.integers(30, 900, n)
    kinds = np.minimum(np.arange(n) // hired, 1)
    masters = rng.random((n, len(TRADES))) < 0.45
    masters[np.arange(n), rng.integers(0, len(TRADES), n)] = True
    skills = [",".join(np.array(TRADES)[row]) for row in masters]
    staff = pd.DataFrame(
        {
            "staff_id": ids("T", own + n, settings.block).iloc[own:].reset_index(drop=True),
            "unit_id": words(units, np.minimum(np.arange(n) // VENDOR_AGENTS, len(VENDORS))),
            "role": words([VENDOR_ROLE, TECHNICIAN_ROLE], kinds),
            "function": words(["service", "field service"], kinds),
            "hired_on": settings.start - pd.to_timedelta(since_d, unit="D").as_unit("us"),
            "left_on": pd.Series(pd.NaT, index=range(n), dtype="datetime64[us]"),
            "fte_h_week": 38.0,
            "cost_amt_h": np.round(rng.uniform(14.0, 18.0, n) + 14.0 * kinds, 2),
            "skills": pd.array(skills, dtype="str"),
            "authority_amt": 0.0,
        }
    )
    staff.loc[kinds == 0, "skills"] = None
    truth = pd.DataFrame(
        {"staff_id": staff["staff_id"], "skill": rng.normal(0, 1, n), "stay_d": since_d + settings.days + 1.0}
    )
    return staff, truth
