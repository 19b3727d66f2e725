"""What vendors do under their terms, at equal cases; and whom plain averages blame."""

import numpy as np
import pandas as pd
import pytest

from tests.world.worlds_of_service import effects_of, service_worlds

VENDORS = ("UV1", "UV2", "UV3")


def written(world) -> pd.DataFrame:
    """Answered written cases, with the period of the terms."""
    rows = world.tickets[(world.tickets["channel"] != "phone") & world.tickets["handle_s"].notna()]
    changed = world.contract_terms.query("metric == 'solved for good'").groupby("seed")["valid_from"].max()
    after = rows["opened_at"] >= rows["seed"].map(changed)
    return rows.assign(period=np.where(after, "after the change", "before the change"))


def against_own(rows: pd.DataFrame, adjusted: bool) -> pd.DataFrame:
    """Repeats at each vendor less those at the own desk, with errors; at equal severity, channel and seed, or plain."""
    names = [f"v_{name}" for name in VENDORS]
    columns = [(rows["vendor"] == name).to_numpy(float) for name in VENDORS]
    if adjusted:
        kinds = pd.get_dummies(rows["severity"].astype(str) + rows["channel"], dtype=float).to_numpy()
        extra = [*kinds.T, rows["busy"].to_numpy(), np.log(rows["wait_min"].to_numpy() + 1)]
    else:
        extra = [np.ones(len(rows))]
    x = np.column_stack([*columns, *extra])
    y = rows["back"].to_numpy()
    slope, *_ = np.linalg.lstsq(x, y, rcond=None)
    rest = y - x @ slope
    spread = np.linalg.pinv(x.T @ x) * rest.var()
    k = len(names)
    return pd.DataFrame({"gap": slope[:k], "error": np.sqrt(np.diag(spread))[:k]}, index=list(VENDORS))


@pytest.fixture(scope="module")
def rows():
    """Written cases of all worlds."""
    return written(service_worlds())


@pytest.mark.parametrize("period", ["before the change", "after the change"])
def test_vendor_slas_behaviour_is_found_at_equal_cases(rows, period):
    """Adjusted for what each vendor gets, the gap to the own desk is the planted one, before and after new terms."""
    truth = effects_of(service_worlds(), "sustain.vendor_slas")["size"]
    found = against_own(rows[rows["period"] == period], adjusted=True)
    for vendor in VENDORS:
        assert found.loc[vendor, "gap"] == pytest.approx(
            truth[vendor, period], abs=3.5 * found.loc[vendor, "error"]
        )


def test_vendor_slas_plain_averages_blame_the_vendor_with_the_hard_cases(rows):
    """After the change one vendor is as good as the own desk, and looks worse by more than 2 standard errors."""
    part = rows[rows["period"] == "after the change"]
    plain = against_own(part, adjusted=False)
    assert plain.loc["UV3", "gap"] > 2 * plain.loc["UV3", "error"]


def test_vendor_slas_bonus_at_which_care_pays_follows_from_the_log(rows):
    """Cost of the minutes that care takes over what it saves in repeats: the planted threshold, within a fifth."""
    truth = service_worlds().truth_parameters.query("play == 'sustain.vendor_slas' and seed == 0")
    planted = truth.set_index("name")["value"]["bonus_threshold_amt"]
    part = rows[(rows["vendor"] == "UV1") & rows["handle_s"].notna()]
    after = part["period"] == "after the change"
    log_s = np.log(part["handle_s"]) - np.log(part["handle_s"]).groupby(part["severity"]).transform("mean")
    longer = np.exp(log_s[after].mean() - log_s[~after].mean())
    saved_min = part.loc[after, "handle_s"].mean() / 60 * (1 - 1 / longer)
    effect = effects_of(service_worlds(), "sustain.vendor_slas")["size"]
    fewer = effect["UV1", "before the change"] - effect["UV1", "after the change"]
    assert saved_min / 60 * 16 / fewer == pytest.approx(planted, rel=0.35)
    terms = service_worlds().contract_terms.query("metric == 'solved for good' and seed == 0")
    latest = terms.sort_values("valid_from").groupby("provider_unit_id")["bonus_amt"].last()
    assert ((latest > planted) == [True, False, True]).all()


def test_vendor_slas_without_an_effect_vendors_are_alike():
    """In worlds without it no vendor differs from the own desk at equal cases."""
    rows = written(service_worlds(planted=False, seeds=8))
    found = against_own(rows, adjusted=True)
    assert (found["gap"].abs() < 3 * found["error"]).all()
