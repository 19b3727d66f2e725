"""Consents, the rules they are held against, and the messages that went out.

What is planted, all scaled by the play's size (0: every system acts at once, and no message is wrong):

- withdrawals reach systems late or never (`SYSTEMS`), and one in five is typed in days after it came
  (`LATE_ENTRY`);
- the recommender's connector was down from `OUTAGE` on;
- 1% of grants have no proof, but systems believe them (`NO_PROOF`);
- Brazil's rule for marketing e-mail became opt-in, and the mailer followed weeks later (`RULE_CHANGE`);
- a list bought at a trade fair was mailed in the EU past all checks (`LIST_WEEKS`);
- personalised chat was piloted in Brazil before counsel had written a rule for it (`CHAT_WEEKS`).

Systems send by what they believe (decisions in order of arrival). `truth_labels` holds every message that
went out though the customer's decisions did not allow it, with the reason; it is worked out here on packed
integers, from what was drawn.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from playbook.world.keys import ids
from playbook.world.plants import Plant
from playbook.world.texts import repeated, words
from playbook.world.truth import planted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from playbook.world.settings import WorldSettings

NEEDS: tuple[str, ...] = ("market", "orders")
PLAY = "govern.consent"

PURPOSES = ("marketing", "survey", "personalisation", "service")
CHANNELS = ("email", "sms", "chat")
ANY = -1
REASONS = ("", "withdrawn", "no proof", "no consent", "no rule")  # why a message was wrong; first: it was not
# system, median hours to act on a decision, log sd, share of withdrawals never applied
SYSTEMS = (
    ("crm", 0.2, 0.5, 0.0),
    ("mailer", 9.0, 0.8, 0.03),
    ("survey tool", 40.0, 0.7, 0.06),
    ("recommender", 16.0, 0.9, 0.05),
)
# purpose, channel, sending system, messages a week to a customer who may get them
FLOWS = (
    (0, 0, 1, 0.08),
    (0, 1, 1, 0.03),
    (1, 0, 2, 0.02),
    (2, 0, 3, 0.05),
    (2, 1, 3, 0.02),
    (3, 0, 0, 0.04),
    (3, 1, 0, 0.01),
)
ASKED = 5  # the first flows need a decision of the customer; the rest is service
YES_SHARES = (
    0.62,
    0.35,
    0.30,
    0.55,
    0.35,
)  # where the law asks for a yes; elsewhere one in five says so anyway
OPT_OUT_SHARES = (0.45, 0.12, 0.13, 0.22, 0.08)
OPT_OUTS_YEAR = 0.16  # of a customer of average patience
LATE_ENTRY = (0.2, 50.0)  # share of withdrawals typed in later, and by how many hours on average
RE_GRANT = 0.3
NO_PROOF = 0.01
OUTAGE = (10, 7)  # weeks before the end, and how many weeks it lasted
RULE_CHANGE = (40, 3)  # weeks before the end, and weeks until the mailer followed
LIST_WEEKS, LIST_SHARE = 5, 0.10  # weeks before the end; share of EU customers on the list
CHAT_WEEKS, CHAT_SHARE = 8, 0.15

DAY, WEEK = 86_400, 7 * 86_400
# jurisdiction, purpose, channel, basis, hours to act, source. Hours are house targets unless a law names
# days; 10 and 15 business days are written as 14 and 21 calendar days.
CONTACT = (
    ("EU", "marketing", "any", "opt_in", 48.0, "GDPR Art. 6(1)(a), 7(3), 21(3); ePrivacy Directive Art. 13"),
    ("EU", "survey", "any", "opt_out", 72.0, "GDPR Art. 6(1)(f), 21(1)"),
    ("EU", "personalisation", "email", "opt_in", 48.0, "GDPR Art. 6(1)(a), 7(3), 21"),
    ("EU", "personalisation", "sms", "opt_in", 48.0, "GDPR Art. 6(1)(a), 7(3), 21"),
    ("UK", "marketing", "any", "opt_out", 72.0, "PECR reg. 22(3); UK GDPR Art. 21(3)"),
    ("UK", "survey", "any", "opt_out", 72.0, "UK GDPR Art. 6(1)(f), 21(1)"),
    ("UK", "personalisation", "email", "opt_out", 72.0, "UK GDPR Art. 6(1)(f), 21"),
    ("UK", "personalisation", "sms", "opt_in", 72.0, "UK GDPR Art. 6(1)(a), 7(3)"),
    ("US", "marketing", "email", "opt_out", 336.0, "CAN-SPAM, 15 U.S.C. 7704(a)(4): 10 business days"),
    ("US", "marketing", "sms", "opt_in", 336.0, "TCPA, 47 CFR 64.1200"),
    ("US", "survey", "any", "opt_out", 504.0, "house rule, as for CCPA"),
    (
        "US",
        "personalisation",
        "any",
        "opt_out",
        504.0,
        "CCPA/CPRA, 11 CCR 7026(f): 15 business days (sale, sharing)",
    ),
    ("BR", "marketing", "any", "opt_in", 72.0, "LGPD Art. 7(I), 8(5), 18(IX)"),
    ("BR", "survey", "any", "opt_out", 72.0, "LGPD Art. 7(IX), 18"),
    ("BR", "personalisation", "email", "opt_in", 72.0, "LGPD Art. 7(I), 8(5), 18(IX)"),
    ("BR", "personalisation", "sms", "opt_in", 72.0, "LGPD Art. 7(I), 8(5), 18(IX)"),
    ("any", "service", "any", "contract", None, "GDPR Art. 6(1)(b) and its likes: needed for the order"),
)
ESCALATION = (
    (0.5, "owner of the system", "remind"),
    (0.8, "head of customer service", "switch the customer off by hand"),
    (1.0, "data protection officer", "stop the sends, log the breach, tell the customer"),
)


def rule_table(settings: WorldSettings) -> pd.DataFrame:
    """Return the decision tables `contact` and `opt_out`."""
    changed = settings.end - pd.Timedelta(weeks=RULE_CHANGE[0])
    earlier = ("BR", "marketing", "email", "opt_out", 72.0, "earlier reading: LGPD Art. 7(IX)")
    contact = [
        {
            "ruleset": "contact",
            "jurisdiction": law,
            "priority": 1 + (channel == "any"),
            "condition_json": json.dumps({"purpose": purpose, "channel": channel}),
            "outcome_json": json.dumps({"basis": basis, "source": source}),
            "owner_role": "legal counsel",
            "clock_h": clock_h,
            "valid_to": until,
        }
        for (law, purpose, channel, basis, clock_h, source), until in [
            *((rule, pd.NaT) for rule in CONTACT),
            (earlier, changed),
        ]
    ]
    opt_out = [
        {
            "ruleset": "opt_out",
            "jurisdiction": "any",
            "priority": step,
            "condition_json": json.dumps({"clock_used_share": share}),
            "outcome_json": json.dumps({"action": action}),
            "owner_role": role,
            "clock_h": np.nan,
            "valid_to": pd.NaT,
        }
        for step, (share, role, action) in enumerate(ESCALATION, start=1)
    ]
    rules = pd.DataFrame(contact + opt_out)
    rules.insert(0, "rule_id", ids("L", len(rules)))
    rules.insert(8, "valid_from", settings.start - pd.DateOffset(years=5))
    rules["clock_h"] = rules["clock_h"].astype(float)
    return rules.astype({"valid_from": "datetime64[us]", "valid_to": "datetime64[us]"})


def basis_of(law: np.ndarray, flow: int, changed: np.ndarray) -> np.ndarray:
    """Return what each customer's law asks for one flow: 0 nothing, 1 no objection, 2 consent, (n,)."""
    purpose, channel, _, _ = FLOWS[flow]
    if PURPOSES[purpose] == "service":
        return np.zeros(len(law), dtype=int)
    asked = np.zeros(len(law), dtype=int)
    for where, what, how, basis, _, _ in CONTACT:
        if what == PURPOSES[purpose] and how in ("any", CHANNELS[channel]):
            asked[law == where] = 1 if basis == "opt_out" else 2
    if (purpose, channel) == (0, 0):
        asked[(law == "BR") & ~changed] = 1
    return asked


