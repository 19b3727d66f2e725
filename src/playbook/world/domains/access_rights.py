"""Who may see what, who looked at what, and what flows to other companies.

Rights are rows of the ruleset "access": role, purpose, highest sensitivity that is shown in clear (above
it, masked). The log has what each role asked for and whether the system let it through. Planted, times the
play's size (whole numbers): `UNUSED` rights that nobody uses, while `RARE` rights are used in one month of
the year only and are needed; `IMPROPER` reads above the role's right that the system let through (refusals
are recorded too); `LEAKERS` who carried out many times what their role does, in one week; of the flows to
other companies, `LACKING` without each of `CONTROLS`, and no flow without two. Volumes are lognormal, uses
Poisson with a negative binomial spread over people.

`truth_labels` has the rights (by rule), reads, people and flows.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.moments import at_day
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("fields", "organisation")
ONCE = True

PLAY = "govern.access_control"
LEVELS = ("internal", "personal")  # sensitivity of the elements that systems hold
PURPOSES = ("service", "order", "planning", "analysis", "audit")
# role in the access system, role of its people (empty: another company), median gigabytes of a read
ROLES = (
    ("agent", "service agent", 0.02),
    ("account manager", "account manager", 0.05),
    ("warehouse", "picker", 0.01),
    ("analyst", "planner", 6.0),
    ("customer's auditor", "", 0.05),
    ("integrator", "", 20.0),
)
# role, purpose, highest level shown in clear (positions)
RIGHTS = (
    (0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 1), (1, 2, 0), (2, 1, 0), (2, 0, 0), (3, 2, 0), (3, 3, 0),
    (3, 1, 0),
    (4, 4, 1), (5, 1, 1), (5, 2, 0),
)  # fmt: skip
RARE = ((1, 4, 1), (3, 4, 1))
RARE_MONTH = 1  # when the rare ones are used
# rights that roles have kept from earlier days, in the order in which they are planted
UNUSED_RIGHTS = ((0, 3, 1), (2, 2, 1), (5, 3, 1), (0, 4, 1), (2, 3, 0), (1, 3, 1), (5, 0, 1), (2, 4, 1))
UNUSED = 4
READS = 3_600
REFUSED = 0.03  # of the reads, rightly
IMPROPER = 40
LEAKERS, LEAK_TIMES, LEAK_READS = 4, 40.0, 12
LOG_SD = 0.8  # of the volume of a read
FLOWS, PARTNERS = 24, ("carrier", "customer's system", "payment service", "supplier portal")
CONTROLS = ("signing", "schema allow-list", "egress cap", "replay test")
LACKING = 2
CLASSES = ("order", "shipment", "contact", "price")

PLANTS = (
    Plant(
        play=PLAY,
        what="Roles have rights by purpose and sensitivity; the log shows who used them and for what. "
        "Flows to other companies are signed, limited and tested, or not.",
        why="What the system refused is not what went wrong, the largest volumes are somebody's job, and "
        "a right that was not used this quarter may be needed once a year.",
        tables=("access_log", "rules", "fields", "dependencies", "staff"),
        truth=("truth_labels",),
        size="UNUSED, IMPROPER, LEAKERS, LACKING x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return rules, access_log, dependencies and truth_labels."""
    size = settings.size(PLAY)
    unused = UNUSED_RIGHTS[: min(round(UNUSED * size), len(UNUSED_RIGHTS))]
    rights = RIGHTS + RARE + unused
    rules = _rights(settings, rights)
    log, labels = _reads(settings, tables, size, rng)
    labels += [
        ("rules", key, "right that is not used", "") for key in rules["rule_id"].iloc[len(RIGHTS + RARE) :]
    ]
    flows, caps, replays, lacks = _flows(settings, size, rng)
    labels += [("dependencies", key, "lacks a control", control) for key, control in lacks]
    return {
        "rules": pd.concat([rules, caps], ignore_index=True),
        "access_log": pd.concat([log, replays], ignore_index=True),
        "dependencies": flows,
        "truth_labels": planted_rows("truth_labels", PLAY, ("table", "key", "label", "value"), labels),
    }


def _rights(settings: WorldSettings, rights: tuple[tuple[int, int, int], ...]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "rule_id": ids("ARR", len(rights)),
            "ruleset": "access",
            "jurisdiction": "any",
            "priority": 1,
            "condition_json": [
                json.dumps({"role": ROLES[role][0], "purpose": PURPOSES[purpose]})
                for role, purpose, _ in rights
            ],
            "outcome_json": [
                json.dumps({"in_clear_up_to": LEVELS[level], "above": "masked"}) for _, _, level in rights
            ],
            "owner_role": "data protection officer",
            "valid_from": settings.start,
        }
    )


