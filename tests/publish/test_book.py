"""The book of a small real run, both editions."""

import html
import json
import re

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell

from playbook.catalogue import play
from playbook.errors import PublishError, RunError
from playbook.publish.book import build_book

from ..making import CLIENT, PLAY, PROVENANCE, make_run

PAGE = "measure/control_charts.html"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run"))


def build(run, edition):
    out = run / f"book-{edition}"
    notebooks = sorted((run / "notebooks").glob("*.ipynb"))
    return build_book(notebooks, out, provenance=PROVENANCE, edition=edition).parent


@pytest.fixture(scope="module")
def book(run):
    return build(run, "facilitator")


@pytest.fixture(scope="module")
def participants_book(run):
    return build(run, "participant")


def pages(book):
    return [p for p in book.rglob("*.html") if "_static" not in p.parts]


def solution_lines(run):
    notebook = nbformat.read(run / "notebooks" / "6_measure.ipynb", as_version=4)
    solved = [c.source for c in notebook.cells if "solution" in c.metadata.get("tags", [])]
    assert solved
    return [line for source in solved for line in source.splitlines() if len(line) > 20]


def words(text):
    """The text of a page without tags, so that highlighting does not hide code from a search."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", text)).split())


def test_the_facilitator_finds_the_solution_folded(book, run):
    text = (book / PAGE).read_text(encoding="utf-8")
    folded = re.search(r"<details[^>]*>(?:(?!</details>).)*Show the solution.*?</details>", text, flags=re.S)
    for line in solution_lines(run):
        assert line in words(folded[0])
        assert line not in words(text.replace(folded[0], ""))


def test_no_file_of_the_participants_book_holds_a_line_of_the_solution(participants_book, run):
    files = [
        p
        for p in participants_book.rglob("*")
        if p.suffix in {".html", ".js", ".md", ".ipynb", ".txt", ".json"}
    ]
    assert participants_book / "searchindex.js" in files
    for file in files:
        text = words(file.read_text(encoding="utf-8"))
        assert not [line for line in solution_lines(run) if line in text], file
    assert not (participants_book / "_sources").exists()


def test_every_page_says_where_its_numbers_come_from(book):
    for page in pages(book):
        text = page.read_text(encoding="utf-8")
        stamp = re.search(r'<p class="provenance">(.*?)</p>', text)
        assert stamp, page
        assert html.unescape(stamp[1]).startswith(f"{CLIENT} · as of 2026-07-01")
        assert "edition facilitator" in stamp[1]


def test_no_page_loads_anything_from_elsewhere(book):
    loads = re.compile(r'<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)="(?:https?:)?//[^"]*"')
    for page in pages(book):
        assert not loads.findall(page.read_text(encoding="utf-8")), page
    for sheet in book.rglob("*.css"):
        assert not re.search(
            r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", sheet.read_text(encoding="utf-8")
        ), sheet


def test_pictures_say_what_they_show(book, run):
    notebook = nbformat.read(run / "notebooks" / "6_measure.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    said = [o.metadata["image/png"]["alt"] for o in outputs if "image/png" in o.get("data", {})]
    text = (book / PAGE).read_text(encoding="utf-8")
    shown = [html.unescape(alt) for alt in re.findall(r'<img alt="([^"]*)" src="\.\./_images', text)]
    assert shown == said
    assert len(said) >= 2


def test_the_decision_of_the_run_is_on_its_page_and_on_the_title_page(book, run):
    (row,) = json.loads((run / "decisions.json").read_text(encoding="utf-8"))
    text = words((book / "decisions.html").read_text(encoding="utf-8"))
    assert f"Owner: {row['owner']}" in text
    assert f"Review: {row['review_on']}" in text
    assert "One decision, with ranges" in (book / "index.html").read_text(encoding="utf-8")


def test_coverage_links_what_is_done(book):
    text = (book / "coverage.html").read_text(encoding="utf-8")
    assert re.search(rf'{play(PLAY).topics[0]} .*?href="{PAGE}"', text, flags=re.S)
    assert text.count("planned</p>") > 100


def test_a_faulty_page_is_one_clear_line_and_leaves_the_old_book(book, run, tmp_path):
    notebook = nbformat.read(run / "notebooks" / "6_measure.ipynb", as_version=4)
    notebook.cells.append(new_markdown_cell("```{nosuchthing}\n```", metadata={"play": PLAY}))
    (tmp_path / "notebooks").mkdir()
    nbformat.write(notebook, tmp_path / "notebooks" / "6_measure.ipynb")
    before = (book / "index.html").read_bytes()
    with pytest.raises(
        RunError, match=r"^the book was not built: measure/control_charts.ipynb, cell \d+: .*'nosuchthing'"
    ):
        build_book(
            [tmp_path / "notebooks" / "6_measure.ipynb"], book, provenance=PROVENANCE, edition="facilitator"
        )
    assert (book / "index.html").read_bytes() == before
    assert not list(book.parent.glob("*.incomplete"))


def test_a_book_that_names_a_person_is_refused_and_the_old_one_stays(book, run, tmp_path):
    notebook = nbformat.read(run / "notebooks" / "6_measure.ipynb", as_version=4)
    notebook.cells.append(
        new_markdown_cell("As Zdenka told us: zdenka@quillfeather.org", metadata={"play": PLAY})
    )
    (tmp_path / "notebooks").mkdir()
    nbformat.write(notebook, tmp_path / "notebooks" / "6_measure.ipynb")
    before = (book / "index.html").read_bytes()
    with pytest.raises(
        PublishError, match=r"measure/control_charts.html, text: an e-mail address \(z\*{4}\)"
    ) as told:
        build_book(
            [tmp_path / "notebooks" / "6_measure.ipynb"], book, provenance=PROVENANCE, edition="facilitator"
        )
    assert "quillfeather" not in str(told.value)
    assert (book / "index.html").read_bytes() == before
    assert not list(book.parent.glob("*.incomplete"))
