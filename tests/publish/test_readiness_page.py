"""The readiness page and text say what was found, readably and whatever the data hold."""

from dataclasses import replace
from datetime import date

import pytest

from playbook.catalogue import plays
from playbook.engagement.profile import Filled, Flow, Reference, TableProfile
from playbook.engagement.readiness import Arrived, PlayReadiness, Readiness
from playbook.engagement.suspicions import Suspicion
from playbook.publish.readiness_page import WIDTH, page, text

GAPS = (date(2026, 3, 2), date(2026, 3, 9), date(2026, 5, 4))


@pytest.fixture
def found():
    """One play in each state, one export, one table with everything that can be said of it."""
    first, second, third, fourth, *_ = plays().values()
    judged = (
        PlayReadiness(first),
        PlayReadiness(second, without=("costs",), empty=("orders.channel",)),
        PlayReadiness(third, too_little=("orders has no rows",)),
        PlayReadiness(fourth, missing=("accounts",), without=("tickets",)),
    )
    orders = TableProfile(
        "orders",
        1000,
        (Filled("order_id", 1000, 1.0), Filled("customer_id", 999, 0.999), Filled("channel", 0, 0.0)),
        Flow("ordered_at", date(2025, 1, 2), date(2026, 6, 28), 3, GAPS),
        (Reference("customer_id", "customers", 999, 990),),
        (Suspicion("orders", "status", 1000, "always '<b>*x*|y'"), Suspicion("orders", None, None, "odd")),
    )
    arrived = Arrived("sales|2", 1200, 1000, {"no <price>": 150, "repeated key": 50}, ("decimal comma?",))
    return Readiness("Ada <Ltd>", date(2026, 7, 1), (arrived,), {"orders": 50}, (orders,), judged)


def row(lines, start):
    """The cells of the first table row that begins with a cell."""
    line = next(line for line in lines.splitlines() if line.startswith(f"| {start} |"))
    return [cell.strip() for cell in line.strip("|").replace("\\|", "¦").split("|")]


def test_each_play_stands_under_its_state(found):
    """Four plays, four headings, with links, and what is not there."""
    lines = page(found).splitlines()
    heads = [line for line in lines if line.startswith("## ")][:4]
    assert heads == [
        "## Ready: 1 play",
        "## Ready with less: 1 play",
        "## Too little: 1 play",
        "## Missing: 1 play",
    ]
    for judged in found.plays:
        (line,) = [line for line in lines if f"({judged.play.module}/{judged.play.name}.ipynb)" in line]
        assert judged.state == "ready" or judged.lacks.replace("_", "\\_") in line
    assert lines[0].startswith("**2 of 4 plays run on these data**")


def test_tables_say_when_and_how_whole(found):
    """Rows, rows set aside, first and newest day, weeks in a row as one span, and keys: never 100 % when not all."""
    cells = row(page(found).replace("\N{NO-BREAK SPACE}", " "), "`orders`")
    assert cells[1:6] == ["1,000", "50", "2 Jan 2025", "28 Jun 2026", "3"]
    assert cells[6] == "3: 2 Mar 2026 to 15 Mar 2026, 4 May 2026 to 10 May 2026"
    assert cells[7] == "`customer_id` 99.1%"
    assert "| `customer_id` | 999 | 99.9% |" in page(found)
    assert "Empty: `channel`." in page(found)


def test_exports_say_what_was_set_aside(found):
    """In, accepted, quarantined with its share, the reasons, and the hint to the mapping."""
    assert row(page(found), "sales\\|2")[1:4] == ["1,200", "1,000", "200 (16.7%)"]
    assert "no \\<price\\> (150), repeated key (50)" in page(found)
    assert "- sales\\|2: decimal comma?" in page(found)


def test_questions_name_broken_keys_and_oddities(found):
    """Nine orders of customers that nobody knows, and a value that would break the page if it were not escaped."""
    assert "| `orders` | `customer_id` | 9 | not in `customers` |" in page(found)
    assert "always '\\<b\\>\\*x\\*\\|y'" in page(found)
    assert "<b>" not in page(found)


def test_text_fits_the_terminal_and_says_the_same(found):
    """No line is wider than the terminal; states, exports, tables, questions and requests are there."""
    said = text(found)
    assert max(map(len, said.splitlines())) <= WIDTH
    for piece in ("ready (1)", "missing (1)", "no accounts", "9 not in customers", "needed for 1 question"):
        assert piece in said
    assert f"{1200:,}" in said
    assert "2025-01-02" in said


def test_a_store_with_all_there_is_short(found):
    """One ready play, a table of which nothing is odd: no question, nothing to ask for."""
    whole = replace(found.tables[0], suspicions=(), references=(), columns=found.tables[0].columns[:1])
    done = replace(found, plays=found.plays[:1], tables=(whole,), arrived=(), set_aside={})
    made = page(done)
    assert made.startswith("**The play runs on these data**.")
    assert "Nothing looks odd." in made
    assert "Nothing: every play has all that it can use." in made
    assert "What arrived" not in made
    assert "Set aside" not in made
    assert "No cell is empty." in made
    assert "to ask" not in text(done)
