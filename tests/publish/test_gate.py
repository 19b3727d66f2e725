"""The gate finds what is planted, wherever a file can say something, and says of it only its first letter."""

import base64
import gzip
import json
import re
import zipfile
from io import BytesIO

import nbformat
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image, PngImagePlugin

from playbook.errors import PublishError
from playbook.publish import gate, own_text, patterns

NAME = "Zdenka Quillfeather"


class Known:
    """Finds one person, whatever the case, as two words in a row."""

    def find(self, text):
        return re.findall(NAME.replace(" ", r"\W+"), text, flags=re.I)


def png(**texts):
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_itxt(key, text, zip=key == "zipped")
    buffer = BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "png", pnginfo=info)
    return buffer.getvalue()


def jpeg():
    exif = Image.Exif()
    exif[0x013B] = NAME  # Artist
    buffer = BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "jpeg", exif=exif)
    return buffer.getvalue()


def workbook(*, cell="", author=""):
    book, buffer = openpyxl.Workbook(), BytesIO()
    book.active["B2"] = cell
    book.properties.creator = author
    book.save(buffer)
    return buffer.getvalue()


def notebook(*, source="1", said="1", html="<p>1</p>", picture=None, **metadata):
    data = {"text/plain": said, "text/html": html}
    if picture:
        data["image/png"] = base64.b64encode(picture).decode()
    cell = new_code_cell(source, outputs=[new_output("display_data", data)])
    return nbformat.writes(new_notebook(cells=[new_markdown_cell("x"), cell], metadata=metadata)).encode()


def zipped(name, data):
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def parquet():
    buffer = BytesIO()
    pd.DataFrame({"subject": ["order", f"call {NAME}"]}).to_parquet(buffer)
    return buffer.getvalue()


DATA_ADDRESS = f"data:image/png;base64,{base64.b64encode(png(Author=NAME)).decode()}"
PLANTED = {
    "page text": ("a.html", f"<p>from {NAME}</p>".encode()),
    "page text in two tags": ("a.html", b"<p><b>Zden</b>ka <i>Quill</i>feather</p>"),
    "two cells of a row": ("a.html", b"<table><tr><td>Zdenka</td>\n<td>Quillfeather</td></tr></table>"),
    "entities": ("a.html", b"<p>Zdenka&#32;Quill&#x66;eather</p>"),
    "soft hyphens": ("a.html", "<p>Zdenka Quill\u00adfeather</p>".encode()),
    "attribute": ("a.html", f'<img alt="{NAME}">'.encode()),
    "numbers in an attribute": ("a.html", f'<i data-x="{NAME.upper()}">1</i>'.encode()),
    "link": ("a.html", b'<a href="x.html?q=Zdenka%20Quillfeather">x</a>'),
    "comment": ("a.html", f"<!-- {NAME} -->".encode()),
    "script": ("a.html", f"<script>var a = '{NAME}'</script>".encode()),
    "picture in a page": ("a.html", f'<img src="{DATA_ADDRESS}">'.encode()),
    "_sources": ("_sources/a.md.txt", f"# {NAME}\n".encode()),
    "search index": ("searchindex.js", f"Search.setIndex({json.dumps({'titles': [NAME]})})".encode()),
    "escaped search index": ("searchindex.js", b'Search.setIndex({"titles": ["\\u005adenka Quillfeather"]})'),
    "JSON": ("a.json", json.dumps({"a": [{"b": NAME}]}).encode()),
    "a JSON key": ("a.json", json.dumps({NAME: 1}).encode()),
    "notebook source": ("a.ipynb", notebook(source=f"x = '{NAME}'")),
    "notebook output": ("a.ipynb", notebook(said=NAME)),
    "notebook table": ("a.ipynb", notebook(html="<td>Zdenka</td><td>Quillfeather</td>")),
    "notebook picture": ("a.ipynb", notebook(picture=png(Author=NAME))),
    "notebook metadata": ("a.ipynb", notebook(papermill={"parameters": {"client": NAME}})),
    "image metadata": ("a.png", png(Author=NAME)),
    "compressed image metadata": ("a.png", png(zipped=NAME)),
    "behind an image": ("a.png", png() + NAME.encode()),
    "EXIF": ("a.jpg", jpeg()),
    "svg": ("a.svg", f"<svg><text>{NAME}</text></svg>".encode()),
    "svg title": ("a.svg", f"<svg><metadata><x y='{NAME}'/></metadata></svg>".encode()),
    "workbook cell": ("a.xlsx", workbook(cell=NAME)),
    "workbook properties": ("a.xlsx", workbook(author=NAME)),
    "name of a member": ("a.zip", zipped(f"{NAME}.txt", b"x")),
    "archive in an archive": ("a.zip", zipped("b.xlsx", workbook(cell=NAME))),
    "compressed": ("a.csv.gz", gzip.compress(f"id,name\n1,{NAME}\n".encode())),
    "CSV in UTF-16": ("a.csv", f"id,name\n1,{NAME}\n".encode("utf-16")),
    "CSV in Latin-1": ("a.csv", f"id;name\n1;{NAME} é\n".encode("latin-1")),
    "PDF": ("a.pdf", f"%PDF-1.4\n1 0 obj << /Author ({NAME}) >>".encode()),
    "table": ("a.parquet", parquet()),
    "an unknown file": ("a.bin", b"\0\1\2" + NAME.encode() + b"\0\xff"),
    "file name": ("zdenka_quillfeather.html", b"<p>1</p>"),
    "folder name": ("Zdenka Quillfeather/a.html", b"<p>1</p>"),
}


