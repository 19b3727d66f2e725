"""Imports go one way: cli, publish, engagement, classroom, plays, then methods, store and world."""

import ast
from pathlib import Path

import pytest

import playbook
from playbook.catalogue import MODULES

SOURCE = Path(playbook.__file__).parent
MAY_IMPORT = {
    "methods": set(),
    "store": set(),
    "world": {"store", "methods"},
    "play": {"methods"},
    "classroom": {"store", "world"},
    "engagement": {"classroom", "store", "world"},
    "publish": {"engagement", "classroom", "store", "world"},
}


def imports(file):
    """Names of playbook's parts that a file imports."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        modules = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module == "playbook":
            modules = [f"playbook.{alias.name}" for alias in node.names]
        yield from (m.split(".")[1] for m in modules if m.startswith("playbook."))


@pytest.mark.parametrize("file", [f for f in SOURCE.rglob("*.py") if f.parent != SOURCE], ids=str)
def test_nothing_imports_upwards(file):
    """A part imports itself, the shared contract files, and what lies below it."""
    part = file.relative_to(SOURCE).parts[0]
    allowed = MAY_IMPORT["play" if part in MODULES else part]
    folders = {f.parent.name for f in SOURCE.glob("*/__init__.py")}
    assert {name for name in imports(file) if name in folders} <= allowed | {part}


@pytest.mark.parametrize("file", [f for m in MODULES for f in (SOURCE / m).glob("*.py")], ids=str)
def test_no_play_imports_another(file):
    """A play stands alone: it can be read, tested and removed without the others."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    froms = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module]
    assert not [
        m
        for m in froms
        if m.split(".")[0] == "playbook" and len(m.split(".")) > 1 and m.split(".")[1] in MODULES
    ]
