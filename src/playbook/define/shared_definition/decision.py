"""What would change the decision, and the decision."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from playbook.contract import Decision
from playbook.define.shared_definition.analysis import Agreement
from playbook.methods.intervals import wilson
from playbook.wording import counted


def disputes(result: Agreement) -> pd.DataFrame:
    """Return the statements in dispute, the widest gap first."""
    own = result.statements[result.statements["verdict"] == "in dispute"]
    return own.sort_values("gap", ascending=False)


def what_if(result: Agreement, *, needed: Sequence[int]) -> pd.DataFrame:
    """Return what counts as a defect when so many functions must call a case a failure.

    Columns: needed, defects, share, low, high (90 %, Wilson), overruled (cases, over all functions, counted against a
    function's majority), most_overruled (function).
    """
    functions = result.functions
    votes = result.cases[functions] > 0.5
    if not all(1 <= n <= len(functions) for n in needed):
        raise ValueError(f"between 1 and {len(functions)} functions can be needed")
    rows = []
    for n in needed:
        counted = votes.sum(axis=1) >= n
        against = votes.ne(counted, axis=0).sum()
        low, high = wilson(int(counted.sum()), len(votes))
        row = (int(n), int(counted.sum()), float(counted.mean()), low, high, int(against.sum()))
        rows.append((*row, str(against.idxmax()) if against.max() > 0 else "nobody"))
    columns = ["needed", "defects", "share", "low", "high", "overruled", "most_overruled"]
    return pd.DataFrame(rows, columns=columns)


def decide(result: Agreement, opposed: pd.DataFrame | None = None, *, functions_needed: int = 2) -> Decision:
    """Recommend what to adopt, what a defect is, and what to take to whom."""
    table, kappas = result.statements, result.kappas
    adopted, own = table[table["verdict"] == "adopt"], disputes(result)
    cases = result.cases[result.cases["verdict"] == "in dispute"]
    top, worst = kappas.nlargest(1, "kappa"), str(kappas["kappa"].idxmin())
    best = str(top.index[0])
    best_low, best_high = round(float(top["low"].iloc[0]), 2), round(float(top["high"].iloc[0]), 2)
    needed = min(functions_needed, len(result.functions))
    defects = what_if(result, needed=[needed]).iloc[0]
    who = pd.concat([own["apart"], cases["apart"]]).value_counts()
    shared = {0: "no statement yet", 1: "the one statement that all functions share"}
    told = f"Adopt {shared.get(len(adopted), f'the {len(adopted)} statements that all functions share')}"
    told += f"; call a case a defect when {counted(needed, 'function')} {'says' if needed == 1 else 'agree'} that it failed"
    if len(who):
        told += f"; keep {counted(len(own), 'statement')} and {counted(len(cases), 'case')} open, first with {who.index[0]}"
    unclear = int((table["verdict"] == "unclear").sum())
    told += f"; rewrite {counted(unclear, 'unclear statement')}." if unclear else "."
    if opposed is not None and len(opposed):
        told += f" Settle the opposed targets first: {', '.join(opposed.index)}."
    shift = f"kappa {kappas['kappa'].min():.2f} between {worst}, {kappas['kappa'].max():.2f} between {best}"
    if len(cases):
        flips = (
            f"a second round labels the disputed cases alike, or kappa between {worst} reaches "
            f"{best_low:.2f}: then the dispute is settled and the rule can be dropped"
        )
    else:
        flips = "in a second round most of one function labels even one case in ten against the others"
    return Decision(
        recommendation=told,
        evidence=f"{len(table)} statements, {len(result.cases)} cases ({shift}); {defects['defects']} count as defects.",
        metric=f"agreement between {worst} in a second round",
        unit="(Cohen's kappa)",
        low=best_low,
        high=best_high,
        flips_if=flips,
        owner="head of operations",
    )
