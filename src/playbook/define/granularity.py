"""Segment, account or individual? At which level customers differ in a need, and what knowing each level is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Decision, Feedback, grade
from playbook.methods.variance_components import nested_components, resampled_components
from playbook.pictures import BLUE, GREY, INK, ORANGE, SKY, figure, finding, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HINTS = (
    "Differences between accounts are only part of what you see between persons of different accounts.",
    "The table result.shares has one row per need and level; its column share says what you look for.",
    "Read result.shares.loc[(need, 'account'), 'share'] for the need in the question, and say it in per cent.",
)
LEVELS = ("segment", "account", "person")
COLUMNS = ("segment", "account_id", "customer_id")
ALL = (*LEVELS, "occasion")
COLORS = {"segment": SKY, "account": BLUE, "person": ORANGE, "occasion": "#D9D9D9"}
SOLVING = "hours to solve a request"
LEAST_PERSONS, LEAST_ACCOUNTS = 60, 20
DRAWS = 200


@dataclass(frozen=True)
class Granularity:
    """Where customers differ, by need.

    Parameters
    ----------
    shares : DataFrame
        Index need, level (segment, account, person, occasion): share of the variance, low, high (90 %), variance (of the
        natural logarithm).
    misses : DataFrame
        need, level, held_out (root mean square error of the logarithm, when the last thing each person said is predicted
        from what is known at that level), expected (the same from the shares).
    units : dict
        By level: how many there are in all.
    answers : dict
        By need: measurements at hand.
    """

    shares: pd.DataFrame
    misses: pd.DataFrame
    units: dict[str, int]
    answers: dict[str, int]

    def of(self, need: str, level: str, column: str = "share") -> float:
        """Return one figure of `shares`."""
        return float(self.shares[column].xs(need, level="need").to_dict()[level])

    @property
    def needs(self) -> list[str]:
        """Names of the needs, the one that differs most between accounts first."""
        of_account = self.shares.xs("account", level="level")["share"]
        return list(of_account.sort_values(ascending=False).index)


def measured(
    customers: pd.DataFrame,
    accounts: pd.DataFrame,
    *,
    preferences: pd.DataFrame | None = None,
    solving_hours: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return everything that persons of known accounts were measured on at least twice, as logarithms.

    Columns: need, segment, account_id, customer_id, at, log_value. Needs are the attributes of `preferences` that are
    positive numbers, and the hours to solve a request. A need said by too few persons or accounts is left out.

    Raises
    ------
    ValueError
        When no need is left.
    """
    parts = []
    if preferences is not None:
        value = pd.to_numeric(preferences["value"], errors="coerce")
        kept = preferences[value > 0].assign(value=value)
        parts.append(kept[["attribute", "customer_id", "recorded_at", "value"]].set_axis(_NAMES, axis=1))
    if solving_hours is not None:
        hours = solving_hours[solving_hours["hours"] > 0]
        parts.append(
            hours.assign(need=SOLVING)[["need", "customer_id", "opened_at", "hours"]].set_axis(_NAMES, axis=1)
        )
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_NAMES)
    rows = rows.merge(customers[["customer_id", "account_id"]].dropna(), on="customer_id")
    rows = rows.merge(accounts[["account_id", "segment"]].dropna(), on="account_id")
    rows = rows[rows.groupby(["need", "customer_id"])["value"].transform("size") >= 2]
    counts = rows.groupby("need")[["customer_id", "account_id"]].nunique()
    enough = counts[(counts["customer_id"] >= LEAST_PERSONS) & (counts["account_id"] >= LEAST_ACCOUNTS)].index
    rows = rows[rows["need"].isin(enough)]
    if rows.empty:
        raise ValueError(
            f"granularity needs one number that {LEAST_PERSONS} persons of {LEAST_ACCOUNTS} accounts gave at least "
            "twice; none of the preferences or requests does"
        )
    rows = rows.assign(log_value=np.log(rows["value"].astype(float)))
    order = ["need", "segment", "account_id", "customer_id", "at"]
    return rows.sort_values(order, ignore_index=True)[[*order, "log_value"]]


