"""A run is repeatable, resumable, and fails readably."""

import json
import signal
import subprocess
import sys
import time

import nbformat
import pytest

from playbook import notebooks
from playbook.engagement.runner import run
from playbook.errors import RunError

ENGAGEMENT = """\
client: {name: Acme, industry: tools, currency: EUR}
as_of: 2026-07-01
data: {world: {seed: 7, customers: 600}}
plays: [measure.control_charts]
settings: {measure.control_charts: {phase1_weeks: PHASE}}
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