def _reads(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, list[tuple[str, str, str, str]]]:
    """Return the log of reads, and the labels of those that were improper and of the people who carried
    data out.
    """
    people = _people(settings, tables["staff"])
    fields = tables["fields"]
    of_level = [np.flatnonzero(fields["sensitivity"] == level) for level in LEVELS]
    granted = np.array(RIGHTS + RARE)
    n_rare, n_bad = READS // 100, round(IMPROPER * size)
    right = np.concatenate(
        [rng.integers(0, len(RIGHTS), READS), len(RIGHTS) + rng.integers(0, len(RARE), n_rare)]
    )
    role, purpose, ceiling = granted[right].T
    n = len(right)
    level = (rng.random(n) * (ceiling + 1)).astype(np.int64)
    beyond = np.flatnonzero(ceiling[:READS] < len(LEVELS) - 1)
    beyond = rng.permutation(beyond)[: n_bad + round(REFUSED * READS)]
    level[beyond] = ceiling[beyond] + 1
    allowed = np.ones(n, dtype=bool)
    allowed[beyond[n_bad:]] = False
    day = rng.random(n) * settings.days
    years = np.arange(settings.start.year + 1, settings.end.year + 1)  # a January each, within the history
    januaries = (
        pd.to_datetime([f"{year}-{RARE_MONTH:02d}-01" for year in years]) - settings.start
    ).days.to_numpy()
    day[READS:] = januaries[rng.integers(0, len(januaries), n_rare)] + 28 * rng.random(n_rare)
    person = _who(people, role, day, rng)
    volume = np.array([gigabytes for _, _, gigabytes in ROLES])[role] * np.exp(rng.normal(0, LOG_SD, n))
    ours = people[people["role"] < 4]
    stay = (ours["until"] - ours["since"]).to_numpy() > 100
    leaks = ours[stay].iloc[rng.permutation(stay.sum())[: round(LEAKERS * size)]]
    leak = np.repeat(np.arange(len(leaks)), LEAK_READS)
    start = (leaks["since"] + (leaks["until"] - leaks["since"] - 8) * rng.random(len(leaks))).to_numpy()
    leak_role = leaks["role"].to_numpy()[leak]
    usual = np.array([gigabytes for _, _, gigabytes in ROLES])[leak_role]
    first_right = np.array([next(i for i, r in enumerate(RIGHTS) if r[0] == k) for k in range(len(ROLES))])
    role, person = np.append(role, leak_role), np.append(person, leaks.index.to_numpy()[leak])
    purpose = np.append(purpose, granted[first_right[leak_role], 1])
    level, allowed = (
        np.append(level, np.zeros(len(leak), int)),
        np.append(allowed, np.ones(len(leak), dtype=bool)),
    )
    day = np.append(day, start[leak] + 7 * rng.random(len(leak)))
    volume = np.append(volume, LEAK_TIMES * usual * np.exp(rng.normal(0, LOG_SD / 2, len(leak))))
    volume[~allowed] = 0.0
    keys = ids("ARL", len(role))
    field = np.empty(len(role), dtype=np.int64)
    for k, choices in enumerate(of_level):
        here = level == k
        field[here] = choices[rng.integers(0, len(choices), here.sum())]
    log = pd.DataFrame(
        {
            "access_id": keys,
            "staff_id": people["staff_id"].array.take(person),
            "party_unit_id": people["unit_id"].array.take(person),
            "role": words([name for name, _, _ in ROLES], role),
            "system_id": fields["system_id"].array.take(field),
            "field_ids": fields["field_id"].array.take(field),
            "purpose": words(PURPOSES, purpose),
            "action": "read",
            "accessed_at": at_day(settings, day),
            "rows": np.where(allowed, 1 + np.floor(volume * 2000), 0.0),
            "bytes_out": np.round(volume * 1e9),
            "allowed": allowed,
        }
    )
    labels = [
        ("access_log", keys.iloc[k], "improper read", LEVELS[level[k]]) for k in np.sort(beyond[:n_bad])
    ]
    labels += [("staff", key, "carried data out", "") for key in leaks["staff_id"]]
    return log, labels


