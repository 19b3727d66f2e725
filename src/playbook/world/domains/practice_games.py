"""A game in which trainees run the stock at a customer's site: its rules, who may do what, and games that
were played.

The rules (ruleset "simulation") give for each state and move the money of the turn and the chances of the
next state. States are the stock (0 to 4) in a calm or a rush week. Planted, times the play's size: the loss
when stock does not meet demand, so that what pays this turn is not what pays in the long run; a move that
pays and is the customer's to make (`responsibilities`: R alone, C ask first, party customer); in games,
trainees who follow the money of the turn, far more often in a rush (`RUSH_ERROR` against `CALM_ERROR`),
though calm weeks are what they play most, and who overstep one limit.

`truth_structure` has the best allowed move of each state (value iteration), the weak kind of decision and
the limit that is overstepped most; `truth_parameters` what the best allowed policy is worth.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import words
from playbook.world.truth import planted, planted_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("organisation",)
ONCE = True

PLAY = "sustain.simulation_training"
WEEKS, STOCKS = ("calm", "rush"), 5
# move, units added, cost, who decides: alone, after asking, or the customer
MOVES = (
    ("wait", 0, 0.0, "R"),
    ("send a small load", 1, 14.0, "R"),
    ("send a full load", 3, 30.0, "R"),
    ("send an express load", 2, 34.0, "R"),
    ("lend from another customer", 2, 12.0, "C"),
    ("lower the customer's order", 0, -15.0, "customer"),
)
ALLOWED, EXPRESS = 4, 3  # the first moves may be made alone; the position of the express load
DEMAND = ((0.35, 0.4, 0.2, 0.05), (0.05, 0.2, 0.35, 0.4))  # units 0 to 3 in a calm, in a rush week
RUSH_NEXT = (0.1, 0.4)  # chance that a rush follows a calm week, a rush
PAID, SHORT = 10.0, 60.0  # for a unit that meets demand; lost for one that does not, times size
HOLD = 2.0  # for a unit that stays
DISCOUNT = 0.9
TRAINEES, TURNS = 80, 24
CALM_ERROR, RUSH_ERROR = 0.12, 0.35  # chance to take the best of the turn instead, times size
OVERSTEP = (0.02, 0.10)  # chance to ask nobody; to make the customer's move: times size
OVERSTEP_SPREAD = 1.0  # gamma shape over trainees

PLANTS = (
    Plant(
        play=PLAY,
        what="The rules of a game with a customer's stock, who may make which move, and the moves of "
        "trainees.",
        why="The move that pays this turn, the trainee who earns most and the mistakes one sees most "
        "often each point the wrong way.",
        tables=("rules", "responsibilities", "decisions", "staff"),
        truth=("truth_structure", "truth_parameters"),
        size="SHORT x size; CALM_ERROR, RUSH_ERROR, OVERSTEP x size",
    ),
)


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return rules, responsibilities, decisions, truth_structure and truth_parameters."""
    size = settings.size(PLAY)
    reward, chance = _game(size)
    policy, value = _best(reward[:, :ALLOWED], chance[:, :ALLOWED])
    rules = _rules(settings, reward, chance)
    decisions = _games(settings, tables["staff"], rules, reward, chance, policy, size, rng)
    structure = [("best move", _name(state), MOVES[move][0]) for state, move in enumerate(policy)]
    if size:
        structure += [("weak kind of decision", WEEKS[1], "takes what pays this turn")]
        structure += [("limit overstepped most", MOVES[-1][0], "the customer's to make")]
    return {
        "rules": rules,
        "responsibilities": pd.DataFrame(
            {
                "responsibility_id": ids("PGP", len(MOVES)),
                "subject_type": "move",
                "subject_id": [move[0] for move in MOVES],
                "role": "operator",
                "party": ["customer" if move[3] == "customer" else "ours" for move in MOVES],
                "raci": ["A" if move[3] == "customer" else move[3] for move in MOVES],
                "scenario": "simulation",
                "valid_from": settings.start,
            }
        ),
        "decisions": decisions,
        "truth_structure": planted_rows("truth_structure", PLAY, ("kind", "source", "target"), structure),
        "truth_parameters": planted(
            "truth_parameters",
            PLAY,
            name=["discount", *(f"worth of {_name(state)}" for state in range(len(policy)))],
            value=[DISCOUNT, *value],
            unit=["per turn", *["money"] * len(policy)],
        ),
    }


def _name(state: int) -> str:
    return f"{WEEKS[state // STOCKS]}, stock {state % STOCKS}"


