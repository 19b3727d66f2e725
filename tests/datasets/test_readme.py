"""The data dictionary names what there is: every canonical table and every table of planted truth."""

from playbook.catalogue import project_root
from playbook.store.schemas import tables

TEXT = (project_root() / "datasets" / "README.md").read_text(encoding="utf-8")


def test_every_canonical_table_is_explained():
    """A table that is declared but not explained is a riddle."""
    assert [name for name in tables() if f"`{name}`" not in TEXT] == []


def test_every_table_of_truth_is_explained(demo_store):
    """What is planted is no secret to the facilitator; only the numbers are kept apart."""
    planted = sorted(path.stem for path in (demo_store.path / "truth").glob("*.parquet"))
    assert [name for name in planted if f"`{name}`" not in TEXT] == []
    assert len(planted) >= 10