def _people(settings: WorldSettings, staff: pd.DataFrame) -> pd.DataFrame:
    """Return who holds each role (position in `ROLES`), with the days of their time in the history."""
    kind = {ours: k for k, (_, ours, _) in enumerate(ROLES) if ours}
    held = staff["role"].map(kind)
    ours = pd.DataFrame({"staff_id": staff["staff_id"], "unit_id": staff["unit_id"], "role": held})
    ours["since"] = ((staff["hired_on"] - settings.start) / pd.Timedelta(days=1)).clip(lower=0)
    until = (staff["left_on"].fillna(settings.end) - settings.start) / pd.Timedelta(days=1)
    ours["until"] = until.clip(upper=settings.days)
    ours = ours[held.notna() & (ours["until"] - ours["since"] > 30)]
    ours = ours.groupby("role").head(40)
    outside = pd.DataFrame({"role": [4.0, 5.0], "since": 0.0, "until": float(settings.days)})
    people = pd.concat([ours, outside], ignore_index=True)
    return people.astype({"role": np.int64})


def _who(
    people: pd.DataFrame, role: NDArray[np.int64], day: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return who of the role did it: somebody who was there that day; busy people more often."""
    weight = rng.gamma(2.0, 0.5, len(people))
    since, until, of_role = (people[name].to_numpy() for name in ("since", "until", "role"))
    chosen = np.zeros(len(role), dtype=np.int64)
    for k in range(len(ROLES)):
        mine, asks = np.flatnonzero(of_role == k), np.flatnonzero(role == k)
        here = (since[mine] <= day[asks, None]) & (day[asks, None] < until[mine])
        table = np.cumsum(here * weight[mine], axis=1)
        draw = rng.random(len(asks)) * table[:, -1]
        chosen[asks] = mine[np.minimum((table <= draw[:, None]).sum(axis=1), len(mine) - 1)]
    return chosen


def _flows(
    settings: WorldSettings, size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, list[tuple[str, str]]]:
    """Return the flows to other companies, their limits (rules), the replay tests (log), and what each flow
    lacks.
    """
    keys = ids("ARF", FLOWS)
    lacking = min(round(LACKING * size), FLOWS // len(CONTROLS) - 1)
    bad = rng.permutation(FLOWS)[: lacking * len(CONTROLS)]
    control = np.full(FLOWS, -1)
    control[bad] = np.arange(len(bad)) % len(CONTROLS)
    cap = np.round(np.exp(rng.normal(4.0, 1.0, FLOWS)), 1)
    volume = np.round(
        cap * np.where(control == 2, rng.uniform(1.15, 1.8, FLOWS), rng.uniform(0.2, 0.9, FLOWS)), 1
    )
    data = rng.integers(0, len(CLASSES), FLOWS)
    listed = [[CLASSES[d]] + ([CLASSES[(d + 1) % 4]] if rng.random() < 0.5 else []) for d in data]
    sends = np.where(control == 1, (data + 2) % 4, data)
    flows = pd.DataFrame(
        {
            "dependency_id": keys,
            "from_type": "system",
            "from_id": words(("crm", "erp"), rng.integers(0, 2, FLOWS)),
            "to_type": "partner",
            "to_id": words(PARTNERS, rng.integers(0, len(PARTNERS), FLOWS)),
            "kind": "flow to another company",
            "owner_party": "ours",
            "is_declared": True,
            "data_class": words(CLASSES, sends),
            "encrypted": True,
            "signed": control != 0,
            "volume_mb_d": volume,
        }
    )
    caps = pd.DataFrame(
        {
            "rule_id": ids("ARC", FLOWS),
            "ruleset": "flow",
            "jurisdiction": "any",
            "priority": 1,
            "condition_json": [json.dumps({"dependency_id": key}) for key in keys],
            "outcome_json": [
                json.dumps({"data_classes": classes, "egress_mb_d": limit})
                for classes, limit in zip(listed, cap.tolist(), strict=True)
            ],
            "owner_role": "data protection officer",
            "valid_from": settings.start,
        }
    )
    replays = pd.DataFrame(
        {
            "access_id": ids("ART", FLOWS),
            "system_id": flows["from_id"],
            "field_ids": keys,
            "purpose": "audit",
            "action": "replay test",
            "accessed_at": at_day(settings, settings.days - 30 * rng.random(FLOWS)),
            "allowed": control == 3,
        }
    )
    return flows, caps, replays, [(keys[k], CONTROLS[control[k]]) for k in np.sort(bad)]
