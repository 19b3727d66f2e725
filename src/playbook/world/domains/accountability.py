"""Who answers for a data element on paper, who really edits it, and how long errors stay.

Planted, a share of the elements each: `UNOWNED` have nobody accountable, `DOUBLE` have two teams, and in `OUTSIDE` a team
edits that the paper does not name. Errors in elements without an owner stay `SLOWER` times as long. Everybody reads
everything, so that use alone says nothing; edits vary by element as a negative binomial, repair times are lognormal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.moments import before_end
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("fields",)
ONCE = True

PLAY = "govern.data_accountability"
TEAMS = ("marketing", "sales", "operations", "it", "product", "analytics")
UNOWNED, DOUBLE, OUTSIDE = 0.14, 0.12, 0.16  # of the elements, times size
EDITS_MEAN, EDITS_SHAPE = 30.0, 4.0  # per element and editing team
OUTSIDE_SHARE = 0.4  # edits of a team outside the paper, against those of a named team
QUERIES = 4.0  # per element and team
ERRORS_MEAN = 14.0  # per element, found in audits
RIGHT = 60  # values per element that an audit found right
REPAIR_D, REPAIR_LOG_SD = 6.0, 0.8
SLOWER = 3.0  # times as long where nobody is accountable, to the power of size
YEAR_S = 365 * 86_400

PLANTS = (
    Plant(
        play=PLAY,
        what="Each data element has teams that are responsible, accountable and informed on paper, and teams that edit it.",
        why="The paper alone shows neither who really edits, nor what missing owners cost; and access alone is no edit.",
        tables=("fields", "responsibilities", "access_log", "corrections"),
        truth=("truth_labels", "truth_effects"),
        size="UNOWNED, DOUBLE, OUTSIDE x size of the elements; SLOWER ** size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return responsibilities, access_log, corrections, truth_labels and truth_effects."""
    size = settings.size(PLAY)
    keys = tables["fields"]["field_id"].to_numpy()
    n = len(keys)
    # Columns of each row: accountable, responsible, second accountable, outsider, then who reads only.
    team = np.argsort(rng.random((n, len(TEAMS))), axis=1)
    order = rng.permutation(n)
    counts = [round(min(share * size, 0.3) * n) for share in (UNOWNED, DOUBLE, OUTSIDE)]
    kinds = np.split(order, np.cumsum(counts))[:3]
    unowned, double, outside = (np.isin(np.arange(n), rows) for rows in kinds)
    return {
        "responsibilities": _paper(settings, keys, team, unowned, double),
        "access_log": _use(settings, tables["fields"], team, unowned, double, outside, rng),
        "corrections": _audits(settings, keys, unowned, size, rng),
        "truth_labels": _labels(keys, team, unowned, double, outside),
        "truth_effects": planted(
            "truth_effects", PLAY, action=["no owner"], stratum="all", metric="repair time", size=[SLOWER**size],
            unit="ratio",
        ),
    }  # fmt: skip


def _paper(
    settings: WorldSettings,
    keys: NDArray[np.object_],
    team: NDArray[np.int64],
    unowned: NDArray[np.bool_],
    double: NDArray[np.bool_],
) -> pd.DataFrame:
    """Return the responsibilities per element: one accountable (none, two), one responsible, one informed."""
    fields, rows = np.arange(len(keys)), []
    for raci, column, holds in (("A", 0, ~unowned), ("R", 1, True), ("A", 2, double), ("I", 4, True)):
        held = fields[np.broadcast_to(holds, len(keys))]
        rows.append(pd.DataFrame({"field": held, "role": team[held, column], "raci": raci}))
    paper = pd.concat(rows, ignore_index=True).sort_values(["field", "raci"], kind="stable")
    return pd.DataFrame(
        {
            "responsibility_id": ids("DR", len(paper)),
            "subject_type": "field",
            "subject_id": keys[paper["field"]],
            "role": np.array(TEAMS)[paper["role"]],
            "raci": paper["raci"].to_numpy(),
            "valid_from": settings.start,
        }
    )


