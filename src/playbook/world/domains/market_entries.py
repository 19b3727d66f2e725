"""Which market next: what each candidate asks of the company's practices, and how earlier entries turned
out.

Candidates' demands and the company's own capabilities are rules ("market requirement", "capability"):
levels 1 to 5 of what a practice needs. Planted, times the play's size: `BLOCKS` demands above the company's
level, in some of the candidates; their other demands lie the further below, so that a blocked market looks
as good on average as an open one.

Earlier entries into districts realised a share of their plan (`decisions.realised_amt`) that differs
between districts by `TRANSFER_SD` of the log (a Student t, heavier than the normal a play may assume) and
by noise. What the candidates would realise is in `truth_outcomes`; what is blocked, in `truth_structure`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("company",)
ONCE = True

PLAY = "sustain.market_entry"
CANDIDATES = ("CH", "CA", "JP", "MX", "ZA", "IN", "AU", "SG", "SE", "PL", "AE", "KR")
CAPABILITIES = (
    "customer data kept in the country",
    "proof of consent",
    "service in the language",
    "delivery within two days",
    "local payment and invoicing",
    "spare parts in the country",
)
# practice, capabilities it needs (positions)
PRACTICES = (
    ("personal account manager", (2,)),
    ("personal offers", (0, 1)),
    ("promised delivery window", (3, 5)),
    ("service on site", (2, 5)),
    ("one invoice a month", (4,)),
    ("preference profile", (0, 1, 2)),
)
OWN = (3, 3, 3, 3, 3, 3)
BLOCKS = 9  # demands above the own level, over all candidates
BLOCKED_MARKETS = 5  # in which they lie
PAST = 60  # districts entered
REALISED = -0.15  # mean log of what came of what was planned
TRANSFER_SD, TRANSFER_DF, NOISE_SD = 0.35, 6.0, 0.06
PLAN_AMT, PLAN_LOG_SD = 80_000.0, 0.5

PLANTS = (
    Plant(
        play=PLAY,
        what="Twelve candidate markets make demands on the capabilities that each practice needs; sixty "
        "earlier entries into districts show plan and result.",
        why="An average over demands hides the one that stops a practice, and knowing the average result "
        "well is not knowing the next one.",
        tables=("rules", "initiatives", "decisions"),
        truth=("truth_structure", "truth_outcomes", "truth_parameters"),
        size="BLOCKS x size; TRANSFER_SD x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return rules, initiatives, decisions, truth_structure, truth_outcomes and truth_parameters."""
    size = settings.size(PLAY)
    rules, blocked = _demands(settings, size, rng)
    initiatives, decisions, outcomes = _entries(settings, tables["regions"], size, rng)
    return {
        "rules": rules,
        "initiatives": initiatives,
        "decisions": decisions,
        "truth_structure": planted(
            "truth_structure",
            PLAY,
            kind="blocked practice",
            source=[market for market, _, _ in blocked],
            target=[f"{practice}|{capability}" for _, practice, capability in blocked],
        ),
        "truth_outcomes": outcomes,
        "truth_parameters": planted(
            "truth_parameters",
            PLAY,
            name=["mean log of realised over planned", "sd between districts"],
            value=[REALISED, TRANSFER_SD * size],
            unit="log",
        ),
    }


def _demands(
    settings: WorldSettings, size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, list[tuple[str, str, str]]]:
    """Return capabilities and demands as rules, and the practices that are blocked: market, practice,
    capability.
    """
    own = np.array(OWN)
    asked = own - rng.integers(0, 2, (len(CANDIDATES), len(CAPABILITIES)))
    stopped = rng.permutation(len(CANDIDATES))[:BLOCKED_MARKETS]
    n = min(round(BLOCKS * size), BLOCKED_MARKETS * 3)
    for k in range(n):
        market = stopped[k % BLOCKED_MARKETS]
        free = np.flatnonzero(asked[market] <= own)
        hard = rng.choice(free)
        asked[market, hard] = own[hard] + 1 + int(rng.random() < 0.3)
        easy = rng.choice(free[free != hard], 2, replace=False)  # elsewhere it asks for less
        asked[market, easy] = np.maximum(asked[market, easy] - 1, 1)
    rows = [
        ("capability", "any", {"capability": name}, {"level": int(level)})
        for name, level in zip(CAPABILITIES, own, strict=True)
    ]
    blocked = []
    for m, market in enumerate(CANDIDATES):
        for practice, needs in PRACTICES:
            for c in needs:
                condition = {"practice": practice, "capability": CAPABILITIES[c]}
                rows.append(("market requirement", market, condition, {"level": int(asked[m, c])}))
                if asked[m, c] > own[c]:
                    blocked.append((market, practice, CAPABILITIES[c]))
    return pd.DataFrame(
        {
            "rule_id": ids("MKR", len(rows)),
            "ruleset": [row[0] for row in rows],
            "jurisdiction": [row[1] for row in rows],
            "priority": 1,
            "condition_json": [json.dumps(row[2]) for row in rows],
            "outcome_json": [json.dumps(row[3]) for row in rows],
            "owner_role": "head of markets",
            "valid_from": settings.start,
        }
    ), blocked


def _entries(
    settings: WorldSettings, regions: pd.DataFrame, size: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return plans (of earlier entries and of the candidates), what came of the earlier, and what the
    others would.
    """
    n, total = PAST, PAST + len(CANDIDATES)
    plan = np.round(PLAN_AMT * np.exp(rng.normal(0, PLAN_LOG_SD, total)), -2)
    own = rng.standard_t(TRANSFER_DF, total) * np.sqrt((TRANSFER_DF - 2) / TRANSFER_DF)
    result = plan * np.exp(REALISED + TRANSFER_SD * size * own + rng.normal(0, NOISE_SD, total))
    day = np.sort(rng.integers(0, settings.days - 400, n)).astype("timedelta64[D]")
    starts = np.datetime64(settings.start, "us") + day
    keys = ids("MKI", total)
    area = [f"district {k + 1} in {c}" for k, c in enumerate(rng.choice(regions["country"].to_numpy(), n))]
    never = np.full(len(CANDIDATES), np.datetime64("NaT", "us"))
    initiatives = pd.DataFrame(
        {
            "initiative_id": keys,
            "kind": "market entry",
            "component_id": [*area, *CANDIDATES],
            "starts_on": np.concatenate([starts, never]),
            "ends_on": np.concatenate([starts + np.timedelta64(365, "D"), never]),
            "planned_gain_amt": plan,
            "target_metric": "contribution in the first year",
            "status": ["done"] * n + ["proposed"] * len(CANDIDATES),
        }
    )
    decisions = pd.DataFrame(
        {
            "decision_id": ids("MKD", n),
            "decision_type": "market entry",
            "subject_type": "initiative",
            "subject_id": keys.iloc[:n],
            "outcome": "entered",
            "decided_at": starts,
            "realised_amt": np.round(result[:n], 2),
        }
    )
    outcomes = planted(
        "truth_outcomes",
        PLAY,
        subject=keys.iloc[n:].to_numpy(),
        arm="enter",
        metric="contribution in the first year",
        value=result[n:],
    )
    return initiatives, decisions, outcomes
