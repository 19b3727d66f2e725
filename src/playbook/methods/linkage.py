"""Record linkage: which records belong to the same entity, with what probability, and where to draw the line.

Sources: Fellegi & Sunter (1969), "A Theory for Record Linkage", JASA 64:1183 (weights, two thresholds with a
review band between them); Winkler (1988), EM estimation of its parameters, and Winkler (1990), string
comparator; computed by Splink 5 on DuckDB (Linacre et al. 2022, Int. J. Population Data Science 7:1794). No
network is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import duckdb
    from splink import Linker

NO_LEVEL = "nothing to compare"
OTHER = "different"


@dataclass(frozen=True)
class Comparison:
    """How one thing about two records is compared.

    Parameters
    ----------
    name : str
        What is compared.
    levels : sequence of (label, SQL)
        Closest first; the SQL speaks of ``column_l`` and ``column_r``. What fits none is `OTHER`.
    missing : str
        SQL that is true when there is nothing to compare, which then counts for nothing.
    frequent : str, optional
        Column whose common values count less than rare ones when the first level holds (Smith against
        Szymborska).
    """

    name: str
    levels: Sequence[tuple[str, str]]
    missing: str
    frequent: str | None = None


def text(
    name: str, column: str, *, close: Sequence[float] = (0.92, 0.8), frequent: bool = False
) -> Comparison:
    """Return a comparison of text: equal, then Jaro-Winkler similarity of at least each of `close`."""
    levels = [("equal", f"{column}_l = {column}_r")]
    levels += [
        (f"similar, {bar:g}", f"jaro_winkler_similarity({column}_l, {column}_r) >= {bar}") for bar in close
    ]
    return Comparison(name, levels, _missing(column), column if frequent else None)


def code(name: str, column: str, *, typos: Sequence[int] = (1,), frequent: bool = False) -> Comparison:
    """Return a comparison of codes (dates, numbers): equal, then at most each of `typos` edits or
    transpositions.

    Codes whose Jaro similarity is below 0.75 are not counted out letter by letter: that is a hundred times
    faster, and one or two typos in six or more characters stay above it.
    """
    levels = [("equal", f"{column}_l = {column}_r")]
    near = f"jaro_similarity({column}_l, {column}_r) >= 0.75"
    levels += [
        (f"typos, {n}", f"{near} and damerau_levenshtein({column}_l, {column}_r) <= {n}") for n in typos
    ]
    return Comparison(name, levels, _missing(column), column if frequent else None)


def _missing(*columns: str) -> str:
    return " or ".join(f"{column}_{side} is null" for column in columns for side in "lr")


@dataclass(frozen=True)
class Links:
    """Scored pairs and the model that scored them.

    Parameters
    ----------
    pairs : DataFrame
        left, right (record ids, left < right), probability, weight (log2 odds), and for each comparison
        `w_<name>`, its share of the weight; sorted by left, right.
    levels : DataFrame
        comparison, level, m and u (chance of the level among matches and among others), weight = log2(m / u).
    prior_weight : float
        Log2 odds that two records taken at random match.
    """

    pairs: pd.DataFrame
    levels: pd.DataFrame
    prior_weight: float


def link(
    records: pd.DataFrame,
    *,
    compare: Sequence[Comparison],
    blocks: Sequence[Sequence[str]],
    train: Sequence[Sequence[str]],
    sure: Sequence[Sequence[str]],
    sure_recall: float = 0.8,
    between: str | None = None,
    keep_above: float = -10.0,
    max_pairs: float = 1e6,
    seed: int = 1,
) -> Links:
    """Score pairs of records by Fellegi and Sunter's model.

    Parameters
    ----------
    records : DataFrame
        `record_id` (unique text) and the columns that the other arguments name, as text; None where unknown.
    compare : sequence of Comparison
        Fields that fail together belong into one comparison: the model takes comparisons for independent.
    blocks : sequence of column names
        A pair is scored when it agrees on all columns of at least one block.
    train : sequence of column names
        Blocks within which EM estimates m of the comparisons that do not use their columns.
    sure : sequence of column names
        Agreement on all columns of any of these is nearly always a match: sets how rare matches are.
    sure_recall : float
        Share of all matches that `sure` finds.
    between : str, optional
        Column of the source, when only pairs of records from different sources are of interest.
    keep_above : float
        Pairs below this weight are dropped.
    max_pairs : float
        Random pairs that estimate u.
    seed : int
        Of the sample that estimates u.

    Raises
    ------
    ValueError
        When a record id appears twice, or a column is missing.

    Notes
    -----
    One thread and sorted input: the same records give the same digits on every machine.
    """
    import logging

    if records["record_id"].duplicated().any():
        raise ValueError("record_id is not unique")
    used = {column for columns in (*blocks, *train, *sure) for column in columns}
    if lacking := sorted(used - set(records.columns)):
        raise ValueError(f"records lack the columns {', '.join(lacking)}")
    logging.getLogger("splink").setLevel(logging.ERROR)
    records = records.sort_values("record_id", ignore_index=True)
    once = _one_each(records, sure)
    from splink import block_on

    with _connect() as connection:
        model = _chance_agreement(connection, once, compare, blocks, between, max_pairs, seed)
    with _connect() as connection:
        linker = _linker(connection, records, model, between)
        _register_frequencies(linker, records, once, model)
        linker.training.estimate_probability_two_random_records_match(
            [block_on(*columns) for columns in sure], recall=sure_recall
        )
        for columns in train:
            linker.training.estimate_parameters_using_expectation_maximisation(
                block_on(*columns), estimate_without_term_frequencies=True
            )
        scored = linker.inference.predict(threshold_match_weight=keep_above, warning_mode="never")
        found = scored.as_pandas_dataframe()
        model = linker.misc.save_model_to_json()
    prior = model["probability_two_random_records_match"]
    return Links(_pairs(found, compare), _levels(model), math.log2(prior / (1 - prior)))


def _connect() -> duckdb.DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect(config={"threads": 1})
    connection.execute("set enable_progress_bar = false")
    return connection


def _one_each(records: pd.DataFrame, sure: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Return one record of each group that agrees surely: among these, agreement is chance.

    Among all records even two taken at random are now and then the same entity, which makes every agreement look
    more common than it is; the fewer the records, the more so.
    """
    pairs = []
    for columns in sure:
        known = records.dropna(subset=list(columns))
        first = known.groupby(list(columns))["record_id"].transform("first")
        pairs.append(pd.DataFrame({"left": first, "right": known["record_id"], "weight": 1.0}))
    group = clusters(records["record_id"], pd.concat(pairs), threshold=0, max_size=len(records))
    # Not always the first of a group: with two sources that would empty one of them.
    size, rank = pd.Series(group).groupby(group).transform("size"), pd.Series(group).groupby(group).cumcount()
    return records[(rank == group % size).to_numpy()]


