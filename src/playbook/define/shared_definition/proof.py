"""How an answer is checked, and what is recovered of a planted truth."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Feedback, grade
from playbook.define.shared_definition.analysis import Agreement, analyse, answers, opposed_targets, wide_of

HINTS = (
    "A case is in dispute when most of one function calls it a failure and most of another does not.",
    "result.cases has one row a case; result.cases[result.functions] is the share of each function that says failure.",
    "Turn the shares into votes (above one half or not) and count the rows whose votes differ. The slider knows it too: "
    "compare the first bar with the last.",
)


def check(answer: float, truth: SimpleNamespace | None, result: Agreement) -> Feedback:
    """Check "on how many cases does one function dispute the others' view?".

    Parameters
    ----------
    answer : float
        Number of cases.
    truth : namespace or None
        `truth_labels` of the world; None on a client's data, where the answer must agree with the labels given. So it must
        when the cases were typed in the room.
    result : Agreement
        What the participant read.
    """
    count, basis = int((result.cases["verdict"] == "in dispute").sum()), OWN_DATA
    if truth is not None and "cases" not in result.typed:
        count, basis = int((truth.truth_labels["label"] == "disputed case").sum()), PLANTED
    return grade(float(answer), count, tolerance=1 / max(count, 1), hints=HINTS, basis=basis)


def recover(data: Any, truth: SimpleNamespace) -> pd.DataFrame:
    """Compare with what was planted: statements sorted, kappas, weights, opposed targets.

    Naive are: calling a statement disputed when its ratings scatter (standard deviation above 1.5); the share of cases
    labelled alike; the plain average of all judgements; reading each role's targets by themselves.
    """
    room = answers(data.ratings)
    result = analyse(room)
    structure, parameters = truth.truth_structure, truth.truth_parameters.set_index("name")["value"]
    planted = result.statements.index.isin(structure.loc[structure["kind"] == "dispute", "source"])
    called = (result.statements["verdict"] == "in dispute").to_numpy()
    wide, _ = wide_of(room.statements, "statements")
    scattered = (wide.std() > 1.5).to_numpy()
    nan = float("nan")
    rows: list[tuple[Any, ...]] = [
        (
            "statements sorted wrongly into disputed or not",
            (called != planted).sum(),
            nan,
            nan,
            (scattered != planted).sum(),
            0,
        )
    ]
    for name, row in result.kappas.filter(regex="sales", axis=0).iterrows():
        rows.append(
            (
                f"kappa, {name}",
                row["kappa"],
                row["low"],
                row["high"],
                row["same"],
                parameters[f"kappa, {name}"],
            )
        )
    if result.weights is not None:
        for own in result.weights.loc[["knows me", "friendly", "price"]].itertuples():
            planted_weight = parameters[f"weight, {own.Index}"]
            rows.append(
                (f"weight, {own.Index}", own.weight, own.low, own.high, own.everybody, planted_weight)
            )
    opposed = (structure["kind"] == "opposed target").sum()
    found = len(opposed_targets(data.kpi_targets))
    rows.append(("figures with opposed targets", found, nan, nan, 0, opposed))
    columns = ["what", "estimate", "low", "high", "naive", "truth"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:], float))
