"""Questions that no system answers alone and columns in two parts are found; the shortcuts miss them."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linear_sum_assignment

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = range(3)
DOMAINS = ["fields", "claims", "devices"]
CONTACTS = {"src_crm_customers": "crm", "src_erp_customers": "erp", "src_support_users": "support"}


def world(seed: int, customers: int = 700, **settings) -> dict[str, pd.DataFrame]:
    return generate(WorldSettings(seed=seed, customers=customers, **settings), domains=DOMAINS)


@pytest.fixture(scope="module")
def worlds():
    return [world(seed) for seed in SEEDS]


def blocked(tables) -> set[str]:
    """The questions whose elements no single system holds."""
    held = tables["fields"].groupby("system_id")["canonical_name"].agg(set)
    need = tables["reports"].set_index("report_id")["required_fields"].map(json.loads).map(set)
    return {key for key, names in need.items() if not any(names <= system for system in held)}


def truth_of(tables, play: str, table: str) -> pd.DataFrame:
    rows = tables[table]
    return rows[rows["play"] == play]


def test_tables_are_canonical(worlds):
    """Fields and questions keep their schemas; every element asked for is held somewhere."""
    validate("fields", worlds[0]["fields"])
    validate("reports", worlds[0]["reports"])


def test_silo_map_recovers_the_blocked_questions(worlds):
    """Asking each system alone finds exactly the planted questions; asking whether anybody knows finds none."""
    for tables in worlds:
        labels = truth_of(tables, "unify.silo_map", "truth_labels").set_index("key")["label"]
        assert blocked(tables) == set(labels.index[labels == "blocked"])
        assert (labels == "blocked").sum() >= 5
        everything = set(tables["fields"]["canonical_name"])
        assert all(set(json.loads(text)) <= everything for text in tables["reports"]["required_fields"])


def test_silo_map_has_nothing_to_find_without_effect():
    """No question is blocked where none is planted."""
    tables = world(1, effects={"unify.silo_map": 0})
    assert blocked(tables) == set()
    assert len(tables["reports"]) > 5


def contact_keys(tables, table: str) -> pd.DataFrame:
    """A name, mailbox, telephone and place per row, in a form that the systems share."""
    rows = tables[table]
    plain = [normal(rows[column]) for column in rows.columns]
    named = dict(zip(rows.columns, plain, strict=True))
    if table == "src_crm_customers":
        name, mail, phone, place = (
            named["last_name"] + named["first_name"].str[:1],
            "email",
            "phone",
            "postcode",
        )
    elif table == "src_erp_customers":
        split = rows["name"].str.split(", ", n=1)
        name = normal(split.str[0]) + normal(split.str[1]).str[:1]
        mail, phone, place = "mail", "telephone", "postal_code"
    else:
        split = rows["display_name"].str.split(" ", n=1)
        name = normal(split.str[1]) + normal(split.str[0]).str[:1]
        mail, phone, place = "login_email", "mobile", "zip"
    digits = rows[phone].str.replace(r"\D", "", regex=True).str[-8:]
    return pd.DataFrame({"name": name, "mail": named[mail], "phone": digits, "place": named[place]})


def normal(texts: pd.Series) -> pd.Series:
    flat = texts.astype("str").str.replace("ß", "ss").str.normalize("NFKD")
    return (
        flat.str.replace(r"[^\x00-\x7f]", "", regex=True)
        .str.lower()
        .str.replace(r"[^a-z0-9]", "", regex=True)
    )


def in_both(left: pd.DataFrame, right: pd.DataFrame, pairs) -> np.ndarray:
    """Whether each row on the left agrees with one on the right in both parts of any of the pairs."""
    found = np.zeros(len(left), dtype=bool)
    for pair in pairs:
        keys = (right[pair[0]] + "|" + right[pair[1]]).dropna()
        own = (left[pair[0]] + "|" + left[pair[1]]).dropna()
        found[own.index[own.isin(set(keys))]] = True
    return found


def test_silo_map_recovers_the_overlap_and_raw_keys_miss_it(worlds):
    """Matching on any two of four marks is within five points of the true overlap; the mailbox alone ten off."""
    pairs = [("name", "mail"), ("name", "phone"), ("name", "place"), ("mail", "phone"), ("mail", "place")]
    errors, raw = [], []
    for tables in worlds:
        entities = tables["truth_entities"].groupby("source")["customer_id"].agg(list)
        true = np.isin(entities["erp"], entities["crm"]).mean()
        left, right = contact_keys(tables, "src_erp_customers"), contact_keys(tables, "src_crm_customers")
        errors.append(in_both(left, right, pairs).mean() - true)
        raw.append(
            tables["src_erp_customers"]["mail"].isin(tables["src_crm_customers"]["email"]).mean() - true
        )
    print(f"Overlap: error {np.mean(errors):.3f}, of the mailbox alone {np.mean(raw):.3f}")
    assert abs(np.mean(errors)) < 0.05
    assert np.mean(raw) < -0.10


def views(texts: pd.Series) -> list[set[str]]:
    """A column's values as plain texts; where nearly all have digits, as numbers and as the end of long ones."""
    texts = texts.dropna().astype("str").drop_duplicates()
    digits = texts.str.replace(r"\D", "", regex=True)
    shown = [normal(texts), digits.str.lstrip("0"), digits[digits.str.len() > 8].str[-8:]]
    has = [1.0, (digits != "").mean(), (digits.str.len() > 8).mean()]
    return [set(values) if share > 0.9 else set() for values, share in zip(shown, has, strict=True)]


