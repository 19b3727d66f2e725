"""The catalogue of plays: the front matter of the sections in `modules/`, and nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from playbook.errors import CatalogueError, nearest

MODULES = ("define", "unify", "design", "balance", "govern", "measure", "sustain")
CUTS = ("half", "full", "self")
FIELDS = {"title", "topics", "minutes", "inputs", "optional", "truth", "decides", "settings", "references"}
SETTING_FIELDS = {"default", "min", "max", "choices", "help"}


def project_root() -> Path:
    """Return the checkout that holds `modules/`, `book/` and `datasets/`."""
    root = Path(__file__).resolve().parents[2]
    if not (root / "modules").is_dir():
        raise CatalogueError(
            f"no modules/ folder in {root}: install the playbook from its checkout (pip install -e .)"
        )
    return root


@dataclass(frozen=True)
class Setting:
    """One threshold of a play that an engagement may set.

    Parameters
    ----------
    name : str
        Name inside the play; the notebook parameter is `<play>_<name>`.
    default : bool, int, float or str
        Its type is the type of the setting.
    help : str
        What it means, with its unit.
    low, high : float, optional
        Smallest and largest valid value.
    choices : tuple
        The valid values, if only some are.
    """

    name: str
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()

    def problem(self, value: Any) -> str | None:
        """Return what is wrong with `value`, or None."""
        wanted = type(self.default)
        if wanted is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not wanted:
            return f"expected {wanted.__name__} ({self.help}), got {value!r}"
        if self.choices and value not in self.choices:
            return f"got {value!r}; {nearest(str(value), map(str, self.choices))}"
        inside = self.low is None or value >= self.low
        if not (inside and (self.high is None or value <= self.high)):  # so put, NaN is outside
            return f"expected {self.low} to {self.high} ({self.help}), got {value!r}"
        return None


@dataclass(frozen=True)
class Play:
    """One play as its section's front matter states it.

    `inputs` are tables or views the play cannot do without; `optional` ones it uses when they are there; `truth` names
    the tables of planted truth that its check reads.
    """

    module: str
    name: str
    title: str
    topics: tuple[str, ...]
    teach_min: int
    practise_min: int
    cut: str
    inputs: tuple[str, ...]
    decides: str
    section: Path = field(repr=False)
    optional: tuple[str, ...] = ()
    truth: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    references: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """`module.name`, also the import path below `playbook`."""
        return f"{self.module}.{self.name}"

    def parameter(self, setting: Setting) -> str:
        """Return the notebook parameter that carries `setting`."""
        return f"{self.name}_{setting.name}"

    def body(self) -> str:
        """Return the section's MyST text below its front matter."""
        return _split(self.section)[1]


def _split(path: Path) -> tuple[dict[str, Any], str]:
    match = re.match(r"---\n(.*?)\n---\n(.*)", path.read_text(encoding="utf-8"), flags=re.S)
    if not match:
        raise CatalogueError(f"{path}: expected front matter between two '---' lines at the top")
    try:
        front = yaml.safe_load(match[1])
    except yaml.YAMLError as error:
        raise CatalogueError(
            f"{path}: front matter is not valid YAML ({' '.join(str(error).split())})"
        ) from None
    return front or {}, match[2].lstrip("\n")


def _setting(path: Path, name: str, spec: dict[str, Any]) -> Setting:
    for key in spec:
        if key not in SETTING_FIELDS:
            raise CatalogueError(
                f"{path}: settings.{name}: unknown key '{key}'; {nearest(key, SETTING_FIELDS)}"
            )
    if "default" not in spec or "help" not in spec:
        raise CatalogueError(f"{path}: settings.{name}: needs 'default' and 'help'")
    setting = Setting(
        name, spec["default"], spec["help"], spec.get("min"), spec.get("max"), tuple(spec.get("choices", ()))
    )
    if problem := setting.problem(setting.default):
        raise CatalogueError(f"{path}: settings.{name}.default: {problem}")
    return setting


def read_play(path: Path) -> Play:
    """Read one section's front matter.

    Raises
    ------
    CatalogueError
        When a key is unknown or missing, with the file and the nearest valid key.
    """
    front, _ = _split(path)
    for key in front:
        if key not in FIELDS:
            raise CatalogueError(f"{path}: unknown key '{key}'; {nearest(key, FIELDS)}")
    for key in ("title", "topics", "minutes", "inputs", "decides"):
        if key not in front:
            raise CatalogueError(f"{path}: key '{key}' is missing")
    minutes = front["minutes"]
    if set(minutes) != {"teach", "practise", "cut"} or minutes["cut"] not in CUTS:
        raise CatalogueError(f"{path}: minutes: expected {{teach, practise, cut}} with cut one of {CUTS}")
    return Play(
        module=path.parent.name,
        name=path.stem,
        title=front["title"],
        topics=tuple(front["topics"]),
        teach_min=minutes["teach"],
        practise_min=minutes["practise"],
        cut=minutes["cut"],
        inputs=tuple(front["inputs"]),
        decides=front["decides"],
        section=path,
        optional=tuple(front.get("optional", ())),
        truth=tuple(front.get("truth", ())),
        settings=tuple(_setting(path, name, spec) for name, spec in front.get("settings", {}).items()),
        references=tuple(front.get("references", ())),
    )


@cache
def plays() -> MappingProxyType[str, Play]:
    """Return every play that has a section, by id: by module, in the order of its stages, then by cut and name."""
    found: dict[str, Play] = {}
    for name, module in modules().items():
        path = [play for stage in module.stages for play in stage.plays]
        folder = project_root() / "modules" / name
        sections = [read_play(path) for path in sorted(folder.glob("*.md"))]
        rank = {play.name: path.index(play.name) if play.name in path else len(path) for play in sections}
        for play in sorted(sections, key=lambda p: (rank[p.name], CUTS.index(p.cut), p.name)):
            found[play.id] = play
    return MappingProxyType(found)


def play(play_id: str) -> Play:
    """Return the play `play_id`, e.g. ``"measure.control_charts"``.

    Raises
    ------
    CatalogueError
        When there is no such play, with the nearest id.
    """
    if play_id not in plays():
        raise CatalogueError(f"no play '{play_id}'; {nearest(play_id, plays())}")
    return plays()[play_id]


@dataclass(frozen=True)
class Stage:
    """One step on the way through a module: what it is about, and its plays, by name, in order."""

    title: str
    says: str
    plays: tuple[str, ...]


@dataclass(frozen=True)
class Module:
    """One of the seven groups of plays: `modules/<name>/_module.yml`.

    `closing` says, as the end of a sentence, what the module's decisions add up to.
    """

    name: str
    number: int
    title: str
    overview: str
    closing: str = ""
    stages: tuple[Stage, ...] = ()

    @property
    def notebook(self) -> str:
        """File name of the module's notebook, e.g. `6_measure.ipynb`."""
        return f"{self.number}_{self.name}.ipynb"


@cache
def modules() -> MappingProxyType[str, Module]:
    """Return the seven modules by name, in order."""
    found = {}
    for number, name in enumerate(MODULES, start=1):
        text = (project_root() / "modules" / name / "_module.yml").read_text(encoding="utf-8")
        entry = yaml.safe_load(text)
        stages = [Stage(s["title"], s["says"], tuple(s["plays"])) for s in entry.pop("stages", ())]
        found[name] = Module(name, number, **entry, stages=tuple(stages))
    return MappingProxyType(found)