_NAMES = ["need", "customer_id", "at", "value"]


def levels(
    measured: pd.DataFrame,
    customers: pd.DataFrame,
    accounts: pd.DataFrame,
    *,
    draws: int = DRAWS,
    seed: int = 1,
) -> Granularity:
    """Split the differences in each need by level, and predict each level's misses.

    Parameters
    ----------
    measured : DataFrame
        What `measured` returns.
    customers, accounts : DataFrame
        All there are: how many units each level has.
    draws : int
        Bootstrap samples of accounts behind the intervals.
    seed : int
        Of the bootstrap.
    """
    rng = np.random.default_rng(seed)
    shares, misses = [], []
    for need, rows in measured.groupby("need"):
        nested = [rows["segment"], rows["account_id"], rows["customer_id"]]
        parts = nested_components(rows["log_value"], nested)
        again = resampled_components(rows["log_value"], nested, unit=1, draws=draws, rng=rng)
        low, high = np.quantile(again / again.sum(axis=1, keepdims=True), [0.05, 0.95], axis=0)
        share = parts / parts.sum()
        columns = {"need": need, "level": ALL, "share": share, "low": low, "high": high, "variance": parts}
        shares.append(pd.DataFrame(columns))
        misses.append(_misses(rows, parts).assign(need=need))
    units = {"segment": accounts["segment"].nunique(), "account": len(accounts), "person": len(customers)}
    return Granularity(
        pd.concat(shares).set_index(["need", "level"]),
        pd.concat(misses, ignore_index=True),
        units,
        {str(need): int(n) for need, n in measured["need"].value_counts().items()},
    )


def _misses(rows: pd.DataFrame, parts: np.ndarray) -> pd.DataFrame:
    """Hold out the last measurement of each person; predict it from colleagues' earlier ones, or the person's own."""
    is_last = ~rows.duplicated("customer_id", keep="last")
    last, before = rows[is_last], rows[~is_last]
    # Means of persons' means: who said more does not count more.
    own = before.groupby(list(COLUMNS))["log_value"].agg(["mean", "size"]).reset_index(list(COLUMNS[:2]))
    own, inverse = own.loc[last["customer_id"]], float((1 / own["size"]).mean())
    found = []
    for level, column in zip(LEVELS, COLUMNS, strict=True):
        if level == "person":
            guess, others = own["mean"].to_numpy(), np.ones(len(own))
        else:
            of_all = own.groupby(column)["mean"].transform("sum").to_numpy()
            others = own.groupby(column)["mean"].transform("size").to_numpy() - 1.0
            guess = (of_all - own["mean"].to_numpy()) / np.where(others > 0, others, np.nan)
        known = others > 0
        error = (last["log_value"].to_numpy() - guess)[known]
        expected = _squared_miss(parts, level, others[known], inverse).mean()
        found.append((level, float(np.sqrt((error**2).mean())), float(np.sqrt(expected))))
    return pd.DataFrame(found, columns=["level", "held_out", "expected"])


def _squared_miss(parts: np.ndarray, level: str, persons: np.ndarray, inverse: float) -> np.ndarray:
    """Return the expected squared error of a prediction from the mean of `persons` persons, (n,).

    It misses all variance below its level once for the new measurement and once, divided by the number of persons, for the
    mean. `inverse` is the mean of one over what each person has said. Variances below zero count as zero.
    """
    _, account, person, occasion = np.maximum(parts, 0)
    of_mean = person + occasion * inverse
    if level == "person":
        return np.full(len(persons), occasion + occasion * inverse)
    if level == "account":
        return person + occasion + of_mean / persons
    return account + person + occasion + (account + of_mean) / persons


def _wide(by_need_and_level: pd.Series, needs: list[str]) -> pd.DataFrame:
    table = by_need_and_level.reset_index(name="value")
    wide = table.pivot_table(index="need", columns="level", values="value", aggfunc="first")
    return wide.loc[needs, [level for level in ALL if level in wide]]