def likeness(left: list[set[str]], right: list[set[str]]) -> float:
    """The best share of shared values, over the ways to look at two columns."""
    shares = [len(a & b) / len(a | b) for a, b in zip(left, right, strict=True) if min(len(a), len(b)) > 2]
    return max(shares, default=0.0)


def test_schema_reconciliation_recovers_the_mapping_and_the_parts(worlds):
    """Values assign every column of one part, and only joined columns explain the name."""
    tables = worlds[0]
    truth = truth_of(tables, "unify.schema_reconciliation", "truth_structure")
    means = dict(zip(truth["source"], truth["target"], strict=True))
    crm = tables["src_crm_customers"]
    own = [
        column for column in crm.columns if f"src_crm_customers.{column}" in means and column != "created_on"
    ]
    known = {a: views(crm[a]) for a in own}
    for table in ("src_erp_customers", "src_support_users"):
        rows = tables[table]
        theirs = [column for column in rows.columns if f"{table}.{column}" in means and column != "signed_up"]
        seen = {b: views(rows[b]) for b in theirs}
        like = np.array([[likeness(seen[b], known[a]) for a in own] for b in theirs])
        for i, j in zip(*linear_sum_assignment(-like), strict=True):
            if theirs[i] not in ("name", "display_name"):
                assert own[j] == means[f"{table}.{theirs[i]}"], (theirs[i], own[j])
        name = theirs.index("name" if table == "src_erp_customers" else "display_name")
        assert like[name].max() < 0.2  # one to one, the name has no partner
        joined = {
            (a, b): likeness(seen[theirs[name]], views(crm[a] + crm[b]))
            for a in own[:4]
            for b in own[:4]
            if a != b
        }
        best = max(joined, key=joined.get)
        parts = set(truth.loc[truth["source"] == f"{table}.{theirs[name]}", "target"])
        assert set(best) == parts
        assert joined[best] > 0.25


def test_schema_reconciliation_units_of_the_machines(worlds):
    """Readings come in two units per metric; where nothing is planted, in one."""
    readings = worlds[0]["src_iot_readings"]
    assert (readings.groupby("metric")["unit"].nunique() == 2).all()
    assert readings["owner_key"].isin(worlds[0]["src_erp_customers"]["customer_no"]).all()
    single = world(1, effects={"unify.schema_reconciliation": 0})["src_iot_readings"]
    assert not single.groupby("metric")["unit"].nunique().gt(1).any()
