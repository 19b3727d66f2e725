"""What the page says in words and tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.define.intimate_knowledge.analysis import Knowledge
from playbook.define.intimate_knowledge.decision import criteria
from playbook.methods.information_value import evsi_normal
from playbook.wording import listed

SIZE = 100  # customers, of the sample that the page speaks of
BY_CHANCE = 0.02  # share of the choice that the attributes may explain before it counts as chosen by them


def overview(result: Knowledge) -> pd.DataFrame:
    """Return the domains at a glance."""
    rows = {
        name: {
            "decision": domain.decision,
            "ways": " or ".join(domain.ways),
            "cases": f"{domain.size.sum():,.0f}",
            "customers": f"{len(domain.size):,}",
            "attributes on file": f"{len(domain.values)}",
        }
        for name, domain in result.domains.items()
    }
    return pd.DataFrame(rows)


def by_chance(result: Knowledge) -> str:
    """Say whether the ways were left to chance, as far as the attributes tell."""
    chosen = [name for name, domain in result.domains.items() if domain.chosen_share > BY_CHANCE]
    if not chosen:
        return (
            "As far as the attributes tell, which way a case went was left to chance. So the costs of the ways can be "
            "compared as they are."
        )
    return (
        f"In {listed(chosen)}, what is known of the customers explains part of which way was chosen. The figures level "
        "that out. What only the person who decided knew may still tilt them: leave a few cases to chance to be sure."
    )


def shown(result: Knowledge, *, uses: float = 2.0) -> pd.DataFrame:
    """Return worth and verdict of the attributes worth most and of those that predict best, as a table to read."""
    found = criteria(result, uses=uses).set_index(["domain", "attribute"])
    kept = pd.concat([result.telling(name, 2)[["domain", "attribute"]] for name in result.domains])
    rows = found.loc[pd.MultiIndex.from_frame(kept)].reset_index()
    alone = [f"{w:.2f} ({a:.2f} to {b:.2f})" for w, a, b in rows[["worth", "low", "high"]].to_numpy()]
    text = {
        "domain": rows["domain"],
        "alone": alone,
        "beside": rows["adds"].map("{:.2f}".format),
        "pays up to": rows["flips_amt"].map("{:.2f}".format),
        "costs": rows["cost_amt"].map("{:.2f}".format),
        "verdict": rows["verdict"],
    }
    return pd.DataFrame(text).set_index(rows["attribute"].rename(None))


def ceilings(result: Knowledge) -> str:
    """Return what knowing everything at once would save, as prose."""
    parts = [
        f"{most:.2f} in {name} ({low:.2f} to {high:.2f})"
        for name, (most, low, high) in ((name, domain.ceiling) for name, domain in result.domains.items())
    ]
    cost = (
        "" if result.cost_known else " Where the data name no cost of asking, the setting stands in for it."
    )
    return f"Knowing all attributes at once would save, per decision, {listed(parts)}: the ceiling.{cost}"


def sampling(result: Knowledge, *, uses: float = 2.0) -> pd.DataFrame:
    """Return what a further sample on the lead attribute would bring over all customers, at today's cost and at the turn."""
    name, attribute = result.lead
    found = criteria(result, uses=uses).set_index(["domain", "attribute"])[["adds", "sd", "cost_amt"]]
    gain, sd, today = (
        float(value) for value in found.loc[[(name, attribute)]].to_numpy()[0] * [uses, uses, 1]
    )
    price, behind = np.array([today, gain]), len(result.domains[name].size)
    table = {
        "cost of one answer": price,
        "exact knowledge brings": result.customers * evsi_normal(gain - price, sd, np.inf, behind),
        f"a sample of {SIZE} brings": result.customers * evsi_normal(gain - price, sd, SIZE, behind),
        "the sample costs": SIZE * price,
    }
    return pd.DataFrame(table, index=["today", "where the verdict turns"]).T.map("{:,.2f}".format)


def costs(result: Knowledge) -> pd.DataFrame:
    """Return, by value of the lead attribute, the share of cases and the mean cost of each way, all else levelled out."""
    name, attribute = result.lead
    domain, rows = result.domains[name], {}
    for code, value in enumerate(domain.values[attribute]):
        own = (domain.codes[attribute] == code).to_numpy()
        mean = -domain.payoff[own].sum(axis=0) / domain.size[own].sum()
        share = domain.size[own].sum() / domain.size.sum()
        rows[value] = {"share": share, **dict(zip(domain.ways, mean, strict=True))}
    return pd.DataFrame(rows).T


def question(result: Knowledge) -> str:
    """Return the exercise's question, about the attribute that saves most."""
    name, attribute = result.lead
    return f"**In {name}, how much does knowing *{attribute}* save in an average decision, in money?**"