def draw_grants(law: np.ndarray, first_s: np.ndarray, rng: np.random.Generator) -> list[pd.DataFrame]:
    """Return who said yes soon after they became a customer, one frame per flow that is not service."""
    grants = []
    for flow, (purpose, channel, _, _) in enumerate(FLOWS[:ASKED]):
        strict = basis_of(law, flow, np.ones(len(law), dtype=bool)) == 2
        who = np.flatnonzero(rng.random(len(law)) < np.where(strict, YES_SHARES[flow], 0.2))
        at_s = first_s[who] + rng.integers(60, 3 * DAY, len(who))
        grants.append(
            pd.DataFrame({"who": who, "purpose": purpose, "channel": channel, "grants": True, "at_s": at_s})
        )
    return grants


def draw_opt_outs(
    end_s: int, first_s: np.ndarray, patience: np.ndarray, rng: np.random.Generator
) -> list[pd.DataFrame]:
    """Return who said no, sooner when impatient, and who changed their mind again: two frames."""
    years = (end_s - first_s) / (365 * DAY)
    hazard = OPT_OUTS_YEAR * np.clip(patience.mean() / patience, 0.2, 4)
    who = np.repeat(np.arange(len(first_s)), rng.poisson(hazard * years))
    at_s = first_s[who] + (rng.random(len(who)) * (end_s - first_s[who])).astype(np.int64)
    flow = np.array([[f[0], f[1]] for f in FLOWS])[rng.choice(ASKED, len(who), p=OPT_OUT_SHARES)]
    scope = rng.random(len(who))  # one flow, all channels of a purpose, or everything
    no = pd.DataFrame({"who": who, "grants": False, "at_s": at_s})
    no["purpose"] = np.where(scope < 0.8, flow[:, 0], ANY)
    no["channel"] = np.where(scope < 0.55, flow[:, 1], ANY)
    back = no[rng.random(len(who)) < RE_GRANT].replace({"purpose": {ANY: 0}, "channel": {ANY: 0}})
    later = DAY + rng.exponential(100 * DAY, len(back)).astype(np.int64)
    return [no, back.assign(grants=True, at_s=back["at_s"] + later)]


