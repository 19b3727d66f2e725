"""The data dictionary, the entity diagrams and the list of what is planted: all written from the declarations."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from playbook.catalogue import MODULES, project_root
from playbook.store.references import references
from playbook.store.schemas import AREAS, Table, tables
from playbook.world.plants import plants
from playbook.world.truth import COLUMNS as TRUTH_COLUMNS

BOX_W, BOX_H, GAP, LANE = 150, 24, 8, 60  # of a diagram, px
KINDS = {"text": "text", "time": "UTC time", "number": "number", "count": "whole number", "flag": "yes/no"}


def areas() -> dict[str, list[Table]]:
    """Return the canonical tables by area."""
    return {area: [table for table in tables().values() if table.area == area] for area in AREAS}


def dictionary(*, level: int = 2) -> str:
    """Return the data dictionary as Markdown: per table grain, key, source system, and every column."""
    lines: list[str] = []
    for area, group in areas().items():
        lines += [f"{'#' * level} {area}", ""]
        for table in group:
            lines += [
                f"{'#' * (level + 1)} `{table.name}`",
                "",
                f"One row is {table.grain}. Key: {', '.join(f'`{name}`' for name in table.key)}. "
                f"Usual source: {table.system}.",
                "",
                "| Column | Kind | Unit | Meaning |",
                "| --- | --- | --- | --- |",
            ]
            for column in table.columns:
                kind = KINDS[column.kind] + (", may be empty" if column.nullable else "")
                lines.append(f"| `{column.name}` | {kind} | {column.unit} | {_cell(column.meaning)} |")
            lines.append("")
    return "\n".join(lines)


def truth_dictionary() -> str:
    """Return the columns of the shared tables of truth as Markdown."""
    lines = ["| Table | Columns, besides `play` |", "| --- | --- |"]
    for name, columns in TRUTH_COLUMNS.items():
        said = "; ".join(f"`{column}` {meaning}" for column, meaning in columns.items())
        lines.append(f"| `{name}` | {_cell(said)} |")
    return "\n".join(lines) + "\n"


def planted(titles: Mapping[str, str]) -> str:
    """Return what is planted for each play and why, by module; no size and no answer. `titles`: of plays by id."""
    lines: list[str] = []
    for module in MODULES:
        lines += [f"## {module.capitalize()}", ""]
        for plant in (plants()[play] for play in titles if play.startswith(f"{module}.")):
            where = ", ".join(f"`{name}`" for name in plant.tables)
            lines.append(f"- **{titles[plant.play]}** {plant.what} *Why:* {plant.why} *Where:* {where}.")
        lines.append("")
    return "\n".join(lines)


def diagrams() -> dict[str, str]:
    """Return one entity diagram per area, as SVG: its tables on the left, what they point to on the right."""
    return {area: _diagram(area, group) for area, group in areas().items()}


def slug(area: str) -> str:
    """Return the name of an area's diagram file."""
    return "entities_" + area.lower().replace(" ", "_")


def _diagram(area: str, group: list[Table]) -> str:
    links = [(table.name, other) for table in group for other in dict.fromkeys(references(table).values())]
    left = [table.name for table in group]
    # What is pointed to stands near those who point to it, so that few lines cross.
    right = sorted(
        {other for _, other in links},
        key=lambda other: (
            sum(left.index(name) for name, to in links if to == other) / sum(to == other for _, to in links)
        ),
    )
    rows = max(len(left), len(right), 1)
    height, width = rows * (BOX_H + GAP) + GAP, 2 * BOX_W + LANE
    y_left = {name: GAP + i * (BOX_H + GAP) * (rows / max(len(left), 1)) for i, name in enumerate(left)}
    y_right = {name: GAP + i * (BOX_H + GAP) * (rows / max(len(right), 1)) for i, name in enumerate(right)}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:.0f}" role="img" '
        f'font-family="sans-serif" font-size="11">',
        f"<title>{escape(area)}: which table points to which</title>",
        f'<rect width="{width}" height="{height:.0f}" fill="#ffffff"/>',
    ]
    for source, target in links:
        y1, y2 = y_left[source] + BOX_H / 2, y_right[target] + BOX_H / 2
        parts.append(
            f'<path d="M{BOX_W} {y1:.0f} C{BOX_W + LANE / 2} {y1:.0f} {BOX_W + LANE / 2} {y2:.0f} '
            f'{BOX_W + LANE} {y2:.0f}" fill="none" stroke="#56748f" stroke-opacity="0.55"/>'
        )
    parts += [_box(0, y_left[name], name, "#dbe9f6") for name in left]
    parts += [_box(BOX_W + LANE, y_right[name], name, "#f3e7d0") for name in right]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _box(x: float, y: float, name: str, fill: str) -> str:
    return (
        f'<rect x="{x + 0.5:.1f}" y="{y:.1f}" width="{BOX_W - 1}" height="{BOX_H}" rx="4" fill="{fill}" '
        f'stroke="#56748f"/><text x="{x + 8:.0f}" y="{y + 16:.1f}" fill="#1b2a38">{escape(name)}</text>'
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write `datasets/dictionary.md`."""
    path = project_root() / "datasets" / "dictionary.md"
    path.write_text(
        "# Data dictionary\n\nWritten from the declarations in `src/playbook/store/schemas/` by `make notebooks`; "
        "do not edit.\n\n" + dictionary(),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
