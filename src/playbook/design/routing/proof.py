"""How an answer is checked."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.design.routing.analysis import Routing, replay, wait_of, waits

HINTS = (
    "The wait that one tier saves does not vanish: somebody else waits it. Look at the lowest tier.",
    "Read the wait in the peak under the rule with the head start, not under 'first come, first served'.",
    "Print result.waits: one row per rule and tier. You want the rule with the head start and the last tier.",
)


def planted_wait(result: Routing, truth: SimpleNamespace) -> float:
    """Return the last tier's wait in the peak with the head start, from planted patience, work and pace of
    agents.
    """
    parameters = truth.truth_parameters.set_index("name")["value"]
    planted = truth.truth_calls.set_index("interaction_id").loc[result.desk.calls["interaction_id"]]
    calls = result.desk.calls.assign(
        patience_min=planted["patience_min"].to_numpy(), work_min=planted["work_min"].to_numpy()
    )
    skill = truth.truth_staff.set_index("staff_id")["skill"].loc[result.desk.agents].to_numpy()
    ratio = float(parameters["handle_ratio_own_agent"])
    world = replace(result.desk, calls=calls, own=(ratio, ratio, ratio))
    replayed = replay(world, result.rules[1], pace=np.exp(parameters["handle_log_per_skill_sd"] * skill))
    return wait_of(waits(replayed, world.tiers), world.tiers[-1])


def check(answer: float, truth: SimpleNamespace | None, result: Routing) -> Feedback:
    """Check "how many minutes does a caller of the last tier wait in the peak with the head start?".

    Parameters
    ----------
    answer : float
        Minutes.
    truth : namespace or None
        `truth_calls`, `truth_staff` and `truth_parameters` of the world; None on a client's data, where the
        answer must agree with the replay.
    result : Routing
        The comparison the participant read.
    """
    if truth is None:
        expected, basis = result.wait(result.rules[1], result.desk.tiers[-1]), OWN_DATA
    else:
        expected, basis = planted_wait(result, truth), PLANTED
    return grade(float(answer), expected, tolerance=0.07, hints=HINTS, basis=basis)
