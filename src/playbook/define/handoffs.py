"""Where does the customer fall between two teams? Hand-offs ranked by what an average case loses there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Decision, Feedback, grade
from playbook.methods import fmea
from playbook.pictures import BLUE, GREY, INK, ORANGE, RED, SKY, figure, finding

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HINTS = (
    "Count a hand-off when the customer is on either side of it: look at the columns from_lane and lane.",
    "The column with_customer marks those hand-offs. Sum loss_amt over them, and over all hand-offs.",
    "Divide the first sum by the second and say it in per cent.",
)
CUSTOMER = "customer"
ALIKE_P = 0.05  # above it, the hand-offs cannot be told apart by their loss
DRAWS = 2000
YEAR_D = 365.25


@dataclass(frozen=True)
class Handoffs:
    """The hand-offs of one process, and what they rest on.

    Parameters
    ----------
    process : str
        Its name.
    steps : DataFrame
        Its steps in order: step, lane, cases, loss_amt (NaN where nothing is handed over).
    table : DataFrame
        One row a hand-off, the dearest first; index step (the step that takes over): step_id, seq_no, from_lane, lane,
        with_customer, cases, failed_share (of cases), unnoticed_share (of failures), reworked_share (of cases), wait_h,
        rework_h (longer when redone), loss_each_amt (of an unnoticed failure), loss_amt (of an average case), low_amt,
        high_amt (90 %), first_share (chance to be the dearest), severity, occurrence, detection, rpn, priority (H, M, L).
    loss : fmea.Loss
        Expected losses in the order of `table`.
    alike_p : float
        p-value of "all hand-offs lose the same".
    facts : dict
        cases_year, first_on, last_on, loss_known, unpriced (hand-offs without a known loss), notice_known, fail_alike
        and notice_alike (shares that chance alone could make), and the assumptions.
    """

    process: str
    steps: pd.DataFrame
    table: pd.DataFrame
    loss: fmea.Loss
    alike_p: float
    facts: dict[str, float | bool | str]


def rank(
    process_handoffs: pd.DataFrame,
    *,
    process: str = "",
    serious_loss_amt: float = 2000.0,
    assumed_loss_amt: float = 100.0,
    rework_cost_amt: float = 50.0,
    catch_share: float = 0.8,
    seed: int = 1,
) -> Handoffs:
    """Rank the hand-offs of a process by the loss of an average case.

    Parameters
    ----------
    process_handoffs : DataFrame
        The view of that name: one row a step of each process.
    process : str
        Which one; empty for the one that loses most.
    serious_loss_amt : float
        Loss that is rated as bad as money can be (severity 8).
    assumed_loss_amt : float
        Loss of an unnoticed failure, where the data record none.
    rework_cost_amt : float
        Cost of putting a failure right that we noticed ourselves.
    catch_share : float
        Share of the failures that now go unnoticed which a check at the hand-off would catch.
    seed : int
        For the chances to be the dearest.

    Raises
    ------
    ValueError
        When no process has hand-offs that fail, or the chosen one is not there.
    """
    name = process or _dearest_process(process_handoffs)
    steps = process_handoffs[process_handoffs["process"] == name].sort_values("seq_no", ignore_index=True)
    rows = steps[steps["handed_over"] > 0].reset_index(drop=True)
    if rows.empty or rows["failed"].sum() == 0:
        raise ValueError(f"no hand-off of the process '{name}' has a recorded failure")
    known = bool(rows["losses"].sum() > 0)
    loss = _loss(rows, known, assumed_loss_amt)
    order = np.argsort(-loss.amount, kind="stable")
    loss = fmea.Loss(*(values[order] for values in vars(loss).values()))
    table = _table(rows.iloc[order].reset_index(drop=True), loss, serious_loss_amt, seed)
    facts = _facts(steps, rows) | {
        "loss_known": known,
        "assumed_loss_amt": assumed_loss_amt,
        "serious_loss_amt": serious_loss_amt,
        "rework_cost_amt": rework_cost_amt,
        "catch_share": catch_share,
    }
    lanes = steps[["step_id", "name", "lane", "cases"]].rename(columns={"name": "step"})
    lanes["loss_amt"] = lanes["step_id"].map(table.set_index("step_id")["loss_amt"])
    return Handoffs(name, lanes, table, loss, fmea.alike_p(loss), facts)


def _dearest_process(view: pd.DataFrame) -> str:
    """Return the process whose hand-offs lose most; where no loss is known, the one with most unnoticed failures."""
    handed = view[view["handed_over"] > 0]
    sums = handed.groupby("process")[["loss_amt", "unnoticed", "failed"]].sum()
    if sums.empty or sums["failed"].max() == 0:
        raise ValueError("no process in these data has a hand-off with a recorded failure")
    return str(sums.sort_values(["loss_amt", "unnoticed", "failed"], ascending=False).index[0])


def _loss(rows: pd.DataFrame, known: bool, assumed_loss_amt: float) -> fmea.Loss:
    """Return the expected losses; without any recorded loss, of failures that all cost the same."""
    cases, unnoticed = rows["handed_over"], rows["unnoticed"]
    if known:
        return fmea.expected_loss(cases, unnoticed, rows["losses"], rows["loss_amt"], rows["loss_sq"])
    each = np.maximum(unnoticed, 1)
    return fmea.expected_loss(cases, unnoticed, each, each * assumed_loss_amt, each * assumed_loss_amt**2)


def _table(rows: pd.DataFrame, loss: fmea.Loss, serious_loss_amt: float, seed: int) -> pd.DataFrame:
    failed = rows["failed"] / rows["handed_over"]
    unnoticed = (rows["unnoticed"] / rows["failed"]).fillna(0.0)
    severity = fmea.severity_rating(loss.each, serious=serious_loss_amt)
    occurrence, detection = fmea.occurrence_rating(failed), fmea.detection_rating(unnoticed)
    drawn = _draws(loss, seed)
    frame = pd.DataFrame(
        {
            "step_id": rows["step_id"],
            "seq_no": rows["seq_no"],
            "from_lane": rows["from_lane"],
            "lane": rows["lane"],
            "with_customer": (rows["from_lane"] == CUSTOMER) | (rows["lane"] == CUSTOMER),
            "cases": rows["handed_over"],
            "failed_share": failed,
            "unnoticed_share": unnoticed,
            "reworked_share": rows["reworked"] / rows["handed_over"],
            "wait_h": rows["wait_h"],
            "rework_h": rows["work_rework_h"] - rows["work_h"],
            "loss_each_amt": loss.each,
            "loss_amt": loss.amount,
            "low_amt": loss.low,
            "high_amt": loss.high,
            "first_share": np.bincount(drawn.argmax(axis=1), minlength=len(rows)) / DRAWS,
            "severity": severity,
            "occurrence": occurrence,
            "detection": detection,
            "rpn": fmea.rpn(severity, occurrence, detection),
            "priority": fmea.action_priority(severity, occurrence, detection),
        }
    )
    names = rows["name"].where(~rows["name"].duplicated(keep=False), rows["step_id"])
    return frame.set_index(pd.Index(names, name="step"))


def _draws(loss: fmea.Loss, seed: int) -> np.ndarray:
    """Return what the losses may be, given the data: (draws, hand-offs)."""
    spread = np.where(np.isfinite(loss.spread), loss.spread, 0.0)
    return loss.amount * np.exp(np.random.default_rng(seed).standard_normal((DRAWS, len(spread))) * spread)


def _facts(steps: pd.DataFrame, rows: pd.DataFrame) -> dict[str, float | bool | str]:
    first, last = steps["first_at"].min(), steps["last_at"].max()
    years = max((last - first).days, 1) / YEAR_D
    return {
        "cases_year": float(steps["cases"].max()) / years,
        "first_on": f"{first:%Y-%m-%d}",
        "last_on": f"{last:%Y-%m-%d}",
        "unpriced": ", ".join(rows["name"][(rows["losses"] == 0) & (rows["unnoticed"] > 0)]),
        "fail_alike": fmea.shares_alike_p(rows["failed"], rows["handed_over"]) >= ALIKE_P,
        "notice_alike": fmea.shares_alike_p(rows["unnoticed"], rows["failed"]) >= ALIKE_P,
        "notice_known": bool((rows["unnoticed"] < rows["failed"]).any()),
    }


def overview(result: Handoffs) -> pd.DataFrame:
    """Return waiting, rework and failure at each hand-off, in the order of the process."""
    rows = result.table.sort_values("seq_no")
    shown = pd.DataFrame(
        {
            "from": rows["from_lane"],
            "to": rows["lane"],
            "waits, hours": rows["wait_h"].round(0),
            "fails, %": 100 * rows["failed_share"],
            "redone, %": 100 * rows["reworked_share"],
            "redoing adds, hours": rows["rework_h"],
        }
    )
    return shown.round(1).map(lambda v: "-" if pd.isna(v) else f"{v:g}" if isinstance(v, float) else v)


def rankings(result: Handoffs) -> pd.DataFrame:
    """Return the three parts of the loss, and the place that each way of ranking gives a hand-off (1 = first)."""
    rows = result.table
    shown = pd.DataFrame(
        {
            "fails, %": 100 * rows["failed_share"],
            "of these unnoticed, %": 100 * rows["unnoticed_share"],
            "each costs": rows["loss_each_amt"],
            "loss a case": rows["loss_amt"],
            "S": rows["severity"],
            "O": rows["occurrence"],
            "D": rows["detection"],
            "RPN": rows["rpn"],
            "AP": rows["priority"],
        }
    )
    return shown.map(lambda v: _number(v) if isinstance(v, float) else v)


def customer_steps(result: Handoffs) -> pd.DataFrame:
    """Return what happens around each of the customer's own steps, the dearest first.

    Columns: takes_from (lane before), hands_to (lane after; "" for none), wait_h (before and after), loss_amt (of a case, at
    both hand-offs), year_amt; index step.
    """
    rows = result.table.sort_values("seq_no").reset_index()
    steps = result.steps.reset_index(drop=True)
    found = []
    for place in np.flatnonzero(steps["lane"] == CUSTOMER).tolist():
        own, after = steps.iloc[place], steps.iloc[place + 1 : place + 2]
        near = rows[(rows["step_id"] == own["step_id"]) | rows["step_id"].isin(after["step_id"])]
        near = near[near["with_customer"]]
        before = near.loc[near["step_id"] == own["step_id"], "from_lane"]
        found.append(
            {
                "step": own["step"],
                "takes_from": before.iloc[0] if len(before) else "",
                "hands_to": after["lane"].iloc[0] if len(after) and after["lane"].iloc[0] != CUSTOMER else "",
                "wait_h": near["wait_h"].sum(),
                "loss_amt": near["loss_amt"].sum(),
            }
        )
    columns = ["step", "takes_from", "hands_to", "wait_h", "loss_amt"]
    frame = pd.DataFrame(found, columns=columns).set_index("step")
    frame["year_amt"] = frame["loss_amt"] * float(result.facts["cases_year"])
    return frame.sort_values("loss_amt", ascending=False)


def integration(result: Handoffs) -> pd.DataFrame:
    """Return `customer_steps` as a table to read."""
    rows = customer_steps(result)
    names = ["takes from", "hands to", "waits, hours", "loss a case", "loss a year"]
    return rows.set_axis(names, axis=1).map(lambda v: _number(v) if isinstance(v, float) else v or "-")


def _number(value: float) -> str:
    """Return a number to read: one decimal below ten, none above."""
    return f"{value:.1f}" if abs(value) < 9.95 else f"{value:,.0f}"


def customer_share(result: Handoffs) -> float:
    """Return the share of the expected loss (0 to 1) at hand-offs to or from the customer."""
    rows = result.table
    return float(rows.loc[rows["with_customer"], "loss_amt"].sum() / rows["loss_amt"].sum())


def differ(result: Handoffs) -> bool:
    """Return whether the hand-offs can be told apart by what they lose."""
    return result.alike_p < ALIKE_P


def chosen(result: Handoffs) -> str:
    """Return what is looked at, and what the data do not hold, as prose."""
    facts, rows = result.facts, result.table
    text = (
        f"The process is **{result.process}**: {len(result.steps)} steps, {len(rows)} hand-offs, "
        f"{rows['cases'].max():,} cases from {facts['first_on']} to {facts['last_on']}, about "
        f"{facts['cases_year']:,.0f} a year."
    )
    if not facts["loss_known"]:
        text += (
            f" No losses are recorded, so every unnoticed failure is taken to cost {facts['assumed_loss_amt']:g}: an "
            "assumption, and the ranking below is then one of how often failures go unnoticed."
        )
    elif facts["unpriced"]:
        text += f" No loss is recorded at {facts['unpriced']}: taken to be the mean of the others."
    if not facts["notice_known"]:
        text += " Nor is it recorded that we noticed any failure ourselves, so all count as unnoticed."
    return text


def noticed(result: Handoffs) -> str:
    """Return where intimacy is gained and lost by who notices first, as prose."""
    failing = result.table[result.table["failed_share"] > 0]
    if not result.facts["notice_known"]:
        return (
            "Who noticed a failure is not recorded here. Ask for it first: it decides what a failure costs."
        )
    if result.facts["notice_alike"]:
        return "Which failures we notice ourselves differs between hand-offs by no more than chance: no team to copy from."
    ours = 1 - failing["unnoticed_share"]
    best, worst = int(ours.argmax()), int(ours.argmin())
    return (
        f"We are best at **{failing.index[best]}**, where we notice {ours.iloc[best]:.0%} of the failures ourselves: a "
        f"customer who hears of it from us first can trust us more for it. We are worst at **{failing.index[worst]}**, "
        f"with {ours.iloc[worst]:.0%}. Ask what the first team does that the second could copy."
    )


def compared(result: Handoffs) -> str:
    """Return where three ways of ranking would start, as prose."""
    rows = result.table
    dearest, product = rows.index[0], rows["rpn"].idxmax()
    most = int(rows["failed_share"].argmax())
    often, cheap = rows.index[most], rows["loss_amt"].iloc[most] / rows["loss_amt"].sum()
    high = list(rows.index[rows["priority"] == "H"])
    if not differ(result):
        return (
            "The losses differ by no more than chance would make them. Any order among these hand-offs, by whatever method, "
            "is noise: do not single one out."
        )
    text = f"Failures are most frequent at **{often}**, which holds {cheap:.0%} of the loss. "
    if product == dearest:
        text += f"The risk priority number starts at **{product}**, as the loss does. "
    else:
        text += f"The risk priority number would start at **{product}**; most is lost at **{dearest}**. "
    text += f"Action Priority asks for action (H) at {len(high)} of {len(rows)} hand-offs"
    text += f": {', '.join(high)}. " if high else ". "
    sure = float(rows["first_share"].iloc[0])
    said = "more than 99%" if sure > 0.99 else f"{sure:.0%}"
    return text + f"That {dearest} is the dearest is {said} sure, given these data."


def customers_part(result: Handoffs) -> str:
    """Return what the customer's own steps cost, as prose."""
    steps = customer_steps(result)
    if steps.empty:
        return "The customer has no step of their own in this process as it is recorded: ask whether that is true."
    first = steps.index[0]
    count = int(result.table["with_customer"].sum())
    said = f"{count} of {len(result.table)} hand-offs go to or come from the customer. "
    if not differ(result):
        return (
            said
            + "As the losses do not differ by more than chance, the rows below are no order of importance."
        )
    return said + (
        f"Of their own steps, most is lost around **{first}**: {steps['year_amt'].iloc[0]:,.0f} a year, "
        f"and {steps['wait_h'].iloc[0]:.0f} hours of waiting a case."
    )


