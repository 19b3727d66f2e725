"""Reading a YAML file into a pydantic model; each problem is one line that names file, key and nearest valid name."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from playbook.errors import PlaybookError, nearest

Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """Refuses unknown keys and silent conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def known(name: str, valid: Iterable[str], where: str = "") -> str:
    """Return `name`; raise a ValueError with the nearest valid one when it is none of them."""
    if name not in valid:
        raise ValueError(f"{where}unknown '{name}'; {nearest(name, valid)}")
    return name


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice in one place (YAML would keep the last and say nothing).

    Only true and false are flags, as in YAML 1.2: a column named No and the country NO are texts.
    """

    yaml_implicit_resolvers = {
        letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
        for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if str(key.value) in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"key '{key.value}' stands twice", problem_mark=key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile("true|True|TRUE|false|False|FALSE"), list("tTfF")
)


def load(path: Path, model: type[Model], error: type[PlaybookError]) -> Model:
    """Read `path` and validate it as `model`.

    Raises
    ------
    error
        When the file is missing, is not YAML, or a key or value is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as problem:
        raise error(f"{path}: cannot be read ({problem.strerror}); expected a YAML file") from None
    except UnicodeDecodeError:
        raise error(f"{path}: its text is not in UTF-8; expected a YAML file") from None
    try:
        values = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError) as problem:  # a ValueError is a date like 2026-13-01
        mark = getattr(problem, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        text = str(getattr(problem, "problem", problem)).splitlines()[0]
        raise error(f"{path}{line}: not valid YAML ({text})") from None
    if not isinstance(values, dict):
        raise error(
            f"{path}: expected keys {', '.join(model.model_fields)}; the file holds {type(values).__name__}"
        )
    try:
        return model.model_validate(values)
    except ValidationError as problem:
        raise error(f"{path}: {explain(problem, model)}") from None


def explain(problem: ValidationError, model: type[BaseModel]) -> str:
    """Return the first problem as one line: key path, what is wrong, what was expected."""
    # An unknown key explains a missing one, not the other way round.
    first = min(problem.errors(), key=lambda e: e["type"] != "extra_forbidden")
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        fields = _model_at(model, first["loc"][:-1]).model_fields
        return f"unknown key '{where}'; {nearest(str(first['loc'][-1]), fields)}"
    if first["type"] == "missing":
        return f"key '{where}' is missing"
    text = first["msg"].removeprefix("Value error, ")
    # An address may hold a password.
    untold = isinstance(first["input"], dict) or "://" in str(first["input"])
    given = "" if untold else f" (got {first['input']!r})"
    return f"{where + ': ' if where else ''}{text}{given}"


def _model_at(model: type[BaseModel], loc: tuple[Any, ...]) -> type[BaseModel]:
    """Return the nested model at a pydantic error location."""
    for part in loc:
        field = model.model_fields.get(str(part))
        nested = _models_in(field.annotation) if field else []
        if nested:
            model = nested[0]
    return model


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if get_origin(annotation) in (Union, types.UnionType, list, dict, tuple):
        return [found for argument in get_args(annotation) for found in _models_in(argument)]
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []
