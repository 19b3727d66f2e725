"""The synthetic world: a company's operations from one seed, with the truth kept apart.

One file per domain in `domains/`. A domain module has

- ``NEEDS``: the domains it reads; the order of causes follows from it,
- ``generate(settings, tables, rng) -> dict``: new tables (rows for a table that is there are appended; a table in
  ``COMPLETES`` is returned whole instead, with the same rows and more known about them; a name that begins with an
  underscore is for later domains only),
- ``PLANTS``: what it plants, per play (`plants.Plant`),
- ``ONCE = True`` when it belongs to the company and not to each division of it (see `blocks`).

What domains share stands beside this file: `draws`, `texts`, `keys` and `moments` make columns in bulk; `histories` and
`trials` say when customers buy, who is in which programme and what it changes; `rosters` and `cases` serve the desk;
`wording` writes what people say, in the `phrases` of each language; `truth` has the shared tables of truth.
"""

import pkgutil
from functools import cache
from pathlib import Path


@cache
def domain_names() -> tuple[str, ...]:
    """Return the names of all domains, in alphabetical order."""
    return tuple(sorted(info.name for info in pkgutil.iter_modules([str(Path(__file__).parent / "domains")])))