def plot(result: Handoffs) -> Axes:
    """Draw the swim-lanes: a column for the customer, each team and each partner; a row for each step."""
    steps, table = result.steps, result.table
    lanes = _lanes(steps)
    x, y = steps["lane"].map(lanes.index).to_numpy(), np.arange(len(steps))
    total = table["loss_amt"].sum()
    amounts = steps["loss_amt"].fillna(0.0).to_numpy()
    heavy = amounts >= 0.1 * total if differ(result) else np.zeros(len(steps), dtype=bool)
    with figure((5.2, 2.3 + 0.42 * len(steps))) as ax:
        for place, lane in enumerate(lanes):
            if lane == CUSTOMER or place % 2 == 0:
                colour, alpha = (SKY, 0.35) if lane == CUSTOMER else (GREY, 0.1)
                ax.axvspan(place - 0.5, place + 0.5, color=colour, alpha=alpha, lw=0)
        for i in range(1, len(steps)):
            wide = 1.2 + 7 * amounts[i] / max(amounts.max(), 1e-9) if heavy[i] else 1.5
            ax.plot(x[i - 1 : i + 1], y[i - 1 : i + 1], color=RED if heavy[i] else GREY, lw=wide, zorder=2)
        ax.scatter(x, y, s=90, color=BLUE, zorder=3)
        for i in np.flatnonzero(steps["loss_amt"].notna()).tolist():
            ax.text(
                len(lanes) - 0.35, float(y[i]), _number(amounts[i]), va="center", fontsize=11.5,
                color=RED if heavy[i] else INK, fontweight="bold" if heavy[i] else "normal",
            )  # fmt: skip
        ax.set_yticks(y, [f"{i + 1} {name}" for i, name in enumerate(steps["step"])])
        ax.set_xticks(range(len(lanes)), lanes, rotation=55, ha="left", rotation_mode="anchor")
        ax.xaxis.tick_top()
        ax.grid(visible=False)
        ax.spines[["left", "bottom"]].set_visible(False)
        ax.set_xlim(-0.5, len(lanes) + 0.4)
        ax.set_ylim(len(steps) - 0.5, -0.5)
        ax.xaxis.set_label_position("bottom")
        for label in ax.get_xticklabels()[: lanes.count(CUSTOMER)]:
            label.set_fontweight("bold")
    finding(ax, _lane_title(result), x="Columns: who acts. Right: loss a case at the hand-off (money)")
    return ax


