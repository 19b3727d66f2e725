"""Machines, their readings and their audits are as planted."""

import numpy as np
import pandas as pd
import pytest

from playbook.store.writing import validate
from playbook.world.generate import generate
from playbook.world.settings import WorldSettings


@pytest.fixture(scope="module")
def tables():
    return generate(WorldSettings(seed=0, customers=5000), domains=["intake", "web"])


def test_tables_are_canonical(tables):
    """Readings, decisions and audits keep their schemas; decisions are about customers still there."""
    for name in ("src_iot_readings", "decisions", "corrections"):
        validate(name, tables[name])
    rows = tables["decisions"].merge(tables["customers"], on="customer_id")
    assert (rows["decided_at"] >= rows["created_at"]).all()
    assert not (rows["decided_at"] > rows["closed_at"]).any()


def test_data_sources_web_is_freshest(tables):
    """The web log is complete to the last day; parts reach the ERP days late. Worth: tests/define/test_data_sources.py."""
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


def test_data_sources_audits_tell_what_is_wrong(tables):
    """The share of readings that audits found wrong is the planted one; so is the share without a value."""
    audits = tables["corrections"].query("field_id == 'iot.value'")
    rates = tables["truth_parameters"].query("play == 'define.data_sources'").set_index("name")["value"]
    for found, name in ((audits["verified"], "iot wrong"), (tables["src_iot_readings"]["value"].isna(),
                                                            "iot without value")):  # fmt: skip
        rate = rates[name]
        assert found.mean() == pytest.approx(rate, abs=4 * np.sqrt(rate / len(found)))