def _chance_agreement(
    connection: Any,
    records: pd.DataFrame,
    compare: Sequence[Comparison],
    blocks: Sequence[Sequence[str]],
    between: str | None,
    max_pairs: float,
    seed: int,
) -> dict[str, Any]:
    """Return a Splink model whose u is estimated on random pairs of `records`.

    A level that none of these pairs shows is taken to be half as rare as one pair.
    """
    from splink import SettingsCreator, block_on

    settings = SettingsCreator(
        link_type="link_only" if between else "dedupe_only",
        unique_id_column_name="record_id",
        comparisons=[_as_splink(comparison) for comparison in compare],
        blocking_rules_to_generate_predictions=[block_on(*columns) for columns in blocks],
        retain_intermediate_calculation_columns=True,
        retain_matching_columns=False,
        max_iterations=100,
    )
    linker = _linker(connection, records, settings, between)
    linker.training.estimate_u_using_random_sampling(
        max_pairs=max_pairs, seed=seed, min_count_per_level=None, num_chunks=1
    )
    model = linker.misc.save_model_to_json()
    pairs = min(max_pairs, len(records) * (len(records) - 1) / 2)
    for level in (level for part in model["comparisons"] for level in part["comparison_levels"]):
        if not level.get("is_null_level"):
            level.setdefault("u_probability", 0.5 / max(pairs, 1.0))
    return model


