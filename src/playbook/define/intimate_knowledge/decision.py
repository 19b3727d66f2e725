"""What to know, what to ask a sample for, what to leave; and what would change that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.contract import Decision
from playbook.define.intimate_knowledge.analysis import Domain, Knowledge
from playbook.methods.information_value import evsi_normal
from playbook.wording import listed

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

KNOW, TEST, LEAVE = "know", "sample first", "leave"
SAMPLES = (25, 50, 100, 200, 400, 800, 1600, 3200)


def criteria(result: Knowledge, *, uses: float = 2.0) -> pd.DataFrame:
    """Say of each attribute whether it is to be known, asked of a sample first, or left.

    Attributes enter one at a time, the one with the largest net gain first, as long as what the next one adds to those
    before is seen in the data and pays for the asking. A sample comes first where the mistake it may spare costs more than
    the sample.

    Parameters
    ----------
    result : Knowledge
        What `worth` returns.
    uses : float
        Decisions that one answer serves before it is out of date.

    Returns
    -------
    DataFrame
        The rows of `result.table`, and: adds (money per decision, beside those that entered before), sd (its standard
        error), flips_amt (cost of an answer above which asking does not pay), sample (customers to ask first; 0 = none),
        verdict.
    """
    rows = []
    for name, domain in result.domains.items():
        own = result.table[result.table["domain"] == name]
        cost = dict(zip(own["attribute"], own["cost_amt"], strict=True))
        entered: dict[str, NDArray[np.float64]] = {}
        while True:
            rest = {a: domain.worth(a, tuple(entered)) for a in cost if a not in entered}
            net = {a: uses * d[0] - cost[a] for a, d in rest.items() if (d[1:] > 0).mean() > 0.95}
            best = max(net, key=lambda a: net[a], default="")
            if not best or net[best] <= 0:
                break
            entered[best] = rest[best]
        for attribute, drawn in (entered | rest).items():
            adds, sd = max(float(drawn[0]), 0.0), float(drawn[1:].std())
            gains = sample_gains(uses * adds, uses * sd, cost[attribute], result, domain)
            sample = SAMPLES[int(gains.argmax())] if gains.max() > 0 else 0
            verdict = TEST if sample else KNOW if attribute in entered else LEAVE
            rows.append((name, attribute, adds, sd, uses * adds, sample, verdict))
    columns = ["domain", "attribute", "adds", "sd", "flips_amt", "sample", "verdict"]
    return result.table.merge(pd.DataFrame(rows, columns=columns), on=["domain", "attribute"])


def sample_gains(
    gain: float, sd: float, price: ArrayLike, result: Knowledge, domain: Domain
) -> NDArray[np.float64]:
    """Return what each of `SAMPLES` gains over all customers, its own cost taken off, (..., samples).

    `gain` is what an answer brings, with standard error `sd`; `price` what it costs.
    """
    sizes, cost = np.array(SAMPLES, dtype=float), np.asarray(price, dtype=float)[..., None]
    spared = evsi_normal(gain - cost, sd, sizes, len(domain.size))
    return np.where(sizes <= result.customers, result.customers * spared, 0.0) - sizes * cost


def zones(result: Knowledge, *, uses: float = 2.0) -> pd.DataFrame:
    """Return up to which cost of an answer to ask everyone, and up to which a sample first.

    Columns: domain, attribute, cost_amt, ask_to, sample_to (money for one answer; equal where no sample pays). Only
    the lead and attributes that are worth something alone, six at most.
    """
    found = criteria(result, uses=uses)
    is_lead = (found["domain"] == result.lead[0]) & (found["attribute"] == result.lead[1])
    found = found[(found["low"] > 0) | is_lead].head(6).reset_index(drop=True)
    limits = []
    for row in found.to_dict("records"):
        flip = float(row["flips_amt"])
        price = np.linspace(0.005, 1.5, 300) * max(flip, 1e-6)
        gains = sample_gains(flip, uses * row["sd"], price, result, result.domains[row["domain"]])
        at = price[gains.max(axis=1) > 0].tolist()
        limits.append((min([flip, *at[:1]]), max([flip, *at[-1:]])))
    columns = pd.DataFrame(limits, columns=["ask_to", "sample_to"], dtype=float)
    return found[["domain", "attribute", "cost_amt"]].join(columns)


def what_if(result: Knowledge, *, uses: Sequence[float]) -> pd.DataFrame:
    """Return the verdict on each attribute by how many decisions one answer serves.

    Columns: uses, domain, attribute, verdict; only attributes that are worth something alone or are ever worth asking for,
    and the lead.
    """
    table = pd.concat([criteria(result, uses=number).assign(uses=number) for number in uses])
    telling = (table["verdict"] != LEAVE) | (table["low"] > 0)
    telling |= (table["domain"] == result.lead[0]) & (table["attribute"] == result.lead[1])
    kept = telling.groupby([table["domain"], table["attribute"]]).transform("any")
    return table.loc[kept, ["uses", "domain", "attribute", "verdict"]].reset_index(drop=True)


def those(names: Iterable[object]) -> str:
    """Return names as a list in a sentence, each once; "nothing" where there is none."""
    each = list(dict.fromkeys(names))
    return listed(each) if each else "nothing"


def decide(result: Knowledge, *, uses: float = 2.0) -> Decision:
    """Recommend what to know in each domain, what to ask a sample for, and what to stop asking for."""
    table = criteria(result, uses=uses)
    said = []
    for name in result.domains:
        own = table[table["domain"] == name].set_index("attribute")["verdict"]
        tried = f", and ask a sample first for {those(own.index[own == TEST])}" if (own == TEST).any() else ""
        said.append(f"{name}: {those(own.index[own == KNOW])}{tried}")
    idle = (table["verdict"] == LEAVE).groupby(table["attribute"], sort=False).all()
    stop = f" Stop asking for {those(idle.index[idle])}." if idle.any() else ""
    name, attribute = result.lead
    lead = table[(table["domain"] == name) & (table["attribute"] == attribute)].to_dict("records")[0]
    left = lead["verdict"] == LEAVE
    flips = f"an answer on {attribute} costs {'less' if left else 'more'} than {lead['flips_amt']:.2f}"
    if lead["adds"] == 0:
        least = lead["cost_amt"] / uses
        flips = f"new cases show that {attribute} saves more than {least:.2f} a decision"
    else:
        least = lead["cost_amt"] / lead["adds"]
        flips += f", or serves {'more' if left else 'fewer'} than {least:.2f} decisions"
    return Decision(
        recommendation=f"Know, for {'; for '.join(said)}." + stop,
        evidence=f"In {name}, {attribute} saves {lead['worth']:.2f} ({lead['low']:.2f} to {lead['high']:.2f}) a decision, "
        f"over {result.domains[name].size.sum():,.0f} cases; an answer costs {lead['cost_amt']:.2f} and serves {uses:g} "
        "decisions.",
        metric=f"saved per decision in {name} by choosing by {attribute}",
        unit="money",
        low=float(lead["low"]),
        high=float(lead["high"]),
        flips_if=f"{flips}: then {'ask for it' if left else 'stop asking for it'}",
        owner="head of customer operations",
    )
