"""The register keeps one row per play and survives a kill."""

import json
from datetime import date

import pytest

from playbook.catalogue import Module, Stage
from playbook.classroom import register
from playbook.contract import Decision

DECISION = Decision("Do it.", "Seen.", "waits", "min", 1.0, 2.0, "never", "head of service", review_days=30)


def row(play):
    return register.entry(
        play, "Why?", DECISION, as_of=date(2026, 7, 1), currency="EUR", illustration=False, data_hash="ab"
    )


def test_rows_of_all_modules_are_merged_in_the_order_of_the_modules(tmp_path):
    """Parallel modules write their own files; the merge holds every row."""
    register.record(tmp_path, "unify", row("unify.a"))
    register.record(tmp_path, "define", row("define.b"))
    register.record(tmp_path, "define", row("define.c"))
    register.record(tmp_path, "balance", row("balance.d"))
    assert [r["play"] for r in register.merge(tmp_path)] == ["define.b", "define.c", "unify.a", "balance.d"]
    assert {r["review_on"] for r in register.merge(tmp_path)} == {"2026-07-31"}


def test_a_half_written_register_never_replaces_a_whole_one(tmp_path, monkeypatch):
    """A failure while writing leaves the rows that were there."""
    register.record(tmp_path, "define", row("define.a"))
    monkeypatch.setattr(json, "dumps", lambda *a, **k: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        register.record(tmp_path, "define", row("define.b"))
    monkeypatch.undo()
    assert [r["play"] for r in register.merge(tmp_path)] == ["define.a"]


MODULE = Module(
    "define", 1, "Define", "", closing="what it means here",
    stages=(Stage("For whom", "", ("a", "b")), Stage("Where", "", ("c",))),
)  # fmt: skip
TITLES = {"define.a": "First?", "define.b": "Second?", "define.c": "Third?"}


def test_one_page_has_the_decisions_by_stage_and_what_is_still_open():
    """A decision on the synthetic world is none for the client; other modules' rows stay out; signs show as they are."""
    rows = [
        row("define.b") | {"recommendation": "Keep <them>."},
        row("define.a") | {"illustration": True},
        row("unify.a") | {"recommendation": "Merge."},
    ]
    page = register.on_one_page(MODULE, rows, TITLES)
    assert page.index("**For whom**") < page.index("Keep \\<them\\>.") < page.index("**Still open")
    assert "head of service, review 2026-07-31" in page
    assert "**Where**" not in page
    assert "Merge" not in page
    assert page.endswith("- First?\n- Third?")


def test_one_page_without_any_decision_lists_the_questions():
    """Nothing is left out silently."""
    assert register.on_one_page(MODULE, [], TITLES).splitlines()[2:] == ["- First?", "- Second?", "- Third?"]