def _lanes(steps: pd.DataFrame) -> list[str]:
    """Return the lanes, the customer's first, then in the order in which they act."""
    names = list(dict.fromkeys(steps["lane"]))
    return [name for name in names if name == CUSTOMER] + [name for name in names if name != CUSTOMER]


def _lane_title(result: Handoffs) -> str:
    table = result.table
    changes = f"{len(table)} hand-offs"
    if not differ(result):
        return f"{changes}, and none stands out by what it loses"
    heavy = int((table["loss_amt"] >= 0.1 * table["loss_amt"].sum()).sum())
    ours = int(table["with_customer"].iloc[:heavy].sum())
    where = "all" if ours == heavy else "none" if ours == 0 else f"{ours}"
    if heavy == 0:
        return f"{changes}, and none holds a tenth of the loss"
    return f"{heavy} of {changes} stand out by what they lose; {where} of these to or from the customer"


def plot_noticed(result: Handoffs) -> Axes:
    """Draw how often each hand-off fails, and who notices first."""
    rows = result.table.sort_values("seq_no", ascending=False)
    late = 100 * rows["failed_share"] * rows["unnoticed_share"]
    early = 100 * rows["failed_share"] - late
    with figure((5.2, 1.6 + 0.36 * len(rows))) as ax:
        ax.barh(rows.index, late, color=ORANGE)
        ax.barh(rows.index, early, left=late, color=SKY)
        ax.grid(axis="y", visible=False)
        ax.set_xlim(0, (late + early).max() * 1.05)
        ax.set_ylim(-0.6, len(rows) + 0.3)
        for label, colour, place in (("customer first", ORANGE, 0.02), ("we first", SKY, 0.5)):
            for text, shade in ((f"\u25a0 {label}", INK), ("\u25a0", colour)):
                ax.text(place, 0.93, text, color=shade, fontsize=11.5, transform=ax.transAxes)
    worst = late.idxmax()
    if result.facts["fail_alike"] and result.facts["notice_alike"]:
        said = "All hand-offs fail about as often, and are noticed as often: the rest is chance"
    elif worst == (late + early).idxmax():
        said = f"Most failures are at {worst}, where the customer is first to notice {late.max():.0f} in 100 cases"
    else:
        said = f"Most failures: {(late + early).idxmax()}. But the customer notices most at {worst}"
    finding(ax, said, x="Cases in 100 that fail, by who notices first")
    return ax


