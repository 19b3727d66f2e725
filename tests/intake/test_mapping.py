"""A wrong mapping is refused before any data is read: one line with file, key and the nearest valid name."""

import copy

import pytest
import yaml

from playbook.catalogue import project_root
from playbook.errors import MappingError
from playbook.intake.mapping import read_mapping

GOOD = yaml.safe_load("""
sources:
  sales:
    file: sales.csv
    columns:
      {Invoice: text, Article: {type: text, upper: true}, Pieces: count, Day: time, Price: number, Land: text}
    reject:
      - {reason: nothing sold, when: {Pieces: {at_most: 0}}}
      - {reason: twice, repeated: [Invoice, Article]}
codes:
  lands: {Norway: 'NO'}
confidential: {keep: [orders.customer_id]}
tables:
  orders:
    source: sales
    one_per: key
    columns:
      order_id: Invoice
      kind: {constant: order}
      ordered_at: {min: Day}
      status: {constant: shipped}
  order_lines:
    source: sales
    columns:
      order_id: Invoice
      line_no: {position_in: Invoice}
      product_id: Article
      qty_ordered: Pieces
      unit_price_amt: Price
  customers:
    source: sales
    one_per: key
    columns:
      customer_id: Article
      region_id: {mode: Land, codes: lands}
      created_at: {min: Day}
""")
COLUMNS = "sources.sales.columns"
RULE = "sources.sales.reject.0"
LINES = "tables.order_lines"


def write(folder, mapping):
    path = folder / "mapping.yml"
    path.write_text(mapping if isinstance(mapping, str) else yaml.safe_dump(mapping, sort_keys=False))
    return path


def changed(key_path, value):
    mapping = copy.deepcopy(GOOD)
    *parents, last = [int(part) if part.isdigit() else part for part in key_path.split(".")]
    place = mapping
    for part in parents:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return mapping


def test_a_good_mapping_is_read(tmp_path):
    """A bare word is the type of a source column and the origin of a canonical one."""
    mapping = read_mapping(write(tmp_path, GOOD))
    assert mapping.sources["sales"].columns["Pieces"].type == "count"
    (lines,), (orders,) = mapping.tables["order_lines"], mapping.tables["orders"]
    assert (lines.columns["qty_ordered"].origin, lines.columns["qty_ordered"].source_column) == (
        "column",
        "Pieces",
    )
    assert orders.columns["kind"].source_column is None
    assert [part.name for part in mapping.parts_of("sales")] == ["orders", "order_lines", "customers"]


