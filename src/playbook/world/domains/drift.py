"""Drift: what was declared to run for an account, what runs, and which fixes several accounts share.

Planted for `govern.config_versions`:

- Each setting of an account has a declared and a live version (`config_versions.environment`). Some live ones
  really differ (`truth_labels` "drift"), at a rate per month since they were deployed that is higher for settings
  changed by hand (Weibull, while a play may fit a constant rate). Many more differ in how they are written only:
  order of keys, blanks, 1 and 1.0. Their hashes differ as well.
- A few fixes are used by several settings (`dependencies`, kind "uses fix"), some of them through another
  setting: what a rollback touches is what can be reached, in `truth_structure` "shared fix".
"""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market",)
ONCE = True
PLAY = "govern.config_versions"

ACCOUNTS = 50
SETTINGS = ("delivery rules", "invoice rules", "contact rules", "discount rules", "report rules")
BY_HAND = ("discount rules", "contact rules")
SCALE_MONTHS, BY_HAND_TIMES, SHAPE = 60.0, 3.0, 0.8  # Weibull time to drift
STYLE_SHARE = 0.35  # written otherwise, same content
FIXES, USERS, THROUGH = 8, 5, 3  # shared fixes; settings that use one directly; and through another setting

PLANTS = (
    Plant(
        play=PLAY,
        what="Declared and live settings of accounts, some of which have drifted apart, and fixes that several "
        "settings share, directly or through one another.",
        why="A different text is not a different setting, and what a rollback touches is more than what names it.",
        tables=("config_versions", "dependencies", "changes"),
        truth=("truth_labels", "truth_structure", "truth_parameters"),
        size="drift probability x size, THROUGH only where size > 0",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return config_versions, changes, dependencies and their truth."""
    size = settings.size(PLAY)
    accounts = tables["accounts"]["account_id"].to_numpy()[:ACCOUNTS]
    account = np.repeat(accounts, len(SETTINGS))
    name = np.tile(SETTINGS, len(accounts))
    n = len(name)
    months = rng.uniform(1, settings.days / 30.5 - 1, n)
    by_hand = np.isin(name, BY_HAND)
    to_drift = SCALE_MONTHS / np.where(by_hand, BY_HAND_TIMES, 1.0) * rng.weibull(SHAPE, n)
    # At size 1 the time to drift is as drawn; a smaller size stretches it.
    drifted = to_drift < months * size
    after = np.where(drifted, to_drift / max(size, 1e-9), 0.0)
    content = [_content(rng) for _ in range(n)]
    live = [_changed(value, rng) if d else value for value, d in zip(content, drifted, strict=True)]
    restyled = rng.random(n) < STYLE_SHARE
    text = [json.dumps(value) for value in content]
    live_text = [_restyled(v) if r else json.dumps(v) for v, r in zip(live, restyled, strict=True)]
    since = settings.end - pd.to_timedelta(months * 30.5, unit="D").round("s")
    # When an account's drift began is known from the audit trail: the live version is as old as its last edit.
    edited = since + pd.to_timedelta(after * 30.5, unit="D").round("s")
    config_id = pd.array([f"{a}: {s}" for a, s in zip(account, name, strict=True)], dtype="str")
    change_id = ids("CHD", n)

    def versions(prefix: str, environment: str, texts: list[str], start: pd.DatetimeIndex) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "config_version_id": ids(prefix, n),
                "config_id": config_id,
                "kind": "setting",
                "account_id": account,
                "environment": environment,
                "key": name,
                "value_json": texts,
                "content_hash": [hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts],
                "is_live": environment == "live",
                "change_id": change_id,
                "valid_from": start,
            }
        )

    declared, running = versions("GDD", "declared", text, since), versions("GDL", "live", live_text, edited)
    changes = pd.DataFrame(
        {
            "change_id": change_id,
            "kind": "setting",
            "account_id": account,
            "subject_type": "config",
            "subject_id": config_id,
            "requested_at": since - pd.Timedelta(days=3),
            "deployed_at": since,
            "status": "live",
        }
    )
    fixes, dependencies, reached = _fixes(settings, running, size, rng)
    labels = planted(
        "truth_labels",
        PLAY,
        table="config_versions",
        key=running["config_version_id"].array[drifted],
        label="drift",
        value=words(["by system", "by hand"], by_hand[drifted].astype(int)),
    )
    return {
        "config_versions": pd.concat([declared, running], ignore_index=True),
        "changes": pd.concat([changes, fixes], ignore_index=True),
        "dependencies": dependencies,
        "truth_labels": labels,
        "truth_structure": reached,
        "truth_parameters": planted(
            "truth_parameters",
            PLAY,
            name=["scale of time to drift", "scale of time to drift, by hand", "shape of time to drift"],
            value=[SCALE_MONTHS / max(size, 1e-9), SCALE_MONTHS / BY_HAND_TIMES / max(size, 1e-9), SHAPE],
            unit=["months", "months", "1"],
        ),
    }


def _content(rng: np.random.Generator) -> dict[str, object]:
    """Return the content of a setting."""
    return {
        "limit": float(rng.integers(1, 40)),
        "enabled": bool(rng.random() < 0.7),
        "channels": [c for c in ("email", "phone", "edi") if rng.random() < 0.6],
        "window": {"from_h": int(rng.integers(6, 10)), "to_h": int(rng.integers(14, 20))},
    }


def _changed(value: dict[str, object], rng: np.random.Generator) -> dict[str, object]:
    """Return the content with one entry really changed."""
    which = rng.integers(0, 3)
    if which == 0:
        return {**value, "limit": float(value["limit"]) + 5.0}  # type: ignore[arg-type]
    if which == 1:
        return {**value, "enabled": not value["enabled"]}
    window = dict(value["window"])  # type: ignore[call-overload]
    return {**value, "window": {**window, "to_h": window["to_h"] + 1}}


def _restyled(value: dict[str, object]) -> str:
    """Return the same content, written otherwise: keys in another order, no blanks, whole numbers as such."""
    number = float(value["limit"])  # type: ignore[arg-type]
    plain = {**value, "limit": int(number) if number.is_integer() else number}
    return json.dumps(dict(reversed(plain.items())), separators=(",", ":"))


def _fixes(
    settings: WorldSettings, running: pd.DataFrame, size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the shared fixes (changes), who uses them (dependencies), and what a rollback would touch."""
    config = running["config_version_id"].to_numpy()
    chosen = rng.permutation(len(config))[: FIXES * (USERS + THROUGH)].reshape(FIXES, -1)
    through = THROUGH if size > 0 else 0
    fix_id = ids("CHX", FIXES)
    edges, reached = [], []
    for k, fix in enumerate(fix_id):
        users, others = config[chosen[k, :USERS]], config[chosen[k, USERS : USERS + through]]
        edges += [("change", fix, "config_version", user, "uses fix") for user in users]
        chain = [users[0], *others]  # each reads the setting before it
        edges += [("config_version", a, "config_version", b, "reads") for a, b in pairwise(chain)]
        reached += [(fix, key) for key in (*users, *others)]
    dependencies = pd.DataFrame(edges, columns=["from_type", "from_id", "to_type", "to_id", "kind"])
    dependencies.insert(0, "dependency_id", ids("DD", len(edges)))
    dependencies["is_declared"] = True
    deployed = settings.end - pd.to_timedelta(np.sort(rng.integers(5, 300, FIXES)), unit="D")
    fixes = pd.DataFrame(
        {
            "change_id": fix_id,
            "kind": "fix",
            "requested_at": deployed - pd.Timedelta(days=2),
            "deployed_at": deployed,
            "status": "live",
            "description": [f"shared fix {k + 1}" for k in range(FIXES)],
        }
    )
    structure = planted(
        "truth_structure",
        PLAY,
        kind="shared fix",
        source=[fix for fix, _ in reached],
        target=[key for _, key in reached],
    )
    return fixes, dependencies, structure