def plot_loss(result: Handoffs) -> Axes:
    """Draw the loss of a case by hand-off with its interval, with the two customary ratings beside it."""
    rows = result.table.iloc[::-1]
    at = np.arange(len(rows))
    top = rows["high_amt"].max()
    with figure((5.2, 1.9 + 0.38 * len(rows))) as ax:
        ax.barh(at, rows["loss_amt"], color=BLUE, height=0.6)
        ax.hlines(at, rows["low_amt"], rows["high_amt"], color=INK, lw=2)
        ax.set_yticks(at, list(rows.index))
        ax.set_xlim(0, 1.5 * top)
        ticks = ax.xaxis.get_major_locator().tick_values(0, top)
        ax.set_xticks([t for t in ticks if 0 <= t <= 1.05 * top])
        ax.grid(axis="y", visible=False)
        first = rows["rpn"].max()
        for place, row in zip(at.tolist(), rows.itertuples(), strict=True):
            weight = "bold" if row.rpn == first else "normal"
            ax.text(1.3 * top, place, str(row.rpn), ha="right", va="center", fontsize=11.5, fontweight=weight)
            ax.text(1.43 * top, place, str(row.priority), ha="center", va="center", fontsize=11.5)
        ax.text(1.3 * top, len(rows) - 0.35, "RPN", ha="right", fontsize=11, color=INK)
        ax.text(1.43 * top, len(rows) - 0.35, "AP", ha="center", fontsize=11, color=INK)
        ax.set_ylim(-0.6, len(rows) + 0.2)
    dearest, product = result.table.index[0], result.table["rpn"].idxmax()
    if not differ(result):
        said = "The hand-offs lose about the same: what differs here is chance"
    elif dearest == product:
        said = f"Most is lost at {dearest}, and the RPN says so too"
    else:
        said = f"Most is lost at {dearest}; the RPN would start at {product}"
    finding(ax, said, x="Loss of a case (money), with 90 % interval")
    return ax