def plot(result: Granularity) -> Axes:
    """Draw the shares of each level, one bar per need."""
    wide = _wide(result.shares["share"], result.needs).clip(lower=0)
    wide = wide.div(wide.sum(axis=1), axis=0)
    with figure(size=(5.2, 1.9 + 0.62 * len(wide))) as ax:
        start = np.zeros(len(wide))
        for level in ALL:
            width = wide[level].to_numpy()
            label = "same person, other day" if level == "occasion" else f"between {level}s"
            ax.barh(range(len(wide)), width, left=start, color=COLORS[level], height=0.55, label=label)
            for y, (left, share) in enumerate(zip(start, width, strict=True)):
                if share >= 0.1:
                    color = "white" if level == "account" else INK
                    ax.text(
                        left + share / 2,
                        y,
                        f"{share:.0%}",
                        ha="center",
                        va="center",
                        fontsize=11,
                        color=color,
                    )
            start += width
        for y, need in enumerate(wide.index):
            ax.text(0, y - 0.32, need, ha="left", va="bottom", fontsize=11)
        ax.set_yticks([])
        ax.set_ylim(len(wide) - 0.6, -0.75)
        ax.set_xlim(0, 1)
        ax.grid(False, axis="y")
        ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    main = wide.idxmax(axis=1).map({level: level for level in LEVELS} | {"occasion": "day"})
    said = ", ".join(f"{need} by {level}" for need, level in main.items())
    finding(ax, f"What makes most of the difference: {said}", x="Share of all differences (%)")
    percent(ax, "x")
    return ax


def plot_misses(result: Granularity) -> Axes:
    """Draw how far off a prediction is that knows the account or the person, against one that knows the segment."""
    misses = result.misses.set_index(["need", "level"])
    held, expected = (_wide(misses[column], result.needs) for column in ("held_out", "expected"))
    held, expected = held.div(held["segment"], axis=0), expected.div(expected["segment"], axis=0)
    with figure(size=(5.2, 1.9 + 0.62 * len(held))) as ax:
        ax.axvline(1, color=COLORS["segment"], lw=3, label="by segment")
        for level, marker in zip(LEVELS[1:], "Do", strict=True):
            ax.plot(held[level], range(len(held)), marker, color=COLORS[level], ms=10, label=f"by {level}")
            ax.plot(expected[level], range(len(held)), "|", color=INK, ms=18, mew=2)
        for y, need in enumerate(result.needs):
            ax.text(0.01, y - 0.22, need, ha="left", va="bottom", fontsize=11)
        ax.set_yticks([])
        ax.set_ylim(len(held) - 0.6, -0.7)
        ax.set_xlim(0, max(1.1, held.max().max(), expected.max().max()) * 1.05)
        ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    best, miss = str(held["person"].idxmin()), float(held["person"].min())
    said = (
        f"Knowing the person cuts the miss on {best} by {1 - miss:.0%}"
        if miss < 1
        else "One earlier value of a person predicts no better than the segment"
    )
    finding(ax, said, x="Miss of a prediction (%; by segment = 100; black line: expected)")
    percent(ax, "x")
    return ax


def answer_steps(result: Granularity) -> list[int]:
    """Return round numbers of answers to try: from few for the accounts to several for each person."""
    series = [digit * 10**power for power in range(1, 8) for digit in (1, 2, 5)]
    return [n for n in series if result.units["account"] / 5 <= n <= 5 * result.units["person"]]


