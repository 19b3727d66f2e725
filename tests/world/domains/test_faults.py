"""Batches can be told from noise by their words, and open cases must be counted to know how long a correction takes."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import poisson

from playbook.store.writing import validate
from playbook.world.domains.faults import CAUSES
from playbook.world.settings import WorldSettings
from tests.world.worlds_of_voices import SEEDS, truth, voices

TRIGGERS, LOOP = "design.ticket_triggers", "design.closed_loop"
END = WorldSettings().end


def alarms(world):
    """Weeks (from the first ticket) and words in which severe reports with that word come in a burst."""
    tickets = world["tickets"].query("category == 'fault'")
    week = (tickets["opened_at"] - tickets["opened_at"].min()).dt.days.to_numpy() // 7
    text = world["notes"].query("kind == 'ticket text'").set_index("subject_id")["text"]
    said = text.loc[tickets["ticket_id"]].str.lower().str.findall(r"\w{5,}").to_numpy()
    pairs = {(k, word) for k, found in enumerate(said) for word in found}
    seen = pd.DataFrame(pairs, columns=["row", "word"])
    seen["week"], seen["severity"] = week[seen["row"]], tickets["severity"].to_numpy()[seen["row"]]
    weeks = week.max() + 1
    severe = seen[seen["severity"] >= 2]
    counts = pd.crosstab(severe["word"], severe["week"]).reindex(columns=range(weeks), fill_value=0)
    past = counts.T.rolling(26, min_periods=8).mean().shift(2).T
    fortnight = counts.T.rolling(2, min_periods=1).sum().T
    rings = (
        (poisson.sf(fortnight - 1, 2 * past + 0.1) < 1e-5)
        & (fortnight >= 4).to_numpy()
        & past.notna().to_numpy()
    )
    return [(week, counts.index[row]) for row, week in np.argwhere(rings)]


def bursts(world):
    """First and last week of each batch."""
    first = world["tickets"].query("category == 'fault'")["opened_at"].min()
    found = truth(world, "truth_shifts", TRIGGERS)
    return [
        ((a - first).days // 7, (b - first).days // 7)
        for a, b in zip(found["start_at"], found["end_at"], strict=True)
    ]


def test_tables_keep_their_schemas():
    """Tickets, notes, incidents and changes pass; batch incidents are linked only after they were noticed."""
    world = voices(1)
    for name in ("tickets", "notes", "incidents", "changes"):
        validate(name, world[name])
    linked = world["tickets"].merge(world["incidents"].query("kind == 'batch fault'"), on="incident_id")
    assert (linked["opened_at_x"] > linked["detected_at"]).all()
    assert len(linked) > 0


def test_ticket_triggers_recovers_batches_by_their_words():
    """Bursts of words in severe tickets find nearly all batches, well before the company did, with few false alarms."""
    hits, total, false, weeks, delay = 0, 0, 0, 0, []
    for seed in SEEDS:
        world = voices(seed)
        rung = {week for week, _ in alarms(world)}
        spans = bursts(world)
        when = [min((w for w in rung if a <= w <= b + 1), default=None) for a, b in spans]
        hits += sum(w is not None for w in when)
        delay += [w - a for w, (a, _) in zip(when, spans, strict=True) if w is not None]
        total += len(spans)
        false += sum(not any(a <= w <= b + 1 for a, b in spans) for w in rung)
        weeks += 156
    assert hits / total > 0.8
    assert false / weeks < 0.05
    assert np.mean(delay) <= 1.5


def test_ticket_triggers_counts_of_tickets_ring_at_the_wrong_time():
    """Alarms on the number of tickets a week find fewer than half of the batches, and ring for harmless waves."""
    hits, total, false = 0, 0, 0
    for seed in SEEDS:
        world = voices(seed)
        tickets = world["tickets"].query("category == 'fault'")
        week = (tickets["opened_at"] - tickets["opened_at"].min()).dt.days // 7
        count = week.value_counts().sort_index()
        rung = set(count.index[count > count.mean() + 2 * count.std()])
        spans = bursts(world)
        hits += sum(any(a <= w <= b + 1 for w in rung) for a, b in spans)
        total += len(spans)
        false += sum(not any(a <= w <= b + 1 for a, b in spans) for w in rung)
    assert hits / total < 0.5
    assert false > hits / 3


def test_ticket_triggers_finds_nothing_without_batches():
    """With the size at nothing the same trigger all but never rings."""
    world = voices(9, effect=0.0)
    assert truth(world, "truth_shifts", TRIGGERS).empty
    assert len({week for week, _ in alarms(world)}) / 156 < 0.05


def kaplan_meier_median(days, done):
    """Median of a survival time with censoring."""
    order = np.argsort(days)
    days, done = days[order], done[order]
    survival = np.cumprod(1 - done / np.arange(len(days), 0, -1))
    return days[np.argmax(survival <= 0.5)]


def lags(world, last_d=None):
    """Incidents with the days observed, whether corrected, and the true lag."""
    frame = world["incidents"].merge(
        truth(world, "truth_outcomes", LOOP).rename(columns={"subject": "incident_id"})[
            ["incident_id", "value"]
        ],
    )
    frame["done"] = frame["corrected_at"].notna()
    frame["days"] = (frame["corrected_at"].fillna(END) - frame["opened_at"]).dt.total_seconds() / 86_400
    recent = (END - frame["opened_at"]).dt.days < (last_d or 10_000)
    return frame[recent]


def test_closed_loop_recovers_the_lag_with_open_cases_counted():
    """Kaplan-Meier on the cases of the last quarters gives the median that they would have had; closed ones do not."""
    frame = pd.concat([lags(voices(seed), 120) for seed in SEEDS])
    true = frame["value"].median()
    right = kaplan_meier_median(frame["days"].to_numpy(), frame["done"].to_numpy())
    error = 1.3 * frame["value"].std() / np.sqrt(len(frame))
    assert right == pytest.approx(true, abs=2.5 * error)


def test_closed_loop_average_of_closed_cases_flatters():
    """The closed cases of the same time are shorter by a seventh and more."""
    frame = pd.concat([lags(voices(seed), 120) for seed in SEEDS])
    assert frame.loc[frame["done"], "days"].median() < 0.86 * frame["value"].median()


def by_cause(frame):
    """Mean log days from decision to correction, by cause, against their mean, of cases decided long ago."""
    old = frame[(END - frame["decided_at"]).dt.days > 400]
    worked = np.log((old["corrected_at"].fillna(END) - old["decided_at"]).dt.total_seconds() / 86_400)
    mean = worked.groupby(old["cause_code"]).mean()
    return mean - mean.mean()


def test_closed_loop_recovers_what_each_cause_costs_in_time_and_money():
    """Log lags by cause and the cost of a day open are those that were planted."""
    frame = pd.concat([lags(voices(seed)) for seed in SEEDS])
    planted = pd.Series(CAUSES)
    assert by_cause(frame).to_numpy() == pytest.approx(
        (planted - planted.mean()).sort_index().to_numpy(), abs=0.18
    )
    parameters = truth(voices(1), "truth_parameters", LOOP).set_index("name")["value"]
    done = frame[frame["done"]]
    slope = (done["loss_amt"]).sum() / (done["severity"] * done["days"]).sum()
    assert slope == pytest.approx(parameters["delay cost a level"], rel=0.05)


def test_closed_loop_causes_do_not_differ_without_the_effect():
    """With the size at nothing, lags by cause are alike up to chance."""
    frame = pd.concat([lags(voices(seed, effect=0.0)) for seed in (9, 10)])
    assert by_cause(frame).abs().max() < 0.25