def net_saving(result: Handoffs, *, check_cost_amt: float) -> pd.Series:
    """Return what a check of every case would save at each hand-off, in money a case; index step, the best first.

    It catches `catch_share` of the failures that now go unnoticed; each of them then costs its rework instead of its loss.
    """
    rows, facts = result.table, result.facts
    caught = float(facts["catch_share"]) * rows["failed_share"] * rows["unnoticed_share"]
    saved = caught * (rows["loss_each_amt"] - float(facts["rework_cost_amt"])) - check_cost_amt
    return saved.rename("net_amt").sort_values(ascending=False)


def cost_steps(check_cost_amt: float) -> list[float]:
    """Return costs of a check to try: from a quarter of the expected one to four times as much."""
    return [float(f"{check_cost_amt * factor:.3g}") for factor in (0.25, 0.5, 1.0, 2.0, 4.0)]


def what_if(result: Handoffs, *, check_cost_amt: Sequence[float]) -> pd.DataFrame:
    """Return what checks bring at each cost of a check.

    Columns: check_cost_amt (money a case), pays_at (hand-offs where it pays), names, saved_amt (a year, checks only where
    they pay), everywhere_amt (a year, a check at each hand-off).
    """
    year = float(result.facts["cases_year"])
    found = []
    for cost in check_cost_amt:
        net = net_saving(result, check_cost_amt=cost)
        pays = net[net > 0]
        found.append((float(cost), len(pays), ", ".join(pays.index), year * pays.sum(), year * net.sum()))
    return pd.DataFrame(found, columns=["check_cost_amt", "pays_at", "names", "saved_amt", "everywhere_amt"])


