"""Pages from executed cells: what is folded, dropped, noted and labelled."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from playbook import catalogue
from playbook.classroom.session import ILLUSTRATION
from playbook.errors import RunError
from playbook.publish import pages

PLAY = catalogue.play("measure.control_charts")
SOURCES = {key: f"Source {key}." for key in PLAY.references}


def picture(alt="A finding."):
    return new_output("display_data", {"image/png": "iVBORw0KGgo="}, metadata={"image/png": {"alt": alt}})


def cell(source, *outputs, tags=()):
    return new_code_cell(source, outputs=list(outputs), metadata={"play": PLAY.id, "tags": list(tags)})


def page(*cells, edition="facilitator"):
    return pages.play_page(PLAY, cells, edition, SOURCES).cells


def test_a_picture_keeps_its_alt_text():
    first = page(cell("session.show(ax)", picture("Late parcels doubled.")))[0]
    assert first.metadata["mystnb"]["image"]["alt"] == "Late parcels doubled."
    assert "hide-input" in first.metadata["tags"]


def test_two_pictures_in_one_cell_are_refused_by_play():
    with pytest.raises(RunError, match=r"measure\.control_charts: one cell shows 2 pictures"):
        page(cell("both", picture(), picture()))


def test_a_slider_becomes_a_note_and_its_still_picture_stays():
    slider = new_output("display_data", {pages.WIDGET: {"model_id": "1"}, "text/plain": "Slider"})
    what_if, note, *_ = page(cell("session.what_if(1)", slider, picture()))
    assert [list(output.data) for output in what_if.outputs] == [["image/png"]]
    assert note.source == pages.SLIDER_NOTE


def test_the_label_of_an_illustration_stands_under_the_title():
    """Whoever opens the page on a phone reads it before anything else."""
    label = new_output("display_data", {"text/markdown": f"{ILLUSTRATION} Not yours."})
    title, said, cell_of_label, *_ = page(new_markdown_cell("# Title"), cell("data", label, picture()))
    assert (title.source, said.source) == ("# Title", f"{ILLUSTRATION} Not yours.")
    assert [list(output.data) for output in cell_of_label.outputs] == [["image/png"]]


def test_a_participant_sees_no_solution_and_nothing_computed_from_it():
    said = new_output("display_data", {"text/markdown": "Near enough"})
    cells = [
        cell("answer = None", tags=["exercise"]),
        cell("answer = 6 * 7", tags=["solution"]),
        cell("session.check(play, answer, result)", said),
        cell("session.show(ax)", picture()),
    ]
    shown = page(*cells, edition="participant")
    assert [c.source for c in shown[:3]] == ["answer = None", pages.CHECK_NOTE, "session.show(ax)"]
    assert len(page(*cells)) == len(shown) + 1


def test_an_unknown_source_is_named():
    with pytest.raises(RunError, match=r"references/montgomery2020.txt; did you mean 'montgomery2002'"):
        pages.play_page(PLAY, [], "facilitator", {"montgomery2002": "M."})


def test_data_cannot_write_markup():
    row = {
        "play": PLAY.id, "title": "t", "recommendation": "Stop <b>*all*</b>", "evidence": "e", "metric": "m",
        "unit": "h", "low": 1, "high": 2, "flips_if": "f", "owner": "o", "review_on": "2026-09-29",
        "illustration": True,
    }  # fmt: skip
    text = pages.decisions([row], [PLAY])
    assert r"Stop \<b\>\*all\*\</b\>" in text
    assert "*(illustration)*" in text


def test_every_source_that_a_play_names_is_there():
    folder = catalogue.project_root() / "book" / "references"
    wanted = {key for play in catalogue.plays().values() for key in play.references}
    assert wanted <= {file.stem for file in folder.glob("*.txt")}


@pytest.mark.parametrize(
    "module", [m for m in catalogue.modules().values() if m.stages], ids=lambda m: m.name
)
def test_the_page_of_a_staged_module_leads_to_each_play_and_to_its_closing(module):
    """Each play once, with what it decides; the closing page holds its decision, another module's none."""
    own = [play for play in catalogue.plays().values() if play.module == module.name]
    page = pages.module_index(module.name, own, [])
    for play in own:
        assert page.count(f"]({play.name}.ipynb)") == 1
        assert play.decides in page
    assert "(closing.md)" in page
    row = {
        "recommendation": "Do it.",
        "owner": "me",
        "review_on": "2026-07-01",
        "flips_if": "not",
        "illustration": False,
    }
    closing = pages.closing(module.name, [row | {"play": own[0].id}, row | {"play": PLAY.id}], own)
    assert closing.startswith(f"# On one page: {module.closing}")
    assert closing.count("Do it.") == 1
