"""One hand for all figures: size, colours, fonts, and money and share axes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import fill
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

# Okabe & Ito (2008): distinguishable with any common colour blindness, and in grey by their order.
BLUE, ORANGE, GREEN, PURPLE, SKY, RED = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00",
)  # fmt: skip
GREY, INK = "#8C8C8C", "#222222"
PALETTE = [BLUE, ORANGE, GREEN, PURPLE, SKY, RED]

# At 360 px a phone shows this width at about two thirds of its size: 12 pt text stays readable.
SIZE_IN = (5.2, 3.7)
DPI = 130
TITLE_WIDTH = 44
LABEL_WIDTH = 30


@contextmanager
def figure(size: tuple[float, float] = SIZE_IN) -> Iterator[Axes]:
    """Give an empty Axes in the house style; what is drawn in the block has its colours and fonts.

    The figure is not registered with pyplot, so drawing thousands leaks nothing.

    Examples
    --------
    >>> with figure() as ax:
    ...     _ = ax.plot([1, 2, 3])
    >>> finding(ax, "Three points rise")
    >>> ax.figure.get_suptitle()
    'Three points rise'
    """
    import matplotlib as mpl
    import seaborn as sns
    from cycler import cycler
    from matplotlib.figure import Figure

    style = sns.axes_style("whitegrid") | {
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": GREY,
        "axes.labelcolor": INK,
        "axes.labelsize": 12,
        "axes.prop_cycle": cycler(color=PALETTE),
        "font.family": "DejaVu Sans",
        "grid.color": "#E5E5E5",
        "legend.fontsize": 11,
        "legend.frameon": False,
        "text.color": INK,
        "xtick.labelsize": 11,
        "ytick.labelsize": 11,
    }
    with mpl.rc_context(style):
        yield Figure(figsize=size, layout="constrained").add_subplot()


def finding(ax: Axes, title: str, *, x: str | None = None, y: str | None = None) -> None:
    """Title an Axes with what it shows, wrapped for a phone, and label its axes with units."""
    text = fill(title[:1].upper() + title[1:], TITLE_WIDTH, break_on_hyphens=False)
    # The figure's title, not the axes': it begins at the left edge, however wide the labels are.
    ax.figure.suptitle(text, x=0.01, ha="left", fontsize=13, fontweight="bold")
    if x is not None:
        ax.set_xlabel(fill(x, TITLE_WIDTH + 4, break_on_hyphens=False))
    if y is not None:
        ax.set_ylabel(fill(y, LABEL_WIDTH, break_on_hyphens=False))


def key_below(ax: Axes, *, columns: int) -> None:
    """Explain marks and colours below the axes, where the key covers nothing."""
    ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=columns)


def percent(ax: Axes, axis: str = "y") -> None:
    """Show an axis of shares (0 to 1) in per cent."""
    from matplotlib.ticker import FuncFormatter

    getattr(ax, f"{axis}axis").set_major_formatter(FuncFormatter(lambda v, _: f"{100 * v:g}%"))


def thousands(ax: Axes, axis: str = "y") -> None:
    """Show an axis with thousands separators."""
    from matplotlib.ticker import FuncFormatter

    getattr(ax, f"{axis}axis").set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.0f}"))


def months(ax: Axes) -> None:
    """Show a date axis with few, short labels."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=6)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def in_currency(ax: Axes, currency: str) -> Axes:
    """Put the currency's code in place of the word "money" in the labels of the axes, and return the Axes.

    Examples
    --------
    >>> with figure() as ax:
    ...     finding(ax, "Dear", x="Cost (money)")
    >>> in_currency(ax, "GBP").get_xlabel()
    'Cost (GBP)'
    """
    ax.set_xlabel(ax.get_xlabel().replace("money", currency))
    ax.set_ylabel(ax.get_ylabel().replace("money", currency))
    return ax


def png(ax: Axes) -> bytes:
    """Return the Axes' figure as a PNG without metadata (same picture, same bytes)."""
    from io import BytesIO

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    # Drawn once: savefig draws a figure with a layout twice.
    drawn = ax.figure
    _literal(drawn)
    drawn.set_dpi(DPI)
    canvas = FigureCanvasAgg(drawn)  # type: ignore[arg-type]
    canvas.draw()
    buffer = BytesIO()
    rgba = canvas.buffer_rgba()
    Image.frombuffer("RGBA", canvas.get_width_height(), rgba, "raw", "RGBA", 0, 1).convert("RGB").save(
        buffer, "png"
    )
    return buffer.getvalue()


def _literal(figure: Figure | SubFigure) -> None:
    """Let dollar signs in the texts of a figure be dollar signs; only a log axis writes its numbers as formulas."""
    from matplotlib.text import Text

    formulas: set[Text] = set()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        labels = axis.get_ticklabels(which="both")  # makes the labels, which otherwise come with the drawing
        if axis.get_scale() == "log":
            formulas.update(labels)
    for text in figure.findobj(Text):
        if text not in formulas:
            text.set_parse_math(False)


def alt_text(ax: Axes) -> str:
    """Return what a reader who cannot see the picture needs: its finding and its axes."""
    title = " ".join(ax.figure.get_suptitle().split())
    axes = " against ".join(" ".join(label.split()) for label in (ax.get_ylabel(), ax.get_xlabel()) if label)
    return f"{title}. {axes}." if axes else f"{title}."
