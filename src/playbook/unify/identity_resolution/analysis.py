"""Is this the same customer? Records of several systems, and anonymous visits, joined to people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from playbook.methods import linkage
from playbook.methods.identity_forms import BLOCKS, COMPARE, SURE, TRAIN, set_shared_aside
from playbook.methods.identity_forms import one_form as compared_form
from playbook.methods.intervals import wilson

BUSY = 8  # visits on a device from which never signing in means something
# What each system calls the fields that linkage compares.
FIELDS = {
    "crm": {
        "key": "crm_id", "first": "first_name", "last": "last_name", "company": "company", "email": "email",
        "phone": "phone", "street": "street", "postcode": "postcode",
    },
    "erp": {
        "key": "customer_no", "name": "name", "company": "company_name", "email": "mail",
        "phone": "telephone", "street": "street_address", "postcode": "postal_code",
    },
    "support": {
        "key": "user_id", "name": "display_name", "company": "organisation", "email": "login_email",
        "phone": "mobile", "street": "address_line", "postcode": "zip",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Journeys:
    """Visits given to people.

    Parameters
    ----------
    visits : DataFrame
        session_id, anon_id, started_at, signed_in (customer or None), person (customer or None), how: signed
        in, own device, shared device near a sign-in, left anonymous.
    devices : DataFrame
        anon_id, visits, people (who signed in), is_shared.
    rules : DataFrame
        For each rule for shared devices: rule, stitched_share (of anonymous visits), wrong_share and
        wrong_high (its 95 % upper limit), tested on sign-ins that were hidden from the rule; people_joined
        (with somebody else).
    window_h : float
        Hours around a sign-in in which a shared device counts as that person's.
    """

    visits: pd.DataFrame
    devices: pd.DataFrame
    rules: pd.DataFrame
    window_h: float


@dataclass(frozen=True)
class Identities:
    """Records given to people.

    Parameters
    ----------
    records : DataFrame
        record_id, source, key, the fields as compared, and customer (number of the person it was given to).
    links : Links
        Scored pairs and the model.
    threshold, review_low, review_high : float
        Match probabilities: from which a pair is merged; between which a person looks.
    merge_cost, review_cost : float
        Cost of a false merge and of one review, in false splits.
    precision, recall : float
        Expected, over pairs, if the match probabilities are right.
    journeys : Journeys or None
        None without events.
    """

    records: pd.DataFrame
    links: linkage.Links
    threshold: float
    review_low: float
    review_high: float
    merge_cost: float
    review_cost: float
    precision: float
    recall: float
    journeys: Journeys | None

    @property
    def pairs(self) -> pd.DataFrame:
        """The scored pairs."""
        return self.links.pairs

    @property
    def customers(self) -> int:
        """How many people are behind the records."""
        return int(self.records["customer"].nunique())


def records(
    crm: pd.DataFrame, erp: pd.DataFrame | None = None, support: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the rows of all systems in one form: lower case, no accents, digits only in phones; None where
    empty.

    Columns: record_id, source, key, first, last, full_name, name_key (name parts in alphabetical order),
    company, company_key, email, phone (last nine digits), street, postcode. Mailboxes and numbers that
    two surnames share are set aside, in email_any and phone_any.
    """
    systems = {"crm": crm, "erp": erp, "support": support}
    parts = [one_form(name, rows) for name, rows in systems.items() if rows is not None]
    return set_shared_aside(pd.concat(parts, ignore_index=True))


