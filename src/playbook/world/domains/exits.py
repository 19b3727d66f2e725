"""Who decides in a disruption, and in which order one parts: decision rights and an exit plan.

Planted for `govern.continuity`:

- `responsibilities` (subject_type decision): who answers (A) for each decision in each scenario. By lot, in some pairs
  nobody does, in some two do at once (`NOBODY`, `TWO`, times the size). Where a deputy follows a predecessor, two are
  written down but never at once: these are not ambiguous.
- `process_steps` (process exit) and `dependencies` (kind before): the tasks of parting and what must be done first.
  `CYCLES` times the size of loops are in it, of three to five tasks each, closed by one edge that names the customer;
  no two tasks wait for each other directly. Without the closing edges the plan has an order, but not that of `seq_no`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ()
ONCE = True

PLAY = "govern.continuity"
SCENARIOS = (
    "customer's site without power", "our order system down", "supplier insolvent", "data breach at a vendor",
    "port closed", "strike",
)  # fmt: skip
DECISIONS = (
    "switch to manual orders", "release safety stock", "tell the customer", "buy from a second source",
    "stop deliveries", "pay for express freight", "hand over the data", "end the emergency",
)  # fmt: skip
ROLES = (
    "head of operations", "account manager", "customer's plant manager", "planner", "data protection officer",
    "customer's buyer",
)  # fmt: skip
NOBODY, TWO, DEPUTIES = 5, 5, 8
TASKS = (
    "give notice", "agree the exit date", "freeze new orders", "list what is open", "deliver what is open",
    "settle penalties", "list the customer's data", "agree the format of data", "export master data",
    "export the history", "check the export", "return consigned stock", "count consigned stock",
    "return tools and keys", "close the interface", "revoke access", "move open tickets", "train the successor",
    "parallel run", "accept the handover", "delete personal data", "delete backups", "certify deletion",
    "final invoice", "final payment", "archive the contract", "tell the staff", "close the account",
)  # fmt: skip
CYCLES = 2
EARLIER = 2  # tasks that must come first, of a task, at most

PLANTS = (
    Plant(
        play=PLAY,
        what="A table of who decides what in which disruption, with gaps and doubles, and an exit plan whose tasks wait "
        "for each other, some of them in a circle.",
        why="Over all scenarios and all times every decision has somebody; and the order in which the plan lists its "
        "tasks is not one in which they can be done.",
        tables=("responsibilities", "process_steps", "dependencies"),
        truth=("truth_labels", "truth_structure"),
        size="NOBODY, TWO and CYCLES x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return responsibilities, process_steps, dependencies, truth_labels and truth_structure."""
    rights, labels = _rights(settings, rng)
    edges, loops = _plan(settings.size(PLAY), rng)
    step = ids("YX", len(TASKS)).to_numpy()
    place = rng.permutation(len(TASKS))  # where the plan lists a task
    follows = {a: " ".join(step[b] for x, b, _ in edges if x == a) for a in range(len(TASKS))}
    return {
        "responsibilities": rights,
        "process_steps": pd.DataFrame(
            {
                "step_id": step,
                "process": "exit",
                "seq_no": 1.0 + place,
                "name": TASKS,
                "party": np.where(rng.random(len(TASKS)) < 0.3, "customer", "us"),
                "next_step_ids": [follows[a] or None for a in range(len(TASKS))],
                "standard_min": np.round(rng.gamma(2.0, 1200.0, len(TASKS))),
                "is_handoff": False,
            }
        ),
        "dependencies": pd.DataFrame(
            {
                "dependency_id": ids("YG", len(edges)),
                "from_type": "process step",
                "from_id": step[[a for a, _, _ in edges]],
                "to_type": "process step",
                "to_id": step[[b for _, b, _ in edges]],
                "kind": "before",
                "owner_party": ["customer" if closes else "company" for _, _, closes in edges],
                "is_declared": True,
            }
        ),
        "truth_labels": labels,
        "truth_structure": planted(
            "truth_structure",
            PLAY,
            kind=[f"cycle {k}" for k, loop in enumerate(loops) for _ in loop],
            source=[step[a] for loop in loops for a in loop],
            target=[step[b] for loop in loops for b in loop[1:] + loop[:1]],
        ),
    }


