"""Do we mean the same? Statements, cases and criteria rated in the room: who agrees, who disputes, what is only unclear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import StringIO
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from playbook.methods import agreement, ahp
from playbook.wording import counted

CLEAR = 0.5  # r_WG from which people agree at least moderately (LeBreton & Senter 2008, table 3)
FEW = 5  # people of a function, below which a test by ranks can hardly call anything
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
    said, who = wide_of(room.statements, "statements")
    labels, labelled = wide_of(room.cases, "cases")
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


def wide_of(long: pd.DataFrame, part: str) -> tuple[pd.DataFrame, np.ndarray]:
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
        f"**{high}**. Split inside a function: {counted(split, 'case')}."
    )


def rules(result: Agreement) -> list[int]:
    """Return how many functions can be needed: one up to all."""
    return list(range(1, len(result.functions) + 1))
