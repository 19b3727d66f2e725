"""What each source is worth for one decision is recovered; the freshest is worth nothing."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from playbook.store.writing import validate
from playbook.world.domains.devices import INSPECTION_AMT, LOSS_AMT, PLAY
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings

SOURCES = ["iot", "support", "erp", "crm", "web"]
PER_UNIT = {"in/s": 25.4, "psi": 1 / 14.5038}


def world(seed: int, customers: int = 5000, **settings) -> dict[str, pd.DataFrame]:
    return generate(WorldSettings(seed=seed, customers=customers, **settings), domains=["intake", "web"])


@pytest.fixture(scope="module")
def worlds():
    return [world(seed) for seed in range(3)]


def cases(tables) -> pd.DataFrame:
    """Each machine that was left alone: whether it failed, and what each source says about it."""
    rows = tables["decisions"].query("decision_type == 'inspect machine' and outcome == 'left alone'")
    rows = rows.set_index("subject_id")
    read = tables["src_iot_readings"].query("metric == 'vibration'").dropna(subset="value")
    value = read["value"].astype(float) * read["unit"].map(PER_UNIT).fillna(1.0)
    events = tables["events"].dropna(subset="customer_id")[["customer_id", "occurred_at"]]
    seen = rows.reset_index()[["subject_id", "customer_id", "decided_at"]].merge(events, on="customer_id")
    visits = seen[seen["occurred_at"] < seen["decided_at"]]["subject_id"].value_counts()
    customers = tables["customers"].set_index("customer_id")["account_id"]
    key = tables["accounts"].set_index("account_id")["is_key"]
    parts = tables["src_erp_orders"].drop_duplicates("order_no")["serial_no"].value_counts()
    asked = tables["src_support_tickets"].drop_duplicates("ticket_no")["serial_no"].value_counts()
    return pd.DataFrame(
        {
            "fails": rows["realised_amt"] < 0,
            "iot": np.log(value.groupby(read["device_id"]).median()).reindex(rows.index),
            "support": asked.reindex(rows.index).fillna(0),
            "erp": parts.reindex(rows.index).fillna(0),
            "crm": rows["customer_id"].map(customers).map(key).astype(float),
            "web": np.log1p(visits.reindex(rows.index).fillna(0)),
        }
    ).dropna()


def worth(frame: pd.DataFrame) -> dict[str, float]:
    """What a decision costs more when a source is left out, by the chances that all sources give."""

    def chances(columns):
        x = (frame[columns] - frame[columns].mean()) / frame[columns].std()
        return LogisticRegression(C=1e6).fit(x, frame["fails"]).predict_proba(x)[:, 1]

    full = chances(SOURCES)
    best = np.minimum(INSPECTION_AMT, LOSS_AMT * full).mean()
    found = {}
    for source in SOURCES:
        less = chances([other for other in SOURCES if other != source])
        found[source] = (
            np.where(LOSS_AMT * less > INSPECTION_AMT, INSPECTION_AMT, LOSS_AMT * full).mean() - best
        )
    return found


@pytest.fixture(scope="module")
def recovered(worlds):
    return worth(pd.concat([cases(tables) for tables in worlds]))


def test_tables_are_canonical(worlds):
    """Readings, decisions and audits keep their schemas; decisions are about customers still there."""
    for name in ("src_iot_readings", "decisions", "corrections"):
        validate(name, worlds[0][name])
    rows = worlds[0]["decisions"].merge(worlds[0]["customers"], on="customer_id")
    assert (rows["decided_at"] >= rows["created_at"]).all()
    assert not (rows["decided_at"] > rows["closed_at"]).any()


def test_data_sources_recovers_the_order_of_value(worlds, recovered):
    """Leaving each source out costs about what was planted, in the planted order."""
    effects = pd.concat([tables["truth_effects"] for tables in worlds]).query("play == @PLAY")
    true = effects.groupby("action")["size"].mean()
    print("Worth:", {k: (round(v, 2), round(true[k], 2)) for k, v in recovered.items()})
    assert sorted(SOURCES[:3], key=recovered.get, reverse=True) == SOURCES[:3]
    for source in SOURCES:
        assert recovered[source] == pytest.approx(true[source], abs=max(1.2, 0.3 * true[source]))


def test_data_sources_freshest_is_worth_nothing(worlds, recovered):
    """The web log is complete to the last day, parts reach the ERP days late, and the web is worth nothing."""
    tables = worlds[0]
    assert tables["events"]["occurred_at"].max() > tables["src_iot_readings"][
        "extracted_at"
    ].max() - pd.Timedelta(days=1)
    late = pd.to_numeric(tables["src_iot_readings"]["received_at"]) - pd.to_numeric(
        tables["src_iot_readings"]["measured_at"]
    )
    assert 60 < late.median() < 1000
    booked = [pd.to_datetime(tables["src_erp_orders"][c], format="%d.%m.%Y", errors="coerce") for c in
              ("ordered_on", "booked_on")]  # fmt: skip
    late_d = (booked[1] - booked[0]).dt.days
    assert late_d[late_d >= 0].mean() > 0.5
    assert recovered["web"] < 0.05 * recovered["iot"]


def test_data_sources_audits_tell_what_is_wrong(worlds):
    """The share of readings that audits found wrong is the planted one; so is the share without a value."""
    audits = pd.concat([tables["corrections"].query("field_id == 'iot.value'") for tables in worlds])
    rates = worlds[0]["truth_parameters"].query("play == @PLAY").set_index("name")["value"]
    for found, name in ((audits["verified"], "iot wrong"), (worlds[0]["src_iot_readings"]["value"].isna(),
                                                            "iot without value")):  # fmt: skip
        rate = rates[name]
        assert found.mean() == pytest.approx(rate, abs=4 * np.sqrt(rate / len(found)))


def test_data_sources_have_no_worth_without_effect():
    """Where nothing is planted, no source changes what a decision costs by more than chance."""
    frame = pd.concat([cases(world(seed, effects={PLAY: 0})) for seed in (1, 2)])
    assert max(worth(frame).values()) < 1.0
