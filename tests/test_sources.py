"""A hash of the package's code follows what it names, and nothing else."""

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


def test_worlds_follow_the_declarations_of_their_tables():
    """What decides a world's files is hashed: the generator, the methods it calls, declarations, the writer."""
    from playbook.world.generate import WORLD_CODE

    assert {"world", "methods", "store/schemas", "store/writing.py"} <= set(WORLD_CODE)
    assert all((sources.PACKAGE / name).exists() for name in WORLD_CODE)
