"""Texts of the data stay texts, whatever Markdown would make of them."""

import html
import re

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from playbook.catalogue import project_root
from playbook.classroom.output import plain, prose

SIGNS = st.text(alphabet="aZ5 *_`[]()<>|#$~^&{}\\\\!@:/.+=-\"'é", min_size=1, max_size=30)
RENDERER = MarkdownIt("gfm-like")  # what Jupyter Book shows outputs with


def read(rendered):
    """What a reader sees: HTML without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", rendered)).split())


@given(SIGNS)
def test_plain_text_is_shown_as_it_is(text):
    """Oracle: the renderer; nothing but a paragraph, and the same signs."""
    rendered = RENDERER.render(f"Found: {plain(text)}")
    assert re.findall(r"<(\w+)", rendered) == ["p"]
    assert read(rendered) == " ".join(f"Found: {text}".split())


@given(SIGNS)
def test_a_quoted_text_is_shown_as_it_is_inside_a_plays_prose(text):
    shown = prose(
        f"**Most**, say {text} all.", quoted=[text] if text.strip() == text and "  " not in text else []
    )
    rendered = RENDERER.render(shown)
    assert not re.search(r"<(?!/?(?:p|strong|em|code)>)", rendered)


@pytest.mark.parametrize(
    "text",
    ["<script>x</script>", "[x](javascript:y)", "![x](y.png)", "<https://a.b>", "see www.evil.com", "a@evil.com",
     "https://evil.com", "```{code-cell}", "&lt;b&gt;", "# x", "[^1]", "~~x~~", "evil.com/x", "\\\\[x](y)"],
)  # fmt: skip
def test_prose_holds_no_link_and_no_tag_even_of_texts_nobody_quoted(text):
    rendered = RENDERER.render(prose(f"Found {text} here"))
    assert not re.search(r"<(?!/?(?:p|strong|em|code)>)", rendered)
    assert text.replace("`", "") in read(rendered).replace("`", "")


def test_markdown_that_plays_use_stays():
    text = "**Bold**, *soft*, `code`\n\n- one\n- two\n\n> said\n\n| a | b |\n| --- | ---: |\n| 1.5 | 2% |"
    assert prose(text) == text


def test_committed_notebooks_say_nothing_that_would_be_escaped():
    """So that the same page comes out for the synthetic world, whatever is done for a client's texts."""
    for path in sorted((project_root() / "modules").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                text = output.get("data", {}).get("text/markdown", "")
                assert prose(text) == text, (path.name, cell.id)