def _use(
    settings: WorldSettings,
    fields: pd.DataFrame,
    team: NDArray[np.int64],
    unowned: NDArray[np.bool_],
    double: NDArray[np.bool_],
    outside: NDArray[np.bool_],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return who read and who edited each element in the last year."""
    n = len(fields)
    rate = np.zeros((n, len(TEAMS)))
    # Where nobody is accountable, the responsible team edits alone.
    rate[:, 0], rate[:, 1], rate[:, 2] = np.where(unowned, 0.0, 1.0), 1.0, np.where(double, 1.0, 0.0)
    rate[:, 3] = np.where(outside, OUTSIDE_SHARE, 0.0)
    busy = EDITS_MEAN * rng.gamma(EDITS_SHAPE, 1 / EDITS_SHAPE, (n, 1))
    edits = np.where(rate > 0, 1 + rng.poisson(busy * rate), 0)
    queries = rng.poisson(QUERIES, (n, len(TEAMS)))
    count = np.stack([edits, queries]).reshape(-1)
    row = np.repeat(np.arange(len(count)), count)
    kind, field, place = np.unravel_index(row, (2, n, len(TEAMS)))
    at = before_end(settings, rng.integers(1, YEAR_S, len(row)))
    order = np.argsort(at, kind="stable")
    kind, field, place = kind[order], field[order], place[order]
    return pd.DataFrame(
        {
            "access_id": ids("DA", len(row)),
            "role": words(TEAMS, team[field, place]),
            "system_id": fields["system_id"].astype("str").array.take(field),
            "field_ids": fields["field_id"].astype("str").array.take(field),
            "purpose": words(["upkeep", "look-up"], kind),
            "action": words(["edit", "read"], kind),
            "accessed_at": at[order],
            "rows": np.where(kind == 0, 1.0, np.floor(rng.lognormal(3.0, 1.0, len(row)))),
            "allowed": True,
        }
    )


def _audits(
    settings: WorldSettings,
    keys: NDArray[np.object_],
    unowned: NDArray[np.bool_],
    size: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return what audits of the last two years found: values that were right, and errors until they were fixed."""
    errors = rng.poisson(ERRORS_MEAN * settings.defects, len(keys))
    field = np.repeat(np.arange(len(keys)), errors + RIGHT)
    is_wrong = np.concatenate([np.arange(RIGHT + k) < k for k in errors])
    at = before_end(settings, rng.integers(1, 2 * YEAR_S, len(field)))
    days = REPAIR_D * np.where(unowned, SLOWER**size, 1.0)[field]
    days = days * np.exp(rng.normal(0, REPAIR_LOG_SD, len(field)))
    fixed = at + (days * 86_400e6).astype("timedelta64[us]")
    known = is_wrong & (fixed < np.datetime64(settings.end, "us"))
    return pd.DataFrame(
        {
            "correction_id": ids("DC", len(field)),
            "field_id": keys[field],
            "method": "audit by element",
            "reported_at": at,
            "verified": is_wrong,
            "fixed_at": np.where(known, fixed, np.datetime64("NaT")),
        }
    )


def _labels(
    keys: NDArray[np.object_],
    team: NDArray[np.int64],
    unowned: NDArray[np.bool_],
    double: NDArray[np.bool_],
    outside: NDArray[np.bool_],
) -> pd.DataFrame:
    kinds = (("unowned", unowned, 0), ("doubly owned", double, 2), ("edited from outside", outside, 3))
    found = [(field, kind, column) for kind, holds, column in kinds for field in np.flatnonzero(holds)]
    return planted(
        "truth_labels", PLAY, table="fields", key=[keys[field] for field, *_ in found],
        label=[kind for _, kind, _ in found],
        value=["" if kind == "unowned" else TEAMS[team[field, column]] for field, kind, column in found],
    )  # fmt: skip
