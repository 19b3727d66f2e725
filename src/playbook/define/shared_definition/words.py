"""What the page says in words and tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.define.shared_definition.analysis import Agreement, Answers
from playbook.define.shared_definition.decision import disputes
from playbook.wording import counted


def source(room: Answers) -> str:
    """Say whose answers these are."""
    lines = []
    for part in ("statements", "cases", "pairs"):
        frame = getattr(room, part)
        if frame is None:
            lines.append("Pairs of criteria: none, so the page leaves out the weights.")
            continue
        origin = "typed in the room" if part in room.typed else "from the data"
        things = frame.groupby(["subject", "other"], dropna=False).ngroups
        people = frame.groupby("function")["rater"].nunique()
        counts = ", ".join(f"{name} {n}" for name, n in people.items())
        lines.append(
            f"{part.capitalize()}: {things}, {origin}, answered by {people.sum()} people ({counts})."
        )
    return "\n".join(f"- {line}" for line in lines)


def shown_overall(result: Agreement) -> pd.DataFrame:
    """Return the room's agreement as the page shows it; "-" where it is not defined."""
    names = {
        "statements_alpha": "statements: alpha",
        "statements_w": "statements: W",
        "cases_alpha": "cases: alpha",
    }
    table = result.overall.rename(columns=names)
    return table.map(lambda value: "-" if np.isnan(value) else f"{value:.2f}")


def sorted_statements(result: Agreement) -> str:
    """Name the statements that are in dispute, unclear or adopted."""
    table = result.statements
    lines = [
        f"- **In dispute**, {row.apart} {row.side} than the others by {row.gap:.1f} points: {row.text}."
        for row in disputes(result).itertuples()
    ]
    for verdict, what_for in (("unclear", "rewrite"), ("adopt", "adopt"), ("leave out", "leave out")):
        own = table[table["verdict"] == verdict].sort_values("mean", ascending=False)
        if len(own):
            lines.append(f"- **{what_for.capitalize()}** ({len(own)}): {'; '.join(own['text'])}.")
    return "\n".join(lines)


def weighed(result: Agreement) -> str:
    """Say whose judgements count, and where functions weigh a criterion most differently."""
    table = result.weights
    if table is None:
        return "Nobody compared all pairs without contradiction, so the page leaves out the weights."
    told = f"{result.judges - result.consistent} of {result.judges} people contradict themselves too much to be counted."
    own = table.drop(columns=["weight", "low", "high", "everybody"])
    if own.shape[1] < 2:
        return told
    apart = str((own.max(axis=1) - own.min(axis=1)).idxmax())
    said_by = ", ".join(f"{name} {value:.0%}" for name, value in own.loc[apart].items())
    return f"{told} Functions differ most on '{apart}': {said_by}."


def case_finding(result: Agreement) -> str:
    """Say in one sentence who labels cases differently."""
    own = result.cases[result.cases["verdict"] == "in dispute"]
    if own.empty:
        return "No function as a whole disputes any of the cases"
    return f"{own['apart'].value_counts().index[0]} labels cases unlike the other functions"


def contested_cases(result: Agreement, tickets: pd.DataFrame | None = None, *, most: int = 5) -> pd.DataFrame:
    """Return the cases on which functions are furthest apart, with what the ticket said where the data hold it."""
    shares = result.cases[result.functions]
    order = (shares.max(axis=1) - shares.min(axis=1)).sort_values(ascending=False, kind="stable").index[:most]
    table = shares.loc[order].round(2)
    if tickets is not None:
        said = tickets.set_index("ticket_id").reindex(table.index)[["severity", "subject_text"]]
        said = said.dropna(axis=1, how="all").astype(object).fillna("")
        table = table.join(said.rename(columns={"subject_text": "subject"}))
    return table


def targets_said(opposed: pd.DataFrame, kpi_targets: pd.DataFrame | None) -> str:
    """Say which live targets pull against each other."""
    if kpi_targets is None:
        return "The data hold no targets; lay them on the table by hand: figure, role, up or down."
    if opposed.empty:
        return "No live target pays one role for what another role is paid to avoid."
    lines = [f"Paid for opposite things: **{counted(len(opposed), 'figure')}**.\n"]
    for row in opposed.reset_index().to_dict("records"):
        people = "" if np.isnan(row["people"]) else f", {row['people']:.0f} people"
        pay = f" (up to {row['pay_share']:.0%} of pay{people})" if row["pay_share"] > 0 else ""
        lines.append(
            f"- **{row['kpi_code']}**: paid for more: {row['paid_for_more']}; for less: {row['paid_for_less']}{pay}."
        )
    return "\n".join(lines)
