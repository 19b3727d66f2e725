"""Participants' copies: everything to work with, no answer in any file."""

import io
import json
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

from playbook import catalogue
from playbook.errors import RunError, StoreError
from playbook.publish.participants import copy_for_participants, for_participant
from playbook.store.reading import Store
from playbook.store.writing import write_store
from playbook.world.truth import COLUMNS as SHARED

from ..making import CLIENT, PLAY, make_run

TRUTH = catalogue.play(PLAY).truth


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def copy(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("handed-out") / "workshop"
    copy_for_participants(run, out)
    return out


@pytest.fixture(scope="module")
def client_copy(run, tmp_path_factory):
    """A copy of a client's run, whose data feed no play: it is shown on the synthetic world."""
    folder = tmp_path_factory.mktemp("client")
    for name in ("store", "notebooks", "steps", "manifest.json"):
        (folder / {"store": "illustration"}.get(name, name)).symlink_to(run / name)
    info = {"kind": "client", "name": "Ada", "illustration": "../illustration"}
    write_store(folder / "store", {"regions": Store(run / "store").table("regions")}, info)
    (folder / "store" / "unfit").mkdir()
    (folder / "store" / "unfit" / "define.granularity.txt").write_text("too few accounts")
    copy_for_participants(folder, folder / "copy")
    return folder / "copy"


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def truths(run):
    return {path.stem: path for path in (run / "store" / "truth").glob("*.parquet")}


def secrets(run):
    """Bytes that only the truth has: its files, and column names that no other table has.

    The shared tables of truth have everyday words for columns, such as "table": they say nothing.
    """
    public = {c for table in Store(run / "store") for c in Store(run / "store").table(table).columns}
    for path in truths(run).values():
        yield path.read_bytes()
        if path.stem in SHARED:
            continue
        frame = pd.read_parquet(path)
        yield from (name.encode() for name in frame.columns if name not in public and len(name) > 4)


@pytest.mark.parametrize("which", ["copy", "client_copy"])
def test_no_file_holds_a_truth_table_or_a_name_from_it(run, which, request):
    folder = request.getfixturevalue(which)
    hidden = list(secrets(run))
    assert len(hidden) > len(truths(run))
    for file in files(folder):
        content = file.read_bytes()
        assert not [secret[:40] for secret in hidden if secret in content], file


@pytest.mark.parametrize("which", ["copy", "client_copy"])
def test_no_readable_table_is_a_truth_table(run, which, request):
    """Also not under another name: columns and rows of no Parquet file match a truth table."""
    columns = {frozenset(pd.read_parquet(path).columns) for path in truths(run).values()}
    for file in files(request.getfixturevalue(which)):
        try:
            frame = pd.read_parquet(io.BytesIO(file.read_bytes()))
        except Exception:
            assert file.suffix != ".parquet"
            continue
        assert frozenset(frame.columns) not in columns
        assert "truth" not in file.parts


def test_no_notebook_holds_a_solution_an_output_or_a_trace_of_the_run(run, copy):
    executed = nbformat.read(run / "notebooks" / "6_measure.ipynb", as_version=4)
    solved = [c.source for c in executed.cells if "solution" in c.metadata.get("tags", [])]
    lines = [line for source in solved for line in source.splitlines()]
    assert lines
    for file in files(copy):
        content = file.read_bytes()
        assert not [line for line in lines if json.dumps(line)[1:-1].encode() in content], file
    handed = nbformat.read(copy / "6_measure.ipynb", as_version=4)
    assert not [
        c for c in handed.cells if c.get("outputs") or "injected-parameters" in c.metadata.get("tags", [])
    ]
    assert "papermill" not in json.dumps(handed)
    assert str(run) not in json.dumps(handed)


def test_the_parameters_cell_carries_the_engagement_and_relative_folders(copy):
    handed = nbformat.read(copy / "6_measure.ipynb", as_version=4)
    (cell,) = [c for c in handed.cells if "parameters" in c.metadata.get("tags", [])]
    values = {}
    exec(cell.source, values)
    assert values["client"] == CLIENT
    assert values["control_charts_phase1_weeks"] == 40
    assert (values["store"], values["register"]) == ("store", "decisions")
    assert 'store: str = "store"  # folder of Parquet tables' in cell.source.replace("'", '"')


def test_plays_that_fail_on_the_data_are_known_in_the_copy(client_copy):
    """Or they would fail in the workshop."""
    assert Store(client_copy / "store").unfit("define.granularity") == "too few accounts"


@pytest.mark.parametrize("which", ["copy", "client_copy"])
def test_the_notebook_runs_in_the_copy_and_its_check_still_knows(run, which, request):
    """The solution's answer earns the same words as in the run, on the same truth; an absurd one does not."""
    folder = request.getfixturevalue(which)
    executed = nbformat.read(run / "notebooks" / "6_measure.ipynb", as_version=4)
    (right,) = [c.source for c in executed.cells if "solution" in c.metadata.get("tags", [])]
    (words,) = [c.outputs[0].data["text/markdown"] for c in executed.cells if "session.check(" in c.source]
    handed = nbformat.read(folder / "6_measure.ipynb", as_version=4)
    (check,) = [c for c in handed.cells if "session.check(" in c.source]
    check.source = f"{right}\n{check.source}\nanswer = 100 * answer\n{check.source}"
    NotebookClient(handed, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    said = [output.data["text/markdown"] for output in check.outputs]
    assert said[0] == words
    assert "planted truth" in said[0]
    assert said[1].startswith("**Too high: off by more than a factor of 10")
    assert (folder / "decisions" / "measure.json").is_file()


def test_sealed_truth_is_the_truth_of_the_copied_plays(run, copy):
    """What the play's check reads is there, whole; other plays' rows of a shared table are not handed out."""
    for name in TRUTH:
        whole = Store(run / "store").truth(name, PLAY).reset_index(drop=True)
        pd.testing.assert_frame_equal(Store(copy / "store").truth(name).reset_index(drop=True), whole)


def test_only_truth_that_checks_read_is_copied(copy):
    assert {path.stem for path in (copy / "store" / "truth").iterdir()} == set(TRUTH)


def test_a_folder_with_somebodys_work_is_left_alone(run, tmp_path):
    (tmp_path / "mine.txt").write_text("work", encoding="utf-8")
    with pytest.raises(RunError, match="is not empty"):
        copy_for_participants(run, tmp_path)


def test_a_file_is_left_alone(run, tmp_path):
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    with pytest.raises(RunError, match="choose another folder"):
        copy_for_participants(run, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("lacking", "message"),
    [("steps", "is no run"), ("manifest.json", "is not finished"), ("notebooks", "lacks 6_measure.ipynb")],
)
def test_what_is_no_finished_run_is_refused(run, tmp_path, lacking, message):
    """A run that failed keeps its notebooks to look at, not to hand out."""
    for name in {"store", "notebooks", "steps", "manifest.json"} - {lacking}:
        (tmp_path / name).symlink_to(run / name)
    with pytest.raises(RunError, match=message):
        copy_for_participants(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_truth_table_is_named_and_nothing_is_handed_out(run, tmp_path, monkeypatch):
    from playbook.publish import participants

    bare = SimpleNamespace(id=PLAY, truth=("truth_nowhere",))
    monkeypatch.setattr(participants.catalogue, "play", lambda _: bare)
    with pytest.raises(StoreError, match="truth_nowhere"):
        copy_for_participants(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_values_replace_defaults_where_they_stand():
    """Comments and types survive, whatever characters a name holds."""
    from nbformat.v4 import new_code_cell, new_notebook

    default = (
        'client: str = "Bä"  # the client\nstore: str = "demo"  # data\nregister: str = "d"  # decisions'
    )
    cells = [
        new_code_cell(default, metadata={"tags": ["parameters"]}),
        new_code_cell('# Parameters\nclient = "Ünal # 1"', metadata={"tags": ["injected-parameters"]}),
    ]
    (cell,) = for_participant(new_notebook(cells=cells)).cells
    assert cell.source.splitlines()[0] == 'client: str = "Ünal # 1"  # the client'
