"""What a context card does, found by its lot; and what it seems to do on the jobs that dispatchers picked."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linear_sum_assignment

from tests.world.worlds_of_service import SEEDS, effects_of, service_worlds, share_gap


def jobs(world) -> pd.DataFrame:
    """Visits with their assignment."""
    cards = world.assignments[world.assignments["initiative_id"].str.startswith("FI")]
    cards = cards[["seed", "subject_id", "arm", "design"]]
    rows = world.visits.merge(cards, left_on=["seed", "visit_id"], right_on=["seed", "subject_id"])
    return rows.assign(fixed=rows["first_time_fix"].astype(float), seen=rows["card_shown"].astype(float))


def by_lot(rows: pd.DataFrame) -> tuple[float, float]:
    """Effect of a card that is seen: by assignment, over the share that sees it."""
    effect, error = share_gap(rows["fixed"], rows["arm"] == "card")
    seen, _ = share_gap(rows["seen"], rows["arm"] == "card")
    return effect / seen, error / seen


def test_field_service_lot_recovers_what_the_card_does():
    """Within 1.96 standard errors in at least 16 of 20 worlds, within 3 over all of them."""
    rows = jobs(service_worlds())
    lot = rows[rows["design"] == "random"]
    truth = effects_of(service_worlds(), "design.field_service")["size"]["card seen", "all"]
    each = np.array([by_lot(part) for _, part in lot.groupby("seed")])
    assert len(each) == len(SEEDS)
    assert (abs(each[:, 0] - truth) < 1.96 * each[:, 1]).sum() >= 16
    found, error = by_lot(lot)
    assert found == pytest.approx(truth, abs=3 * error)


def test_field_service_raw_comparison_understates_the_card():
    """Where dispatchers picked, visits with a card go no better: hard jobs got them."""
    rows = jobs(service_worlds())
    truth = effects_of(service_worlds(), "design.field_service")["size"]["card seen", "all"]
    picked = rows[rows["design"] == "chosen"]
    raw, error = share_gap(picked["fixed"], picked["card_shown"])
    assert raw < truth - 5 * error


def test_field_service_trade_and_part_matter_as_planted():
    """First-time fix by mastered trade and by part on the van: the planted effects, which dispatch can use."""
    rows = jobs(service_worlds())
    people = service_worlds().staff[["seed", "staff_id", "skills"]]
    rows = rows.merge(people, on=["seed", "staff_id"])
    truth = effects_of(service_worlds(), "design.field_service")["size"]
    masters = pd.Series(
        [code in skills for code, skills in zip(rows["skill_code"], rows["skills"], strict=True)]
    )
    has_part = pd.Series(
        [
            used in carried.split(",")
            for used, carried in zip(rows["parts_used"], rows["parts_carried"], strict=True)
        ]
    )
    for treated, action in ((masters, "technician masters the trade"), (has_part, "part on the van")):
        found, error = share_gap(rows["fixed"], treated)
        assert found == pytest.approx(truth[action, "all"], abs=3.5 * error)


def test_field_service_part_is_predicted_from_the_machine():
    """The part that a kind of machine took most often is the planted one, in most of all kinds."""
    rows = jobs(service_worlds())
    most = rows.groupby(["seed", "asset_id"])["parts_used"].agg(lambda parts: parts.mode().iloc[0])
    truth = service_worlds().truth_values.query("play == 'design.field_service'")
    truth = truth.set_index(["seed", "key"])["value"].loc[most.index]
    assert (most == truth).mean() > 0.95


def test_field_service_assignment_by_enumeration():
    """Four jobs to four technicians: the optimum of the assignment solver is that of all orders."""
    rows = jobs(service_worlds()).query("seed == 0").head(4)
    people = service_worlds().staff.query("seed == 0 and role == 'technician'").head(4)
    gain = np.array([[float(code in skills) for skills in people["skills"]] for code in rows["skill_code"]])
    gain -= rows["distance_km"].to_numpy()[:, None] / 1000 * (1 + np.arange(4))
    row, column = linear_sum_assignment(-gain)
    best = max(sum(gain[i, order[i]] for i in range(4)) for order in permutations(range(4)))
    assert gain[row, column].sum() == pytest.approx(best)


def test_field_service_without_an_effect_the_card_does_nothing():
    """In worlds without it the lot finds nothing, and the raw comparison says that cards harm."""
    rows = jobs(service_worlds(planted=False, seeds=8))
    found, error = by_lot(rows[rows["design"] == "random"])
    assert abs(found) < 3 * error
    picked = rows[rows["design"] == "chosen"]
    raw, error = share_gap(picked["fixed"], picked["card_shown"])
    assert raw < -3 * error