@pytest.mark.parametrize(
    ("key_path", "value", "message"),
    [
        # keys
        ("source", {}, "unknown key 'source'; did you mean 'sources'?"),
        ("sources.sales.rejects", [], "unknown key 'sources.sales.rejects'; did you mean 'reject'?"),
        (f"{LINES}.one_pr", "row", "unknown key 'tables.order_lines.one_pr'; did you mean 'one_per'?"),
        (f"{LINES}.columns.qty_ordered", {"medain": "Pieces"}, "qty_ordered.medain'; did you mean 'median'?"),
        (f"{RULE}.when.Pieces", {"atmost": 0}, f"'{RULE}.when.Pieces.atmost'; did you mean 'at_most'?"),
        ("sources.sales.file", None, "sources.sales: expected exactly one of 'file' and 'connection'"),
        ("sources.sales.connection", "ERP", "sources.sales: expected exactly one of 'file' and 'connection'"),
        (
            "sources.sales.connection",
            "postgresql://a:b@c",
            "connection: expected the name of an environment variable",
        ),
        (
            "sources.sales.dialect",
            {"decimal": ";"},
            "sources.sales.dialect.decimal: Input should be '.' or ','",
        ),
        ("sources.sales.dialect", {"thousands": "."}, "decimal and thousands sign are both '.'"),
        ("sources.sales.dialect", {"encoding": "utf9"}, "expected an encoding like utf-8, utf-16 or cp1252"),
        ("sources.sales.header", 0, "sources.sales.header: Input should be greater than or equal to 1"),
        ("sources.sales.key", "Invoce", "sources.sales: key: unknown 'Invoce'; did you mean 'Invoice'?"),
        ("sources", {"../out": GOOD["sources"]["sales"]}, "expected letters, digits, blanks, _ and -"),
        (
            "sources",
            {"a": GOOD["sources"]["sales"], "A": GOOD["sources"]["sales"]},
            "differ only in capitals",
        ),
        # expressions
        (
            "sources.sales.filter",
            "Pieces + 1",
            "filter: expected a condition that is true or false, got a count",
        ),
        ("sources.sales.filter", "Peices > 1", "did you mean 'Pieces'?"),
        (
            "sources.sales.derive",
            {"Land": "upper(Land)"},
            "derive.Land: a column of the export has this name",
        ),
        (
            "sources.sales.derive",
            {"big": "Article * 2"},
            "sources.sales.derive.big: in `Article * 2`: Article is text",
        ),
        (f"{RULE}", {"reason": "x", "where": "Land"}, f"{RULE}.where: expected a condition"),
        ("tables.orders.where", "read_csv('x')", "tables.orders.where: "),
        # joins, identities, what stays in the clear
        (
            "sources.sales.join",
            {"sale": {"on": {"Land": "Land"}, "columns": ["Land"]}},
            "join: unknown 'sale'",
        ),
        ("sources.sales.join", {"sales": {"on": {"Land": "Land"}, "columns": ["Day"]}}, "in a circle"),
        (
            "sources.sales.join",
            {"sales": {"on": {"Land": "Day"}, "columns": ["Day"]}},
            "a text cannot meet a time",
        ),
        (
            "identities",
            {"who": {"crm": {"source": "sales", "key": "Invoice"}}},
            "who.crm: nothing to compare",
        ),
        ("identities", {"who": {"crm": {"source": "sales", "key": "Nr", "name": "Land"}}}, "unknown 'Nr'"),
        (f"{LINES}.columns.product_id", {"column": "Article", "identity": "who.crm"}, "unknown 'who.crm'"),
        (f"{LINES}.columns.product_id", {"column": "Article", "known_in": "product"}, "unknown 'product'"),
        (
            "tables.orders.columns.customer_id",
            {"first": "Article"},
            "confidential.keep: 'orders.customer_id' is kept, so keep 'customers.customer_id', too",
        ),
        ("confidential", {"keep": ["orders.customer"]}, "table 'orders' has no column 'customer'; did you"),
        # source columns
        (f"{COLUMNS}.Pieces", "cuont", f"{COLUMNS}.Pieces.type: unknown 'cuont'; did you mean 'count'?"),
        (
            f"{COLUMNS}.Day",
            {"type": "time", "zone": "Europe/Lodon"},
            "Day.zone: did you mean 'Europe/London'?",
        ),
        (f"{COLUMNS}.Day", {"type": "time", "format": "%Q"}, "Day.format: '%Q' cannot be used"),
        (f"{COLUMNS}.Pieces", {"type": "count", "upper": True}, "'upper' is for text; the type is count"),
        (f"{COLUMNS}.Price", {"type": "number", "zone": "UTC"}, "'format' and 'zone' are for times"),
        # rules
        (f"{RULE}.when", {"Peices": {"at_most": 0}}, f"{RULE}: unknown 'Peices'; did you mean 'Pieces'?"),
        (f"{RULE}.when.Pieces", {}, f"{RULE}.when.Pieces: expected a condition; valid: empty, matches"),
        (f"{RULE}.when.Pieces", {"matches": "0"}, f"{RULE}.when.Pieces: patterns are for text"),
        (f"{RULE}.when.Pieces", {"at_most": "0"}, f"{RULE}.when.Pieces.at_most"),
        (f"{RULE}.when", {"Day": {"at_most": 5}}, f"{RULE}.when.Day: 5 cannot be compared with a time"),
        (f"{RULE}.when", {"Land": {"at_least": 5}}, f"{RULE}.when.Land: 5 cannot be compared with a text"),
        (f"{RULE}.when", {"Land": {"matches": "(x"}}, "'(x' cannot be used"),
        (f"{RULE}.when", {"Land": {"matches": "(?=x)x"}}, "'(?=x)x' cannot be used"),
        (f"{RULE}.when", {"Land": {"matches": []}}, "Land.matches: List should have at least 1 item"),
        (f"{RULE}.repeated", "all", f"{RULE}: expected exactly one of 'when', 'where' and 'repeated'"),
        ("sources.sales.reject.1.repeated", "any", "reject.1.repeated: expected 'all' or a list of columns"),
        ("sources.sales.reject.1.repeated", ["Invoce"], "unknown 'Invoce'; did you mean 'Invoice'?"),
        # tables
        ("tables.ordres", GOOD["tables"]["orders"], "no canonical table 'ordres'; did you mean 'orders'?"),
        (f"{LINES}.source", "sale", f"{LINES}.source: unknown 'sale'; did you mean 'sales'?"),
        (f"{LINES}.columns.product", "Article", "unknown 'product'; did you mean 'product_id'?"),
        (
            f"{LINES}.columns.product_id",
            "Articel",
            "product_id: sources.sales.columns: unknown 'Articel'; did you",
        ),
        (f"{LINES}.columns.product_id", None, f"{LINES}.columns: 'product_id' is missing (what was ordered)"),
        (f"{LINES}.columns.qty_ordered", "Price", "qty_ordered: expected a count"),
        (f"{LINES}.columns.qty_ordered", {"max": "Pieces"}, "'max' needs 'one_per: key'"),
        (
            f"{LINES}.columns.qty_ordered",
            {"column": "Pieces", "min": "Pieces"},
            "expected exactly one of column",
        ),
        (f"{LINES}.one_per", "invoice", f"{LINES}.one_per: Input should be 'row' or 'key'"),
        ("tables.orders.columns.order_id", {"first": "Invoice"}, "'first' cannot make a key"),
        ("tables.orders.columns.ordered_at", "Day", "ordered_at: several rows make one record"),
        ("tables.orders.columns.ordered_at", {"median": "Day"}, "ordered_at: no median of 'Day'"),
        ("tables.orders.columns.kind", {"constant": "ordre"}, "kind: unknown 'ordre'; did you mean 'order'?"),
        ("tables.orders.columns.channel", {"constant": 7}, "channel: expected a text"),
        (
            "tables.orders.columns.kind",
            {"first": "Land", "patterns": {"x": "odrer"}},
            "kind: unknown 'odrer'",
        ),
        ("tables.orders.columns.kind", {"first": "Land", "patterns": {"(": "order"}}, "'(' cannot be used"),
        (
            "tables.orders.columns.ordered_at",
            {"min": "Day", "codes": "lands"},
            "are for text; 'Day' is a time",
        ),
        # code lists
        ("tables.customers.columns.region_id.codes", "land", "codes: unknown 'land'; did you mean 'lands'?"),
        (
            "tables.customers.columns.region_id.patterns",
            {"x": "y"},
            "expected one of 'codes', 'patterns' and 'identity'",
        ),
        ("codes.lands", {"Norway": False}, "codes: lands.Norway: YAML reads true and false as flags"),
        ("codes.lands", {"Norway": 47}, "codes.lands.Norway: Input should be a valid string"),
    ],
)
def test_a_wrong_mapping_is_explained(tmp_path, key_path, value, message):
    """In one line that starts with the file."""
    path = write(tmp_path, changed(key_path, value))
    with pytest.raises(MappingError) as caught:
        read_mapping(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert message in text
    assert "\n" not in text
    assert "a:b@" not in text, "an address may hold a password"


def test_a_source_that_feeds_nothing(tmp_path):
    """Its rows would be lost."""
    mapping = copy.deepcopy(GOOD)
    mapping["sources"]["more"] = {"file": "more.csv", "columns": {"A": "text"}}
    with pytest.raises(MappingError, match=r"sources\.more: feeds no table"):
        read_mapping(write(tmp_path, mapping))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sources: [", r"line \d+: not valid YAML"),
        ("just words", "expected keys sources, codes, identities, confidential, tables"),
        ("codes:\n  lands: {Norway: NW, Norway: SW}", "line 2: not valid YAML .key 'Norway' stands twice"),
    ],
)
def test_what_is_no_mapping_at_all(tmp_path, text, message):
    """Broken YAML is told with its line."""
    with pytest.raises(MappingError, match=message):
        read_mapping(write(tmp_path, text))


def test_a_missing_file(tmp_path):
    """Is named."""
    with pytest.raises(MappingError, match=r"nothing\.yml: cannot be read"):
        read_mapping(tmp_path / "nothing.yml")


def test_shipped_mappings_are_good():
    """Every mapping under datasets/ can be read."""
    found = sorted((project_root() / "datasets").glob("*/mapping.yml"))
    assert found
    for path in found:
        assert read_mapping(path).tables
