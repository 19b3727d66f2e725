"""A hash of the package's code follows what it names, and nothing else."""

import re

import pytest

from playbook import sources


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of three files."""
    (tmp_path / "part").mkdir()
    for name in ("part/code.py", "part/view.sql", "other.py"):
        (tmp_path / name).write_text("old")
    monkeypatch.setattr(sources, "PACKAGE", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "differs"), [("part/code.py", True), ("part/view.sql", True), ("other.py", False)]
)
def test_hash_of_a_folder_follows_its_files(package, changed, differs):
    """Code and views of the folder count, files beside it do not."""
    before = sources.code_hash("part")
    (package / changed).write_text("new")
    assert (sources.code_hash("part") != before) is differs


def test_worlds_follow_the_code_that_makes_them():
    """What decides a world's files is hashed: the generator, every method that it imports, declarations, the writer."""
    from playbook.world.generate import WORLD_CODE

    used = set()
    for file in (sources.PACKAGE / "world").rglob("*.py"):
        used |= set(re.findall(r"playbook\.methods\.(\w+)", file.read_text(encoding="utf-8")))
    assert used
    methods = {f"methods/{name}.py" for name in used}
    assert {"world", "store/schemas", "store/writing.py", *methods} == set(WORLD_CODE)
    assert all((sources.PACKAGE / name).exists() for name in WORLD_CODE)
