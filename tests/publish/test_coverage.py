"""Coverage of the 223 topics: computed, complete, and true to the sections."""

from collections import Counter
from dataclasses import replace

import pytest

from playbook import catalogue
from playbook.errors import CatalogueError
from playbook.publish.coverage import coverage, labels, plan

PLAYS = list(catalogue.plays().values())


def test_the_plan_covers_each_of_223_topics_once():
    planned = Counter(topic for entry in plan().values() for topic in entry["topics"])
    assert len(plan()) == 122
    assert set(planned) == set(labels())
    assert set(planned.values()) == {1}
    assert len(planned) == 223


def test_labels_tell_topics_apart():
    within = {(topic[0], label) for topic, label in labels().items()}
    assert len(within) == len(labels())


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.id)
def test_a_section_covers_what_was_planned_for_it(play):
    assert sorted(play.topics) == sorted(plan()[play.id]["topics"])


def test_done_topics_are_those_of_the_sections():
    done = {topic.id for topic in coverage(PLAYS) if topic.done}
    assert done == {topic for play in PLAYS for topic in play.topics}
    assert not [topic for topic in coverage([]) if topic.done]


def test_a_mistyped_topic_is_refused():
    with pytest.raises(CatalogueError, match=r"no topic 'D6\.44'; did you mean 'D6\.4'"):
        coverage([replace(PLAYS[0], topics=("D6.44",))])


def test_two_plays_cannot_claim_one_topic():
    with pytest.raises(CatalogueError, match="is already in"):
        coverage([PLAYS[0], replace(PLAYS[0], name="other")])
