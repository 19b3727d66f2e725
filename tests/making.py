"""A small real run, made the way the runner makes one: for tests of what is published from it."""

import json
from pathlib import Path

from playbook import catalogue
from playbook.classroom import register
from playbook.engagement.notebook import execute
from playbook.notebooks import build
from playbook.store.writing import write_json
from playbook.world.generate import write_world
from playbook.world.settings import WorldSettings

PLAY = "measure.control_charts"
CLIENT = "Ada & Söhne <Ltd>"
PROVENANCE = {
    "client": CLIENT,
    "as_of": "2026-07-01",
    "data": "synthetic world",
    "seed": "7",
    "hash": "5eb68767fd6c",
}


def make_run(folder: Path) -> Path:
    """Write a run of one play on a small world: store, executed notebook, decisions, manifest."""
    write_world(WorldSettings(seed=7, customers=1500), folder / "store", domains=["delivery"])
    play = catalogue.play(PLAY)
    module = catalogue.modules()[play.module]
    (folder / "notebooks").mkdir(parents=True)
    values = {
        "client": CLIENT,
        "store": "../store",
        "register": "../register",
        "control_charts_phase1_weeks": 40,
    }
    execute(build(module, [play]), folder / "notebooks" / module.notebook, values)
    write_json(folder / "decisions.json", register.merge(folder / "register"))
    (folder / "steps").mkdir()
    (folder / "manifest.json").write_text(json.dumps({"notebooks": [module.notebook]}), encoding="utf-8")
    return folder