@pytest.fixture
def planted(tmp_path, request):
    name, data = PLANTED[request.param]
    (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
    (tmp_path / name).write_bytes(data)
    (tmp_path / "innocent.html").write_text("<p>Nothing to see: 12.5% of 300 orders.</p>")
    return tmp_path


@pytest.mark.parametrize("planted", PLANTED, indirect=True)
def test_a_person_is_found_wherever_a_file_can_name_one(planted):
    found = gate.check(planted, Known())
    assert found
    assert not [finding for finding in found if "innocent" in finding.file]
    assert "quillfeather" not in " ".join(map(str, found)).lower().replace("_", " ").replace("%20", " ")
    with pytest.raises(PublishError, match=r"^nothing was published: .*\(Z\*\*\*\*\)|\(z\*\*\*\*\)"):
        gate.refuse(planted, Known())


@pytest.mark.parametrize(
    "planted",
    [name for name in PLANTED if name not in ("two cells of a row", "notebook table")],
    indirect=True,
)
def test_a_planted_value_is_found_without_knowing_the_people(planted):
    """Also in a file's name, where words are parted by other signs."""
    assert gate.check(planted, None, planted=[NAME.upper()])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to ada.l+x@lovelace.co.uk today", "an e-mail address"),
        ("müller@straße.de", "an e-mail address"),
        ("pay to DE89370400440532013000.", "an account number (IBAN)"),
        ("pay to DE89 3704 0044 0532 0130 00", "an account number (IBAN)"),
        ("card 4111 1111 1111 1111", "a payment card"),
        ("378282246310005", "a payment card"),
        ("call +49 (0)89 636-48018", "a phone number"),
        ("call +12125550123", "a phone number"),
        ("call 0049 89 63648018", "a phone number"),
        ("File /home/ada/client/orders.csv", "a path of somebody's machine"),
        (r"C:\Users\ada\orders.csv", "a path of somebody's machine"),
        ("postgresql://ada:pass@db.intern/erp", "an address with a password"),
    ],
)
def test_what_is_always_wrong_is_found(tmp_path, text, kind):
    (tmp_path / "a.html").write_text(f"<p>{text}</p>", encoding="utf-8")
    (finding,) = gate.check(tmp_path, None)
    assert (finding.file, finding.where, finding.kind) == ("a.html", "text", kind)
    assert len(finding.masked) == 5


