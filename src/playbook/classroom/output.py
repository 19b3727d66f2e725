"""How results appear in a cell: pictures with alt text, Markdown, what-if sliders."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from playbook.pictures import alt_text, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def picture(ax: Axes) -> None:
    """Display a figure; its alt text goes into the output's metadata and is what a text-only reader sees."""
    from IPython.display import display

    alt = alt_text(ax)
    bundle = {"image/png": base64.b64encode(png(ax)).decode("ascii"), "text/plain": f"Picture: {alt}"}
    display(bundle, raw=True, metadata={"image/png": {"alt": alt}})


def markdown(text: str) -> None:
    """Display Markdown."""
    from IPython.display import display

    display({"text/markdown": text, "text/plain": text}, raw=True)


def plain(text: object) -> str:
    r"""Return text that shows as it is, whatever Markdown or HTML signs the data put into it.

    Examples
    --------
    >>> print(plain("A*B <b>"))
    A\*B \<b\>
    """
    return re.sub(r"([\\`*_\[\]<>|#$~^&{}])", r"\\\1", " ".join(str(text).split()))


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
