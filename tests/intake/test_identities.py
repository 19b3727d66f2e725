"""Records of several systems go to the person behind them, whatever is missing, repeated or added later."""

import hashlib

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook.errors import MappingError
from playbook.intake.identities import resolve
from playbook.methods.linkage import pair_quality
from playbook.unify.identity_resolution import analysis as play
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

EXTRACTS = {"crm": "src_crm_customers", "erp": "src_erp_customers", "support": "src_support_users"}


def world(seed: int, customers: int) -> pd.DataFrame:
    """Three extracts as `resolve` takes them, and `true`, who is behind each record."""
    tables = generate(WorldSettings(seed=seed, customers=customers), domains=["extracts"])
    parts = [
        pd.DataFrame({name: tables[EXTRACTS[source]][column] for name, column in fields.items()}).assign(
            source=source
        )
        for source, fields in play.FIELDS.items()
    ]
    entities = tables["truth_entities"].rename(columns={"source_key": "key", "customer_id": "true"})
    return pd.concat(parts, ignore_index=True).merge(entities, on=["source", "key"])


def quality(records: pd.DataFrame, found: pd.DataFrame) -> tuple[float, float]:
    both = found.merge(records[["source", "key", "true"]], on=["source", "key"])
    assert len(both) == len(records)
    return pair_quality(both["person"], both["true"])


def people(*rows: tuple[str | None, ...], columns: str) -> list[set[str]]:
    """The groups of keys that `resolve` makes of rows (source, key, *columns)."""
    found = resolve(pd.DataFrame(list(rows), columns=["source", "key", *columns.split()]))
    return sorted((set(keys) for _, keys in found.groupby("person")["key"]), key=min)


@pytest.fixture(scope="module")
def small():
    return world(3, 250)


@pytest.mark.parametrize(("seed", "customers"), [(3, 250), (7, 250), (11, 250), (7, 1500)])
def test_planted_pairs_are_found(seed, customers):
    """A small client and a larger one: nearly no false merge, and nineteen of twenty planted pairs."""
    records = world(seed, customers)
    precision, recall = quality(records, resolve(records.drop(columns="true")))
    assert precision > 0.95
    assert recall > 0.94


def test_rules_cost_less_than_the_model_of_the_play():
    """With a wrong join ten times as dear as a missed one, rules beat the model that finds more."""

    def cost(precision: float, recall: float) -> float:
        return 10 * recall * (1 / precision - 1) + (1 - recall)

    tables = generate(WorldSettings(seed=11, customers=1500), domains=["extracts"])
    records = world(11, 1500)
    learned = play.resolve(*(tables[name] for name in EXTRACTS.values()), merge_cost=10).records
    learned = learned.assign(person=learned["customer"])[["source", "key", "person"]]
    model, rules = quality(records, learned), quality(records, resolve(records.drop(columns="true")))
    assert model[1] > rules[1]
    assert cost(*rules) < 0.8 * cost(*model)


def test_missing_columns_cost_recall_not_precision(small):
    """Number, mailbox or place may be missing altogether: what is joined is still right."""
    for lacking in (["phone"], ["email"], ["company", "street", "postcode"]):
        precision, recall = quality(small, resolve(small.drop(columns=["true", *lacking])))
        assert precision > 0.9, lacking
        assert recall > 0.4, lacking