def _linker(connection: Any, records: pd.DataFrame, model: Any, between: str | None) -> Linker:
    from splink import DuckDBAPI, Linker

    api = DuckDBAPI(connection)
    frames = [part for _, part in records.groupby(between, sort=True)] if between else [records]
    tables = [
        api.register(frame, dataset_display_name=f"source_{number}")
        for number, frame in enumerate(frames, start=1)
    ]
    return Linker(tables if between else tables[0], model, log_level=None, validate_settings=False)


def _register_frequencies(
    linker: Linker, records: pd.DataFrame, once: pd.DataFrame, model: dict[str, Any]
) -> None:
    """Tell the linker how often another entity has the same value, for each value.

    A value seen once is as rare as chance agreement is in general, not one in as many records as there are.
    """
    levels = [level for part in model["comparisons"] for level in part["comparison_levels"]]
    for level in levels:
        if column := level.get("tf_adjustment_column"):
            values = pd.Index(records[column].dropna().unique()).sort_values()
            known = once[column].dropna()
            others = known.value_counts().reindex(values).fillna(1) - 1
            share = np.maximum(others.to_numpy() / max(len(known) - 1, 1), level["u_probability"])
            table = pd.DataFrame({column: values, f"tf_{column}": share})
            linker.table_management.register_term_frequency_lookup(linker._db_api.register(table), column)


def _as_splink(comparison: Comparison) -> dict[str, Any]:
    levels: list[dict[str, Any]] = [
        {"sql_condition": comparison.missing, "label_for_charts": NO_LEVEL, "is_null_level": True},
        *({"sql_condition": sql, "label_for_charts": label} for label, sql in comparison.levels),
        {"sql_condition": "ELSE", "label_for_charts": OTHER},
    ]
    if comparison.frequent:
        levels[1] |= {"tf_adjustment_column": comparison.frequent, "tf_adjustment_weight": 1.0}
    return {"output_column_name": comparison.name, "comparison_levels": levels}


def _pairs(found: pd.DataFrame, compare: Sequence[Comparison]) -> pd.DataFrame:
    swap = found["record_id_l"] > found["record_id_r"]
    pairs = pd.DataFrame(
        {
            "left": found["record_id_l"].where(~swap, found["record_id_r"]),
            "right": found["record_id_r"].where(~swap, found["record_id_l"]),
            "probability": found["match_probability"].astype("float64"),
            "weight": found["match_weight"].astype("float64"),
        }
    )
    for comparison in compare:
        parts = [c for c in (f"mw_{comparison.name}", f"mw_tf_adj_{comparison.name}") if c in found]
        pairs[f"w_{comparison.name}"] = found[parts].astype("float64").sum(axis=1)
    return pairs.sort_values(["left", "right"], ignore_index=True)


def _levels(model: dict[str, Any]) -> pd.DataFrame:
    rows = [
        (
            part["output_column_name"],
            level["label_for_charts"],
            level.get("m_probability"),
            level.get("u_probability"),
        )
        for part in model["comparisons"]
        for level in part["comparison_levels"]
        if not level.get("is_null_level")
    ]
    frame = pd.DataFrame(rows, columns=["comparison", "level", "m", "u"])
    return frame.assign(weight=np.log2(frame["m"].astype("float64") / frame["u"].astype("float64")))


