"""The errors a user can meet, each one clear line.

PlaybookError
├── SettingsError     an engagement or world setting is unknown or impossible
├── MappingError      a client's mapping does not fit its exports
├── StoreError        a store or a table in it is missing or incomplete
├── CatalogueError    a section's front matter is wrong
├── RunError          a step of a run failed
└── PublishError      something that would be published is personal or secret
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PlaybookError(Exception):
    """Base of every error that is the user's to mend: its text is one clear line."""


class SettingsError(PlaybookError):
    """An engagement or world setting is unknown or impossible."""


class MappingError(PlaybookError):
    """A client's mapping does not fit its exports."""


class StoreError(PlaybookError):
    """A store, or a table in it, is missing or incomplete."""


class CatalogueError(PlaybookError):
    """A section's front matter is wrong."""


class RunError(PlaybookError):
    """A step of a run failed."""


class PublishError(PlaybookError):
    """Something that would be published is personal or secret."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return the end of an error line: the nearest valid name, or the list of them.

    Examples
    --------
    >>> nearest("custmers", ["customers", "seed"])
    "did you mean 'customers'?"
    >>> nearest("zzz", ["customers", "seed"])
    'valid: customers, seed'
    """
    names = sorted(str(v) for v in valid)
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else f"valid: {', '.join(names) or 'none'}"
