"""The web and app log: visits on own and on shared devices, by people who mostly do not sign in.

Planted in `truth_sessions`: who sat at the device. Two to five people share a device now and then, some of whom never
sign in; a device's id changes when its cookies are deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.draws import pick
from playbook.world.keys import ids
from playbook.world.texts import words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "people")

SESSIONS_MEAN = 6.0  # on own devices, over the whole history
SHARED_DEVICES = 0.022  # per customer
NEVER_SIGNS_IN = 0.10
EVENT_TYPES = ("page_view", "search", "basket", "order", "help", "sign_in")
EVENT_SHARES = (0.6, 0.2, 0.1, 0.05, 0.05)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return events and truth_sessions."""
    events, sessions = _events(settings, tables["customers"], tables["_people"]["online"].to_numpy(), rng)
    return {"events": events, "truth_sessions": sessions}


def _events(
    settings: WorldSettings, customers: pd.DataFrame, online: NDArray[np.float64], rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return events and the person behind each session."""
    signs_in = rng.beta(2.0, 2.5, len(customers)) * (rng.random(len(customers)) >= NEVER_SIGNS_IN)
    own = _own_sessions(settings, customers, online, rng)
    shared = _shared_sessions(settings, customers, rng)
    sessions = pd.concat([own, shared], ignore_index=True).sort_values(["at", "device"], ignore_index=True)
    n = len(sessions)
    sessions["session_id"] = ids("W", n, settings.block)
    devices = pd.factorize(sessions["device"])[0]
    sessions["anon_id"] = ids("d", devices.max(initial=-1) + 1, settings.block).array.take(devices)
    signed = rng.random(n) < signs_in[sessions["who"].to_numpy()]
    key = customers["customer_id"].array.take(sessions["who"].to_numpy())

    count = 1 + signed + rng.poisson(1.5, n)
    of = np.repeat(np.arange(n), count)
    step = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
    kind = pick(EVENT_SHARES, len(of), rng)
    kind[step == 0] = EVENT_TYPES.index("page_view")
    kind[(step == 1) & signed[of]] = EVENT_TYPES.index("sign_in")
    minutes = pd.to_timedelta(np.round(60 * (1.2 * step + rng.random(len(of)))), unit="s")
    events = pd.DataFrame(
        {
            "event_id": ids("E", len(of), settings.block),
            "event_type": words(EVENT_TYPES, kind),
            "customer_id": pd.Series(key.take(np.where((step >= 1) & signed[of], of, -1), allow_fill=True)),
            "anon_id": sessions["anon_id"].array.take(of),
            "session_id": sessions["session_id"].array.take(of),
            "occurred_at": (pd.Series(sessions["at"].to_numpy()[of]) + minutes).astype("datetime64[us]"),
        }
    )
    truth = sessions[["session_id", "anon_id"]].assign(
        customer_id=key, is_shared=sessions["device"].to_numpy() < 0
    )
    return events, truth


def _own_sessions(
    settings: WorldSettings, customers: pd.DataFrame, online: NDArray[np.float64], rng: np.random.Generator
) -> pd.DataFrame:
    """Return sessions on a customer's own one to three devices, whose ids change when cookies are deleted."""
    n = len(customers)
    count = rng.poisson(SESSIONS_MEAN * 2 * online * rng.gamma(1.2, 1 / 1.2, n))
    devices = 1 + rng.binomial(2, 0.35, n)
    first = np.cumsum(devices) - devices
    who = np.repeat(np.arange(n), count)
    born = np.maximum(customers["created_at"].to_numpy(), np.datetime64(settings.start, "us"))
    share = rng.random(len(who))
    at = born[who] + (share * (np.datetime64(settings.end, "us") - born[who]).astype(float)).astype(
        "timedelta64[us]"
    )
    device = first[who] + (rng.random(len(who)) * devices[who]).astype(int)
    wiped = np.sort(rng.uniform(0, 2, (devices.sum(), 2)), axis=1)[device]  # above 1: never
    epoch = (share[:, None] > wiped).sum(axis=1)
    return pd.DataFrame({"who": who, "device": device * 3 + epoch, "at": at})


def _shared_sessions(
    settings: WorldSettings, customers: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Return sessions on shared devices: people of one account and market take turns, some far more often."""
    site = customers.groupby(["account_id", "region_id"]).indices
    teams = [rows for rows in site.values() if len(rows) > 1]
    parts = [
        pd.DataFrame(
            {"who": np.array([], int), "device": np.array([], int), "at": np.array([], "datetime64[us]")}
        )
    ]
    for number in range(
        round(SHARED_DEVICES * settings.size("unify.identity_resolution") * len(customers)) if teams else 0
    ):
        team = teams[rng.integers(len(teams))]
        size = min(len(team), 2 if rng.random() < 0.6 else int(rng.integers(3, 6)))
        users = rng.choice(team, size, replace=False)
        turns = 5 + rng.poisson(25)
        weight = rng.dirichlet(np.full(size, 2.0))
        days = rng.uniform(60, 400)
        begin = rng.uniform(0, settings.days - days) + days * np.sort(rng.random(turns))
        visits = 1 + rng.poisson(1.5, turns)
        turn = np.repeat(np.arange(turns), visits)
        gaps_h = rng.gamma(0.8, 0.9, len(turn))
        within = np.cumsum(gaps_h) - np.repeat(
            (np.cumsum(gaps_h) - gaps_h)[np.cumsum(visits) - visits], visits
        )
        offset = ((begin[turn] + within / 24) * 86_400e6).astype("timedelta64[us]")
        at = np.minimum(np.datetime64(settings.start, "us") + offset, np.datetime64(settings.end, "us"))
        who = users[rng.choice(size, turns, p=weight)][turn]
        parts.append(pd.DataFrame({"who": who, "device": -1 - number, "at": at}))
    return pd.concat(parts, ignore_index=True)