def draw_decisions(
    settings: WorldSettings,
    law: np.ndarray,
    first_s: np.ndarray,
    patience: np.ndarray,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return who decided what, and when: who, purpose, channel, grants, at_s, recorded_s, proved."""
    end_s = settings.days * DAY
    parts = draw_grants(law, first_s, rng) + draw_opt_outs(end_s, first_s, patience, rng)
    decisions = pd.concat(parts, ignore_index=True)
    n, (late, hours) = len(decisions), LATE_ENTRY
    entry = np.where(~decisions["grants"] & (rng.random(n) < late), rng.exponential(hours * 3600, n), 0.0)
    decisions["recorded_s"] = decisions["at_s"] + (entry * settings.size(PLAY)).astype(np.int64)
    decisions["proved"] = ~decisions["grants"] | (rng.random(n) >= NO_PROOF * settings.size(PLAY))
    known = decisions[decisions["recorded_s"] < end_s]
    return known.sort_values(["at_s", "who"]).reset_index(drop=True)


def draw_arrivals(settings: WorldSettings, decisions: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Return the second at which each system acts on each decision, (decisions, systems); inf = never."""
    recorded, grants = decisions["recorded_s"].to_numpy(), decisions["grants"].to_numpy()
    end_s = settings.days * DAY
    arrivals = np.empty((len(decisions), len(SYSTEMS)))
    for s, (name, median_h, log_sd, never) in enumerate(SYSTEMS):
        lag = settings.size(PLAY) * 3600 * median_h * np.exp(rng.normal(0, log_sd, len(decisions)))
        arrivals[:, s] = recorded + np.floor(lag)
        if name == "recommender":
            down = end_s - OUTAGE[0] * WEEK
            up = down + OUTAGE[1] * WEEK * settings.size(PLAY)
            held = (arrivals[:, s] >= down) & (arrivals[:, s] < up)
            arrivals[held, s] = np.floor(up + lag[held])
        lost = ~grants & (rng.random(len(decisions)) < never * settings.size(PLAY))
        arrivals[lost, s] = np.inf
    return np.where(arrivals < end_s, arrivals, np.inf)


def last_word(
    who: np.ndarray, at_s: np.ndarray, says: np.ndarray, ask_who: np.ndarray, ask_s: np.ndarray
) -> np.ndarray:
    """Return what was said last by each moment asked about: `says`, or 0 where nothing was, (n,)."""
    # Seconds of a history of up to a century need 32 bits. The sentinel in front answers for nobody.
    packed = np.concatenate([[-1], (who.astype(np.int64) << 32) + at_s.astype(np.int64)])
    order = np.argsort(packed, kind="stable")
    place = order[np.searchsorted(packed[order], (ask_who.astype(np.int64) << 32) + ask_s, side="right") - 1]
    same = np.concatenate([[-1], who])[place] == ask_who
    return np.where(same, np.concatenate([[0], says])[place], 0)


def draw_sends(
    settings: WorldSettings, flow: int, law: np.ndarray, first_s: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each occasion to send in one flow: who, second, whether the system checks before it sends."""
    end_s, (purpose, _, _, rate) = settings.days * DAY, FLOWS[flow]
    who = np.repeat(np.arange(len(law)), rng.poisson(rate * (end_s - first_s) / WEEK))
    at_s = first_s[who] + (rng.random(len(who)) * (end_s - first_s[who])).astype(np.int64)
    if PURPOSES[purpose] == "marketing":  # campaigns leave on Tuesdays between nine and noon
        tuesday = (1 - settings.start.day_of_week) % 7
        at_s = at_s // WEEK * WEEK + tuesday * DAY + rng.integers(9 * 3600, 12 * 3600, len(who))
    listed = np.flatnonzero((law == "EU") & (rng.random(len(law)) < LIST_SHARE * settings.size(PLAY)))
    listed = listed if flow == 0 else listed[:0]
    on_the_day = end_s - LIST_WEEKS * WEEK + rng.integers(0, DAY, len(listed))
    checks = np.repeat([True, False], [len(who), len(listed)])
    who, at_s = np.concatenate([who, listed]), np.concatenate([at_s, on_the_day])
    inside = (at_s >= first_s[who]) & (at_s < end_s)
    return who[inside], at_s[inside], checks[inside]


def draw_messages(
    settings: WorldSettings,
    law: np.ndarray,
    first_s: np.ndarray,
    decisions: pd.DataFrame,
    arrivals: np.ndarray,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the messages that went out: who, purpose, channel, at_s, wrong (position in `REASONS`)."""
    change_s = settings.days * DAY - RULE_CHANGE[0] * WEEK
    noticed_s = change_s + RULE_CHANGE[1] * WEEK * settings.size(PLAY)
    parts = []
    for flow, (purpose, channel, system, _) in enumerate(FLOWS):
        who, at_s, checks = draw_sends(settings, flow, law, first_s, rng)
        covers = decisions["purpose"].isin([purpose, ANY]) & decisions["channel"].isin([channel, ANY])
        said, arrived = decisions[covers], arrivals[covers, system]
        by, says, said_s = said["who"].to_numpy(), np.where(said["grants"], 1, -1), said["at_s"].to_numpy()
        acted, proved = np.isfinite(arrived), said["proved"].to_numpy()
        believes = last_word(by[acted], arrived[acted], says[acted], who, at_s)
        fact = last_word(by[proved], said_s[proved], says[proved], who, at_s)
        claim = last_word(by, said_s, says, who, at_s)
        thinks, asks = basis_of(law[who], flow, at_s >= noticed_s), basis_of(law[who], flow, at_s >= change_s)
        goes = ~checks | (thinks == 0) | (believes == 1) | ((thinks == 1) & (believes == 0))
        wrong = np.select(
            [asks == 0, fact == -1, (asks == 2) & (fact == 0) & (claim == 1), (asks == 2) & (fact == 0)],
            [0, 1, 2, 3],
            0,
        )
        sent = {"who": who, "purpose": purpose, "channel": channel, "at_s": at_s, "wrong": wrong}
        parts.append(pd.DataFrame(sent)[goes])
    parts.append(draw_pilot(settings, law, first_s, rng))
    messages = pd.concat(parts, ignore_index=True)
    return messages.sort_values(["at_s", "who"]).reset_index(drop=True)


def draw_pilot(
    settings: WorldSettings, law: np.ndarray, first_s: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the messages of the chat pilot, for which no rule had been written."""
    end_s = settings.days * DAY
    who = np.flatnonzero((law == "BR") & (rng.random(len(law)) < CHAT_SHARE * settings.size(PLAY)))
    at_s = end_s - CHAT_WEEKS * WEEK + rng.integers(0, CHAT_WEEKS * WEEK, len(who))
    pilot = {"who": who, "purpose": 2, "channel": 2, "at_s": at_s, "wrong": REASONS.index("no rule")}
    return pd.DataFrame(pilot)[at_s >= first_s[who]]


def generate(
    settings: WorldSettings, tables: Mapping[str, pd.DataFrame], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Return rules, consents, outbound interactions and truth_labels."""
    customers, start = tables["customers"], np.datetime64(settings.start, "us")
    jurisdiction = tables["regions"].set_index("region_id")["jurisdiction"]
    law = customers["region_id"].map(jurisdiction).to_numpy(dtype=object)
    key = customers["customer_id"].array
    first_s = ((customers["created_at"].to_numpy() - start) // np.timedelta64(1, "s")).astype(np.int64)
    patience = tables["truth_customers"]["patience_min"].to_numpy()
    decisions = draw_decisions(settings, law, first_s, patience, rng)
    arrivals = draw_arrivals(settings, decisions, rng)
    messages = draw_messages(settings, law, first_s, decisions, arrivals, rng)
    closed_s = (customers["closed_at"] - settings.start).dt.total_seconds().fillna(np.inf).to_numpy()
    messages = messages[messages["at_s"] < closed_s[messages["who"]]].reset_index(drop=True)
    interactions = interaction_table(settings, key, messages)
    return {
        **({} if settings.block else {"rules": rule_table(settings)}),
        "consents": consent_table(settings, key, decisions, arrivals, rng),
        "interactions": interactions,
        "truth_labels": label_table(interactions["interaction_id"], messages["wrong"]),
    }


def moment(start: np.datetime64, seconds: np.ndarray) -> np.ndarray:
    """Return the moments that many seconds after `start`."""
    return start + seconds.astype(np.int64).astype("timedelta64[s]")


def _names(names: Sequence[str], position: np.ndarray) -> pd.api.extensions.ExtensionArray:
    """Return the purposes or channels at these positions, of which one is `ANY`."""
    return words([*names, "any"], np.where(position == ANY, len(names), position))


def consent_table(
    settings: WorldSettings,
    key: pd.api.extensions.ExtensionArray,
    decisions: pd.DataFrame,
    arrivals: np.ndarray,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return one row per decision and system; `key`: the customers' keys."""
    start = np.datetime64(settings.start, "us")
    d, k = len(decisions), len(SYSTEMS)
    evidence = pd.Series([f"{value:016x}" for value in rng.integers(0, 2**63, d)], dtype="str")
    evidence = evidence.where(decisions["proved"])
    of = np.repeat(np.arange(d), k)
    flat = arrivals.ravel()
    arrives = np.isfinite(flat)
    applied = np.where(arrives, moment(start, np.where(arrives, flat, 0)), np.datetime64("NaT"))
    return pd.DataFrame(
        {
            "consent_id": ids("K", d, settings.block).array.take(of),
            "customer_id": key.take(decisions["who"].to_numpy()[of]),
            "purpose": _names(PURPOSES, decisions["purpose"].to_numpy()[of]),
            "channel": _names(CHANNELS, decisions["channel"].to_numpy()[of]),
            "status": words(["withdrawn", "granted"], decisions["grants"].to_numpy()[of].astype(np.int64)),
            "effective_at": moment(start, decisions["at_s"].to_numpy())[of],
            "recorded_at": moment(start, decisions["recorded_s"].to_numpy())[of],
            "system_id": words([system[0] for system in SYSTEMS], np.tile(np.arange(k), d)),
            "applied_at": applied,
            "proof_hash": evidence.array.take(of),
        }
    )


def interaction_table(
    settings: WorldSettings, key: pd.api.extensions.ExtensionArray, messages: pd.DataFrame
) -> pd.DataFrame:
    """Return the messages as outbound interactions."""
    start = np.datetime64(settings.start, "us")
    n = len(messages)
    nothing = repeated(None, n)
    never = np.full(n, np.datetime64("NaT", "us"))
    return pd.DataFrame(
        {
            "interaction_id": ids("M", n, settings.block),
            "customer_id": key.take(messages["who"].to_numpy()),
            "ticket_id": nothing,
            "staff_id": nothing,
            "channel": _names(CHANNELS, messages["channel"].to_numpy()),
            "direction": repeated("out", n),
            "purpose": _names(PURPOSES, messages["purpose"].to_numpy()),
            "arrived_at": moment(start, messages["at_s"].to_numpy()),
            "answered_at": never,
            "ended_at": never,
            "handle_s": np.nan,
        }
    )


def label_table(interaction_id: pd.Series, wrong: pd.Series) -> pd.DataFrame:
    """Return the truth on the messages that should not have gone out; `wrong`: positions in `REASONS`."""
    is_wrong = np.flatnonzero(wrong)
    return planted(
        "truth_labels",
        PLAY,
        table="interactions",
        key=interaction_id.array.take(is_wrong),
        label="should not have gone out",
        value=words(REASONS, wrong.to_numpy()[is_wrong]),
    )


PLANTS = (
    Plant(
        play=PLAY,
        what="Customers agree, object and change their mind; each system learns of it at its own pace and sends by "
        "what it believes. A rule changed, a connector was down, a list was bought, and a pilot ran ahead of counsel.",
        why="The flag of today is not the answer of the day a message went out, and having agreed once is not "
        "agreeing now, here and for this purpose.",
        tables=("consents", "rules", "interactions"),
        truth=("truth_labels",),
        size="SYSTEMS, LATE_ENTRY, OUTAGE, NO_PROOF, RULE_CHANGE, LIST_SHARE, CHAT_SHARE, all x size",
    ),
)
