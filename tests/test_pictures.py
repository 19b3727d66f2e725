"""Figures say their finding to everyone, and are the same bytes each time."""

import pytest

from playbook.pictures import PALETTE, alt_text, figure, finding, png


def drawn():
    with figure() as ax:
        ax.plot([1, 2, 3], [2, 3, 1])
    finding(
        ax,
        "Waiting fell after the second week and stayed there, in all of the regions",
        x="Week",
        y="Wait (min)",
    )
    return ax


def test_alt_text_is_the_finding_with_its_axes():
    """A reader who cannot see the picture gets its message on one line."""
    assert alt_text(drawn()) == (
        "Waiting fell after the second week and stayed there, in all of the regions. Wait (min) against Week."
    )


def test_the_same_figure_is_the_same_file():
    """No date and no version inside."""
    assert png(drawn()) == png(drawn())


def test_colours_differ_in_lightness_or_hue_for_colour_blind_readers():
    """Any two colours stay apart when seen without red-green distinction (Vienot, Brettel & Mollon 1999)."""
    import itertools

    import numpy as np
    from matplotlib.colors import to_rgb

    rgb = np.array([to_rgb(c) for c in PALETTE]) ** 2.2
    lms = (
        rgb
        @ np.array(
            [[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]]
        ).T
    )
    deuteranope = np.stack([lms[:, 0], 0.494207 * lms[:, 0] + 1.24827 * lms[:, 2], lms[:, 2]], axis=1)
    seen = np.log(np.maximum(deuteranope, 1e-3))
    nearest = min(
        np.linalg.norm(seen[a] - seen[b]) for a, b in itertools.combinations(range(len(PALETTE)), 2)
    )
    assert nearest > 0.1


def test_long_titles_wrap():
    """A phone shows about 44 characters a line."""
    assert max(len(line) for line in drawn().figure.get_suptitle().splitlines()) <= 44


def test_nothing_is_registered_with_pyplot():
    """Drawing in a loop, as a slider does, leaves no open figures."""
    import matplotlib.pyplot as plt

    drawn()
    assert plt.get_fignums() == []


@pytest.mark.parametrize("colour", PALETTE)
def test_colours_are_visible_on_white(colour):
    """Lines need a contrast of at least 1.8 against the page (text is set in ink, not in these colours)."""
    from matplotlib.colors import to_rgb

    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour))
    assert 1.05 / (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05) >= 1.8


def test_dollar_signs_of_the_data_are_no_formula():
    """What matplotlib cannot read as a formula would raise; a log axis keeps its powers of ten."""
    with figure() as ax:
        ax.bar(["$\\frac$", "$a$ b"], [1, 2], label="$\\nosuch$")
        ax.legend()
        ax.annotate("$5 to $10", (0, 1))
    finding(ax, "$\\bad{$ sells", x="$x$ (money)")
    png(ax)
    texts = [*ax.get_xticklabels(), *ax.texts, *ax.get_legend().get_texts(), ax.xaxis.label]
    assert not any(text.get_parse_math() for text in texts)
    with figure() as ax:
        ax.semilogy([1, 2], [1, 1000])
    png(ax)
    assert all(label.get_parse_math() for label in ax.get_yticklabels())
