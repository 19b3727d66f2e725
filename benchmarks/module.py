"""CPU seconds of a module's notebook on the default world, play by play: ``python benchmarks/module.py define``."""

import json
import sys
import tempfile

from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from playbook.catalogue import modules
from playbook.notebooks import build

WATCH = """\
import time as _time
_spent = []
_ip = get_ipython()
_ip.events.register("pre_run_cell", lambda info: _spent.append(-_time.process_time()))
_ip.events.register("post_run_cell", lambda result: _spent.append(_spent.pop() + _time.process_time()))"""
TELL = """\
import json as _json
print(_json.dumps([_time.process_time(), *_spent[:-1]]))"""


def spent(name: str) -> tuple[float, dict[str, float]]:
    """CPU seconds of the whole kernel, and of each play's cells."""
    notebook = build(modules()[name])
    owners = [c.metadata.get("play", "set-up, closing") for c in notebook.cells if c.cell_type == "code"]
    notebook.cells = [new_code_cell(WATCH), *notebook.cells, new_code_cell(TELL)]
    with tempfile.TemporaryDirectory() as scratch:
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": scratch}}).execute()
    whole, *cells = json.loads(notebook.cells[-1].outputs[0].text)
    cells = cells[-len(owners) :]  # the watching cell itself may or may not be counted
    plays: dict[str, float] = {}
    for owner, seconds in zip(owners, cells, strict=True):
        plays[owner] = plays.get(owner, 0.0) + seconds
    return whole, plays


if __name__ == "__main__":
    for module in sys.argv[1:] or ["define"]:
        spent(module)  # the world is generated into the cache, code is compiled
        total, by_play = spent(module)
        for play, seconds in sorted(by_play.items(), key=lambda item: -item[1]):
            print(f"{seconds:7.2f}  {play}")
        print(f"{total:7.2f}  {module}: the whole kernel, with start and imports (CPU s)")