def plot_what_if(scenarios: pd.DataFrame, chosen: float | None = None) -> Axes:
    """Draw the saving of a year against the cost of a check: checks where they pay, and everywhere."""
    from matplotlib.ticker import FuncFormatter

    costs = scenarios["check_cost_amt"].to_numpy()
    with figure() as ax:
        ax.axhline(0, color=GREY, lw=1)
        for column, colour, label in (
            ("saved_amt", BLUE, "only where they pay"),
            ("everywhere_amt", ORANGE, "at every hand-off"),
        ):
            values = scenarios[column].to_numpy() / 1000
            ax.plot(costs, values, color=colour, marker="o", lw=2)
            at, place, side = (2, (6, 8), "left") if column == "saved_amt" else (-1, (0, -20), "right")
            ax.annotate(
                label, (costs[at], values[at]), place, textcoords="offset points", ha=side, fontsize=11.5
            )
        ax.margins(y=0.18)
        ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.0f}"))
        first, last = scenarios.iloc[0], scenarios.iloc[-1]
        said = (
            f"A check pays at {first['pays_at']:.0f} hand-offs when it costs {first['check_cost_amt']:g} a case, at "
            f"{last['pays_at']:.0f} when it costs {last['check_cost_amt']:g}"
        )
        if chosen is not None:
            row = scenarios.loc[scenarios["check_cost_amt"] == chosen].iloc[0]
            ax.plot(chosen, row["saved_amt"] / 1000, "D", color=BLUE, ms=13)
            where = f"at {row['names']}" if row["pays_at"] else "nowhere"
            said = f"At {chosen:g} a case a check pays {where}"
    finding(ax, said, x="Cost of checking one case (money)", y="Saved a year (thousand money)")
    return ax


