"""What people do about a new bonus sheet, found by its lot; and the steps that nobody does."""

import numpy as np
import pandas as pd
import pytest

from tests.world.worlds_of_service import service_worlds

SHEETS = ("volume", "outcome", "journey", "year")


def desks(world) -> pd.DataFrame:
    """Per desk: arm, design, change of repeats and of log handling time of written cases with the new sheet."""
    sheets = world.assignments[world.assignments["initiative_id"].str.startswith("PI")]
    sheets = sheets[["seed", "subject_id", "arm", "design", "starts_at"]].rename(
        columns={"subject_id": "queue"}
    )
    rows = world.tickets.merge(sheets, on=["seed", "queue"])
    rows["after"] = rows["opened_at"] >= rows["starts_at"]
    rows["log_s"] = np.log(rows["handle_s"].where((rows["channel"] != "phone") & (rows["handle_s"] > 0)))
    rows["n"] = 1.0
    keys = ["seed", "queue", "arm", "design"]
    how = {"back": "mean", "log_s": "mean", "n": "sum"}
    cells = rows.pivot_table(index=keys, columns="after", values=list(how), aggfunc=how)
    change = pd.DataFrame({name: cells[name][True] - cells[name][False] for name in ("back", "log_s")})
    change["level"] = cells["back"][False]
    change["after"] = cells["back"][True]
    change["weight"] = 1 / (1 / cells["n"]).sum(axis=1)
    return change.reset_index()


def weights(world) -> pd.DataFrame:
    """Pay weights of volume and outcomes by seed and desk, before and after."""
    targets = world.kpi_targets.assign(after=world.kpi_targets["valid_to"].isna())
    table = targets.pivot_table(
        index=["seed", "unit_id"], columns=["kpi_code", "after"], values="pay_weight_share"
    )
    return table.rename_axis(index=["seed", "queue"])


@pytest.fixture(scope="module")
def changed():
    """Changes at each desk of all worlds."""
    return desks(service_worlds())


@pytest.fixture(scope="module")
def planted():
    """The planted response."""
    truth = service_worlds().truth_parameters.query("play == 'sustain.incentives' and seed == 0")
    return truth.set_index("name")["value"]


def response(rows: pd.DataFrame, outcome: str) -> dict[str, tuple[float, float]]:
    """Mean change by arm against the mean of all arms' desks before: estimate and standard error."""
    found = {}
    for arm, part in rows.dropna(subset=outcome).groupby("arm"):
        w = part["weight"] / part["weight"].sum()
        mean = (w * part[outcome]).sum()
        found[arm] = (mean, float(np.sqrt((w**2 * (part[outcome] - mean) ** 2).sum())))
    return found


def test_incentives_response_is_recovered_from_the_desks_by_lot(changed, planted):
    """Differences between the arms' changes give the response to volume and to outcomes, and to whose result is paid."""
    lot = response(changed[changed["design"] == "random"], "back")
    volume, per_outcome = planted["repeat_per_volume_weight"], planted["repeat_per_outcome_weight"]
    sheet = {
        "volume": (0.8, 0.0),
        "outcome": (0.1, 0.6),
        "journey": (0.1, 0.6 * planted["journey_factor"]),
        "year": (0.1, 0.6 * planted["year_factor"]),
    }  # a weight of 0.9 works as one of 0.8
    for one in SHEETS:
        for other in SHEETS:
            expected = volume * (sheet[one][0] - sheet[other][0]) + per_outcome * (
                sheet[one][1] - sheet[other][1]
            )
            error = np.hypot(lot[one][1], lot[other][1])
            assert lot[one][0] - lot[other][0] == pytest.approx(expected, abs=3.5 * error + 1e-12)
    assert lot["volume"][0] - lot["outcome"][0] > 3 * np.hypot(lot["volume"][1], lot["outcome"][1])


def test_incentives_volume_makes_written_cases_shorter(changed, planted):
    """What is won is recovered too: log handling time falls with the weight on volume."""
    lot = response(changed[changed["design"] == "random"], "log_s")
    expected = planted["log_handle_per_volume_weight"] * (planted["saturates_at_weight"] - 0.1)
    error = np.hypot(lot["volume"][1], lot["outcome"][1])
    assert lot["volume"][0] - lot["outcome"][0] == pytest.approx(expected, abs=3.5 * error)


def test_incentives_desks_that_chose_hide_the_response(changed):
    """After the change, desks that chose pay for outcomes seem little better than those that chose volume."""

    def gap(rows):
        means = rows.groupby("arm")["after"].mean()
        return means["outcome"] - means["volume"]

    lot, chosen = changed[changed["design"] == "random"], changed[changed["design"] == "chosen"]
    assert gap(chosen) > gap(lot) + 0.04


def test_incentives_without_a_change_of_pay_nothing_can_be_said():
    """Before the change every desk has the same sheet: the weights do not vary, so no response is identified."""
    table = weights(service_worlds())
    before = table.xs(False, axis=1, level="after")
    after = table.xs(True, axis=1, level="after")
    assert (before == before.iloc[0]).all(axis=None)
    assert (after != after.iloc[0]).any().all()


def test_incentives_every_step_that_nobody_does_is_found():
    """The steps without an R in the RACI are the planted ones; a look for steps without any letter finds none."""
    from playbook.world.generate import generate
    from playbook.world.settings import WorldSettings

    world = generate(WorldSettings(seed=3, customers=200), domains=["pay"])
    steps = set(world["process_steps"].query("process == 'complaint'")["step_id"])
    raci = world["responsibilities"][world["responsibilities"]["subject_id"].isin(steps)]
    gaps = steps - set(raci.query("raci == 'R'")["subject_id"])
    assert gaps == set(world["truth_structure"].query("play == 'sustain.incentives'")["source"])
    assert len(gaps) == 3
    assert steps == set(raci["subject_id"])


def test_incentives_without_an_effect_no_sheet_changes_anything():
    """In worlds without it desks by lot change alike under every sheet."""
    rows = desks(service_worlds(planted=False, seeds=8))
    for outcome in ("back", "log_s"):
        lot = response(rows[rows["design"] == "random"], outcome)
        gap = lot["volume"][0] - lot["outcome"][0]
        assert abs(gap) < 3.2 * np.hypot(lot["volume"][1], lot["outcome"][1])
