"""Do we mean the same? Statements, cases and criteria rated in the room: who agrees, who disputes, what is only unclear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import StringIO
from itertools import combinations
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbook.contract import OWN_DATA, PLANTED, Decision, Feedback, grade
from playbook.methods import agreement, ahp
from playbook.pictures import BLUE, GREY, INK, ORANGE, PALETTE, PURPLE, SKY, figure, finding, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HINTS = (
    "A case is in dispute when most of one function calls it a failure and most of another does not.",
    "result.cases has one row a case; result.cases[result.functions] is the share of each function that says failure.",
    "Turn the shares into votes (above one half or not) and count the rows whose votes differ. The slider knows it too: "
    "compare the first bar with the last.",
)
CLEAR = 0.5  # r_WG from which people agree at least moderately (LeBreton & Senter 2008, table 3)
FEW = 5  # people of a function, below which a test by ranks can hardly call anything
MARKS = "osD^vP"
WORDS = {"yes": 1.0, "y": 1.0, "true": 1.0, "no": 0.0, "n": 0.0, "false": 0.0}


@dataclass(frozen=True)
class Answers:
    """What people answered, one row an answer.

    Parameters
    ----------
    statements : DataFrame
        rater, function, subject, text, score.
    cases : DataFrame
        rater, function, subject, score (1: a failure).
    pairs : DataFrame or None
        rater, function, subject, other, score (times as important as the other).
    options : int
        Points of the scale of the statements.
    typed : tuple of str
        Which of the three were typed in the room.
    """

    statements: pd.DataFrame
    cases: pd.DataFrame
    pairs: pd.DataFrame | None
    options: int
    typed: tuple[str, ...]


@dataclass(frozen=True)
class Agreement:
    """Who agrees on what.

    Parameters
    ----------
    functions : list of str
        Who labelled the cases.
    asked : list of str
        Who rated the statements.
    statements : DataFrame
        One row a statement (index): text, mean of each function, mean, gap (points between the function furthest apart and
        the others), spread (standard deviation inside functions), clear (r_WG), p, q (false-discovery rate), apart
        (function), side, verdict.
    cases : DataFrame
        One row a case (index): share of each function that says failure, verdict, apart.
    kappas : DataFrame
        One row a pair of functions: kappa, low, high, same (share of cases labelled alike), cases.
    overall : DataFrame
        One row a group: statements_alpha (ordinal), statements_w, cases_alpha (nominal).
    alpha_range : tuple of float
        90 % interval of everybody's alpha on statements.
    weights : DataFrame or None
        One row a criterion: weight, low, high, everybody (plain average with nobody left out), one column a function.
    fewest : int
        People of the smallest function who rated statements.
    judges, consistent : int
        Who compared all pairs; of these, whose judgements do not contradict each other.
    typed : tuple of str
        What was typed in the room.
    """

    functions: list[str]
    asked: list[str]
    statements: pd.DataFrame
    cases: pd.DataFrame
    kappas: pd.DataFrame
    overall: pd.DataFrame
    alpha_range: tuple[float, float]
    weights: pd.DataFrame | None
    fewest: int
    judges: int
    consistent: int
    typed: tuple[str, ...]


def answers(
    ratings: pd.DataFrame,
    *,
    statements: str = "",
    cases: str = "",
    pairs: str = "",
    options: int = 7,
    exercises: Sequence[str] = ("definition statements", "quality failure?", "weights of criteria"),
) -> Answers:
    """Take what was typed in the room, and the data for what was not.

    Parameters
    ----------
    ratings : DataFrame
        The canonical table.
    statements, cases, pairs : str
        A table as text, one row a person: name, function, then one column a statement, a case, or a pair "A > B".
        Separated by comma, semicolon or tab; empty means no answer.
    options : int
        Points of the scale of typed statements.
    exercises : sequence of three str
        What the three are called in `ratings`.

    Raises
    ------
    ValueError
        When an answer cannot be read, or neither room nor data hold statements and cases.
    """
    parts: dict[str, pd.DataFrame | None] = {}
    typed = {"statements": statements, "cases": cases, "pairs": pairs}
    for (part, text), exercise in zip(typed.items(), exercises, strict=True):
        parts[part] = _typed(text, part) if text.strip() else _stored(ratings, exercise)
        if parts[part] is None and part != "pairs":
            raise ValueError(
                f"ratings hold no exercise '{exercise}': type the room's {part}, or set its name"
            )
    known = ratings.loc[ratings["exercise"] == exercises[0], "scale_max"].max()
    points = options if statements.strip() or pd.isna(known) else int(known)
    rated = parts["statements"]
    if not rated["score"].dropna().between(1, points).all():  # type: ignore[index]
        raise ValueError(f"statements are rated 1 to {points}; there are other numbers")
    if not parts["cases"]["score"].dropna().isin([0, 1]).all():  # type: ignore[index]
        raise ValueError("a case is a failure (1 or yes) or not (0 or no); there are other answers")
    return Answers(**parts, options=points, typed=tuple(p for p, text in typed.items() if text.strip()))  # type: ignore[arg-type]


def _stored(ratings: pd.DataFrame, exercise: str) -> pd.DataFrame | None:
    own = ratings[(ratings["exercise"] == exercise) & ratings["rater_function"].notna()]
    if own.empty:
        return None
    names = {"rater_id": "rater", "rater_function": "function", "subject_id": "subject", "item_code": "text"}
    last = own.sort_values("rating_id").rename(columns=names | {"compared_to": "other"})
    last = last.sort_values("round_no", kind="stable", na_position="first")
    keys = ["rater", "subject"] + (["other"] if last["other"].notna().any() else [])
    columns = ["rater", "function", "subject", "text", "other", "score"]
    return last.drop_duplicates(keys, keep="last")[columns].reset_index(drop=True)


def _typed(text: str, part: str) -> pd.DataFrame:
    """Read a table with one row a person."""
    header = text.strip().splitlines()[0]
    separator = next((mark for mark in "\t;" if mark in header), ",")
    wide = pd.read_csv(StringIO(text.strip()), sep=separator, dtype=str, skipinitialspace=True)
    if wide.shape[1] < 4:
        raise ValueError(f"{part}: the first line names the columns: name, function, and at least two {part}")
    wide.columns = ["rater", "function", *(str(name).strip() for name in wide.columns[2:])]
    if wide["rater"].duplicated().any() or wide[["rater", "function"]].isna().any(axis=None):
        raise ValueError(f"{part}: each row needs a name of its own and a function")
    long = wide.melt(["rater", "function"], var_name="subject", value_name="score")
    long["function"] = long["function"].str.strip()
    long["score"] = [_number(row.score, f"{row.rater}, {row.subject}") for row in long.itertuples()]
    long["text"], long["other"] = long["subject"], None
    if part == "pairs":
        sides = long["subject"].str.split(">", expand=True)
        if sides.shape[1] != 2 or sides.isna().any(axis=None):
            raise ValueError("pairs: each column is a pair, e.g. knows me > quick")
        long["subject"], long["other"] = sides[0].str.strip(), sides[1].str.strip()
    return long


def _number(written: Any, where: str) -> float:
    """Return 3, 1/3, 0.5, yes or no as a number; NaN for no answer."""
    text = "" if pd.isna(written) else str(written).strip().lower()
    if not text:
        return float("nan")
    try:
        return WORDS[text] if text in WORDS else float(Fraction(text))
    except (ValueError, ZeroDivisionError):
        raise ValueError(
            f"cannot read '{written}' ({where}): give a number, a fraction such as 1/3, yes or no"
        ) from None


def analyse(room: Answers, *, fdr_share: float = 0.05, adopt_score: float = 4.0, seed: int = 0) -> Agreement:
    """Find who agrees on statements, cases and criteria.

    Parameters
    ----------
    room : Answers
        From `answers`.
    fdr_share : float
        Share of the disputes called that may be none, on average.
    adopt_score : float
        Mean rating from which a statement that is neither disputed nor unclear is adopted.
    seed : int
        Of the simulated intervals.

    Raises
    ------
    ValueError
        With fewer than two functions of two people each.
    """
    said, who = _wide(room.statements, "statements")
    labels, labelled = _wide(room.cases, "cases")
    statements = _statements(room, said, who, fdr_share, adopt_score)
    cases, votes = _cases(labels, labelled)
    everybody = agreement.alpha_interval(said.to_numpy(), level="ordinal", seed=seed)
    weights, judges, consistent = _weights(room.pairs, seed)
    return Agreement(
        functions=sorted(set(labelled)),
        asked=sorted(set(who)),
        statements=statements,
        cases=cases,
        kappas=_kappas(votes, seed),
        overall=_overall(said, who, labels, labelled),
        alpha_range=everybody,
        weights=weights,
        fewest=int(pd.Series(who).value_counts().min()),
        judges=judges,
        consistent=consistent,
        typed=room.typed,
    )


def _wide(long: pd.DataFrame, part: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return raters by subjects, in the order in which subjects were first rated, and each rater's function."""
    wide = long.set_index(["function", "rater", "subject"])["score"].unstack("subject")  # noqa: PD010
    wide = wide[long["subject"].drop_duplicates()].dropna(how="all").dropna(axis=1, how="all")
    functions = wide.index.get_level_values("function").to_numpy(dtype=object)
    sizes = pd.Series(functions).value_counts()
    if len(sizes) < 2 or sizes.min() < 2:
        raise ValueError(
            f"{part}: needs two functions or more, each with at least two people; got {dict(sizes)}"
        )
    return wide, functions


