"""Shared customers and the gap of the acquired company are found; mailboxes and plain means miss both."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.domains.acquisition import GAP, PLAY
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


def world(seed: int, **settings) -> dict[str, pd.DataFrame]:
    return generate(WorldSettings(seed=seed, customers=2500, **settings), domains=["acquisition"])


@pytest.fixture(scope="module")
def worlds():
    return [world(seed) for seed in range(5)]


def flat(texts: pd.Series) -> pd.Series:
    plain = texts.astype("str").str.normalize("NFKD").str.replace(r"[^\x00-\x7f]", "", regex=True)
    return plain.str.lower().str.replace(r"[^a-z0-9]", "", regex=True)


def marks(first, last, firm, mail, phone, place) -> pd.DataFrame:
    return pd.DataFrame(
        {"name": flat(first).str[:1] + flat(last).str[:4], "firm": flat(firm).str[:7], "mail": flat(mail),
         "phone": phone.astype("str").str.replace(r"\D", "", regex=True).str[-9:], "place": flat(place)}
    )  # fmt: skip


def linked(tables) -> np.ndarray:
    """Whether each acquired customer agrees with one of ours in three of five marks."""
    theirs, ours = tables["src_acquired_customers"], tables["src_crm_customers"]
    split = theirs["contact"].str.split(" ", n=1)
    left = marks(
        split.str[0], split.str[1], theirs["firm"], theirs["mail_address"], theirs["tel"], theirs["post_code"]
    )
    right = marks(*(ours[c] for c in ("first_name", "last_name", "company", "email", "phone", "postcode")))
    pairs = [
        left[[c]]
        .reset_index(names="l")
        .dropna()
        .merge(right[[c]].reset_index(names="r").dropna(), on=c)[["l", "r"]]
        for c in left
        if c != "firm"
    ]
    pairs = pd.concat(pairs).drop_duplicates()
    same = sum((left[c].to_numpy()[pairs["l"]] == right[c].to_numpy()[pairs["r"]]).astype(int) for c in left)
    found = np.zeros(len(left), dtype=bool)
    found[pairs["l"][same >= 3]] = True
    return found


def truth_of(tables, table: str) -> pd.DataFrame:
    return tables[table][tables[table]["play"] == PLAY]


def test_tables_are_canonical(worlds):
    """The exports and costs keep their schemas; every request has its customer."""
    for name in ("src_acquired_customers", "src_acquired_tickets", "costs"):
        validate(name, worlds[0][name])
    keys = worlds[0]["src_acquired_customers"]["client_ref"]
    assert worlds[0]["src_acquired_tickets"]["client_ref"].isin(keys).all()


def test_merger_integration_recovers_the_overlap_and_mailboxes_miss_it(worlds):
    """Three marks of five find nearly all shared customers and hardly any other; mailboxes alone find too few."""
    found, raw = [], []
    for tables in worlds:
        hit, keys = linked(tables), tables["src_acquired_customers"]["client_ref"]
        shared = keys.isin(truth_of(tables, "truth_structure")["source"]).to_numpy()
        found.append((hit.mean() / shared.mean(), (hit & ~shared).sum() / hit.sum()))
        mails = tables["src_acquired_customers"]["mail_address"].isin(
            tables["src_crm_customers"]["email"].dropna()
        )
        raw.append(mails.mean() / shared.mean())
    print(f"Overlap found {np.mean(found, axis=0).round(3)}, by mailbox {np.mean(raw):.2f}")
    assert np.mean([share for share, _ in found]) == pytest.approx(1, abs=0.08)
    assert max(wrong for _, wrong in found) < 0.08
    assert max(raw) < 0.85


def replies(tables) -> pd.DataFrame:
    """Log hours to the first reply, ours and theirs, each request once."""
    parts = []
    for table, process, urgency, key in (
        ("src_support_tickets", "topic", "priority", "ticket_no"),
        ("src_acquired_tickets", "process", "urgency", "case_ref"),
    ):
        rows = tables[table].drop_duplicates(key)
        opened, replied = (pd.to_datetime(rows[c], errors="coerce") for c in ("opened", "first_reply"))
        hours = (replied - opened).dt.total_seconds() / 3600
        parts.append(pd.DataFrame({"process": rows[process], "urgency": rows[urgency], "theirs": "acquired" in table,
                                   "log_h": np.log(hours.where(hours > 0))}))  # fmt: skip
    rows = pd.concat(parts, ignore_index=True).dropna()
    return rows[rows["urgency"].isin(["1", "2", "3", "4"])]


def gaps(tables) -> pd.Series:
    """How much later they reply, per process, within equal urgency weighed by theirs."""
    rows = replies(tables)
    mean = rows.pivot_table(
        index=["process", "urgency"], columns="theirs", values="log_h", aggfunc=["median", "size"]
    )
    gap = mean["median"][True] - mean["median"][False]
    return (gap * mean["size"][True]).groupby(level=0).sum() / mean["size"][True].groupby(level=0).sum()


def test_merger_integration_recovers_the_gap_and_plain_means_hide_it(worlds):
    """Within urgency each process is as much later as planted; over all requests the gap looks smaller."""
    found = pd.DataFrame([gaps(tables) for tables in worlds])
    plain = []
    for tables in worlds:
        rows = replies(tables)
        median = rows.pivot_table(index="process", columns="theirs", values="log_h", aggfunc="median")
        plain.append(median[True] - median[False])
    error = found.std(ddof=1) / np.sqrt(len(found))
    print(found.mean().round(2).to_dict(), pd.DataFrame(plain).mean().round(2).to_dict())
    for process, true in GAP.items():
        assert abs(found[process].mean() - true) < max(4 * error[process], 0.06)
        assert np.mean([rows[process] for rows in plain]) < true - 0.08


def test_merger_integration_flips_at_the_overlap_computed_by_hand(worlds):
    """A process is worth moving where the share of shared customers times what is saved exceeds the cost of all."""
    tables = worlds[0]
    rows = tables["costs"].query("programme_tag == 'acquisition'").set_index("activity")["variable_amt"]
    truth = truth_of(tables, "truth_parameters").set_index("name")["value"]
    clients, share = len(tables["src_acquired_customers"]), linked(tables).mean()
    pays = {}
    for process in GAP:
        gain = share * clients * rows["serve twice"] - clients * rows[f"move {process}"]
        flip = truth[f"overlap from which moving {process} pays"]
        assert (gain > 0) == (share > flip)
        pays[process] = gain > 0
    assert len(set(pays.values())) == 2


def test_merger_integration_has_nothing_to_find_without_effect():
    """Without the plant no customer is shared, and nobody replies later."""
    tables = world(2, effects={PLAY: 0})
    assert not len(truth_of(tables, "truth_structure"))
    assert linked(tables).mean() < 0.02
    assert abs(gaps(tables)).max() < 0.25
