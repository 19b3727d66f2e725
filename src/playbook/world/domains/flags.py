"""Flags: which behaviour is switched on for which account, and which mixes fail.

Planted for `balance.feature_flags`: twelve flags per account, drawn anew a few times a year (`config_versions`, kind
"flags", all flags of an account in one JSON). A version fails (`exceptions` that name it) when it contains a faulty
combination of `FAULTS`: two flags, or three; others fail seldom for other reasons. One flag is rolled out to nearly
the same accounts as a faulty one (`SHADOW`) and is innocent. Versions without failures are there too.

Kind "flag" are the flags themselves, with the date on which they should have been removed: `truth_labels` "debt" are
those that are past it and on for everyone. `truth_structure` has the faulty combinations.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import repeated, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market",)
ONCE = True
PLAY = "balance.feature_flags"

FLAGS = tuple(f"F{k:02d}" for k in range(1, 13))
ON = (0.5, 0.5, 0.6, 0.3, 0.5, 0.55, 0.0, 0.4, 0.5, 0.35, 0.5, 1.0)
SHADOW = {6: 3}  # F07 is on where F04 is, and seldom elsewhere
SHADOWED, ELSEWHERE = 0.88, 0.08
# combinations that fail: flag (position) -> on
FAULTS: tuple[dict[int, bool], ...] = ({3: True, 8: False}, {1: True, 5: True, 10: False})
FAILS, FAILS_ANYWAY = 0.95, 0.02
ACCOUNTS, VERSIONS = 250, 4
DEBT = (11, 7)  # past their removal date: on for everyone; still targeted

PLANTS = (
    Plant(
        play=PLAY,
        what="Twelve flags in changing mixes per account, some of which fail; flags that should have been removed.",
        why="No flag fails alone, and a flag that is rolled out with a faulty one looks as guilty.",
        tables=("config_versions", "exceptions"),
        truth=("truth_structure", "truth_labels"),
        size="FAILS x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return config_versions, exceptions, truth_structure and truth_labels."""
    size = settings.size(PLAY)
    accounts = tables["accounts"]["account_id"].array[:ACCOUNTS]
    of = np.repeat(np.arange(len(accounts)), VERSIONS)
    n = len(of)
    on = rng.random((n, len(FLAGS))) < ON
    for flag, other in SHADOW.items():
        on[:, flag] = rng.random(n) < np.where(on[:, other], SHADOWED, ELSEWHERE)
    faulty = np.zeros(n, dtype=bool)
    for fault in FAULTS:
        faulty |= np.all([on[:, flag] == value for flag, value in fault.items()], axis=0)
    fails = rng.random(n) < np.where(
        faulty, min(FAILS_ANYWAY + (FAILS - FAILS_ANYWAY) * size, 1.0), FAILS_ANYWAY
    )
    since, until = _terms(settings, n, rng)
    versions = pd.DataFrame(
        {
            "config_version_id": ids("GF", n),
            "config_id": words([f"flags of {key}" for key in accounts], of),
            "kind": repeated("flags", n),
            "account_id": accounts.take(of),
            "environment": repeated("live", n),
            "value_json": _json(on),
            "is_live": np.isnat(until),
            "valid_from": since,
            "valid_to": until,
        }
    )
    return {
        "config_versions": pd.concat([versions, _flags(settings)], ignore_index=True),
        "exceptions": _failures(settings, versions, np.flatnonzero(fails), rng),
        **_truth(size),
    }


def _terms(
    settings: WorldSettings, n: int, rng: np.random.Generator
) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """Return from when until when each version holds; the last one of an account still does."""
    share = np.sort(rng.random((n // VERSIONS, VERSIONS)), axis=1) * (settings.days - 30)
    since = np.datetime64(settings.start, "us") + (share * 86_400e6).astype("timedelta64[us]")
    until = np.full_like(since, np.datetime64("NaT"))
    until[:, :-1] = since[:, 1:]
    return since.ravel(), until.ravel()


def _json(on: NDArray[np.bool_]) -> pd.api.extensions.ExtensionArray:
    masks, inverse = np.unique(on @ (1 << np.arange(len(FLAGS))), return_inverse=True)
    texts = [json.dumps({flag: bool(mask >> k & 1) for k, flag in enumerate(FLAGS)}) for mask in masks]
    return words(texts, inverse)


def _flags(settings: WorldSettings) -> pd.DataFrame:
    """Return the flags themselves: when each began and was to end."""
    n = len(FLAGS)
    ages_d = np.linspace(settings.days, 60, n)
    planned = np.where(np.isin(np.arange(n), DEBT), -200.0, 240.0)
    return pd.DataFrame(
        {
            "config_version_id": [f"GFF{k}" for k in range(1, n + 1)],
            "config_id": FLAGS,
            "kind": "flag",
            "environment": "live",
            "key": FLAGS,
            "value_json": [json.dumps({"rollout_share": share}) for share in ON],
            "is_live": True,
            "valid_from": settings.end - pd.to_timedelta(np.round(ages_d), unit="D"),
            "expires_at": settings.end + pd.to_timedelta(planned, unit="D"),
        }
    )


def _failures(
    settings: WorldSettings, versions: pd.DataFrame, which: NDArray[np.int64], rng: np.random.Generator
) -> pd.DataFrame:
    """Return one to four failures of each version that fails, while it is in force."""
    times = 1 + rng.binomial(3, 0.4, len(which))
    which = np.repeat(which, times)
    since = versions["valid_from"].to_numpy()[which]
    until = versions["valid_to"].fillna(settings.end).to_numpy()[which]
    at = since + ((until - since).astype(float) * rng.random(len(which))).astype("timedelta64[us]")
    return pd.DataFrame(
        {
            "exception_id": ids("XF", len(which)),
            "occurred_at": at,
            "exception_type": repeated("workflow failed", len(which)),
            "config_version_id": versions["config_version_id"].array.take(which),
            "resolved_at": np.where(at + np.timedelta64(1, "D") < until, at + np.timedelta64(1, "D"), until),
            "loss_amt": np.round(rng.gamma(2.0, 20.0, len(which)), 2),
        }
    )


def _truth(size: float) -> dict[str, pd.DataFrame]:
    faults = FAULTS if size > 0 else ()
    text = [
        " & ".join(f"{FLAGS[flag]}={'on' if on else 'off'}" for flag, on in fault.items()) for fault in faults
    ]
    structure = planted(
        "truth_structure",
        PLAY,
        kind=["faulty combination" for _ in faults],
        source=[f"{len(fault)} flags" for fault in faults],
        target=text,
    )
    labels = planted(
        "truth_labels",
        PLAY,
        table="config_versions",
        key=[f"GFF{k + 1}" for k in DEBT],
        label="debt",
        value=["on for everyone" if ON[k] == 1 else "still targeted" for k in DEBT],
    )
    return {"truth_structure": structure, "truth_labels": labels}