def _game(size: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean money of a turn (states, moves) and the chances of the next state (states, moves,
    states).
    """
    n = len(WEEKS) * STOCKS
    reward = np.zeros((n, len(MOVES)))
    chance = np.zeros((n, len(MOVES), n))
    for state in range(n):
        week, stock = divmod(state, STOCKS)
        for move, (_, added, cost, decides) in enumerate(MOVES):
            held = min(stock + added, STOCKS - 1)
            reward[state, move] = -cost
            for demand, p in enumerate(DEMAND[week]):
                wanted = max(demand - 1, 0) if decides == "customer" else demand
                # A load is there for the next week; only the express one for this week's demand.
                ready = held if move == EXPRESS else stock
                sold = min(ready, wanted)
                left = held - sold
                reward[state, move] += p * (PAID * sold - SHORT * size * (wanted - sold) - HOLD * left)
                for rush in (0, 1):
                    q = RUSH_NEXT[week] if rush else 1 - RUSH_NEXT[week]
                    chance[state, move, rush * STOCKS + left] += p * q
    return reward.round(4), chance.round(6)


def _best(
    reward: NDArray[np.float64], chance: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the best move of each state and what each state is worth, by value iteration."""
    value = np.zeros(len(reward))
    for _ in range(400):
        value = (reward + DISCOUNT * chance @ value).max(axis=1)
    return (reward + DISCOUNT * chance @ value).argmax(axis=1), value


def _rules(settings: WorldSettings, reward: NDArray[np.float64], chance: NDArray[np.float64]) -> pd.DataFrame:
    cells = [(s, m) for s in range(len(reward)) for m in range(len(MOVES))]
    outcomes = [
        {
            "money": float(reward[s, m]),
            "next": {_name(int(t)): float(chance[s, m, t]) for t in np.flatnonzero(chance[s, m])},
        }
        for s, m in cells
    ]
    return pd.DataFrame(
        {
            "rule_id": ids("PGR", len(cells)),
            "ruleset": "simulation",
            "jurisdiction": "any",
            "priority": 1,
            "condition_json": [json.dumps({"state": _name(s), "move": MOVES[m][0]}) for s, m in cells],
            "outcome_json": [json.dumps(outcome) for outcome in outcomes],
            "owner_role": "training lead",
            "valid_from": settings.start,
        }
    )


def _games(
    settings: WorldSettings,
    staff: pd.DataFrame,
    rules: pd.DataFrame,
    reward: NDArray[np.float64],
    chance: NDArray[np.float64],
    policy: NDArray[np.int64],
    size: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the moves of trainees, one game each in their first weeks or in the history's first."""
    stay = staff["left_on"].fillna(settings.end) - staff["hired_on"].clip(lower=settings.start)
    here = staff[stay > pd.Timedelta(days=45)]
    here = here.iloc[rng.permutation(len(here))[:TRAINEES]]
    n = len(here)
    bold = rng.gamma(OVERSTEP_SPREAD, 1 / OVERSTEP_SPREAD, n)
    greedy = reward[:, :ALLOWED].argmax(axis=1)
    state = rng.integers(0, STOCKS, n)
    turns = []
    for _ in range(TURNS):
        error = np.where(state >= STOCKS, RUSH_ERROR, CALM_ERROR) * size
        move = np.where(rng.random(n) < error, greedy[state], policy[state])
        draw = rng.random(n)
        asks = OVERSTEP[0] * size * bold
        takes = np.minimum(asks + OVERSTEP[1] * size * bold, 0.9)
        move = np.where(draw < asks, ALLOWED, np.where(draw < takes, len(MOVES) - 1, move))
        turns.append((state, move))
        cumulative = np.cumsum(chance[state, move], axis=1)
        state = np.minimum((cumulative < rng.random(n)[:, None]).sum(axis=1), len(reward) - 1)
    states, moves = (np.concatenate([turn[k] for turn in turns]) for k in (0, 1))
    who = np.tile(np.arange(n), TURNS)
    turn = np.repeat(np.arange(TURNS), n)
    began = np.maximum(here["hired_on"].to_numpy(), np.datetime64(settings.start, "us"))
    began = began + (rng.integers(9 * 3600, 30 * 86_400, n)).astype("timedelta64[s]")
    at = began[who] + (turn * 60).astype("timedelta64[s]")
    order = np.lexsort((turn, who))
    frame = pd.DataFrame(
        {
            "decision_type": "practice move",
            "subject_type": "staff",
            "subject_id": here["staff_id"].array.take(who),
            "rule_id": rules["rule_id"].array.take(states * len(MOVES) + moves),
            "outcome": words([move[0] for move in MOVES], moves),
            "decided_at": at,
            "realised_amt": np.round(reward[states, moves] + rng.normal(0, 4.0, len(states)), 2),
        }
    ).iloc[order]
    frame = frame.reset_index(drop=True)
    frame.insert(0, "decision_id", ids("PGD", len(frame)))
    return frame
