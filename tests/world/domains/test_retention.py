"""Calls keep those who can be persuaded, reviews keep accounts, and a club that people join late keeps nobody."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from playbook.store.writing import conform, validate
from playbook.world.domains import contracts, retention
from playbook.world.settings import WorldSettings
from tests.world.worlds_of_programmes import tables_of

CALLS, REVIEWS = "balance.workforce_schedule", "measure.retention_cohorts"
DRAWS = 20


@pytest.fixture(scope="module")
def before():
    """What contracts read: three thousand customers, their orders, parcels and requests."""
    return tables_of(WorldSettings(seed=2, customers=3000), ("service",))


def made(before, draw, effects=None):
    """Contracts and what was done to keep them, once more for the same service."""
    settings = WorldSettings(seed=2, customers=3000, effects=effects or {})
    tables = dict(before)
    for part in (contracts, retention):
        for name, frame in part.generate(settings, tables, np.random.default_rng(draw)).items():
            tables[name] = (
                frame if name not in before else pd.concat([before[name], frame], ignore_index=True)
            )
    return tables


@pytest.fixture(scope="module")
def planted(before):
    """Twenty draws with all effects."""
    return [made(before, draw) for draw in range(DRAWS)]


@pytest.fixture(scope="module")
def empty(before):
    """Twenty draws in which calls and reviews do nothing."""
    return [made(before, draw, {CALLS: 0.0, REVIEWS: 0.0}) for draw in range(DRAWS)]


def renewals(tables):
    """Every renewal that came up in the time of the calls: arm, design, score, fee, whether the account left."""
    rows = tables["assignments"].query("initiative_id == 'IN-call'")
    terms = tables["contracts"].rename(columns={"contract_id": "subject_id", "version_no": "sequence_no"})
    rows = rows.merge(
        terms[["subject_id", "sequence_no", "renewed", "annual_fee_amt"]], on=["subject_id", "sequence_no"]
    )
    scores = tables["model_scores"].query("model_version_id == 'renewal-1'")
    parts = scores["features_json"].str.extract(r'"contract_id": "([^"]+)", "version_no": (\d+)')
    scores = scores.assign(subject_id=parts[0], sequence_no=parts[1].astype(float))
    rows = rows.merge(scores[["subject_id", "sequence_no", "score"]], on=["subject_id", "sequence_no"])
    key = rows["subject_id"] + "-" + rows["sequence_no"].astype(int).astype(str)
    return rows.assign(left=~rows["renewed"].astype(bool), key=key)


def saved(rows):
    """Share of accounts that a call keeps, by lot, and its standard error."""
    rows = rows[rows["design"] == "random"]
    groups = [rows[rows["arm"] == arm]["left"] for arm in ("no call", "call")]
    share, n = [g.mean() for g in groups], [len(g) for g in groups]
    return share[0] - share[1], np.sqrt(sum(p * (1 - p) / k for p, k in zip(share, n, strict=True)))


def outcomes(tables, rows):
    """Planted chances to leave without and with a call, for each renewal."""
    truth = tables["truth_outcomes"].query("play == @CALLS").set_index(["arm", "subject"])["value"]
    return truth["no call"][rows["key"]].to_numpy(), truth["call"][rows["key"]].to_numpy()


@pytest.mark.parametrize(
    "table", ["contracts", "contract_terms", "assignments", "model_scores", "initiatives"]
)
def test_tables_are_canonical(planted, table):
    """Columns, kinds, keys and choices as declared."""
    validate(table, conform(table, planted[0][table]))


def test_workforce_schedule_recovers_what_calls_keep(planted):
    """By lot, calls keep as many as planted; among the highest scores fewer than in the middle."""
    rows = pd.concat([renewals(tables).assign(draw=k) for k, tables in enumerate(planted)])
    without, called = (
        np.concatenate(part)
        for part in zip(*[outcomes(tables, renewals(tables)) for tables in planted], strict=True)
    )
    rows = rows.assign(kept=without - called)
    band = pd.cut(rows["score"], [0.0, 0.1, 0.3, 0.55, 1.0])
    by_band = {}
    for name, part in rows.groupby(band, observed=True):
        value, error = saved(part)
        by_band[name.right] = value
        assert abs(value - part["kept"].mean()) < 3.5 * error
    assert by_band[0.3] > by_band[1.0] + 0.05


def test_workforce_schedule_hours_by_risk_keep_less_than_hours_by_uplift(planted):
    """Calls to the third with the most uplift x fee, estimated by band, keep more than to the third with most risk."""
    rows = pd.concat([renewals(tables) for tables in planted])
    rows["band"] = pd.cut(rows["score"], [0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.55, 1.0]).cat.codes
    uplift = {band: saved(part)[0] for band, part in rows.groupby("band")}
    for tables in planted[:5]:
        now = renewals(tables)
        codes = pd.cut(now["score"], [0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.55, 1.0]).cat.codes
        without, called = outcomes(tables, now)
        worth = (without - called) * now["annual_fee_amt"].to_numpy()
        third = len(now) // 3
        by_uplift = np.argsort(-(codes.map(uplift) * now["annual_fee_amt"]).to_numpy())[:third]
        by_risk = np.argsort(-now["score"].to_numpy())[:third]
        assert worth[by_uplift].sum() > 1.1 * worth[by_risk].sum()


def test_workforce_schedule_chosen_calls_look_harmful_and_null_is_null(planted, empty):
    """Where the riskiest were called, called accounts leave more often; without the effect a lot finds nothing."""
    rows = pd.concat([renewals(tables) for tables in planted]).query("design == 'chosen'")
    assert rows[rows["arm"] == "call"]["left"].mean() > rows[rows["arm"] == "no call"]["left"].mean() + 0.05
    value, error = saved(pd.concat([renewals(tables) for tables in empty]))
    assert abs(value) < 3 * error


def spells(tables):
    """One row a renewal that came up in the last 78 weeks: reviewed, in the club since before the term, left."""
    end = WorldSettings().end
    terms = tables["contracts"]
    due = terms[(terms["ends_on"] <= end) & (terms["ends_on"] >= end - pd.Timedelta(weeks=78))]
    arms = tables["assignments"]
    review = arms[arms["initiative_id"] == "IN-review"].set_index("subject_id")
    club = arms[arms["initiative_id"] == "IN-club"].set_index("subject_id")["starts_at"]
    joined = due["contract_id"].map(club)
    return pd.DataFrame(
        {
            "reviewed": (due["contract_id"].map(review["arm"]) == "review").astype(float),
            "design": due["contract_id"].map(review["design"]),
            "club": (joined < due["starts_on"]).astype(float),
            "version": due["version_no"],
            "left": (~due["renewed"].astype(bool)).astype(float),
        }
    )


def logit(rows, columns):
    """Log odds of leaving, with tenure, and their standard errors."""
    design = sm.add_constant(rows[[*columns, "version"]].astype(float))
    fit = sm.Logit(rows["left"], design).fit(disp=0)
    return fit.params, fit.bse


def test_retention_cohorts_recovers_the_review_and_nothing_for_the_club(planted):
    """By lot and with exposure since, reviews keep accounts; membership since before the term changes nothing."""
    rows = pd.concat([spells(tables) for tables in planted]).query("design == 'random'")
    found, error = logit(rows, ["reviewed", "club"])
    size = planted[0]["truth_effects"].query("play == @REVIEWS").set_index("action")["size"]
    # Accounts differ (sd 1.4): what is seen on average is smaller by 1 / sqrt(1 + 0.346 sd^2) (Zeger et al. 1988).
    seen = size["review"] / np.sqrt(1 + 0.346 * contracts.LEAVE_SD**2)
    assert abs(found["reviewed"] - seen) < 3 * error["reviewed"] + 0.1
    assert size["club"] == 0


def test_retention_cohorts_ever_members_stay_longer_though_the_club_does_nothing(planted):
    """Ever members left far less often and later; among terms of one age, members since before end as often."""
    ever, never, exposed = [], [], []
    for tables in planted:
        terms = tables["contracts"]
        life = terms.groupby("contract_id").agg(terms=("version_no", "max"), until=("ends_on", "max"))
        life = life[
            life["until"] > WorldSettings().start + pd.Timedelta(days=365)
        ]  # there when the club began
        members = tables["assignments"].query("initiative_id == 'IN-club'")["subject_id"]
        gone = life["until"] <= WorldSettings().end
        ever += list(gone[life.index.isin(members)])
        never += list(gone[~life.index.isin(members)])
        exposed.append(spells(tables))
    assert np.mean(ever) < 0.75 * np.mean(never)
    rows = pd.concat(exposed)
    found, error = logit(rows[rows["version"] >= 2], ["reviewed", "club"])
    assert abs(found["club"]) < 3 * error["club"]


def test_retention_cohorts_finds_nothing_where_nothing_is_planted(empty):
    """Without the effect reviewed accounts leave as often as the others, by lot."""
    rows = pd.concat([spells(tables) for tables in empty]).query("design == 'random'")
    found, error = logit(rows, ["reviewed"])
    assert abs(found["reviewed"]) < 3 * error["reviewed"]


def test_workforce_schedule_planted_hours_are_those_of_the_calls(before, planted):
    """Each market's calls come in at the planted hours."""
    truth = (
        planted[0]["truth_parameters"]
        .query("play == @CALLS and name.str.startswith('share')")
        .set_index("name")
    )
    calls = before["interactions"].query("channel == 'phone'").merge(before["customers"], on="customer_id")
    counts = calls.query("region_id == 'R1'")["arrived_at"].dt.hour.value_counts(normalize=True)
    shares = pd.Series({hour: truth["value"][f"share of calls, R1, {hour:02d} h UTC"] for hour in range(24)})
    assert (counts.reindex(range(24), fill_value=0.0) - shares).abs().max() < 0.03
