"""The decision register: one JSON file per module, merged into `decisions.json` by a run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from playbook.catalogue import MODULES, Module
from playbook.classroom.output import plain
from playbook.contract import Decision
from playbook.store.writing import write_json


def entry(
    play_id: str,
    title: str,
    decision: Decision,
    *,
    as_of: date,
    currency: str,
    illustration: bool,
    data_hash: str,
    owner: str = "",
) -> dict[str, Any]:
    """Return one row of the register.

    Keys: play, title, the fields of `Decision` (money named by its currency, owner replaced by `owner` when given),
    review_on, as_of, illustration (decided on the synthetic world instead of the client's data), data_hash, realised
    (None until the review), status.
    """
    row = {"play": play_id, "title": title, **asdict(decision)}
    days = row.pop("review_days")
    row["unit"] = decision.unit.replace("money", currency)
    if owner:
        row["owner"] = owner
    return row | {
        "review_on": (as_of + timedelta(days=days)).isoformat(),
        "as_of": as_of.isoformat(),
        "illustration": illustration,
        "data_hash": data_hash,
        "realised": None,
        "status": "open",
    }


def record(folder: str | Path, module: str, row: dict[str, Any]) -> None:
    """Write `row` to `folder/<module>.json`, replacing an earlier decision of the same play."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{module}.json"
    rows = {r["play"]: r for r in json.loads(file.read_text(encoding="utf-8"))} if file.is_file() else {}
    rows[row["play"]] = row
    write_json(file, list(rows.values()))


def merge(folder: str | Path) -> list[dict[str, Any]]:
    """Return all decisions in a register folder, in the order of the modules."""
    files = [Path(folder) / f"{module}.json" for module in MODULES]
    return [row for file in files if file.is_file() for row in json.loads(file.read_text(encoding="utf-8"))]


def predicted(row: Mapping[str, Any]) -> str:
    """Return a decision's predicted range with its unit.

    Examples
    --------
    >>> predicted({"metric": "late parcels", "unit": "share", "low": 0.1218, "high": 0.193})
    'late parcels between 12.2% and 19.3%'
    >>> predicted({"metric": "margin", "unit": "EUR a year", "low": 12345.6, "high": 20000})
    'margin between 12,346 and 20,000 EUR a year'
    """
    if row["unit"] == "share":
        low, high, unit = f"{row['low']:.1%}", f"{row['high']:.1%}", ""
    else:
        low, high, unit = _number(row["low"]), _number(row["high"]), f" {row['unit']}"
    return f"{row['metric']} between {low} and {high}{unit}"


def on_one_page(module: Module, rows: Iterable[Mapping[str, Any]], open_titles: Mapping[str, str]) -> str:
    """Return what a module's decisions add up to, as Markdown, by its stages.

    A decision that was taken on the synthetic world instead of the client's data is listed as still open.

    Parameters
    ----------
    module : Module
        With its stages.
    rows : iterable of mapping
        Rows of the register; other modules' are left out.
    open_titles : mapping
        Titles of the module's plays by id: what may still be open.
    """
    taken = {row["play"]: row for row in rows}
    lines: list[str] = []
    still: list[str] = []
    for stage in module.stages:
        ids = [f"{module.name}.{name}" for name in stage.plays]
        own = [taken[play] for play in ids if play in taken and not taken[play]["illustration"]]
        still += [open_titles[play] for play in ids if play in open_titles and taken.get(play) not in own]
        if own:
            lines += [f"**{stage.title}**", ""]
            lines += [
                f"- **{plain(row['recommendation'])}** *{plain(row['owner'])}, review {row['review_on']}.* "
                f"Flips if: {plain(row['flips_if'])}."
                for row in own
            ]
            lines.append("")
    if still:
        lines += [
            "**Still open: no decision on your own data yet**",
            "",
            *[f"- {plain(title)}" for title in still],
        ]
    return "\n".join(lines or ["No decision was recorded."])


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
