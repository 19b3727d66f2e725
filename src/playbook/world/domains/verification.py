"""Checks of identity and discretion in service recovery (`design.trust_rules`).

Checks: in the last year contacts about invoices may be fraud, more often with new than with trusted customers, and more
often where a clerk senses something that nobody logs. A full check was made in a slice drawn by lot (`AUDIT`), and else
where a clerk was suspicious. Fraud is known only where there was a full check. A check annoys honest customers: they come
back more often (`FRICTION`). New customers are never let through without a check of some kind: a hard rule.

Discretion: on complaints about late parcels agents may grant a credit. In the first year they gave it to the angriest,
without a limit; since then each desk has a limit by lot, month by month (`LIMITS`). A credit makes a repeat contact
less likely (`RECOVERED`) and takes minutes (`DISCRETION_S`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.cases import case_actions
from playbook.world.domains.organisation import desks
from playbook.world.domains.requests import CATEGORIES
from playbook.world.draws import logistic
from playbook.world.keys import ids, position
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.trials import initiative
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("organisation", "service")
COMPLETES = ("interactions",)

CHECKED_D = 365  # the last days of the history
AUDIT = 0.10
FRAUD_LOGIT = -3.4
TRUST = {"new": 1.1, "standard": 0.0, "trusted": -1.2}
CUE = 1.0  # log-odds of fraud per sd of what a clerk senses
SUSPECTS_LOGIT, SUSPECTS_ON_CUE, SUSPECTS_ON_TRUST = -2.4, 1.6, 0.7
FRAUD_AMT, FRAUD_LOG_SD = 320.0, 0.7
CHECK_S = 75.0
FRICTION = 0.08

RANDOM_AFTER_D = 365
MONTH_D = 30
LIMITS = (0.0, 30.0, 80.0)
USES = 0.75  # of agents whose limit allows it
CREDIT_SHAPE, CREDIT_AMT = 3.0, 45.0
RECOVERED = -0.14
DISCRETION_S, DISCRETION_SHAPE = 260.0, 4.0

RULES = (
    ('{"trust_level": "new"}', '{"at_least": "light"}', "compliance"),
    ('{"trust_level": "standard"}', '{"at_least": "light"}', "compliance"),
    ('{"trust_level": "trusted"}', '{"at_least": "none"}', "service"),
)

PLANTS = (
    Plant(
        play="design.trust_rules",
        what="Some contacts about invoices are fraud. Few are checked by lot, more on suspicion. Agents may grant "
        "credits on complaints, up to a limit that differs between desks and months by lot; earlier they gave as "
        "they liked.",
        why="Fraud is known only where somebody looked, and clerks look where they sense it. Credits that agents chose to "
        "give went to the angriest customers.",
        tables=("interactions", "tickets", "actions", "assignments", "rules", "customers"),
        truth=("truth_labels", "truth_effects", "truth_parameters"),
        size="fraud share x size by TRUST; FRICTION x size; RECOVERED x size; DISCRETION_S",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return actions, assignments, rules, interactions with checks, truth and _repeat_changes."""
    checks = _checks(settings, tables, rng)
    credits = _credits(settings, tables, rng)
    both = {
        name: pd.concat([checks[name], credits[name]], ignore_index=True)
        for name in ("actions", "_repeat_changes")
    }
    return checks | credits | both | ({} if settings.block else _truth(settings))