def what_if(result: Granularity, *, answers: Sequence[int], worth_share: float = 0.1) -> pd.DataFrame:
    """Return which level to choose when so many answers can be collected, and kept up to date, on each need.

    The answers are spread over all units of a level. Where there are fewer answers than units, a unit without one is
    predicted by its segment.

    Columns: answers, need, level (segment, account, person), miss (against knowing the segment, 1 = as good), chosen.

    Parameters
    ----------
    answers : sequence of int
        Answers in all.
    worth_share : float
        A finer level is chosen when it cuts the miss by at least this share.
    """
    rows = []
    for need in result.needs:
        parts = np.array([result.of(need, level, "variance") for level in ALL])
        segment = float(_squared_miss(parts, "segment", np.array([np.inf]), 1.0)[0])
        for number in answers:
            miss = {"segment": 1.0}
            for level in LEVELS[1:]:
                each = number / result.units[level]
                persons, inverse = (max(each, 1.0), 1.0) if level == "account" else (1.0, 1 / max(each, 1.0))
                asked = float(_squared_miss(parts, level, np.array([persons]), inverse)[0])
                miss[level] = float(np.sqrt(min(each, 1.0) * asked / segment + max(1 - each, 0.0)))
            best = _coarsest(miss, worth_share)
            rows += [(int(number), need, level, value, level == best) for level, value in miss.items()]
    return pd.DataFrame(rows, columns=["answers", "need", "level", "miss", "chosen"])


def _coarsest(misses: dict[str, float], worth_share: float) -> str:
    """Return the coarsest level of which no finer one is better by `worth_share`."""
    chosen = LEVELS[0]
    for level in LEVELS[1:]:
        if misses[level] < (1 - worth_share) * misses[chosen]:
            chosen = level
    return chosen


def plot_what_if(scenarios: pd.DataFrame, chosen: int | None = None) -> Axes:
    """Draw the level to choose for each need, by how many answers there can be."""
    picked = scenarios[scenarios["chosen"]]
    needs, steps = list(dict.fromkeys(picked["need"])), list(dict.fromkeys(picked["answers"]))
    with figure(size=(5.2, 1.9 + 0.62 * len(needs))) as ax:
        for level, marker in zip(LEVELS, "sDo", strict=True):
            own = picked[picked["level"] == level]
            at = [steps.index(n) for n in own["answers"]]
            ax.plot(at, own["need"].map(needs.index), marker, color=COLORS[level], ms=12, label=f"by {level}")
        for y, need in enumerate(needs):
            ax.text(-0.4, y - 0.24, need, ha="left", va="bottom", fontsize=11)
        said = "The more answers, the finer the level that pays"
        if picked.groupby("need")["level"].nunique().max() == 1:
            said = "The number of answers does not change the level to choose"
        if chosen is not None:
            ax.axvline(steps.index(chosen), color=GREY, lw=16, alpha=0.25)
            now = picked[picked["answers"] == chosen]
            each = ", ".join(f"{row.need} by {row.level}" for row in now.itertuples())
            said = f"With {chosen:,} answers: {each}"
        ax.set_xticks(range(len(steps)), [_short(step) for step in steps])
        ax.set_yticks([])
        ax.set_ylim(len(needs) - 0.6, -0.75)
        ax.set_xlim(-0.5, len(steps) - 0.5)
        ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    finding(ax, said, x="Answers on each need, all customers together (k: thousand)")
    return ax


def _short(number: int) -> str:
    return f"{number / 1000:g}k" if number >= 1000 else str(number)


def break_even(result: Granularity, *, worth_share: float = 0.1) -> pd.DataFrame:
    """Return, by need, the answers from which each level is the one to choose (empty where it never is)."""
    table = what_if(result, answers=answer_steps(result), worth_share=worth_share)
    first = table[table["chosen"]].groupby(["need", "level"])["answers"].min()
    wide = _wide(first, result.needs).reindex(columns=list(LEVELS))
    text = wide.map(lambda n: "" if np.isnan(n) else f"from {n:,.0f}")
    return text.rename_axis(index=None, columns=None)


def shown(result: Granularity) -> pd.DataFrame:
    """Return the shares with their 90 % intervals as a table to read."""
    text = result.shares.apply(
        lambda row: f"{100 * row['share']:.0f}% ({100 * row['low']:.0f} to {100 * row['high']:.0f})", axis=1
    )
    return _wide(text, result.needs).rename_axis(index=None, columns=None)


