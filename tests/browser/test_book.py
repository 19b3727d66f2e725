"""The book as a reader meets it: opened from disk, without a network, on a laptop and on a phone."""

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell

from playbook.catalogue import play
from playbook.publish.book import build_book

from ..making import PLAY, PROVENANCE, make_run

pytestmark = pytest.mark.browser
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def book(browser, tmp_path_factory):
    """Built only where there is a browser to open it."""
    run = make_run(tmp_path_factory.mktemp("run"))
    notebooks = sorted((run / "notebooks").glob("*.ipynb"))
    notebook = nbformat.read(notebooks[0], as_version=4)
    notebook.cells.append(new_markdown_cell("```{math}\np = \\frac{a}{b}\n```", metadata={"play": PLAY}))
    nbformat.write(notebook, notebooks[0])
    return build_book(notebooks, run / "book", provenance=PROVENANCE, edition="facilitator").parent


def addresses(book):
    return [page.as_uri() for page in sorted(book.rglob("*.html")) if "_static" not in page.parts]


@pytest.fixture
def requests():
    return {"asked": [], "failed": []}


@pytest.fixture
def page(browser, requests):
    opened = browser.new_page(viewport=PHONE)
    opened.on("request", lambda request: requests["asked"].append(request.url))
    opened.on("requestfailed", lambda request: requests["failed"].append(request.url))
    yield opened
    opened.close()


def test_no_page_asks_the_network_for_anything(book, page, requests):
    for address in addresses(book):
        page.goto(address, wait_until="load")
    assert len(requests["asked"]) > len(addresses(book))
    assert not [url for url in requests["asked"] if not url.startswith(("file:", "data:"))]
    assert not requests["failed"]


def test_no_page_scrolls_sideways_on_a_phone(book, page):
    for address in addresses(book):
        page.goto(address)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"], address


def test_a_wide_table_scrolls_inside_itself(book, page):
    page.goto((book / "measure" / "control_charts.html").as_uri())
    widths = page.evaluate(
        "[...document.querySelectorAll('.dataframe')].map(t => [t.scrollWidth, t.parentElement.clientWidth])"
    )
    assert any(table > PHONE["width"] for table, _ in widths)
    assert all(frame <= PHONE["width"] for _, frame in widths)


def test_figures_fill_a_phone(book, page):
    page.goto((book / "measure" / "control_charts.html").as_uri())
    images = page.locator(".cell_output img")
    assert images.count() >= 2
    for image in images.all():
        assert image.evaluate("i => i.naturalWidth") > 0
        assert image.bounding_box()["width"] > 0.85 * PHONE["width"]


def test_search_finds_a_play_from_disk(book, page):
    title = play(PLAY).title
    page.goto((book / "search.html").as_uri() + f"?q={title.split()[0]}")
    hits = page.locator("#search-results li a")
    hits.first.wait_for(timeout=15_000)
    assert title in hits.all_inner_texts()


def test_a_folded_solution_opens(book, page):
    page.goto((book / "measure" / "control_charts.html").as_uri())
    solution = page.locator(".tag_solution .cell_input")
    assert not solution.is_visible()
    page.get_by_text("Show the solution").click()
    assert solution.is_visible()


def test_a_formula_is_set_without_a_network(book, page):
    page.goto((book / "measure" / "control_charts.html").as_uri())
    page.locator("mjx-container svg").first.wait_for(state="attached", timeout=15_000)
    assert "mathjax" not in (book / "index.html").read_text(encoding="utf-8").lower()