def _statements(
    room: Answers, said: pd.DataFrame, who: np.ndarray, fdr_share: float, adopt_score: float
) -> pd.DataFrame:
    values = said.to_numpy()
    means = said.groupby(who).mean().T
    others = means.rsub(means.sum(axis=1), axis=0).div(means.notna().sum(axis=1) - 1, axis=0)
    gaps = (means - others).to_numpy()
    place = np.nanargmax(np.abs(gaps), axis=1)
    gap = gaps[np.arange(len(gaps)), place]
    p = np.array([agreement.kruskal_wallis(column, who)[1] for column in values.T])
    table = means.assign(
        mean=np.nanmean(values, axis=0),
        gap=np.abs(gap),
        spread=np.sqrt(agreement.pooled_variance(values, who)),
        clear=agreement.within_group_agreement(values, who, options=room.options),
        p=p,
        q=agreement.benjamini_hochberg(p),
        apart=means.columns.to_numpy()[place],
        side=np.where(gap > 0, "agrees more", "agrees less"),
    )
    table["verdict"] = np.select(
        [table["q"] <= fdr_share, table["clear"] < CLEAR, table["mean"] >= adopt_score],
        ["in dispute", "unclear", "adopt"],
        "leave out",
    )
    texts = room.statements.drop_duplicates("subject").set_index("subject")["text"]
    table.insert(0, "text", texts.reindex(table.index).fillna(pd.Series(table.index, index=table.index)))
    return table.rename_axis(index="statement", columns=None)