def one_form(source: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return one system's records in the form that all are compared in."""
    columns = {field: rows[column] for field, column in FIELDS[source].items()}
    return compared_form(pd.DataFrame(columns).assign(source=source))


def resolve(
    crm: pd.DataFrame,
    erp: pd.DataFrame | None = None,
    support: pd.DataFrame | None = None,
    events: pd.DataFrame | None = None,
    *,
    merge_cost: float = 10.0,
    review_cost: float = 0.25,
    window_h: float = 2.0,
) -> Identities:
    """Join records of the same customer, and visits to the person who made them.

    Parameters
    ----------
    crm, erp, support : DataFrame
        The extracts `src_crm_customers`, `src_erp_customers`, `src_support_users`, as they come; None where
        there is none.
    events : DataFrame, optional
        Web and app log.
    merge_cost, review_cost : float
        Cost of taking two customers for one, and of one look by a person; both in units of leaving one
        customer in two.
    window_h : float
        Hours around a sign-in in which a shared device counts as that person's.
    """
    rows = records(crm, erp, support)
    links = linkage.link(rows, compare=COMPARE, blocks=BLOCKS, train=TRAIN, sure=SURE)
    threshold = linkage.cost_threshold(merge_cost=merge_cost)
    low, high = linkage.review_band(merge_cost=merge_cost, review_cost=review_cost)
    rows["customer"] = linkage.clusters(
        rows["record_id"], links.pairs, threshold=np.log2(threshold / (1 - threshold))
    )
    false_merges, false_splits = linkage.expected_errors(links.pairs["probability"], threshold)[0]
    merged = int((links.pairs["probability"] >= threshold).sum())
    hits = merged - false_merges
    return Identities(
        records=rows,
        links=links,
        threshold=threshold,
        review_low=low,
        review_high=high,
        merge_cost=merge_cost,
        review_cost=review_cost,
        precision=float(hits / merged) if merged else 1.0,
        recall=float(hits / (hits + false_splits)) if merged else 0.0,
        journeys=None if events is None else stitch(events, window_h=window_h),
    )


RULES = ("one device, one person", "shared device: near a sign-in", "shared device: leave anonymous")


def stitch(events: pd.DataFrame, *, window_h: float = 2.0) -> Journeys:
    """Give visits to people by the sign-ins on their device, under three rules for devices that people share.

    Each rule is tested on sign-ins that are hidden from it: one at a time (whom would it have named?), and
    all of one person on one device, weighted by how many people never sign in and so are hidden for good.
    """
    visits = _visits(events)
    signed = visits[visits["signed_in"].notna()]
    counts = signed.groupby("anon_id")["signed_in"].agg(people="nunique")
    devices = visits.groupby("anon_id").agg(visits=("session_id", "size")).join(counts).fillna({"people": 0})
    devices = devices.astype({"people": "int64"}).assign(is_shared=devices["people"] >= 2).reset_index()

    anonymous = visits[visits["signed_in"].isna()]
    named = _named_by_rules(anonymous, signed, window_h, hidden=False)
    tested = _named_by_rules(signed, signed, window_h, hidden=True)
    joined = _people_joined(signed)
    silent = _silent_people(devices)
    rows = []
    for rule in RULES:
        wrong, high = _wrong_share(signed, tested[rule])
        count = int(named[rule].notna().sum())
        more, more_high = _wrong_by_silent(visits, signed, rule, silent, window_h, count)
        share = count / max(len(anonymous), 1)
        rows.append((rule, share, wrong + more, high + more_high, joined if rule == RULES[0] else 0))
    rules = pd.DataFrame(
        rows, columns=["rule", "stitched_share", "wrong_share", "wrong_high", "people_joined"]
    )

    near = named[RULES[1]]
    shared = anonymous["anon_id"].isin(devices.loc[devices["is_shared"], "anon_id"])
    visits["person"] = visits["signed_in"].fillna(near)
    visits["how"] = "signed in"
    visits.loc[anonymous.index, "how"] = np.select(
        [near.isna(), shared], ["left anonymous", "shared device, near a sign-in"], "own device"
    )
    return Journeys(visits=visits, devices=devices, rules=rules, window_h=window_h)


def _visits(events: pd.DataFrame) -> pd.DataFrame:
    """Return one row per visit; it belongs to whoever signed in during it."""
    visits = events.groupby("session_id", as_index=False).agg(
        anon_id=("anon_id", "first"), started_at=("occurred_at", "min"), signed_in=("customer_id", "first")
    )
    return visits.sort_values(["anon_id", "started_at", "session_id"], ignore_index=True)


def _named_by_rules(
    visits: pd.DataFrame, signed: pd.DataFrame, window_h: float, *, hidden: bool
) -> dict[str, pd.Series]:
    """Return whom each rule names for each visit; `hidden` takes the visit's own sign-in away first."""
    ranked = signed.groupby(["anon_id", "signed_in"]).size().rename("count").reset_index()
    pairs = (
        visits[["anon_id", "signed_in"]].reset_index().merge(ranked, on="anon_id", suffixes=("", "_other"))
    )
    if hidden:
        pairs["count"] -= pairs["signed_in"] == pairs["signed_in_other"]
        pairs = pairs[pairs["count"] > 0]
    pairs = pairs.sort_values(["index", "count", "signed_in_other"], ascending=[True, False, True])
    owner = pairs.groupby("index")["signed_in_other"].first().reindex(visits.index)
    people = pairs.groupby("index").size().reindex(visits.index, fill_value=0)
    near = _near(visits, signed, window_h)
    return {
        RULES[0]: owner,
        RULES[1]: owner.where(people < 2, near),
        RULES[2]: owner.where(people < 2),
    }


def _near(
    visits: pd.DataFrame, signed: pd.DataFrame, window_h: float, by: Sequence[str] = ("anon_id",)
) -> pd.Series:
    """Return who signed in on the device just before and after each visit, if in the window and the same."""
    seen = signed[[*by, "started_at", "signed_in"]].sort_values("started_at")
    asked = visits[[*by, "started_at"]].reset_index().sort_values("started_at")
    names = []
    for direction in ("backward", "forward"):
        match = pd.merge_asof(
            asked, seen, on="started_at", by=list(by), direction=direction,
            tolerance=pd.Timedelta(hours=window_h), allow_exact_matches=False,
        )  # fmt: skip
        names.append(match.set_index("index")["signed_in"].reindex(visits.index))
    before, after = names
    return before.fillna(after).where(before.isna() | after.isna() | (before == after))


def _wrong_share(signed: pd.DataFrame, named: pd.Series) -> tuple[float, float]:
    """Return the share of tested sign-ins that a rule misnames, and the upper end of its 95 % interval.

    Sign-ins on one device err together, so the interval counts devices, not visits; it is never below
    Wilson's.
    """
    tested = named.notna()
    wrong = (named[tested] != signed.loc[tested, "signed_in"]).astype(float)
    n = len(wrong)
    if n == 0:
        return 0.0, 1.0
    share = float(wrong.mean())
    by_device = (wrong - share).groupby(signed.loc[tested, "anon_id"]).sum()
    spread = float(np.sqrt((by_device**2).sum())) / n
    z = 1.96
    return share, float(max(share + z * spread, wilson(wrong.sum(), n, z=z)[1]))


def _silent_people(devices: pd.DataFrame) -> tuple[float, float]:
    """Return people who never sign in for each one who does, and its standard error.

    Read from busy devices of at most one known person: the share on which nobody ever signed in.
    """
    busy = devices[(devices["visits"] >= BUSY) & (devices["people"] <= 1)]
    n, silent = len(busy), int((busy["people"] == 0).sum())
    share = silent / max(n, silent + 1)
    smoothed = (silent + 0.5) / (n + 1)  # no silent device seen is not proof of none
    return share / (1 - share), float(np.sqrt(smoothed * (1 - smoothed) / (n + 1)) / (1 - smoothed) ** 2)


def _wrong_by_silent(
    visits: pd.DataFrame,
    signed: pd.DataFrame,
    rule: str,
    silent: tuple[float, float],
    window_h: float,
    named: int,
) -> tuple[float, float]:
    """Return which share of the `named` visits is wrong because of people who never sign in, and what to add
    for 95 %.

    On each shared device each person in turn is treated as if never signed in: what the rule then names is
    wrong.
    """
    people = signed.groupby("anon_id")["signed_in"].transform("nunique")
    shared = signed[people >= 2]
    if shared.empty or not named:
        return 0.0, 0.0
    visible = people[shared.index] - 1
    if rule == RULES[1]:
        # One person left: the device passes for that person's own. More: only their sign-ins nearby name it.
        pairs = shared[["anon_id", "signed_in"]].drop_duplicates().rename(columns={"signed_in": "hidden"})
        others = shared.merge(pairs, on="anon_id")
        others = others[others["signed_in"] != others["hidden"]]
        nearby = _near(shared.assign(hidden=shared["signed_in"]), others, window_h, by=["anon_id", "hidden"])
        would_name = (visible == 1) | nearby.notna()
    else:
        would_name = (visible == 1) | (rule == RULES[0])
    # A person's sign-ins stand for all visits of that person.
    all_visits = visits["anon_id"].isin(shared["anon_id"]).sum() / len(shared)
    weight = all_visits * would_name.groupby([shared["anon_id"], shared["signed_in"]]).sum()
    odds, error = silent
    variance = odds * (weight**2).sum() + (weight.sum() * error) ** 2
    return float(odds * weight.sum() / named), float(
        1.96 * np.sqrt(variance) / named + odds * weight.sum() / named
    )


def _people_joined(signed: pd.DataFrame) -> int:
    """Return how many people one device, one person would join with others, along chains of devices."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = signed[["anon_id", "signed_in"]].drop_duplicates()
    device, devices = pd.factorize(edges["anon_id"])
    person, people = pd.factorize(edges["signed_in"])
    n = len(devices) + len(people)
    graph = coo_array((np.ones(len(edges)), (device, person + len(devices))), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    of_people = label[len(devices) :]
    return int((np.bincount(of_people, minlength=1)[of_people] > 1).sum()) if len(people) else 0
