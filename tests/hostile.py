"""A client whose texts try to become code: a small real run with HTML, Markdown, formulas and directives in its data."""

from playbook import catalogue
from playbook.classroom import register
from playbook.engagement.notebook import execute
from playbook.notebooks import build
from playbook.store.reading import Store
from playbook.store.writing import write_json, write_store
from playbook.world.generate import write_world
from playbook.world.settings import WorldSettings

PLAY = "measure.control_charts"
SCRIPT = "<script>document.title = 'taken over'</script><img src=x onerror=\"document.title='taken over'\">"
CLIENT = f"{SCRIPT} {{ref}}`x` [x](javascript:alert(1)) $\\frac12$ \\(x^2\\) & *Söhne* {{{{ title }}}}"
SITES = {
    "north": f"{SCRIPT} [north](javascript:alert(1)) $\\alpha$ *n*",
    "south": '=HYPERLINK("https://evil.example") {eval-rst}`x` ```{code-cell} \\(y\\) $5 to $10 a_b_c',
}
PROVENANCE = {"client": CLIENT, "as_of": "2026-07-01", "data": f"exports of {CLIENT}", "hash": "5eb68767fd6c"}


def make_run(folder):
    """Write a run of one play on a hostile client's store: store, executed notebook, decisions."""
    write_world(WorldSettings(seed=7, customers=1500), folder / "world", domains=["delivery"])
    world = Store(folder / "world")
    tables = {name: world.table(name) for name in world}
    tables["shipments"]["site_id"] = tables["shipments"]["site_id"].replace(SITES)
    write_store(folder / "store", tables, {"kind": "client", "name": CLIENT})
    play = catalogue.play(PLAY)
    module = catalogue.modules()[play.module]
    (folder / "notebooks").mkdir()
    values = {"client": CLIENT, "store": "../store", "register": "../register"}
    execute(build(module, [play]), folder / "notebooks" / module.notebook, values)
    write_json(folder / "decisions.json", register.merge(folder / "register"))
    return folder
