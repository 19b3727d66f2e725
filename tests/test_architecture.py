"""Imports go one way: cli, publish, engagement, classroom, plays, then methods, store and world."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import playbook
from playbook.catalogue import MODULES, plays

SOURCE = Path(playbook.__file__).parent
MAY_IMPORT = {
    "methods": set(),
    "store": set(),
    "world": {"store", "methods"},
    "intake": {"store", "methods"},
    "play": {"methods"},
    "classroom": {"store", "world"},
    "engagement": {"classroom", "store", "world", "intake"},
    "publish": {"engagement", "classroom", "store", "world", "intake"},
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


@pytest.mark.parametrize("file", [f for m in MODULES for f in (SOURCE / m).rglob("*.py")], ids=str)
def test_no_play_imports_another(file):
    """A play stands alone: it can be read, tested and removed without the others."""
    module, name, *_ = file.relative_to(SOURCE).with_suffix("").parts
    tree = ast.parse(file.read_text(encoding="utf-8"))
    froms = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module]
    of_plays = [
        m.split(".")[1:3] for m in froms if m.startswith(tuple(f"playbook.{module}." for module in MODULES))
    ]
    assert all(part == [module, name] for part in of_plays)


HEAVY = {"matplotlib", "scipy.stats", "scipy.optimize", "seaborn", "sklearn", "splink", "statsmodels"}


def test_importing_the_plays_does_not_import_what_they_may_not_use():
    """Pictures and statistics are imported where they are used, so that a run pays for what it runs."""
    names = ", ".join(f"playbook.{play}" for play in plays())
    code = f"import sys, {names}; print(*sorted(set({sorted(HEAVY)!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