def clusters(
    record_id: ArrayLike, pairs: pd.DataFrame, *, threshold: float, max_size: int = 12
) -> NDArray[np.int64]:
    """Return the entity of each record, shape (n,): records joined by links, directly or through others.

    Parameters
    ----------
    record_id : array_like, shape (n,)
        Unique ids.
    pairs : DataFrame
        left, right, weight.
    threshold : float
        Weight (log2 odds) from which a pair is a link.
    max_size : int
        A larger entity is a chain of look-alikes: its weakest links are cut, one bit of weight at a time,
        until its parts are no larger.

    Examples
    --------
    >>> chain = pd.DataFrame({"left": ["a", "b"], "right": ["b", "c"], "weight": [9.0, 3.0]})
    >>> clusters(["a", "b", "c"], chain, threshold=2).tolist()
    [0, 0, 0]
    >>> clusters(["a", "b", "c"], chain, threshold=2, max_size=2).tolist()
    [0, 0, 1]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ids = pd.Index(np.asarray(record_id, dtype=object))
    links = pairs[pairs["weight"] >= threshold]
    left, right = ids.get_indexer(links["left"]), ids.get_indexer(links["right"])
    weight, n = links["weight"].to_numpy(), len(ids)
    bar = np.full(n, float(threshold))
    while True:
        kept = weight >= bar[left]
        graph = coo_array((np.ones(kept.sum()), (left[kept], right[kept])), shape=(n, n))
        _, label = connected_components(graph, directed=False)
        too_large = np.bincount(label)[label] > max_size
        if not too_large.any():
            return pd.factorize(label)[0].astype(np.int64)
        bar[too_large] += 1.0


def cost_threshold(*, merge_cost: float, split_cost: float = 1.0) -> float:
    """Return the match probability above which merging is the cheaper error: c_m / (c_m + c_s).

    Parameters
    ----------
    merge_cost, split_cost : float
        Cost of joining two customers that are two, and of leaving one customer in two; same unit, positive.

    Examples
    --------
    >>> cost_threshold(merge_cost=9)
    0.9
    """
    if merge_cost <= 0 or split_cost <= 0:
        raise ValueError("both costs must be positive")
    return merge_cost / (merge_cost + split_cost)


def review_band(*, merge_cost: float, review_cost: float, split_cost: float = 1.0) -> tuple[float, float]:
    """Return the match probabilities between which a person's look costs less than the error it prevents.

    Deciding alone costs min(p c_s, (1 - p) c_m); a review costs c_r: the band is (c_r / c_s, 1 - c_r / c_m).
    It is empty, both ends at the threshold, when a review costs more than it can save.

    Examples
    --------
    >>> review_band(merge_cost=10, review_cost=0.25)
    (0.25, 0.975)
    """
    low, high = review_cost / split_cost, 1 - review_cost / merge_cost
    middle = cost_threshold(merge_cost=merge_cost, split_cost=split_cost)
    return (low, high) if low < middle < high else (middle, middle)


def expected_errors(probability: ArrayLike, threshold: ArrayLike) -> NDArray[np.float64]:
    """Return expected false merges and false splits at each threshold, shape (k, 2), if the probabilities are
    right.

    Parameters
    ----------
    probability : array_like, shape (n,)
        Match probability of each scored pair.
    threshold : array_like, shape (k,)
        Probability from which a pair is merged.

    Examples
    --------
    >>> expected_errors([0.9, 0.5, 0.1], [0.8]).round(2).tolist()
    [[0.1, 0.6]]
    """
    p = np.sort(np.asarray(probability, dtype=float))
    cut = np.searchsorted(p, np.atleast_1d(np.asarray(threshold, dtype=float)), side="left")
    matches = np.concatenate([[0.0], np.cumsum(p)])
    others = np.concatenate([[0.0], np.cumsum(1 - p)])
    return np.column_stack([others[-1] - others[cut], matches[cut]])


def pair_quality(found: ArrayLike, true: ArrayLike) -> tuple[float, float]:
    """Return precision and recall over pairs of records for two groupings of the same records, each shape
    (n,).

    Examples
    --------
    >>> pair_quality([0, 0, 0, 1], ["a", "a", "b", "b"])
    (0.3333333333333333, 0.5)
    """
    found, true = pd.factorize(np.asarray(found))[0], pd.factorize(np.asarray(true))[0]

    def pairs_within(groups: NDArray[np.int64]) -> float:
        counts = np.unique(groups, return_counts=True)[1].astype(float)
        return float((counts * (counts - 1) / 2).sum())

    both = pairs_within(found.astype(np.int64) * (true.max() + 1) + true)
    joined, wanted = pairs_within(found), pairs_within(true)
    return (both / joined if joined else 1.0), (both / wanted if wanted else 1.0)
