"""A run is repeatable, resumable, and fails readably."""

import json
import re
import signal
import subprocess
import sys
import time

import nbformat
import pytest

from playbook import notebooks
from playbook.catalogue import MODULES
from playbook.engagement import runner
from playbook.engagement.notebook import PlayFailed, execute
from playbook.engagement.runner import SHARED_CODE, Run, alone, data_steps, run
from playbook.engagement.settings import read_engagement
from playbook.errors import RunError
from playbook.sources import PACKAGE
from playbook.store.reading import Store
from playbook.store.writing import write_store

ENGAGEMENT = """\
client: {name: Acme, industry: tools, currency: EUR}
as_of: 2026-07-01
data: {world: {seed: 7, customers: 600}}
plays: [measure.control_charts]
settings: {measure.control_charts: {phase1_weeks: PHASE}}
"""

MAPPING = """\
sources:
  north: {file: north/export.csv, columns: {Key: text}}
  south: {file: south/export.csv, columns: {Key: text}}
tables:
  regions:
    source: north
    columns: {region_id: Key, country: {constant: GB}, jurisdiction: {constant: UK}}
  products:
    source: south
    columns: {product_id: Key, name: Key, price_amt: {constant: 1}}
"""


def engagement(folder, phase=52):
    path = folder / "engagement.yml"
    path.write_text(ENGAGEMENT.replace("PHASE", str(phase)), encoding="utf-8")
    return path


def states(path, folder):
    """Run and return what was reported of each step last."""
    seen = {}
    run(path, folder, seen.__setitem__)
    return seen


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One finished run, its engagement file beside it."""
    folder = tmp_path_factory.mktemp("run")
    path = engagement(folder)
    assert states(path, folder / "run") == {"store": "done", "module-measure": "done"}
    return path, folder / "run"


def test_a_run_leaves_store_notebook_decisions_and_manifest(finished):
    """The folder holds all that the run used and made, and what made it."""
    _, folder = finished
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["seed"] == 7
    assert manifest["plays"] == ["measure.control_charts"]
    assert set(manifest["seconds"]) == {"store", "module-measure"}
    (decision,) = json.loads((folder / "decisions.json").read_text())
    assert decision["play"] == "measure.control_charts"
    assert decision["review_on"] == "2026-09-29"
    notebook = nbformat.read(folder / "notebooks" / "6_measure.ipynb", as_version=4)
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")


def test_an_unchanged_run_does_nothing_again(finished):
    """Every step is recognised as done."""
    assert set(states(*finished).values()) == {"unchanged"}


def test_a_changed_setting_runs_only_what_depends_on_it(finished, tmp_path):
    """A play's threshold does not regenerate the world; the same world gives the same hash."""
    _, folder = finished
    before = json.loads((folder / "manifest.json").read_text())
    assert states(engagement(tmp_path, phase=60), folder) == {"store": "unchanged", "module-measure": "done"}
    after = json.loads((folder / "manifest.json").read_text())
    assert after["data"] == before["data"]
    assert after["notebooks"] != before["notebooks"]


def test_a_run_can_be_repeated_from_its_own_copy_of_the_engagement(finished):
    """The file that the run folder keeps is as good as the one it was made from."""
    _, folder = finished
    before = (folder / "engagement.yml").read_bytes()
    assert "store" in states(folder / "engagement.yml", folder)
    assert (folder / "engagement.yml").read_bytes() == before


def test_another_clients_run_is_left_alone(finished, tmp_path):
    """A second client whose name makes the same folder does not overwrite the first."""
    path, folder = finished
    other = tmp_path / "other.yml"
    other.write_text(path.read_text().replace("name: Acme", "name: ACME!"))
    with pytest.raises(RunError, match="holds a run of 'Acme'"):
        run(other, folder)
    assert (folder / "manifest.json").is_file()


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    """A mistyped folder does not cost anybody their notebooks."""
    (tmp_path / "work" / "notebooks").mkdir(parents=True)
    kept = tmp_path / "work" / "notebooks" / "mine.ipynb"
    kept.write_text("{}")
    for folder in (tmp_path / "work", kept):
        with pytest.raises(RunError, match="is no run"):
            run(engagement(tmp_path), folder)
    assert [path for path in (tmp_path / "work").rglob("*") if path.is_file()] == [kept]


def test_two_runs_do_not_work_in_one_folder(finished):
    """The second is told so, and the folder is free again when the first has ended."""
    path, folder = finished
    with alone(Run(folder)), pytest.raises(RunError, match="in use by another run"):
        run(path, folder)
    assert (folder / "manifest.json").is_file()
    states(path, folder)


def test_a_run_folder_that_may_not_be_written_is_said_so(tmp_path):
    """Not taken for another run at work, which would be waited for in vain."""
    (tmp_path / "run" / "steps" / "lock").mkdir(parents=True)
    with pytest.raises(RunError, match="cannot be written"):
        run(engagement(tmp_path), tmp_path / "run")