@pytest.mark.parametrize(
    "text",
    [
        "ada@example.com, bob@acme.example: RFC 2606",
        "+2.3 (-2.4 to 7.1) points, +1.23456789012, +12,345,678",
        "DE89 3704 0044 0532 0130 01 has a wrong check digit",
        "4111 1111 1111 1112 has a wrong check digit; 0.4111111111111111 is a number",
        "logo@2x.png; a @ b; bootstrap@5.3.3; @pytest.mark",
        "1782864000000000000 2026-07-01 12:30:00 0012345678901",
        "https://example.org/a:b@c; the path /home is nobody's",
        "curriculum/ and ~/.cache/playbook",
    ],
)
def test_what_only_looks_like_it_is_not(text):
    assert list(patterns.found(text)) == []


@given(st.text(alphabet="0123456789", min_size=15, max_size=15))
def test_a_card_number_is_known_by_its_check_digit(digits):
    """Of the ten last digits exactly one is right; its oracle is Luhn's rule written with its table."""
    number = "4" + digits[:14]
    table = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]
    total = sum(table[int(d)] if place % 2 == 0 else int(d) for place, d in enumerate(number))
    right = str(-total % 10)
    found = [last for last in "0123456789" if list(patterns.found(f"card {number}{last}."))]
    assert found == [right]


def test_the_secrets_of_the_environment_are_found_and_not_said(tmp_path, monkeypatch):
    monkeypatch.setenv("ERP_DATABASE", "postgresql://reader:s3cr3t-tulip@db/erp")
    (tmp_path / "a.json").write_text(json.dumps({"log": "password s3cr3t-tulip refused"}))
    (finding,) = gate.check(tmp_path, None)
    assert str(finding) == "a.json, log: the secret of $ERP_DATABASE (s****)"


def test_what_the_project_itself_says_is_no_finding(tmp_path):
    (tmp_path / "a.html").write_text("<p>Hundepool et al. (2012), Statistical Disclosure Control</p>")

    class Author:
        def find(self, text):
            return re.findall("Hundepool et al", text)

    assert gate.check(tmp_path, Author()) == []
    assert gate.check(tmp_path, Author(), planted=["hundepool"])


def test_invented_people_of_a_synthetic_world_may_be_shown(tmp_path):
    """Their tables are not read either; the same person without a world behind it is a finding."""
    people = pd.DataFrame({"crm_id": ["C1"], "name": [NAME], "email": ["zdenka@gmx.de"]})
    (tmp_path / "world").mkdir()
    people.to_parquet(tmp_path / "world" / "src_crm_customers.parquet")
    (tmp_path / "world" / "store.json").write_text('{"kind": "world"}')
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "a.html").write_text("<tr><td>Quillfeather, Zdenka</td><td>zdenka@gmx.de</td></tr>")
    assert gate.check(tmp_path / "book", None, worlds=[tmp_path / "world"]) == []
    assert [finding.kind for finding in gate.check(tmp_path / "book", None)] == ["an e-mail address"]
    assert gate.check(tmp_path / "world", Known()) == []


class Finds:
    """Finds given values, as whole words."""

    def __init__(self, *values):
        self.values = values

    def find(self, text):
        return [value for value in self.values if re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text)]


SURNAMES = [
    "Ender",
    "Rist",
    "Lace",
    "Mann",
    "Ander",
    "Ivers",
    "Ressing",
    "Oster",
    "Anders",
    "12345",
    "123456",
]


@pytest.mark.parametrize("value", [*SURNAMES, "undepool et al", "0012345"])
def test_a_part_of_the_projects_own_words_is_a_finding(tmp_path, value):
    """Those are surnames and customer numbers; in the project's text they stand only within longer words."""
    (tmp_path / "a.html").write_text(f"<p>sent to {value} on Monday</p>")
    (finding,) = gate.check(tmp_path, Finds(value))
    assert finding.masked == value[0] + "****"


def test_own_words_stand_in_one_file_and_numbers_alone(monkeypatch):
    """Signs between words count, those of markup do not; digits of a figure are no number."""
    texts = ("ask mark. young people, *anna*\n`berg` 0.54321 7,654321 98765", "lee")
    own_text._own_tokens.cache_clear()
    own_text.is_own.cache_clear()
    monkeypatch.setattr(own_text, "own_texts", lambda: texts)
    own = [v for v in ("Anna Berg", "98765", "mark. Young", "Mark Young", "54321", "654321", "9876", "98765 Lee", "?")
           if own_text.is_own(v)]  # fmt: skip
    own_text._own_tokens.cache_clear()
    own_text.is_own.cache_clear()
    assert own == ["Anna Berg", "98765", "mark. Young"]