def decide(result: Handoffs, *, check_cost_amt: float = 8.0) -> Decision:
    """Recommend the hand-offs to redesign, in order of loss avoided, and the customer's step to integrate with ours."""
    facts, rows = result.facts, result.table
    net = net_saving(result, check_cost_amt=check_cost_amt)
    pays = net[net > 0]
    total = rows["loss_amt"].sum()
    period = f"{rows['cases'].max():,} cases, {facts['first_on']} to {facts['last_on']}"
    rest = 1 - float(facts["catch_share"])
    if not differ(result) or pays.empty:
        why = (
            "they lose about the same"
            if not differ(result)
            else f"a check at {check_cost_amt:g} pays nowhere"
        )
        return Decision(
            recommendation=f"Redesign no single hand-off of {result.process}: {why}. Work on what all of them share.",
            evidence=f"Unnoticed failures lose {total:,.0f} a case over {len(rows)} hand-offs ({period}).",
            metric=f"loss by unnoticed failures, {result.process}",
            unit="money a case",
            low=float(rows["low_amt"].sum()),
            high=float(rows["high_amt"].sum()),
            flips_if=f"one hand-off loses over {2 * total / len(rows):,.0f} a case, twice the average, for a quarter",
            owner="head of operations",
        )
    first, names = pays.index[0], list(pays.index)
    own = customer_steps(result)
    near = list(own.index[own["loss_amt"] > check_cost_amt])
    joined = f"Integrate the customer's steps with ours: {', '.join(near)}." if near else ""
    row = rows.loc[first]
    caught = row["failed_share"] * row["unnoticed_share"]
    even = check_cost_amt / float(facts["catch_share"]) + caught * float(facts["rework_cost_amt"])
    return Decision(
        recommendation=f"Redesign the hand-offs in this order: {', '.join(names)}. {joined}".strip(),
        evidence=f"{first} loses {row['loss_amt']:,.0f} a case (90 %: {row['low_amt']:,.0f} to {row['high_amt']:,.0f}), "
        f"{row['loss_amt'] / total:.0%} of all ({period}). "
        f"Predicted for a redesign that catches {1 - rest:.0%} of what now goes unnoticed.",
        metric=f"loss by unnoticed failures at {first}",
        unit="money a case",
        low=float(rest * row["low_amt"]),
        high=float(rest * row["high_amt"]),
        flips_if=f"over a quarter, unnoticed failures at {first} lose less than {even:,.0f} a case: then no check pays there"
        + (f"; or less than those at {names[1]}" if len(names) > 1 else ""),
        owner="head of operations",
    )