def test_exports_of_one_name_in_two_folders_both_count(tmp_path):
    """A change of either makes the store anew."""
    for part in ("north", "south"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "export.csv").write_text("Key\nA\n")
    (tmp_path / "mapping.yml").write_text(MAPPING)
    path = tmp_path / "engagement.yml"
    path.write_text(ENGAGEMENT.split("data:")[0] + "data: {mapping: mapping.yml}\n")
    seen = set()
    for part in ("north", "south"):
        (tmp_path / part / "export.csv").write_text("Key\nB\n")
        seen.add(data_steps(read_engagement(path), path, Run(tmp_path / "run"))[0].inputs)
    assert len(seen) == 2


def test_a_killed_run_continues(tmp_path):
    """After a kill in the middle of a module, the store is kept and the module is executed."""
    path, folder = engagement(tmp_path), tmp_path / "run"
    code = f"from playbook.engagement.runner import run; run({str(path)!r}, {str(folder)!r})"
    process = subprocess.Popen([sys.executable, "-c", code])
    while not (folder / "steps" / "store.json").is_file():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / "manifest.json").exists()
    assert states(path, folder) == {"store": "unchanged", "module-measure": "done"}
    assert (folder / "manifest.json").is_file()


def test_a_failing_cell_is_named_and_its_notebook_is_kept(tmp_path, monkeypatch):
    """The error names module, play and cell on one line; the notebook shows the traceback; no manifest is written."""
    original = notebooks.build

    def with_a_mistake(module, chosen):
        notebook = original(module, chosen)
        notebook.cells[5].source = "1 / 0"  # the first cell of the play that computes
        return notebook

    monkeypatch.setattr(notebooks, "build", with_a_mistake)
    with pytest.raises(RunError) as error:
        run(engagement(tmp_path), tmp_path / "run")
    message = str(error.value)
    assert "module measure, play measure.control_charts, cell control_charts-" in message
    assert "ZeroDivisionError: division by zero" in message
    assert "\n" not in message
    kept = nbformat.read(tmp_path / "run" / "notebooks" / "6_measure.ipynb", as_version=4)
    assert any(o.output_type == "error" for c in kept.cells if c.cell_type == "code" for o in c.outputs)
    assert not (tmp_path / "run" / "manifest.json").exists()


def test_all_plays_that_fail_are_found_at_once(tmp_path):
    """With each one's first error; a page is told no cell of the client's that the error quotes."""
    code = [("a.one", "1 / 0"), ("a.one", "unknown"), ("b.two", "ok = 1"), ("c.three", "float('Hopper')")]
    cells = [nbformat.v4.new_code_cell(source, metadata={"play": play}) for play, source in code]
    with pytest.raises(PlayFailed, match=r"play a\.one, cell .*: ZeroDivisionError") as caught:
        execute(nbformat.v4.new_notebook(cells=cells), tmp_path / "1_define.ipynb", {}, keep_going=True)
    assert caught.value.failures == {
        "a.one": "ZeroDivisionError: division by zero",
        "c.three": "ValueError: could not convert string to float: 'Hopper'",
    }
    place = Run(tmp_path)
    place.store.mkdir()
    runner._set_unfit(place, "c.three", caught.value.failures["c.three"])
    assert (place.store / "unfit" / "c.three.txt").read_text() == "ValueError"


def test_a_play_that_fails_on_a_clients_data_becomes_an_illustration(tmp_path, monkeypatch):
    """The module is executed again, the store says why, and what fails on the illustration as well fails the run."""
    folder = tmp_path / "run"
    write_store(folder / "store", {}, {"kind": "client", "name": "Acme"})
    (folder / "decisions").mkdir()
    path = tmp_path / "engagement.yml"
    path.write_text(ENGAGEMENT.split("data:")[0] + "data: {mapping: mapping.yml}\n")
    failed = PlayFailed("cell 3 failed", {"measure.control_charts": "ValueError: too few weeks"})
    outcomes = [failed, None, failed, failed]

    def execute(notebook, output, parameters, keep_going):
        assert keep_going
        if outcome := outcomes.pop(0):
            raise outcome

    monkeypatch.setattr(runner, "execute", execute)
    step = runner.module_step(read_engagement(path), "measure", Run(folder), "data")
    step.action()
    assert Store(folder / "store").unfit("measure.control_charts") == "too few weeks"
    assert outcomes == [failed, failed]
    with pytest.raises(RunError, match="cell 3 failed"):
        step.action()


def test_a_notebook_is_made_again_when_shared_code_changes():
    """Every file beside the folders that a play imports is part of what its module's step depends on."""
    used = set()
    for module in MODULES:
        for file in (PACKAGE / module).rglob("*.py"):
            used |= set(
                re.findall(r"^from playbook\.(\w+) import", file.read_text(encoding="utf-8"), flags=re.M)
            )
    beside = {f"{name}.py" for name in used if (PACKAGE / f"{name}.py").is_file()}
    assert "wording.py" in beside
    assert beside <= set(SHARED_CODE)
