"""Dictionary, diagrams and the list of plants name everything, and give no answer away."""

import re
import xml.etree.ElementTree as ET

import pytest

from playbook.publish.coverage import plan
from playbook.publish.dictionary import areas, diagrams, dictionary, planted, references
from playbook.store.schemas import table, tables
from playbook.world.plants import plants


def test_every_column_is_in_the_dictionary():
    """Each column of each table has a line with its meaning."""
    text = dictionary()
    for entry in tables().values():
        assert f"`{entry.name}`" in text
        for column in entry.columns:
            assert f"| `{column.name}` |" in text
            assert column.meaning


def test_every_table_is_in_one_area():
    """No table is lost between the areas, none is in two."""
    names = [entry.name for group in areas().values() for entry in group]
    assert sorted(names) == sorted(tables())


def test_references_follow_the_names():
    """An order line points to its order and product; a column with a role points as well."""
    assert references(table("order_lines")) == {"order_id": "orders", "product_id": "products"} | {
        name: to
        for name, to in references(table("order_lines")).items()
        if name not in ("order_id", "product_id")
    }
    assert references(table("tickets"))["owner_staff_id"] == "staff"


def test_diagrams_are_pictures_with_a_title_and_every_table():
    """Each is well-formed SVG that names the tables of its area."""
    for area, svg in diagrams().items():
        root = ET.fromstring(svg)
        assert root.find("{http://www.w3.org/2000/svg}title") is not None
        texts = {node.text for node in root.iter("{http://www.w3.org/2000/svg}text")}
        assert {entry.name for entry in areas()[area]} <= texts


@pytest.fixture(scope="module")
def page():
    """The list of plants, as in the book."""
    return planted({play: entry["title"] for play, entry in plan().items()})


def test_every_plant_is_named(page):
    """Each play's plant is on the page, under its question."""
    for play, plant in plants().items():
        assert plan()[play]["title"] in page
        assert plant.what in page


def test_no_plant_gives_its_size_away(page):
    """What and why hold no constant and no number; the size is for maintainers."""
    for plant in plants().values():
        assert not re.search(r"\d", plant.what + plant.why), plant.play
        assert not re.search(r"\b[A-Z]+_[A-Z_]+\b", plant.what + plant.why), plant.play