def _rights(settings: WorldSettings, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return who does, answers and is asked for each decision and scenario, and the ambiguous pairs."""
    size, pairs = settings.size(PLAY), len(DECISIONS) * len(SCENARIOS)
    n_nobody, n_two = min(round(NOBODY * size), 12), min(round(TWO * size), 12)
    lot = rng.permutation(pairs)
    nobody, two = lot[:n_nobody], lot[n_nobody : n_nobody + n_two]
    deputies = lot[n_nobody + n_two :][:DEPUTIES]
    start, handed = settings.start, settings.end - pd.Timedelta(days=200)
    rows = []
    for pair in range(pairs):
        first, second, does, told = rng.permutation(len(ROLES))[:4]
        rows += [(pair, does, "R", start, pd.NaT), (pair, told, "I", start, pd.NaT)]
        if pair not in nobody:
            rows.append((pair, first, "A", start, handed if pair in deputies else pd.NaT))
        if pair in deputies:
            rows.append((pair, second, "A", handed, pd.NaT))
        if pair in two:
            rows.append((pair, second, "A", settings.end - pd.Timedelta(days=90), pd.NaT))
    frame = pd.DataFrame(rows, columns=["pair", "role", "raci", "valid_from", "valid_to"])
    decision, scenario = np.divmod(frame.pop("pair").to_numpy(), len(SCENARIOS))
    role = frame["role"].to_numpy()
    rights = frame.assign(
        responsibility_id=ids("YP", len(frame)),
        subject_type="decision",
        subject_id=np.array(DECISIONS)[decision],
        role=np.array(ROLES)[role],
        party=np.where(np.char.startswith(np.array(ROLES)[role], "customer"), "customer", "ours"),
        scenario=np.array(SCENARIOS)[scenario],
        valid_from=frame["valid_from"].astype("datetime64[us]"),
        valid_to=frame["valid_to"].astype("datetime64[us]"),
    )
    names = [
        f"{DECISIONS[pair // len(SCENARIOS)]}: {SCENARIOS[pair % len(SCENARIOS)]}" for pair in (*nobody, *two)
    ]
    labels = planted(
        "truth_labels",
        PLAY,
        table="responsibilities",
        key=names,
        label="ambiguous right",
        value=["nobody"] * n_nobody + ["two"] * n_two,
    )
    return rights, labels


def _plan(size: float, rng: np.random.Generator) -> tuple[list[tuple[int, int, bool]], list[list[int]]]:
    """Return edges (before, after, closes a loop) between tasks, and the planted loops."""
    order = rng.permutation(len(TASKS))  # in which the tasks could be done
    edges = set()
    for place in range(1, len(order)):
        for earlier in rng.integers(max(0, place - 6), place, rng.integers(1, EARLIER + 1)):
            edges.add((int(order[earlier]), int(order[place]), False))
    loops, length = [], 0
    # Loops of 3, 4, 5 ... tasks in separate stretches of the order, so that they stay separate.
    for k in range(min(round(CYCLES * size), 4)):
        length = 3 + k % 3
        stretch = order[6 * k + 1 : 6 * k + 1 + length].tolist()
        inside, path = set(stretch), set(pairwise(stretch))
        edges |= {(a, b, False) for a, b in path}
        # Only the path itself inside the stretch: one loop, not several.
        edges = {e for e in edges if not (e[0] in inside and e[1] in inside and e[:2] not in path)}
        edges.add((stretch[-1], stretch[0], True))
        loops.append(stretch)
    return sorted(edges), loops
