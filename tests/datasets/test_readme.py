"""The data dictionary is the one that the declarations give."""

from playbook.catalogue import project_root
from playbook.publish.dictionary import dictionary
from playbook.store.schemas import tables

FOLDER = project_root() / "datasets"


def test_the_dictionary_is_current():
    """Whoever changes a declaration rebuilds the dictionary (make notebooks)."""
    assert (FOLDER / "dictionary.md").read_text(encoding="utf-8").endswith(dictionary())


def test_every_table_says_where_it_comes_from():
    """A client must know which export to look for."""
    assert [table.name for table in tables().values() if not table.system] == []
    assert {table.area for table in tables().values()}.isdisjoint({"Other", ""})
