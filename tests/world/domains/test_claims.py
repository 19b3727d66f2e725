"""Weighing the systems by their accuracy, and what the ERP copied by nothing, beats votes and dates."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.domains.claims import LAYOUTS, PLAY, VALUES
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

DATES = {
    "crm": ("created_on", "%Y-%m-%d"),
    "erp": ("changed_on", "%d.%m.%Y"),
    "support": ("signed_up", "%d/%m/%Y"),
}
SEEDS = range(5)


def world(seed: int, **settings) -> dict[str, pd.DataFrame]:
    return generate(WorldSettings(seed=seed, customers=1500, **settings), domains=["claims"])


@pytest.fixture(scope="module")
def worlds():
    return [world(seed) for seed in SEEDS]


def claims(tables) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each system says of each customer, its first row of them: claims (customers, attributes, systems) with
    -1 for nothing, the truth (customers, attributes), and the systems' dates (customers, systems).
    """
    truth = (
        tables["truth_values"]
        .query("play == @PLAY")
        .pivot_table(aggfunc="first", index="key", columns="field", values="value")
    )
    entities = tables["truth_entities"]
    said = np.full((len(truth), len(VALUES), 3), -1)
    dates = np.full((len(truth), 3), np.datetime64("1970-01-01"))
    for s, (source, (table, columns, _)) in enumerate(LAYOUTS.items()):
        own = entities[entities["source"] == source]
        first = ~own["customer_id"].duplicated().to_numpy()
        rows = tables[table][first]
        place = truth.index.get_indexer(own.loc[first, "customer_id"])
        column, form = DATES[source]
        dates[place, s] = pd.to_datetime(rows[column], format=form)
        for a, (attribute, column) in enumerate(zip(VALUES, columns, strict=True)):
            texts = rows[column]
            if attribute == "terms":
                texts = texts.str.extract(r"([1-9]\d*)")[0]
            said[place, a, s] = pd.Categorical(texts, VALUES[attribute]).codes
    codes = [pd.Categorical(truth[attribute], values).codes for attribute, values in VALUES.items()]
    return said, np.stack(codes, axis=1), dates


def likelihood(claim: np.ndarray, confusion: np.ndarray) -> np.ndarray:
    """Chance of a claim under each true value, (customers, values); `confusion` is (true values, claims)."""
    return np.where(claim[:, None] < 0, 1.0, confusion[:, claim].T)


def discover(said: np.ndarray, copying: bool) -> tuple[np.ndarray, float]:
    """The likeliest values by EM over the systems' confusions (Dawid & Skene) and, if wanted, the share of the ERP's
    claims that it copied from the CRM.
    """
    confusion = [np.full((4, 4), 0.2 / 3) + np.eye(4) * (0.8 - 0.2 / 3) for _ in range(3)]
    copied, prior = 0.3 if copying else 0.0, np.full(4, 0.25)
    patterns, which, times = np.unique(said, axis=0, return_inverse=True, return_counts=True)
    crm, erp, support = patterns.T
    both = (crm >= 0) & (erp >= 0)
    for _ in range(400):
        mixed = likelihood(erp, confusion[1])
        mixed = np.where(both[:, None], copied * (crm == erp)[:, None] + (1 - copied) * mixed, mixed)
        post = prior * likelihood(crm, confusion[0]) * mixed * likelihood(support, confusion[2])
        post *= (times / post.sum(axis=1))[:, None]
        is_copy = np.where(both[:, None], copied * (crm == erp)[:, None] / mixed, 0.0)
        for s, claim in enumerate((crm, erp, support)):
            weight = post * (1 - is_copy) if s == 1 else post
            count = np.stack([weight[claim == k].sum(axis=0) for k in range(4)], axis=1) + 0.5
            confusion[s] = count / count.sum(axis=1, keepdims=True)
        prior = post.sum(axis=0) / times.sum()
        copied = (post * is_copy).sum(axis=1)[both].sum() / times[both].sum() if copying else 0.0
    return post.argmax(axis=1)[which.ravel()], copied


def votes(said: np.ndarray) -> np.ndarray:
    """The value that most systems claim; of equals, the first system's."""
    count = (said[:, :, None] == np.arange(4)).sum(axis=1).astype(float)
    first = np.where(said[:, 0] >= 0, said[:, 0], np.where(said[:, 1] >= 0, said[:, 1], said[:, 2]))
    count[np.arange(len(said)), np.maximum(first, 0)] += 0.5
    return count.argmax(axis=1)


def shares_right(tables) -> dict[str, float]:
    """The share of values each way gets right, of all that any system claims."""
    said, true, dates = claims(tables)
    newest = np.argsort(-dates.astype("int64"), axis=1)
    right: dict[str, list[np.ndarray]] = {}
    copied = []
    for a in range(len(VALUES)):
        some = (said[:, a] >= 0).any(axis=1)
        s, t = said[some, a], true[some, a]
        value, share = discover(s, copying=True)
        copied.append(share)
        ordered = np.take_along_axis(s, newest[some], axis=1)
        latest = ordered[np.arange(len(s)), (ordered >= 0).argmax(axis=1)]
        ways = {"discovered": value, "not discounted": discover(s, copying=False)[0], "votes": votes(s),
                "latest": latest, **{source: s[:, k] for k, source in enumerate(LAYOUTS)}}  # fmt: skip
        for way, values in ways.items():
            right.setdefault(way, []).append(values == t)
    return {way: float(np.concatenate(hits).mean()) for way, hits in right.items()} | {
        "copied": float(np.mean(copied))
    }


@pytest.fixture(scope="module")
def found(worlds):
    return pd.DataFrame([shares_right(tables) for tables in worlds])


def test_tables_are_canonical(worlds):
    """The extracts keep their schemas with these columns."""
    for table, *_ in LAYOUTS.values():
        validate(table, worlds[0][table])


def test_golden_record_discovery_beats_votes_dates_and_single_systems(found):
    """In every world, weighing and discounting is right more often than any shortcut."""
    print(found.mean().round(3).to_dict())
    for way in ("votes", "latest", "crm", "erp", "support", "not discounted"):
        assert (found["discovered"] > found[way] + 0.01).all(), way


def test_golden_record_recovers_the_copier(worlds, found):
    """The share of ERP claims taken from the CRM is the planted one."""
    rates = worlds[0]["truth_parameters"].query("play == @PLAY").set_index("name")["value"]
    assert found["copied"].mean() == pytest.approx(rates["erp copied from crm"], abs=0.06)


def test_golden_record_audits_hold_out_the_truth(worlds):
    """What auditors found wrong agrees with the truth, and the ERP's errors are mostly the CRM's."""
    tables = worlds[0]
    audits = tables["corrections"]
    assert (audits["verified"] == (audits["old_value"] != audits["new_value"])).all()
    said, true, _ = claims(tables)
    both = (said[..., :2] >= 0).all(axis=2)
    wrong = both & (said[..., 1] != true)
    assert (said[..., 0] == said[..., 1])[wrong].mean() > 0.5


def test_golden_record_finds_no_copier_where_there_is_none():
    """Without the plant the ERP is found to copy nothing, and discounting changes nothing."""
    shares = shares_right(world(2, effects={PLAY: 0}))
    assert shares["copied"] < 0.08
    assert abs(shares["discovered"] - shares["not discounted"]) < 0.01