@settings(max_examples=5, deadline=None)
@given(st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(small, random):
    """The same records in any order, and twice, give the same people."""
    order = list(range(len(small))) + random.sample(range(len(small)), 50)
    random.shuffle(order)
    records = small.drop(columns="true")
    pd.testing.assert_frame_equal(resolve(records.iloc[order]), resolve(records))


def test_a_person_keeps_its_number_when_records_are_added(small):
    """Whoever was known before keeps the number; nobody new takes one of a person that is still there."""
    records = small.drop(columns="true")
    is_new = records["key"].map(lambda key: hashlib.sha256(key.encode()).digest()[0] < 50)
    before = resolve(records[~is_new])
    after = resolve(records, earlier=before)
    both = before.merge(after, on=["source", "key"], suffixes=("_before", "_after"))
    changed = both[both["person_before"] != both["person_after"]]
    kept = set(both["person_after"])
    assert not set(changed["person_before"]) & kept  # only people who turned out to be one lose a number
    assert len(set(before["person"]) & kept) > 0.97 * before["person"].nunique()
    without = resolve(records).merge(before, on=["source", "key"])
    assert (without["person_x"] != without["person_y"]).sum() > len(changed)  # so `earlier` is of use
    assert after.groupby("person")["key"].nunique().sum() == len(after)


def test_number_is_a_record_of_the_person(small):
    """Every person is called after one of the person's own records."""
    found = resolve(small.drop(columns="true"))
    assert (found.groupby("person").apply(lambda g: g.name in set(g["source"] + ":" + g["key"]))).all()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Zoë Müller", "MULLER, ZOE"),
        ("Dr. Anna Maria Schmidt", "Schmidt, Anna Maria"),
        ("Herr Jan van der Berg", "VAN DER BERG, JAN"),
        ("Schmidt Anna", "Anna Schmidt"),
        ("Søren Łukasz", "SOREN LUKASZ"),
        ("Елена Петрова", "ПЕТРОВА, ЕЛЕНА"),
        ("J. Smith", "Smith, John"),
    ],
)
def test_one_name_in_two_spellings(left, right):
    """With the same mailbox these are one person; a stranger with that mailbox is not."""
    groups = people(
        ("crm", "1", left, "a@b.example"),
        ("erp", "2", right, "A@b.example "),
        ("erp", "3", "Oliver Quist", "a@b.example"),
        columns="name email",
    )
    assert groups == [{"1", "2"}, {"3"}]


def test_colleagues_are_not_one_person():
    """Company, address, switchboard and office mailbox in common, names not."""
    shared = ("office@acme.example", "+44 20 7946 0000", "Acme Ltd", "1 High St", "AB1 2CD")
    rows = [("crm", str(i), name, *shared) for i, name in enumerate(["Ann Smith", "Bob Smith", "Cy Young"])]
    assert len(people(*rows, columns="name email phone company street postcode")) == 3


def test_companies_without_a_name_are_joined_by_address():
    """Debtors that are companies: the same company at the same address, not at another."""
    groups = people(
        ("crm", "1", "Meyer & Söhne GmbH", "Hauptstr. 5", "10115"),
        ("erp", "2", "MEYER & SOEHNE GMBH", "Hauptstraße 5", "10115"),
        ("erp", "3", "MEYER & SOEHNE GMBH", "Nordring 17", "20095"),
        columns="company street postcode",
    )
    assert groups == [{"1", "2"}, {"3"}]


@pytest.mark.parametrize("lacking", [[], ["email"], ["phone"], ["email", "street", "postcode"]])
def test_numbered_companies_are_not_one_company(lacking):
    """Few names in many branches: branch 2 is not branch 109, and each pair of records is found."""
    names = ["Ann Lee", "Jan Smit", "Eva Bos", "Max Meyer", "Zoë Quist"]
    rows = [
        (source, str(branch), names[branch % 5], f"m{branch}@a{branch}.example", f"0301234{branch:03}")
        + (
            f"{company} {branch:0{width}}",
            f"{branch} {'Ring' if branch % 2 else 'Quai Ouest'}",
            f"{branch:05}",
        )
        for branch in (2, 5, 8, 11, 14, 20, 22, 58, 91, 109, 110, 113, 200)
        for source, company, width in (("crm", "Bœuf Installaties", 1), ("erp", "BOEUF INSTALLATIES", 4))
    ]
    fields = ["name", "email", "phone", "company", "street", "postcode"]
    records = pd.DataFrame(rows, columns=["source", "key", *fields])
    found = resolve(records.drop(columns=lacking))
    assert pair_quality(found["person"], found["key"]) == (1.0, 1.0)