def test_a_part_of_what_a_synthetic_world_says_is_a_finding(tmp_path):
    """Words of several cells, parts of words and of identifiers excuse nobody; whole cells do, also in another order."""
    people = pd.DataFrame(
        {
            "crm_id": ["C10045", "20045"],
            "first_name": ["Joanna", "Anna"],
            "last_name": ["Leeds", "Holm"],
            "company": ["Mars & Sons", "Berg Ltd"],
            "email": ["joanna@leeds.example", None],
        }
    )
    (tmp_path / "world").mkdir()
    people.to_parquet(tmp_path / "world" / "src_crm_customers.parquet")
    real = ["Ann Lee", "Anna Berg", "Mars", "10045", "Anna Leeds", "Joanna Anna", "C", "Leeds example"]
    invented = [
        "Holm, Anna",
        "JOANNA LEEDS",
        "Mars & Sons",
        "C10045",
        "20045",
        "Leeds",
        "joanna@leeds.example",
    ]
    assert gate._in_worlds({*real, *invented}, [tmp_path / "world"]) == set(invented)
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "a.html").write_text("".join(f"<p>{value}</p>" for value in [*real, *invented]))
    found = gate.check(tmp_path / "book", Finds(*real[:4], *invented), worlds=[tmp_path / "world"])
    assert sorted(finding.masked for finding in found) == ["1****", "A****", "M****"]


def test_the_worlds_are_read_once_for_all_values(tmp_path, monkeypatch):
    """One connection, whatever the number of hits."""
    import duckdb

    (tmp_path / "world").mkdir()
    pd.DataFrame({"name": [f"Nn{i} Zz{i}" for i in range(500)]}).to_parquet(tmp_path / "world" / "a.parquet")
    opened, connect = [], duckdb.connect
    monkeypatch.setattr(duckdb, "connect", lambda *a, **k: opened.append(1) or connect(*a, **k))
    values = {f"Zz{i} Nn{i}" for i in range(1000)}
    assert len(gate._in_worlds(values, [tmp_path / "world"])) == 500
    assert len(opened) == 1


def test_harmless_words_are_those_of_the_playbook_and_its_theme():
    assert {"customers", "suppression", "previous", "toggle"} <= own_text.harmless()
    assert "quillfeather" not in own_text.harmless()


def test_people_collected_at_intake_are_found_in_a_book(tmp_path):
    """The real fingerprints: other case, other order, with a comma; the words of the page itself are not theirs."""
    import duckdb

    from playbook.intake import identifiers

    key = b"a key of sixteen signs or more"
    with duckdb.connect() as connection:
        connection.execute(f"create table people as select '{NAME}' as name, 'Zd.Quill@lovelace.org' as mail")
        identifiers.collect(connection, "people", {"name": "name", "mail": "email"}, key)
        identifiers.write(connection, tmp_path / "identifiers.parquet")
    collected = identifiers.Identifiers.load(tmp_path / "identifiers.parquet", key, own_text.harmless())
    (tmp_path / "book").mkdir()
    page = tmp_path / "book" / "a.html"
    for text in ("zdenka QUILLFEATHER", "Quillfeather, Zdenka", "zd.quill@lovelace.org"):
        page.write_text(f"<p>by {text} on Monday</p>")
        assert "an identifier from the client's data" in {
            f.kind for f in gate.check(page.parent, collected)
        }, text
    page.write_text("<p>Customers ordered 12345 parts by Monday.</p>")
    assert gate.check(page.parent, collected) == []


def test_a_row_of_figures_is_nobodys_telephone_number(tmp_path):
    class Numbers:
        def find(self, text):
            return re.findall(r"\d[\d. ]{8,}\d", text)

    (tmp_path / "a.html").write_text("<pre>silver  1.70  12.90  0.83</pre><p>0170 1290 083</p>")
    assert [finding.masked for finding in gate.check(tmp_path, Numbers())] == ["0****"]
