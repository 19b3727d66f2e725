"""What the project and the theme of its pages say themselves: to find it on a page is no finding of the gate."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from importlib.metadata import distributions
from pathlib import Path

from playbook.catalogue import project_root

OWN = {
    ".": ("README.md", "LICENSE*", "_config.yml"),
    "book": ("**/*.md", "**/*.txt", "**/*.yml", "**/*.css", "**/*.csv"),
    "modules": ("**/*.md", "**/*.yml"),
    "datasets": ("*.md", "*/README.md"),
    "src/playbook": ("**/*.py", "**/*.sql", "**/*.yml"),
}
NOT_OWN = ("src/playbook/intake", "src/playbook/publish")  # their docstrings name people, as examples
THEME = re.compile(r"sphinx|myst|jupyter[-_]book|pydata", re.I)
# Whole numbers and figures, words, and the signs between them; not the signs of markup, nor quotes.
TOKEN = re.compile(r"\d+(?:[.,]\d+)+(?![^\W_])|[^\W_]+|[^\w\s*`#\\\"']")


@lru_cache(maxsize=10_000)
def is_own(value: str) -> bool:
    """Return whether the words of a value stand in a row, as whole words, in one of the project's own files.

    Signs between the words count, those of markup do not. A number is part of no longer number or figure.
    """
    tokens = _tokens(value)
    return bool(tokens) and any(tokens in text for text in _own_tokens())


@cache
def harmless() -> frozenset[str]:
    """Return the words, in lower case, that are on pages without any client: no name by themselves."""
    texts = [*own_texts()]
    for file in theme_files().get("html", ()):
        texts.append(file.read_text(encoding="utf-8", errors="replace").casefold())
    words = {word for text in texts for word in re.findall(r"[^\W\d_]{3,}", text)}
    bare = {
        "".join(c for c in unicodedata.normalize("NFKD", w) if not unicodedata.combining(c)) for w in words
    }
    return frozenset(words | bare)


@cache
def own_texts() -> tuple[str, ...]:
    """Return what the project's own files say, in lower case: what stands there is no secret."""
    root = project_root()
    return tuple(
        file.read_text(encoding="utf-8", errors="replace").casefold()
        for part, kinds in OWN.items()
        for kind in kinds
        for file in sorted((root / part).glob(kind))
        if not any(file.is_relative_to(root / other) for other in NOT_OWN)
    )


@cache
def theme_files() -> dict[str, list[Path]]:
    """Return the files of the installed theme by name, and its templates under `html`."""
    found: dict[str, list[Path]] = {}
    for package in distributions():
        if THEME.search(package.metadata["Name"] or ""):
            for file in package.files or ():
                if file.suffix not in (".py", ".pyc"):
                    place = Path(str(package.locate_file(file)))
                    found.setdefault(file.name, []).append(place)
                    if file.suffix == ".html":
                        found.setdefault("html", []).append(place)
    return found


@cache
def _own_tokens() -> tuple[str, ...]:
    return tuple(_tokens(text) for text in own_texts())


def _tokens(text: str) -> str:
    """Return the tokens of a text, a blank around each."""
    found = TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())
    return f" {' '.join(found)} " if found else ""
