"""Approvals: changes of live configurations, and who said yes to which content, and when.

Planted for `govern.change_control`: a change goes live after the customer and the owner of the backend have both
approved its very content (`changes.approvals_json`: by, at, hash; owners are in `responsibilities`). A few live
versions got there another way (`KINDS` of bypass, each with its share x size): `truth_labels` has the kind per
version in `config_versions`. Nearly all of them have a change that says "live" and has approvals. Requests that
were held or rejected are there too, and never live.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "organisation")
ONCE = True
PLAY = "govern.change_control"

CONFIGS, CHANGES = 80, 400
# a way to bypass -> share of the live changes
KINDS = {
    "no change": 0.02,
    "customer not asked": 0.025,
    "backend owner not asked": 0.025,
    "approved afterwards": 0.04,
    "approved other content": 0.04,
    "approved by the requester": 0.03,
    "approved by somebody else": 0.03,
}
NOT_LIVE = 0.2  # of the changes: held or rejected

PLANTS = (
    Plant(
        play=PLAY,
        what="Changes of configurations with the approvals of the customer and of the backend owner, and what is live.",
        why="A change that is marked approved may have been approved too late, by the wrong person or for "
        "another content.",
        tables=("changes", "config_versions", "responsibilities", "process_steps", "dependencies"),
        truth=("truth_labels",),
        size="shares in KINDS x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return changes, config_versions, responsibilities, dependencies and truth_labels."""
    size = settings.size(PLAY)
    staff = tables["staff"]
    employed = staff[(staff["hired_on"] <= settings.start) & staff["left_on"].isna()]["staff_id"].to_numpy()
    accounts = tables["accounts"]["account_id"].to_numpy()
    configs = np.array([f"procedure {k + 1:03d}" for k in range(CONFIGS)])
    n = CHANGES
    config = rng.integers(0, CONFIGS, n)
    owner_of = rng.integers(0, len(employed), CONFIGS)  # of a configuration, as a position in `employed`
    names = ["", *KINDS]
    shares = np.array(list(KINDS.values())) * size
    kind = rng.choice(len(names), n, p=[1 - shares.sum(), *shares])
    is_live = rng.random(n) >= NOT_LIVE
    kind = np.where(is_live, kind, 0)
    requested = settings.start + pd.to_timedelta(
        np.sort(rng.random(n)) * (settings.days - 40), unit="D"
    ).round("min")
    deployed = requested + pd.to_timedelta(rng.uniform(6, 25, n), unit="D").round("min")
    account = accounts[rng.integers(0, len(accounts), n)]
    state = rng.choice(["held", "rejected"], n)
    change_id, version_id = ids("CHA", n), ids("GA", n)
    texts = [
        json.dumps({"step": int(k), "limit": int(rng.integers(1, 90)), "change": i})
        for i, k in enumerate(config)
    ]
    hashes = [hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts]
    how = [names[k] for k in kind]
    approvals = _approvals(
        how, is_live, account, employed, owner_of[config], requested, deployed, hashes, rng
    )
    linked = np.array([names[k] != "no change" for k in kind])
    changes = pd.DataFrame(
        {
            "change_id": change_id,
            "kind": "procedure change",
            "account_id": account,
            "subject_type": "config",
            "subject_id": configs[config],
            "requested_at": requested,
            "approvals_json": approvals,
            "deployed_at": pd.Series(deployed).where(is_live),
            "status": np.where(is_live, "live", state),
        }
    )[linked]
    versions = pd.DataFrame(
        {
            "config_version_id": version_id,
            "config_id": configs[config],
            "kind": "procedure",
            "account_id": account,
            "environment": "live",
            "value_json": texts,
            "content_hash": hashes,
            "is_live": True,
            "change_id": change_id.where(linked),
            "valid_from": deployed,
        }
    )[is_live]
    return {
        "changes": changes.reset_index(drop=True),
        "config_versions": versions.reset_index(drop=True),
        "responsibilities": _owners(settings, configs, employed[owner_of]),
        "dependencies": _readers(configs, rng),
        "truth_labels": planted(
            "truth_labels",
            PLAY,
            table="config_versions",
            key=version_id.array[kind > 0],
            label="bypass",
            value=words(names, kind[kind > 0]),
        ),
    }


def _approvals(
    how: list[str],
    is_live: NDArray[np.bool_],
    account: NDArray[np.object_],
    employed: NDArray[np.object_],
    owner: NDArray[np.int64],
    requested: pd.DatetimeIndex,
    deployed: pd.DatetimeIndex,
    hashes: list[str],
    rng: np.random.Generator,
) -> list[str]:
    """Return who asked and who approved what and when, JSON, of each change; `how` names its bypass, if any."""
    n, people = len(how), len(employed)
    # Three different people: the owner, who asks, and a third one.
    asks = (owner + 1 + rng.integers(0, people - 1, n)) % people
    third = (asks + 1) % people
    third = np.where(third == owner, (third + 1) % people, third)
    days = rng.uniform(1, 5, (n, 2))
    minutes = (days * 1440).astype("timedelta64[m]")
    said = np.datetime_as_string(requested.to_numpy()[:, None] + minutes, unit="s")
    said_late = np.datetime_as_string(deployed.to_numpy() + minutes[:, 0], unit="s")
    late, heard = rng.integers(0, 2, n), rng.random(n) < 0.5
    entries = []
    for i in range(n):
        by = employed[third[i] if how[i] == "approved by somebody else" else owner[i]]
        at = [str(said[i, 0]), str(said[i, 1])]
        if how[i] == "approved afterwards":
            at[late[i]] = str(said_late[i])
        requester = by if how[i] == "approved by the requester" else employed[asks[i]]
        entry: dict[str, Any] = {"requested_by": str(requester)}
        if how[i] != "customer not asked" and (is_live[i] or heard[i]):
            entry["customer"] = {"by": str(account[i]), "at": at[0], "hash": hashes[i]}
        if how[i] != "backend owner not asked" and is_live[i]:
            content = hashes[i][::-1] if how[i] == "approved other content" else hashes[i]
            entry["backend owner"] = {"by": str(by), "at": at[1], "hash": content}
        entries.append(json.dumps(entry))
    return entries


def _owners(settings: WorldSettings, configs: np.ndarray, owner: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "responsibility_id": ids("RSA", len(configs)),
            "subject_type": "config",
            "subject_id": configs,
            "staff_id": owner,
            "role": "backend owner",
            "party": "ours",
            "raci": "A",
            "scenario": "normal",
            "valid_from": settings.start,
        }
    )


def _readers(configs: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Return which procedures read which: what a change of one may break."""
    n = len(configs)
    first = rng.integers(0, n - 1, 2 * n)
    second = first + 1 + np.floor(rng.random(2 * n) * (n - 1 - first)).astype(int)  # no circles
    edges = np.unique(np.column_stack([first, second]), axis=0)
    return pd.DataFrame(
        {
            "dependency_id": ids("DA", len(edges)),
            "from_type": "config",
            "from_id": configs[edges[:, 0]],
            "to_type": "config",
            "to_id": configs[edges[:, 1]],
            "kind": "reads",
            "owner_party": "ours",
            "is_declared": True,
        }
    )
