"""A client's texts are shown as they are: nothing in them runs, links, or becomes a formula, in book or figure."""

import re

import pytest

from playbook.publish.book import build_book

from ..hostile import CLIENT, PROVENANCE, SITES, make_run

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def book(browser, tmp_path_factory):
    """Built without a warning: Jupyter Book is told to stop at one."""
    run = make_run(tmp_path_factory.mktemp("run"))
    notebooks = sorted((run / "notebooks").glob("*.ipynb"))
    return build_book(notebooks, run / "book", provenance=PROVENANCE, edition="facilitator").parent


@pytest.fixture
def page(browser):
    opened = browser.new_page()
    yield opened
    opened.close()


def addresses(book):
    return [page.as_uri() for page in sorted(book.rglob("*.html")) if "_static" not in page.parts]


def straight(text):
    """A page's text with the quotes that the book sets typographically set straight."""
    return " ".join(re.sub("[“”]", '"', re.sub("[‘’]", "'", text)).split())


def test_nothing_of_a_clients_texts_runs_links_or_is_typeset(book, page):
    for address in addresses(book):
        page.goto(address, wait_until="load")
        assert page.title() != "taken over", address
        assert page.locator("img[src='x'], a[href^='javascript'], a[href*='evil']").count() == 0, address
        assert page.locator("mjx-container").count() == 0, address


def test_every_page_names_the_client_as_the_client_is_written(book, page):
    for address in addresses(book):
        page.goto(address)
        assert page.locator("p.provenance").inner_text().startswith(CLIENT), address
        assert (
            CLIENT
            in page.locator(".sidebar-primary__section .title, .navbar-brand .title").first.inner_text()
        )


def test_sites_are_readable_where_tables_and_prose_name_them(book, page):
    page.goto((book / "measure" / "control_charts.html").as_uri())
    text = straight(page.locator("main").inner_text())
    for name in SITES.values():
        assert name in text
    page.goto((book / "decisions.html").as_uri())
    assert any(name in straight(page.locator("main").inner_text()) for name in SITES.values())