def _cases(labels: pd.DataFrame, who: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the share of each function that says failure, with a verdict; and the votes (1, 0, 0.5 when split)."""
    shares = labels.groupby(who).mean().T.rename_axis(index="case", columns=None)
    votes = shares.where(shares == 0.5, (shares > 0.5).astype(float)).where(shares.notna())
    split = (votes == 0.5).any(axis=1)
    yes, n = (votes == 1).sum(axis=1), votes.notna().sum(axis=1)
    same = (yes == 0) | (yes == n)
    verdict = np.select(
        [split, same & (yes > 0), same], ["split inside", "failure", "no failure"], "in dispute"
    )
    minority = np.where(2 * yes <= n, 1.0, 0.0)  # of two functions, the one that says failure
    apart = votes.eq(minority, axis=0).apply(lambda row: " and ".join(votes.columns[row]), axis=1)
    return shares.assign(verdict=verdict, apart=apart.where(verdict == "in dispute", "")), votes


def _kappas(votes: pd.DataFrame, seed: int) -> pd.DataFrame:
    rows = []
    for first, second in combinations(votes.columns, 2):
        both = votes[[first, second]]
        both = both[both.isin([0, 1]).all(axis=1)]
        if both.empty:
            continue
        table = agreement.confusion(both[first], both[second], [0, 1])
        low, high = agreement.kappa_interval(table, seed=seed)
        row = (f"{first} and {second}", agreement.cohen_kappa(table), low, high)
        rows.append((*row, float(np.trace(table) / table.sum()), len(both)))
    if not rows:
        raise ValueError("cases: no two functions have a majority on the same case")
    columns = ["pair", "kappa", "low", "high", "same", "cases"]
    return pd.DataFrame(rows, columns=columns).set_index("pair")


def _overall(said: pd.DataFrame, who: np.ndarray, labels: pd.DataFrame, labelled: np.ndarray) -> pd.DataFrame:
    """Return alpha and W of everybody and inside each function; NaN where all answers are the same."""
    rows = {}
    for group in ["everybody", *sorted(set(who))]:
        own = said.to_numpy() if group == "everybody" else said.to_numpy()[who == group]
        cases = labels.to_numpy() if group == "everybody" else labels.to_numpy()[labelled == group]
        complete = own[~np.isnan(own).any(axis=1)]
        rows[group] = {
            "statements_alpha": _or_nan(lambda own=own: agreement.krippendorff_alpha(own, level="ordinal")),
            "statements_w": _or_nan(lambda full=complete: agreement.kendall_w(full)[0]),
            "cases_alpha": _or_nan(lambda cases=cases: agreement.krippendorff_alpha(cases)),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("who")


def _or_nan(measure: Any) -> float:
    try:
        return float(measure())
    except ValueError:  # not defined: too few answers, or all alike
        return float("nan")


def _weights(pairs: pd.DataFrame | None, seed: int) -> tuple[pd.DataFrame | None, int, int]:
    """Return the criteria's weights, from those who judged every pair without contradicting themselves."""
    if pairs is None:
        return None, 0, 0
    names = list(pd.unique(pd.concat([pairs["subject"], pairs["other"]])))
    place = {name: k for k, name in enumerate(names)}
    judged = pairs.dropna(subset="score")
    matrices = {
        key: ahp.matrix(own["subject"].map(place), own["other"].map(place), own["score"], len(names))
        for key, own in judged.groupby(["function", "rater"])
    }
    full = {key: matrix for key, matrix in matrices.items() if not np.isnan(matrix).any()}
    if not full:
        return None, 0, 0
    stack = np.stack(list(full.values()))
    function = np.array([key[0] for key in full])
    fine = ahp.priorities(stack).consistency_ratio <= ahp.ACCEPTABLE
    if not fine.any():
        return None, len(stack), 0
    kept = stack[fine]
    low, high = ahp.group_interval(kept, seed=seed)
    average = stack.mean(axis=0).sum(axis=1)
    table = pd.DataFrame(
        {
            "weight": ahp.priorities(ahp.together(kept)).weights,
            "low": low,
            "high": high,
            "everybody": average / average.sum(),
        },
        index=pd.Index(names, name="criterion"),
    )
    for name in sorted(set(function[fine])):
        table[name] = ahp.priorities(ahp.together(stack[fine & (function == name)])).weights
    return table.sort_values("weight", ascending=False), len(stack), int(fine.sum())


def opposed_targets(kpi_targets: pd.DataFrame | None, staff: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return live targets that pay one role for more of a figure and another for less.

    Parameters
    ----------
    kpi_targets : DataFrame or None
        target_id, role, kpi_code, direction ("up", "down"), pay_weight_share, valid_from, valid_to.
    staff : DataFrame, optional
        role, left_on: counts the people whom it concerns.

    Returns
    -------
    DataFrame
        kpi_code (index), paid_for_more, paid_for_less (roles), pay_share (the largest weight, 0 where none is written),
        people (NaN without staff).
    """
    columns = ["paid_for_more", "paid_for_less", "pay_share", "people"]
    empty = pd.DataFrame(columns=columns, index=pd.Index([], name="kpi_code"))
    if kpi_targets is None or kpi_targets.empty:
        return empty
    latest = kpi_targets["valid_from"].max()
    live = kpi_targets[kpi_targets["valid_to"].isna() | (kpi_targets["valid_to"] > latest)]
    live = live.dropna(subset=["kpi_code", "role"])
    roles = live.groupby(["kpi_code", "direction"])["role"].unique().unstack()  # noqa: PD010
    roles = roles.reindex(columns=["up", "down"]).dropna()
    here = None if staff is None else staff.loc[staff["left_on"].isna(), "role"].value_counts()
    rows = {}
    for figure_name, pay in roles.iterrows():
        concerned = live[(live["kpi_code"] == figure_name)]
        heads = np.nan if here is None else float(here.reindex(concerned["role"].unique()).fillna(0).sum())
        weight = float(np.nan_to_num(concerned["pay_weight_share"].max()))
        rows[figure_name] = (", ".join(sorted(pay["up"])), ", ".join(sorted(pay["down"])), weight, heads)
    if not rows:
        return empty
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("kpi_code")


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


def disputes(result: Agreement) -> pd.DataFrame:
    """Return the statements in dispute, the widest gap first."""
    own = result.statements[result.statements["verdict"] == "in dispute"]
    return own.sort_values("gap", ascending=False)


def said(result: Agreement) -> str:
    """Say how far everybody agrees over all, and how the statements sort."""
    low, high = result.alpha_range
    count = result.statements["verdict"].value_counts()
    parts = [f"{n} {verdict}" for verdict, n in count.items()]
    alpha = float(result.overall["statements_alpha"].iloc[0])  # everybody
    few = f" A function has only {result.fewest} people: real disputes may stay unseen."
    few = few if result.fewest < FEW else ""
    return (
        f"Everybody's alpha on the statements is **{alpha:.2f}** (90 % interval {low:.2f} to {high:.2f}). "
        f"Of {len(result.statements)} statements: {', '.join(parts)}.{few}"
    )


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


def labelled(result: Agreement) -> str:
    """Say between whom the labels differ, and how one figure for all would have hidden it."""
    shares = result.cases[result.functions]
    room = shares.mean(axis=1)
    followed = np.maximum(room, 1 - room).mean()
    table = result.kappas
    low, high = str(table["kappa"].idxmin()), str(table["kappa"].idxmax())
    split = int((result.cases["verdict"] == "split inside").sum())
    return (
        f"Over all, {followed:.0%} of the answers go with the majority of the room: one figure that sounds like agreement. "
        f"By pairs, kappa is {table['kappa'].min():.2f} between **{low}** and {table['kappa'].max():.2f} between "
        f"**{high}**. Split inside a function: {_count(split, 'case')}."
    )


def _count(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"


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


def rules(result: Agreement) -> list[int]:
    """Return how many functions can be needed: one up to all."""
    return list(range(1, len(result.functions) + 1))


def plot(result: Agreement) -> Axes:
    """Draw each statement: the gap between functions against the spread inside them."""
    looks = {
        "in dispute": (ORANGE, "D", 70),
        "unclear": (PURPLE, "s", 55),
        "adopt": (BLUE, "o", 40),
        "leave out": (GREY, "o", 40),
    }
    table = result.statements
    with figure((5.2, 4.2)) as ax:
        for verdict, (colour, mark, size) in looks.items():
            own = table[table["verdict"] == verdict]
            if len(own):
                ax.scatter(
                    own["spread"], own["gap"], c=colour, marker=mark, s=size, label=f"{verdict} ({len(own)})"
                )
        ax.set_xlim(0, table["spread"].max() * 1.1)
        ax.set_ylim(0, table["gap"].max() * 1.4)
        ax.legend(loc="upper left", ncols=2, handletextpad=0.1, columnspacing=0.8)
    n, vague = (table["verdict"] == "in dispute").sum(), (table["verdict"] == "unclear").sum()
    title = f"{_count(n, 'statement')} in dispute between functions; {vague} unclear even inside them"
    finding(ax, title, x="Spread inside a function (points)", y="Gap of one function to the others (points)")
    return ax


def plot_disputes(result: Agreement, *, most: int = 6) -> Axes:
    """Draw what each function says on the statements in dispute (the widest gaps if there are none)."""
    own = disputes(result)
    named = len(own) > 0
    own = (own if named else result.statements.sort_values("gap", ascending=False)).head(most)
    functions = result.asked
    with figure((5.2, 1.5 + 0.62 * len(own))) as ax:
        for y, (_, row) in enumerate(own.iterrows()):
            ax.plot([row[functions].min(), row[functions].max()], [y, y], color=GREY, lw=1, zorder=1)
            ax.annotate(_short(row["text"]), (0, y), (0, 9), xycoords=("axes fraction", "data"),
                        textcoords="offset points", fontsize=11, color=INK)  # fmt: skip
        for name, colour, mark in zip(functions, PALETTE * 3, MARKS * 3, strict=False):
            ax.scatter(own[name], range(len(own)), c=colour, marker=mark, s=60, label=name, zorder=2)
        ax.set_yticks([])
        ax.set_ylim(len(own) - 0.4, -0.75)
        ax.grid(visible=False, axis="y")
        ax.figure.legend(loc="outside lower center", ncols=min(len(functions), 3), handletextpad=0.1)
    counts = own["apart"].value_counts()
    who = ", ".join(f"{name} on {n}" for name, n in counts.items())
    title = (
        f"Who stands apart in the disputes: {who}" if named else "No function stands apart on any statement"
    )
    finding(ax, title, x="Mean agreement of a function (points)")
    return ax


def _short(text: str, most: int = 56) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def plot_kappas(result: Agreement) -> Axes:
    """Draw kappa of each pair of functions on the cases, with its interval."""
    table = result.kappas.sort_values("kappa")
    with figure((5.2, 1.7 + 0.55 * len(table))) as ax:
        ax.hlines(range(len(table)), table["low"], table["high"], color=BLUE, lw=3, alpha=0.4)
        ax.plot(table["kappa"], range(len(table)), "o", color=BLUE, ms=9)
        for y, kappa in enumerate(table["kappa"]):
            ax.annotate(
                f"{kappa:.2f}", (kappa, y), (0, 9), textcoords="offset points", ha="center", fontsize=11
            )
        ax.set_yticks(range(len(table)), [str(pair).replace(" and ", " and\n") for pair in table.index])
        ax.set_ylim(-0.5, len(table) - 0.3)
        ax.set_xlim(min(0.0, table["low"].min()) - 0.02, 1.05)
        ax.grid(visible=False, axis="y")
    finding(ax, case_finding(result), x="Cohen's kappa (1 = same labels)")
    return ax


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


def plot_weights(result: Agreement) -> Axes:
    """Draw the criteria's weights with intervals, beside those that leave nobody out."""
    table = result.weights.iloc[::-1]  # type: ignore[union-attr]
    with figure((5.2, 1.9 + 0.45 * len(table))) as ax:
        ax.barh(range(len(table)), table["weight"], color=SKY, height=0.6)
        if table["low"].notna().all():
            reach = [table["weight"] - table["low"], table["high"] - table["weight"]]
            ax.errorbar(
                table["weight"], range(len(table)), xerr=np.maximum(reach, 0), fmt="none", ecolor=INK, lw=2
            )
        ax.scatter(table["everybody"], range(len(table)), marker="D", color=ORANGE, s=55, zorder=3,
                   label="plain average of all")  # fmt: skip
        ax.set_yticks(range(len(table)), [str(name) for name in table.index])
        ax.grid(visible=False, axis="y")
        ax.set_xlim(0, 1.2 * float(table[["weight", "everybody"]].to_numpy().max()))
        ax.legend(loc="lower right")
        percent(ax, "x")
    top = table.index[-1]
    title = f"'{top}' weighs most: {table['weight'].iloc[-1]:.0%}, from the {result.consistent} of {result.judges} people "
    finding(ax, title + "whose judgements fit together", x="Weight of the criterion (%)")
    return ax


def targets_said(opposed: pd.DataFrame, kpi_targets: pd.DataFrame | None) -> str:
    """Say which live targets pull against each other."""
    if kpi_targets is None:
        return "The data hold no targets; lay them on the table by hand: figure, role, up or down."
    if opposed.empty:
        return "No live target pays one role for what another role is paid to avoid."
    lines = [f"Paid for opposite things: **{_count(len(opposed), 'figure')}**.\n"]
    for row in opposed.reset_index().to_dict("records"):
        people = "" if np.isnan(row["people"]) else f", {row['people']:.0f} people"
        pay = f" (up to {row['pay_share']:.0%} of pay{people})" if row["pay_share"] > 0 else ""
        lines.append(
            f"- **{row['kpi_code']}**: more pays {row['paid_for_more']}; less pays {row['paid_for_less']}{pay}."
        )
    return "\n".join(lines)


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
        low, high = _wilson(int(counted.sum()), len(votes))
        row = (int(n), int(counted.sum()), float(counted.mean()), low, high, int(against.sum()))
        rows.append((*row, str(against.idxmax()) if against.max() > 0 else "nobody"))
    columns = ["needed", "defects", "share", "low", "high", "overruled", "most_overruled"]
    return pd.DataFrame(rows, columns=columns)


def _wilson(k: int, n: int, z: float = 1.6449) -> tuple[float, float]:
    """Return Wilson's (1927) 90 % interval of a share."""
    centre, half = k + z**2 / 2, z * np.sqrt(k * (n - k) / n + z**2 / 4)
    return float(max((centre - half) / (n + z**2), 0.0)), float(min((centre + half) / (n + z**2), 1.0))


def plot_what_if(scenarios: pd.DataFrame, chosen: int | None = None) -> Axes:
    """Draw the share of cases that count as defects under each rule."""
    place = np.arange(len(scenarios))
    with figure() as ax:
        colours = [ORANGE if n == chosen else BLUE for n in scenarios["needed"]]
        ax.bar(place, scenarios["share"], color=colours, width=0.6)
        reach = [scenarios["share"] - scenarios["low"], scenarios["high"] - scenarios["share"]]
        ax.errorbar(place, scenarios["share"], yerr=np.maximum(reach, 0), fmt="none", ecolor=INK, lw=2)
        for x, defects in enumerate(scenarios["defects"]):
            ax.annotate(f"{defects}", (x, 0), (0, 6), textcoords="offset points", ha="center", color="white",
                        fontsize=13, fontweight="bold")  # fmt: skip
        ax.set_xticks(place, [f"{n}" for n in scenarios["needed"]])
        ax.set_ylim(0, min(1.0, scenarios["high"].max() * 1.15))
        ax.grid(visible=False, axis="x")
        percent(ax)
    least, most = scenarios["defects"].min(), scenarios["defects"].max()
    title = f"The same cases hold {least} to {most} defects: it depends on who must agree"
    if least == most:
        title = f"{most} defects under each rule: the functions agree"
    if chosen is not None:
        row = scenarios[scenarios["needed"] == chosen].to_dict("records")[0]
        title = f"If {chosen} must call it a failure: {row['defects']} defects; "
        title += (
            f"overruled most often: {row['most_overruled']}" if row["overruled"] else "nobody is overruled"
        )
    finding(ax, title, x="Functions that must call it a failure", y="Share of cases counted as defects (%)")
    return ax


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
    told = f"Adopt the {_count(len(adopted), 'statement')} that all functions share"
    told += f"; call a case a defect when {needed} functions agree that it failed"
    if len(who):
        told += f"; keep {_count(len(own), 'statement')} and {_count(len(cases), 'case')} open, first with {who.index[0]}"
    unclear = int((table["verdict"] == "unclear").sum())
    told += f"; rewrite {_count(unclear, 'unclear statement')}." if unclear else "."
    if opposed is not None and len(opposed):
        told += f" Settle the opposed targets first: {', '.join(opposed.index)}."
    shift = f"kappa {kappas['kappa'].min():.2f} between {worst}, {kappas['kappa'].max():.2f} between {best}"
    if len(cases):
        flips = (
            f"a second round labels the {len(cases)} cases alike, or kappa between {worst} reaches "
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
    wide, _ = _wide(room.statements, "statements")
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
