"""The page about a client's own data: each example on it is accepted, and nothing an expression can do is left out."""

import re
from pathlib import Path

import pytest
import yaml

from playbook.catalogue import project_root
from playbook.engagement.settings import read_engagement
from playbook.errors import MappingError
from playbook.intake.expressions.parts import FUNCTIONS
from playbook.intake.mapping import read_mapping
from playbook.intake.mapping.sources import Source
from playbook.intake.mapping.tables import Column, Table
from playbook.yamlfile import _Loader

PAGE = (project_root() / "book" / "client_data.md").read_text(encoding="utf-8")


def examples(file: str) -> list[dict]:
    """Return the page's examples of one file, in order."""
    blocks = re.findall(rf"```\{{code-block\}} yaml\n:caption: {file}\n(.*?)```", PAGE, re.S)
    return [yaml.load(block, Loader=_Loader) for block in blocks]


def merged(base: dict, part: dict) -> dict:
    """Return `base` with the keys of `part` put in."""
    return base | {
        key: merged(base[key], value)
        if isinstance(value, dict) and isinstance(base.get(key), dict) and key != "columns"
        else value
        for key, value in part.items()
    }


def written(values: dict, folder: Path) -> Path:
    file = folder / "example.yml"
    file.write_text(yaml.safe_dump(values, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return file


WHOLE, *PARTS = examples("mapping.yml")


@pytest.mark.parametrize("part", [{}, *PARTS], ids=lambda part: "-".join(map(str, part)) or "whole")
def test_a_mapping_on_the_page_is_accepted(part, tmp_path):
    """The first example is a whole mapping; each other one belongs to it."""
    read_mapping(written(merged(WHOLE, part), tmp_path))


def test_an_example_that_is_wrong_would_be_seen(tmp_path):
    with pytest.raises(MappingError, match="derive"):
        read_mapping(
            written(merged(WHOLE, {"sources": {"sales": {"derive": {"a": "upper(Qty)"}}}}), tmp_path)
        )


@pytest.mark.parametrize("values", examples("engagement.yml"), ids=lambda values: "-".join(values["data"]))
def test_an_engagement_on_the_page_is_accepted(values, tmp_path):
    assert read_engagement(written(values, tmp_path)).slug == "acme-pumps"


def test_every_key_and_function_is_on_the_page():
    """A key that is added to the mapping, or a function to expressions, is explained here, too."""
    keys = {*Source.model_fields, *Table.model_fields, *Column.model_fields, *FUNCTIONS}
    assert {key for key in keys if not re.search(rf"\b{key}\b", PAGE)} == set()


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)\s]+)\)", PAGE))
def test_a_link_leads_somewhere(link):
    """Within the page to a heading, otherwise to a page of the book and a heading there."""
    name, _, anchor = link.partition("#")
    text = (project_root() / "book" / name).read_text(encoding="utf-8") if name else PAGE
    headings = [
        re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)", text, re.M)
    ]
    assert not anchor or anchor in headings
