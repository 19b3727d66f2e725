"""What a participant sees: data with their origin, graduated hints, decisions in the register."""

import json
from types import SimpleNamespace

import pandas as pd
import pytest

from playbook.classroom import Session, output
from playbook.classroom.session import Tables
from playbook.measure import control_charts
from playbook.store.writing import write_store


@pytest.fixture
def said(monkeypatch):
    """Everything that cells show as Markdown, in order."""
    texts: list[str] = []
    monkeypatch.setattr(output, "markdown", lambda text, read=None: texts.append(text))
    return texts


@pytest.fixture
def charts(demo_store):
    return control_charts.charts("Late", demo_store.view("weekly_delivery"))


def test_the_first_line_names_client_day_and_origin():
    """A reader knows whose data these are before the first number."""
    text = repr(Session("measure", client="Acme", as_of="2026-07-01"))
    assert text.startswith("Acme, as of 01 July 2026. Data: the synthetic world (seed ")


def test_each_wrong_attempt_earns_one_more_hint(said, charts):
    """First try one hint, second two; a near answer none."""
    session = Session("measure")
    for answer in (90, 80, 13):
        session.check(control_charts, answer, charts)
    assert [text.count("- Hint") for text in said] == [1, 2, 0]
    assert "Too high" in said[0]
    assert "Near enough" in said[2]


@pytest.mark.parametrize(("answer", "reply"), [(None, "No answer yet"), ("soon", "cannot be read")])
def test_an_answer_that_is_no_number_gets_a_friendly_line(said, charts, answer, reply):
    """Nothing to be afraid of: no traceback, no attempt counted."""
    Session("measure").check(control_charts, answer, charts)
    assert reply in said[0]
    assert "Hint" not in said[0]


def test_a_decision_goes_into_the_register_once(said, charts, tmp_path):
    """Deciding again replaces the decision; owner and review date are filled in."""
    session = Session("measure", register=str(tmp_path))
    for owner in ("", "Ada"):
        session.decide(control_charts, control_charts.decide(charts), owner=owner)
    (row,) = json.loads((tmp_path / "measure.json").read_text())
    assert (row["owner"], row["review_on"], row["illustration"]) == ("Ada", "2026-09-29", False)
    assert row["low"] <= row["high"]


def test_a_play_that_the_client_cannot_feed_is_shown_on_the_world_and_says_so(said, tmp_path):
    """A store without shipments: the play runs on the synthetic world, labelled, and so is its decision."""
    write_store(
        tmp_path / "store",
        {"regions": pd.DataFrame({"region_id": ["R1"]})},
        {"kind": "client", "name": "Acme"},
    )
    session = Session(
        "measure", client="Acme", store=str(tmp_path / "store"), register=str(tmp_path / "register")
    )
    data = session.data(control_charts)
    assert data.illustration
    assert len(data.weekly_delivery) > 100
    assert "**Illustration.** The data of Acme hold no orders" in said[0]
    session.decide(control_charts, control_charts.decide(control_charts.charts("Late", data.weekly_delivery)))
    assert json.loads((tmp_path / "register" / "measure.json").read_text())[0]["illustration"]
    assert said[-1].startswith("**Decision (illustration).**")


def test_a_play_reads_only_what_its_section_declares():
    """Asking for another table names those that may be read."""
    with pytest.raises(AttributeError, match=r"reads orders, .*; not 'staff'"):
        _ = Session("measure").data(control_charts).staff


def test_what_a_slider_takes_for_granted_reaches_the_play(monkeypatch):
    """A setting of the engagement is the same in the what-if as in the decision."""
    taken: dict[str, object] = {}

    def what_if(result, **assumed):
        taken.update(assumed)
        raise InterruptedError

    play = SimpleNamespace(what_if=what_if)
    with pytest.raises(InterruptedError):
        Session("measure").what_if(play, None, "Cost", assuming={"share": 0.2}, cost=[1, 2])
    assert taken == {"cost": [1, 2], "share": 0.2}


def test_moving_the_slider_changes_the_picture(monkeypatch, charts):
    """The widget's picture, and the finding in its alt text, follow the slider."""
    import IPython.display
    import ipywidgets

    made: list[ipywidgets.SelectionSlider] = []
    original = ipywidgets.SelectionSlider
    monkeypatch.setattr(ipywidgets, "SelectionSlider", lambda **k: made.append(original(**k)) or made[-1])
    boxes: list[ipywidgets.HTML] = []
    html = ipywidgets.HTML
    monkeypatch.setattr(ipywidgets, "HTML", lambda *a: boxes.append(html(*a)) or boxes[-1])
    monkeypatch.setattr(IPython.display, "display", lambda *a, **k: None)
    Session("measure").what_if(control_charts, charts, "Limit width", limit_sd=[2, 2.5, 3])
    before = boxes[0].value
    made[0].value = 3
    assert boxes[0].value != before
    assert 'alt="At 3 sd' in boxes[0].value


def test_what_a_client_wrote_is_shown_sign_by_sign(said, tmp_path):
    """In prose that quotes the data, in decisions, and in the client's own name; plays keep their emphasis."""
    hostile = "5*3*2 <b>$x$ [a](b)"
    tables = {"regions": pd.DataFrame({"region_id": [hostile, "North"]})}
    write_store(tmp_path / "store", tables, {"kind": "client", "name": "A*B*"})
    session = Session("measure", client="A*B*", store=str(tmp_path / "store"), register=str(tmp_path))
    assert session._repr_markdown_().startswith(r"**A\*B\***, as of")
    assert repr(session) == "A*B*, as of 01 July 2026. Data: the exports of A*B*."
    read = Tables(SimpleNamespace(inputs=("regions",), optional=()), session._store, {}, illustration=False)
    assert read.regions is not None
    session._tables["any"] = read
    session.say(f"**Most** came from {hostile} and North, at A*B*.")
    assert said == [rf"**Most** came from {output.plain(hostile)} and North, at A\*B\*."]


def test_tables_of_a_client_carry_what_a_page_may_show(tmp_path):
    """The notebook keeps the numbers; a world's tables, also in an illustration, carry nothing more."""
    write_store(
        tmp_path / "store", {"regions": pd.DataFrame({"region_id": ["R1"]})}, {"kind": "client", "name": "A"}
    )
    table = pd.DataFrame({"customers": [3, 40, 50]})
    session = Session("measure", store=str(tmp_path / "store"))
    assert "hidden" in session._for_page(table)[output.PUBLISHED]["text/html"]
    session._illustrating = True
    assert session._for_page(table) == {}
    assert Session("measure")._for_page(table) == {}
