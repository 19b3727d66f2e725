"""YAML written line by line, with comments: any text of a client's stays one value, or in its comment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml


def as_block(lines: Iterable[str], *, active: bool) -> list[str]:
    """Return lines of YAML; as comments when not `active`."""
    return [line if active or line.lstrip().startswith("#") else f"  # {line[2:]}" for line in lines]


def plain(text: str) -> str:
    """Return a text of the client's that cannot leave its comment."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(one) for one in value) + "]"
    return scalar(value) if isinstance(value, str) else repr(value).lower()


def scalar(text: str) -> str:
    r"""Return a text as YAML: bare when that reads back as the same, else in double quotes.

    Examples
    --------
    >>> scalar("Kunden Nr"), scalar("NO"), scalar('a "b"')
    ('Kunden Nr', '"NO"', '"a \\"b\\""')
    """
    bare = re.fullmatch(r"[^\W\d_][\w ./*-]*", text) and text == text.strip() and text.isprintable()
    if bare and yaml.safe_load(f"[{text}]") == [text]:
        return text
    escaped = "".join(
        f"\\{sign}" if sign in '"\\' else sign if sign.isprintable() else f"\\U{ord(sign):08x}"
        for sign in text
    )
    return f'"{escaped}"'