def sizes(result: Granularity) -> str:
    """Return how many units each level has, and the answers at hand, as prose."""
    segments, accounts, persons = (result.units[level] for level in LEVELS)
    parts = [f"{number:,} on {need}" for need, number in result.answers.items()]
    listed = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    return f"There are {segments} segments, {accounts:,} accounts and {persons:,} persons. Answers at hand: {listed}."


def question(result: Granularity) -> str:
    """Return the exercise's question, about the need that differs most between accounts."""
    return f"**Of all differences in *{result.needs[0]}*, how much lies between accounts of the same segment, in per cent?**"


def decide(result: Granularity, *, worth_share: float = 0.1) -> Decision:
    """Recommend a level per need with the answers at hand: the coarsest of which no finer one is better by `worth_share`."""
    now = {
        need: what_if(result, answers=[result.answers[need]], worth_share=worth_share).query("need == @need")
        for need in result.needs
    }
    level = {need: str(rows.loc[rows["chosen"], "level"].iloc[0]) for need, rows in now.items()}
    miss = {need: float(rows.loc[rows["chosen"], "miss"].iloc[0]) for need, rows in now.items()}
    parts = [
        f"{', '.join(need for need in result.needs if level[need] == name)} by {name}"
        for name in LEVELS
        if name in level.values()
    ]
    need = result.needs[0]
    share, least, most = (result.of(need, "account", column) for column in ("share", "low", "high"))
    steps = what_if(result, answers=answer_steps(result), worth_share=worth_share)
    more = steps[steps["chosen"] & (steps["need"] == need) & (steps["answers"] > result.answers[need])]
    turns = more[more["level"] != level[need]]
    flips = (
        f"{turns['answers'].iloc[0]:,} answers on {need} can be kept up to date: then by {turns['level'].iloc[0]}"
        if len(turns)
        else f"new answers on {need} put a smaller share than {least:.0%} between accounts"
    )
    return Decision(
        recommendation=f"Know each need at its own level: {'; '.join(parts)}.",
        evidence=f"Between accounts lie {share:.0%} ({least:.0%} to {most:.0%}) of the differences in {need}. With the "
        f"{result.answers[need]:,} answers at hand, the level named misses by {miss[need]:.0%} of what the segment does.",
        metric=f"miss on {need}, of the miss by segment",
        unit="share",
        low=0.85 * miss[need],
        high=min(1.15 * miss[need], 1.0),
        flips_if=flips,
        owner="head of customer operations",
    )


def check(answer: float, truth: SimpleNamespace | None, result: Granularity) -> Feedback:
    """Check "how much of the differences lies between accounts of the same segment, in per cent?".

    Parameters
    ----------
    answer : float
        Per cent.
    truth : namespace or None
        `truth_parameters` of the world; None on a client's data, where the answer must agree with the result.
    result : Granularity
        What the participant computed.
    """
    need = result.needs[0]
    expected, basis = result.of(need, "account"), OWN_DATA
    if truth is not None:
        planted = truth.truth_parameters.set_index("name")["value"]
        if f"{need}, account" in planted:
            expected, basis = float(planted[f"{need}, account"]), PLANTED
    return grade(float(answer), 100 * expected, tolerance=0.2, hints=HINTS, basis=basis)


def recover(data: SimpleNamespace, truth: SimpleNamespace) -> pd.DataFrame:
    """Return the shares of segments and accounts against the planted ones; naive: a one-way analysis by account."""
    rows = measured(data.customers, data.accounts, preferences=data.preferences)
    result = levels(rows, data.customers, data.accounts)
    planted = truth.truth_parameters.set_index("name")["value"]
    found = []
    for need in sorted(result.needs):
        own = rows[rows["need"] == need]
        one_way = nested_components(own["log_value"], [own["account_id"]])
        for level, naive in (("segment", np.nan), ("account", one_way[0] / one_way.sum())):
            ours = [result.of(need, level, column) for column in ("share", "low", "high")]
            found.append((f"{need}, {level}", *ours, naive, planted[f"{need}, {level}"]))
    return pd.DataFrame(found, columns=["what", "estimate", "low", "high", "naive", "truth"])
