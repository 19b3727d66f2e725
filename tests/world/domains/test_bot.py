"""Failures of the bot and of automation are found by the slice read by lot."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SEEDS = 6
CUSTOMERS = 3000
PLAY = "design.bot_handoff"


def made(seeds: range, **settings) -> pd.DataFrame:
    """Bot chats of several worlds with what is true, what was read, and the segment."""
    parts = []
    for seed in seeds:
        world = generate(WorldSettings(seed=seed, customers=CUSTOMERS, **settings), domains=["bot"])
        labels = world["truth_labels"].query("play == @PLAY")
        chats = world["interactions"][world["interactions"]["bot_confidence_share"].notna()]
        chats = chats.merge(labels[["key", "label"]], left_on="interaction_id", right_on="key")
        reviews = world["actions"].query("action_code == 'review'")[
            ["subject_id", "taken", "propensity_share"]
        ]
        chats = chats.merge(reviews, left_on="interaction_id", right_on="subject_id", how="left")
        people = world["customers"].merge(world["accounts"][["account_id", "segment"]], on="account_id")
        chats = chats.merge(people[["customer_id", "segment"]], on="customer_id")
        automated = world["actions"].merge(labels[["key", "label"]], left_on="action_id", right_on="key")
        automated = automated.merge(
            reviews, left_on="action_id", right_on="subject_id", how="left", suffixes=("", "_found")
        )
        parts.append((chats.assign(seed=seed), automated.assign(seed=seed)))
    return tuple(pd.concat(frames, ignore_index=True) for frames in zip(*parts, strict=True))


@pytest.fixture(scope="module")
def found():
    """Chats and automated actions of the worlds."""
    return made(range(SEEDS))


def kept(chats: pd.DataFrame) -> pd.DataFrame:
    """Chats that the bot kept."""
    return chats[chats["handoff_at"].isna()]


def test_bot_handoff_slice_by_lot_gives_the_failure_rate(found):
    """Within 3.5 standard errors of the true rate; chats read on suspicion say far too much."""
    rows = kept(found[0])
    lot = rows[rows["propensity_share"].notna()]["taken"].astype(float)
    true = (rows["label"] == "failed").mean()
    assert lot.mean() == pytest.approx(true, abs=3.5 * lot.sem())
    assert rows["taken"].dropna().astype(float).mean() > 1.4 * true


def threshold(confidence: pd.Series, failed: pd.Series, failure_amt: float, handoff_amt: float) -> float:
    """The confidence below which handing off is cheapest (empirical expected cost)."""
    order = np.argsort(confidence.to_numpy())
    loss = failed.to_numpy(float)[order] * failure_amt - handoff_amt
    # Handing off the first k saves their failures and costs k hand-offs.
    best = np.concatenate([[0.0], np.cumsum(loss)]).argmax()
    return float(np.concatenate([[0.0], confidence.to_numpy()[order]])[best])


def cost_at(rows: pd.DataFrame, limit: float, failure_amt: float, handoff_amt: float) -> float:
    """True cost per chat when those below the limit are handed off."""
    below = rows["bot_confidence_share"] <= limit
    return float(np.where(below, handoff_amt, failure_amt * (rows["label"] == "failed")).mean())


@pytest.mark.parametrize(
    ("segment", "failure_amt"), [("enterprise", 90.0), ("midmarket", 45.0), ("local", 18.0)]
)
def test_bot_handoff_threshold_by_expected_cost_is_near_the_optimum(found, segment, failure_amt):
    """The limit from the slice costs at most a tenth more than the best; leaving all to the bot costs far more where
    failures are dear.
    """
    rows = kept(found[0])
    rows = rows[rows["segment"] == segment]
    lot = rows[rows["propensity_share"].notna()]
    by_slice = threshold(lot["bot_confidence_share"], lot["taken"] == True, failure_amt, 6.0)  # noqa: E712
    best = threshold(rows["bot_confidence_share"], rows["label"] == "failed", failure_amt, 6.0)
    least = cost_at(rows, best, failure_amt, 6.0)
    assert least - 1e-9 <= cost_at(rows, by_slice, failure_amt, 6.0) < 1.1 * least
    if segment == "enterprise":
        assert cost_at(rows, 0.0, failure_amt, 6.0) > 1.3 * least


def test_bot_handoff_confidence_is_not_the_chance_of_success(found):
    """At equal confidence some topics fail more: what the bot says of itself overrates it."""
    rows = kept(found[0])
    sure = rows[rows["bot_confidence_share"] > 0.8]
    assert (sure["label"] == "failed").mean() > 2 * (1 - sure["bot_confidence_share"]).mean() * 0.5
    said, true = rows["bot_confidence_share"].mean(), (rows["label"] == "solved").mean()
    assert said != pytest.approx(true, abs=0.02)


@pytest.mark.parametrize("code", ["auto-applied preference", "auto-credit"])
def test_bot_handoff_automation_outside_chat_is_found_too(found, code):
    """The slice gives the share of wrong automated actions; those that looked odd alone do not."""
    rows = found[1].query("action_code == @code")
    true = (rows["label"] == "wrong").mean()
    lot = rows[rows["propensity_share_found"].notna()]["taken_found"].astype(float)
    assert lot.mean() == pytest.approx(true, abs=3.5 * np.sqrt(true * (1 - true) / len(lot)))
    assert rows["taken_found"].dropna().astype(float).mean() > 1.5 * true


def test_bot_handoff_without_an_effect_nothing_fails():
    """In a world without it no review finds anything."""
    chats, automated = made(range(1), effects={PLAY: 0.0})
    assert not (chats["label"] == "failed").any()
    assert not (automated["label"] == "wrong").any()
    assert not chats["taken"].dropna().astype(bool).any()


@pytest.mark.parametrize("industry", ["retail", "telecom and field service", "software", "logistics"])
def test_tables_are_canonical_in_any_industry(industry):
    """Chats, notes and actions keep their schemas; kept chats have no person, handed-off ones do."""
    world = generate(
        WorldSettings(seed=1, customers=250, industry=industry, regions=("GB", "BR")), domains=["bot"]
    )
    for name in ("interactions", "notes", "actions"):
        validate(name, world[name])
    chats = world["interactions"]
    bot = chats[chats["bot_confidence_share"].notna()]
    assert (bot["answered_at"].isna() == bot["handoff_at"].isna()).all()
    assert bot["ended_at"].max() < WorldSettings().end
    assert world["notes"]["text"].str.len().min() > 10
