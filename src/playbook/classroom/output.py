"""How results appear in a cell: pictures with alt text, Markdown, what-if sliders."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from playbook.pictures import alt_text, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes


PUBLISHED = "application/vnd.playbook.published+json"  # of a table: what a published page shows in its place
MARKS = re.compile(r"([\\`*_\[\]<>|#$~^&{}@])")
LINK = re.compile(r"(?<=\w)(:(?=//)|\.(?=[A-Za-z]{2}))")  # Markdown makes links of evil.example, too
MARKED = r"[\\`*_\[\]<>|#$~^&{}@]|\w(?::\/\/|\.[A-Za-z]{2})"  # a text with one of these is not shown as it is
SIGNS = re.compile(r"(\\(?!$)|[\[\]<#$~^&{}@]|(?<!^)>|``+|:::+)", re.M)


def picture(ax: Axes) -> None:
    """Display a figure; its alt text goes into the output's metadata and is what a text-only reader sees."""
    from IPython.display import display

    alt = alt_text(ax)
    bundle = {"image/png": base64.b64encode(png(ax)).decode("ascii"), "text/plain": f"Picture: {alt}"}
    display(bundle, raw=True, metadata={"image/png": {"alt": alt}})


def markdown(text: str, read: str | None = None) -> None:
    """Display Markdown; `read` is what a reader of plain text sees, the same by default."""
    from IPython.display import display

    display({"text/markdown": text, "text/plain": text if read is None else read}, raw=True)


def plain(text: object) -> str:
    r"""Return text that shows as it is, whatever Markdown or HTML signs, formulas or links the data put into it.

    Examples
    --------
    >>> print(plain("A*B <b>"))
    A\*B \<b\>
    >>> print(plain("see https://evil.example"))
    see https\://evil\.example
    """
    return LINK.sub(r"\\\1", MARKS.sub(r"\\\1", " ".join(str(text).split())))


def prose(text: str, quoted: Iterable[str] = ()) -> str:
    r"""Return the Markdown of a play with what the data put into it made inert.

    Emphasis, lists, tables, quotes and code stay, since plays use them; links, HTML, formulas, headings and directives
    show as they are. `quoted` are texts of the data, which are shown sign by sign wherever they stand.

    Examples
    --------
    >>> print(prose("**Most** sold: <b>5*3*2</b> [x](javascript:y)", quoted=["5*3*2"]))
    **Most** sold: \<b\>5\*3\*2\</b\> \[x\](javascript:y)
    """
    held = sorted((value for value in quoted if value and value in text), key=len, reverse=True)
    parts = re.split(f"({'|'.join(map(re.escape, held))})", text) if held else [text]
    return "".join(plain(part) if number % 2 else _inert(part) for number, part in enumerate(parts))


def _inert(text: str) -> str:
    escaped = SIGNS.sub(lambda match: "".join(f"\\{sign}" for sign in match[0]), text)
    return LINK.sub(r"\\\1", escaped)


def html_picture(ax: Axes) -> str:
    """Return a figure as an HTML image with alt text."""
    from html import escape

    data = base64.b64encode(png(ax)).decode("ascii")
    return f'<img alt="{escape(alt_text(ax))}" style="max-width:100%" src="data:image/png;base64,{data}">'


def slider(label: str, values: Sequence[Any], start: Any, draw: Callable[[Any], Axes]) -> None:
    """Display a slider over `values`; moving it redraws the picture below it.

    The picture is an HTML widget set from an observer: unlike `interact`, nothing has to be captured, so a notebook
    that is executed without a person never waits.
    """
    import ipywidgets as widgets
    from IPython.display import display

    control = widgets.SelectionSlider(
        options=[(f"{value:g}" if isinstance(value, float) else str(value), value) for value in values],
        value=start,
        description=label,
        continuous_update=False,
        style={"description_width": "initial"},
        layout={"width": "95%"},
    )
    view = widgets.HTML(html_picture(draw(start)))

    def redraw(change: dict[str, Any]) -> None:
        view.value = html_picture(draw(change["new"]))

    control.observe(redraw, names="value")
    box = widgets.VBox([control, view])
    reference = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    display(
        {"application/vnd.jupyter.widget-view+json": reference, "text/plain": f"Slider: {label}"}, raw=True
    )
