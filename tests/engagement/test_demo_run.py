"""The demo engagement from beginning to end: seven modules agree with the planted truth, and their figures are stable."""

import json
import shutil

import nbformat
import pytest

from playbook.catalogue import modules, plays, project_root
from playbook.engagement.runner import run

# Predicted ranges of all decisions. Not an oracle (the plays' own tests hold those): a change here must be meant.
FIGURES = {
    "define.customer_value": (2360.74, 4779.68),
    "define.engagement_model": (442865, 2.17592e06),
    "define.tier_assignment": (14.2899, 17.8101),
    "define.granularity": (0.651875, 0.881948),
    "define.shared_definition": (0.81, 1),
    "define.intimate_knowledge": (9.67071, 12.899),
    "define.data_sources": (8709.79, 16856),
    "define.qualitative_signals": (0.245765, 0.317834),
    "define.journey_map": (0.485933, 0.500967),
    "define.handoffs": (19.5628, 32.9028),
    "define.standardize_or_localize": (0.307244, 0.330319),
    "define.service_levels": (0.851256, 0.914579),
    "define.latency_thresholds": (0.406372, 0.411863),
    "define.intimacy_kpis": (0.607252, 0.666319),
    "define.deviation_limits": (5.04, 7.88),
    "unify.identity_resolution": (0, 0.0075),
    "design.routing": (2.41056, 3.53196),
    "balance.safety_stock": (45255.1, 71773.3),
    "govern.consent": (0, 7),
    "measure.control_charts": (0.105693, 0.182952),
    "sustain.training": (9, 12),
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The finished run of the demo engagement; what `make demo` made of this very code is not computed again."""
    folder, done = tmp_path_factory.mktemp("demo") / "run", project_root() / "runs" / "demo-company"
    if done.is_dir():
        shutil.copytree(done, folder)
    return run(project_root() / "datasets" / "demo" / "engagement.yml", folder)


@pytest.fixture(scope="module")
def decisions(demo):
    return {row["play"]: row for row in json.loads((demo.folder / "decisions.json").read_text())}


def test_every_play_decides_once(decisions):
    """No play is skipped, none is an illustration."""
    assert list(decisions) == list(plays())
    assert not any(row["illustration"] for row in decisions.values())


@pytest.mark.parametrize("play_id", plays())
def test_predicted_ranges_are_those_of_the_last_release(decisions, play_id):
    """Within two per cent, whatever the platform's last digits."""
    row = decisions[play_id]
    assert (row["low"], row["high"]) == pytest.approx(FIGURES[play_id], rel=0.02, abs=1e-6)


@pytest.mark.parametrize("module", modules().values(), ids=lambda m: m.name)
def test_the_solution_is_near_the_planted_truth(demo, module):
    """In the executed notebook, each play's check calls its own solution near."""
    notebook = nbformat.read(demo.notebooks / module.notebook, as_version=4)
    checks = [c for c in notebook.cells if c.cell_type == "code" and "session.check(" in c.source]
    assert len(checks) == len([p for p in plays().values() if p.module == module.name])
    for cell in checks:
        said = "".join(output.data["text/plain"] for output in cell.outputs)
        assert "Checked against the planted truth" in said
        assert "Hint" not in said
        assert said.startswith(("**Near", "**Right")), said