def check(answer: float, truth: SimpleNamespace | None, result: Handoffs) -> Feedback:
    """Check "which share of the expected loss falls at hand-offs to or from the customer?".

    Parameters
    ----------
    answer : float
        Per cent.
    truth : namespace or None
        `truth_parameters` of the world; None on a client's data, where the answer must agree with the table.
    result : Handoffs
        What the participant read.
    """
    expected, basis = customer_share(result), OWN_DATA
    if truth is not None:
        planted = _planted(truth, result)
        if planted.notna().all():  # only one process of the world is planted
            expected, basis = float(planted[result.table["with_customer"]].sum() / planted.sum()), PLANTED
    if expected == 0:
        near = float(answer) == 0
        says = (
            "Right: nothing is lost there."
            if near
            else "Is the customer on either side of any hand-off that loses?"
        )
        return Feedback(near, says, HINTS, basis)
    return grade(float(answer), 100 * expected, tolerance=0.08, hints=HINTS, basis=basis)


def _planted(truth: SimpleNamespace, result: Handoffs) -> pd.Series:
    """Return the planted loss of a case, by step, in the order of `result.table`."""
    values = truth.truth_parameters.set_index("name")["value"]
    ids = "expected loss of a case: " + result.table["step_id"].astype(object)
    return pd.Series(values.reindex(ids).to_numpy(), result.table.index)


def recover(data: SimpleNamespace, truth: SimpleNamespace) -> pd.DataFrame:
    """Return the loss of a case by hand-off, and the customer's part of it, beside what was planted.

    The naive answer counts failures, as if each cost the same.
    """
    result = rank(data.process_handoffs)
    rows = result.table.assign(truth=_planted(truth, result))
    price = rows["loss_amt"].sum() / rows["failed_share"].sum()
    rows["naive"] = rows["failed_share"] * price
    drawn, ours = _draws(result.loss, 1), rows["with_customer"].to_numpy()
    low, high = np.quantile(drawn[:, ours].sum(axis=1) / drawn.sum(axis=1), [0.05, 0.95])
    losses = rows.sort_values("seq_no")[["loss_amt", "low_amt", "high_amt", "naive", "truth"]]
    losses = losses.set_axis(["estimate", "low", "high", "naive", "truth"], axis=1)
    losses.insert(0, "what", "loss of a case: " + losses.index.astype(object))
    part = {
        "what": "share of the loss at the customer's steps",
        "estimate": customer_share(result),
        "low": low,
        "high": high,
        "naive": rows.loc[ours, "failed_share"].sum() / rows["failed_share"].sum(),
        "truth": rows.loc[ours, "truth"].sum() / rows["truth"].sum(),
    }
    return pd.concat([losses, pd.DataFrame([part])], ignore_index=True)