def test_name_and_company_do_not_outweigh_everything_else():
    """Another mailbox, number and address: a namesake. With any of them the same, or unknown, the same person."""
    first = ("crm", "1", "Ann Lee", "Meyer", "ann@a.example", "0301234567", "Ring 5", "10115")
    for other, expected in (
        (("al@b.example", "0407654321", "Quai Ouest 17", "20095"), [{"1"}, {"2"}]),
        (("al@b.example", "0407654321", "Ring 5", "20095"), [{"1"}, {"2"}]),
        (("ann@a.example", "0407654321", "Quai Ouest 17", "20095"), [{"1", "2"}]),
        (("al@b.example", "030 1234567", "Quai Ouest 17", "20095"), [{"1", "2"}]),
        (("al@b.example", "0407654321", "Ring 5", "10115"), [{"1", "2"}]),
        ((None, "0407654321", "Quai Ouest 17", "20095"), [{"1", "2"}]),
        (("al@b.example", None, "Quai Ouest 17", "20095"), [{"1", "2"}]),
        (("al@b.example", "0407654321", None, None), [{"1", "2"}]),
    ):
        second = ("erp", "2", "Ann Lee", "Meyer", *other)
        assert people(first, second, columns="name company email phone street postcode") == expected, other


@pytest.mark.parametrize(
    ("left", "right", "one"),
    [
        ("Depot 2", "Depot 109", False),
        ("Depot 2", "Depot ２", True),
        ("Depot 02", "depot nr. 2", True),
        ("Depot", "Depot 2", True),
        ("Depot 12", "Depot 1-2", False),
        ("Depot 10", "Depot 1", False),
    ],
)
def test_numbers_of_two_companies_agree(left, right, one):
    """As numbers, whatever their signs; where one side has none, it does not disagree."""
    rows = ("crm", "1", "Ann Lee", left), ("erp", "2", "Ann Lee", right)
    assert len(people(*rows, columns="name company")) == (1 if one else 2)


def test_a_stopgap_value_joins_nobody():
    """Thousands of records with the same 'mailbox' and number are neither joined nor slow."""
    rows = [("crm", str(i), "none@none.example", "000000000") for i in range(5000)]
    assert len(people(*rows, columns="email phone")) == 5000


def test_a_guest_who_is_entered_a_hundred_times_is_one_person():
    """Exact copies are no chain of look-alikes."""
    rows = [("shop", str(i), "Ann Smith", "ann@b.example") for i in range(100)]
    assert len(people(*rows, columns="name email")) == 1


def test_rows_without_a_key_are_left_out_and_keys_stay_text():
    """Leading zeros stay; an empty key is nobody's."""
    rows = [("erp", "0012", "Ann Smith"), ("erp", None, "Bob Young"), ("erp", "12", "Cy Old")]
    found = resolve(pd.DataFrame(rows, columns=["source", "key", "name"]))
    assert found["person"].tolist() == ["erp:0012", "erp:12"]


def test_what_cannot_be_compared_is_refused():
    """One line that names the column."""
    frame = pd.DataFrame({"source": ["a"], "key": ["1"]})
    with pytest.raises(MappingError, match="nothing to compare; expected at least one of name"):
        resolve(frame)
    with pytest.raises(MappingError, match="unknown 'mail'; did you mean 'email'"):
        resolve(frame.assign(mail="x"))
    with pytest.raises(MappingError, match="no column 'key'"):
        resolve(frame.drop(columns="key"))


def test_no_records_are_nobody():
    """An empty export is no error."""
    found = resolve(pd.DataFrame({"source": [], "key": [], "name": []}, dtype="str"))
    assert found.columns.tolist() == ["source", "key", "person"]
    assert found.empty