def _checks(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    cases, size = tables["_cases"], settings.size("design.trust_rules")
    recent = cases["opened_min"].to_numpy() >= (settings.days - CHECKED_D) * 1440
    is_invoice = cases["category"].to_numpy() == CATEGORIES.index("invoice")
    rows = np.flatnonzero(recent & is_invoice & (cases["agent"].to_numpy() >= 0))
    pilot, n = cases.iloc[rows], len(rows)
    trust = position(tables["customers"]["trust_level"], list(TRUST))[pilot["customer"]]
    on_trust = np.array(list(TRUST.values()))[trust]
    cue = rng.normal(0, 1, n)
    fraud = rng.random(n) < size * logistic(FRAUD_LOGIT + on_trust + CUE * cue)
    by_lot = rng.random(n) < AUDIT
    suspects = rng.random(n) < logistic(SUSPECTS_LOGIT + SUSPECTS_ON_CUE * cue + SUSPECTS_ON_TRUST * on_trust)
    checked = by_lot | suspects
    amount = np.round(np.exp(rng.normal(np.log(FRAUD_AMT), FRAUD_LOG_SD, n)), 2)

    interactions, contact = tables["interactions"], pilot["contact"].to_numpy()
    level = np.full(len(interactions), -1)
    level[contact] = np.where(checked, 2, np.where(trust < 2, 1, 0))
    loss = np.full(len(interactions), np.nan)
    loss[contact[checked]] = np.where(fraud, amount, 0.0)[checked]
    kinds = pd.array(["none", "light", "full"], dtype="str")
    actions = case_actions(settings, tables, "AV", rows).assign(
        subject_type="interaction",
        subject_id=interactions["interaction_id"].array.take(contact),
        action_code="identity check",
        propensity_share=np.where(by_lot, AUDIT, np.nan),
        shown=checked,
        taken=checked & fraud,
        duration_s=np.where(checked, np.round(CHECK_S * rng.gamma(6, 1 / 6, n)), np.nan),
    )
    labels = planted(
        "truth_labels",
        "design.trust_rules",
        table="interactions",
        key=actions["subject_id"].array.take(np.flatnonzero(fraud)),
        label="fraud",
        value=pd.Series(amount[fraud]).astype("str"),
    )
    return {
        "actions": actions,
        "interactions": interactions.assign(
            verification_level=kinds.take(level, allow_fill=True), fraud_loss_amt=loss
        ),
        "truth_labels": labels,
        "_repeat_changes": pd.DataFrame({"case": rows, "change": FRICTION * size * (checked & ~fraud)}),
    }


def _credits(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    cases, names = tables["_cases"], [key for key, _ in desks(settings)]
    is_complaint = cases["category"].to_numpy() == CATEGORIES.index("delivery")
    rows = np.flatnonzero(is_complaint & (cases["agent"].to_numpy() >= 0))
    pilot, n = cases.iloc[rows], len(rows)
    months = settings.days // MONTH_D + 1
    arm = rng.integers(0, len(LIMITS), (months, len(names)))
    day = pilot["opened_min"].to_numpy() / 1440
    by_lot = day >= RANDOM_AFTER_D
    month = (day // MONTH_D).astype(np.int64)
    limit = np.where(by_lot, np.array(LIMITS)[arm[month, pilot["desk"]]], np.inf)
    wish = CREDIT_AMT * rng.gamma(CREDIT_SHAPE, 1 / CREDIT_SHAPE, n)
    angry = 0.25 * pilot["severity"].to_numpy() - 0.2  # chance of a credit, while there was no limit
    gives = (limit > 0) & (rng.random(n) < np.where(by_lot, USES, angry))
    actions = case_actions(settings, tables, "AG", rows).assign(
        action_code="goodwill credit",
        shown=limit > 0,
        taken=gives,
        credit_amt=np.where(gives, np.round(np.minimum(wish, limit), 2), np.nan),
        duration_s=np.where(
            gives, np.round(DISCRETION_S * rng.gamma(DISCRETION_SHAPE, 1 / DISCRETION_SHAPE, n)), np.nan
        ),
    )
    first = -(-RANDOM_AFTER_D // MONTH_D)  # months that are by lot from their first day
    of_month, desk = np.divmod(np.arange((months - first) * len(names)), len(names))
    starts = settings.start + pd.to_timedelta((of_month + first) * MONTH_D, unit="D")
    assignments = pd.DataFrame(
        {
            "assignment_id": ids("TR", len(desk), settings.block),
            "initiative_id": ids("TI", 1, settings.block)[0],
            "subject_type": "unit",
            "subject_id": words(names, desk),
            "arm": words([f"{limit:.0f}" for limit in LIMITS], arm[of_month + first, desk]),
            "design": "random",
            "propensity_share": 1 / len(LIMITS),
            "starts_at": starts,
            "ends_at": np.minimum(starts + pd.Timedelta(days=MONTH_D), settings.end),
        }
    )
    change = RECOVERED * settings.size("design.trust_rules") * gives
    return {
        "actions": actions,
        "assignments": assignments,
        "initiatives": initiative(settings, "TI", "credit limit", "repeat contact"),
        "_repeat_changes": pd.DataFrame({"case": rows, "change": change}),
    }


def _truth(settings: WorldSettings) -> dict[str, pd.DataFrame]:
    play = "design.trust_rules"
    size = settings.size(play)
    condition, outcome, owner = zip(*RULES, strict=True)
    return {
        "rules": pd.DataFrame(
            {
                "rule_id": [f"TV{k}" for k in range(1, len(RULES) + 1)],
                "ruleset": "verification",
                "jurisdiction": "any",
                "priority": range(1, len(RULES) + 1),
                "condition_json": condition,
                "outcome_json": outcome,
                "owner_role": owner,
                "valid_from": settings.start,
            }
        ),
        "truth_effects": planted(
            "truth_effects",
            play,
            action=["full check", "goodwill credit"],
            stratum=["honest customers", "complaints"],
            metric="repeat contact",
            size=[FRICTION * size, RECOVERED * size],
            unit="share",
        ),
        "truth_parameters": planted(
            "truth_parameters",
            play,
            name=["discretion_s", "check_s", "fraud_amt_median"],
            value=[DISCRETION_S, CHECK_S, FRAUD_AMT],
            unit=["s", "s", "money"],
        ),
    }
