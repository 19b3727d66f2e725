"""The catalogue is what the sections' front matter says, and each play has its three files."""

import importlib

import pytest

from playbook import catalogue
from playbook.catalogue import plays, project_root
from playbook.errors import CatalogueError
from playbook.publish.coverage import plan
from playbook.store.reading import view_needs, views
from playbook.store.schemas import tables

DOORS = ("plot", "what_if", "plot_what_if", "decide", "check")


@pytest.mark.parametrize("play_id", plays())
def test_every_play_has_its_doors_and_its_test(play_id):
    """Section, code and test carry the same name; the code has the doors the classroom calls, and three hints."""
    play = plays()[play_id]
    code = importlib.import_module(f"playbook.{play_id}")
    assert all(callable(getattr(code, door, None)) for door in DOORS)
    assert len(code.HINTS) == 3
    assert (project_root() / "tests" / play.module / f"test_{play.name}.py").is_file()


@pytest.mark.parametrize("play_id", plays())
def test_every_input_is_a_canonical_table_or_a_view_of_some(play_id):
    """A play reads only what a store can hold."""
    play = plays()[play_id]
    for name in play.inputs + play.optional:
        for table in view_needs(name) if name in views() else (name,):
            assert table in tables()


def test_front_matter_that_is_no_yaml_is_one_line(tmp_path):
    """A missing bracket names the file."""
    section = tmp_path / "play.md"
    section.write_text("---\ntitle: [x\n---\nbody\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"play\.md: front matter is not valid YAML") as error:
        catalogue.read_play(section)
    assert "\n" not in str(error.value)


def test_outside_a_checkout_the_error_says_what_to_do(tmp_path, monkeypatch):
    """The package alone, without modules/, cannot find its plays."""
    monkeypatch.setattr(catalogue, "__file__", str(tmp_path / "src" / "playbook" / "catalogue.py"))
    with pytest.raises(
        CatalogueError, match=r"no modules/ folder in .*: install the playbook from its checkout"
    ):
        project_root()


def test_an_unknown_key_in_front_matter_names_the_nearest(tmp_path):
    """A typo in a section is one line with the file and the key that was meant."""
    section = tmp_path / "play.md"
    section.write_text("---\ntitel: x\n---\nbody\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match="unknown key 'titel'; did you mean 'title'"):
        catalogue.read_play(section)


def test_plays_follow_the_stages_of_their_module():
    """Where a module has stages, they hold each of its planned plays once, and its plays come in that order."""
    staged = [module for module in catalogue.modules().values() if module.stages]
    assert staged
    for module in staged:
        path = [name for stage in module.stages for name in stage.plays]
        planned = [
            play.removeprefix(f"{module.name}.") for play in plan() if play.startswith(f"{module.name}.")
        ]
        assert sorted(path) == sorted(planned)
        written = [play.name for play in plays().values() if play.module == module.name]
        assert written == [name for name in path if name in written]
