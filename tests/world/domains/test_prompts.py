"""What prompts, items and habits do, found by lot; and what plain comparisons make of them."""

import numpy as np
import pandas as pd
import pytest

from tests.world.worlds_of_service import SEEDS, effects_of, service_worlds, share_gap

SCRIPTS = ("confirm the solution", "offer a call", "explain the next step")
ITEMS = ("open order", "last complaint", "preference", "contract terms")
HABITS = ("name used", "preference applied", "follow-up")


def cases(world, kind: str) -> pd.DataFrame:
    """Actions of a kind with what came of their case."""
    rows = world.actions[world.actions["action_code"].str.startswith(f"{kind}: ")]
    rows = rows.assign(code=rows["action_code"].str.removeprefix(f"{kind}: "))
    columns = [
        "seed",
        "ticket_id",
        "back",
        "category",
        "tier_at_open",
        "severity",
        "history",
        "staff_id",
        "handle_s",
    ]
    return rows.drop(columns="staff_id").merge(
        world.tickets[columns], left_on=["seed", "subject_id"], right_on=["seed", "ticket_id"]
    )


@pytest.fixture(scope="module")
def scripts():
    """Cases in which a script was prompted, or none."""
    return cases(service_worlds(), "script")


@pytest.fixture(scope="module")
def items():
    """Calls in which an item was shown, or none."""
    return cases(service_worlds(), "item")


def uplift(rows: pd.DataFrame, code: str) -> tuple[float, float]:
    """Change of the share of repeats by one prompt against none, weighted by the logged chances."""
    part = rows[rows["code"].isin([code, "none"])]
    return share_gap(part["back"], part["code"] == code, 1 / part["propensity_share"])


@pytest.mark.parametrize("code", SCRIPTS)
def test_scripts_recovers_the_uplift_of_each_prompt_by_tier_and_history(scripts, code):
    """Weighted by the logged chances, every prompt's uplift is within 3.5 standard errors of the planted one."""
    truth = effects_of(service_worlds(), "design.scripts").query("metric == 'repeat contact'")["size"]
    for (tier, history), rows in scripts.groupby(["tier_at_open", "history"]):
        found, error = uplift(rows, code)
        assert found == pytest.approx(truth[code, f"{tier}, {history}"], abs=3.5 * error)


def test_scripts_rates_among_shown_prompts_recommend_one_that_annoys(scripts):
    """Shown in easy cases, one prompt seems to help repeat customers, whom it annoys; another hides what it does."""
    rows = scripts.query("history == 'repeat'")
    none = rows[rows["code"] == "none"]["back"]
    for code, planted in (("explain the next step", 0.02), ("confirm the solution", -0.08)):
        shown = rows[rows["code"] == code]["back"]
        found, error = uplift(rows, code)
        assert found == pytest.approx(planted, abs=3.5 * error)
        raw = shown.mean() - none.mean()
        assert abs(raw - planted) > 3 * np.hypot(shown.sem(), none.sem())
        if planted > 0:
            assert raw < 0


def test_scripts_seconds_per_prompt_are_logged_and_in_the_handling_time(scripts):
    """Prompts take their planted seconds, and by them longer contacts than without a prompt."""
    truth = effects_of(service_worlds(), "design.scripts").query("metric == 'handle time'")["size"]
    for code in SCRIPTS:
        assert scripts.loc[scripts["code"] == code, "duration_s"].mean() == pytest.approx(
            truth[code, "all"], rel=0.03
        )
    part = scripts[scripts["code"].isin(["offer a call", "none"])]
    longer, error = share_gap(part["handle_s"], part["code"] == "offer a call", 1 / part["propensity_share"])
    assert longer == pytest.approx(truth["offer a call", "all"], abs=3.5 * error)
    assert longer > 2 * error


def test_scripts_without_an_effect_no_prompt_does_anything():
    """In worlds without it all uplifts are noise."""
    rows = cases(service_worlds(planted=False, seeds=8), "script")
    z = [np.divide(*uplift(part, code)) for _, part in rows.groupby("history") for code in SCRIPTS]
    assert np.abs(z).max() < 3


def test_agent_desktop_recovers_what_each_item_does_where(items):
    """By category and history, weighted by the logged chances, uplifts agree with the planted ones (chi-square)."""
    truth = effects_of(service_worlds(), "design.agent_desktop")["size"]
    z = []
    for (category, history), rows in items.groupby(["category", "history"]):
        for code in ITEMS:
            shares = rows["tier_at_open"].value_counts(normalize=True)
            planted = sum(
                shares[tier] * truth[code, f"{category}, {tier}, {history}"] for tier in shares.index
            )
            found, error = uplift(rows, code)
            z.append((found - planted) / error)
    assert len(z) == 32
    assert (np.square(z)).sum() < 57  # 99.5 % of chi-square with 32 degrees of freedom


def test_agent_desktop_ranking_by_response_is_worse_than_by_uplift(items):
    """Learnt on half of the worlds: the item of best response is rarely the item that does most."""
    truth = effects_of(service_worlds(), "design.agent_desktop")["size"]
    learn = items[items["seed"] < len(SEEDS) // 2]
    gain = {"uplift": [], "response": []}
    for (category, history), rows in learn.groupby(["category", "history"]):
        shown = rows[rows["code"] != "none"]
        lifts = pd.Series({code: uplift(rows, code)[0] for code in ITEMS})
        rate = shown.groupby("code")["back"].mean()
        for name, chosen in (("uplift", lifts.idxmin()), ("response", rate.idxmin())):
            gain[name].append(truth[chosen, f"{category}, silver, {history}"] * len(rows))
    assert sum(gain["uplift"]) < 1.1 * sum(gain["response"])
    assert sum(gain["uplift"]) < 0


def test_agent_desktop_restricted_fields_follow_from_purpose_and_sensitivity():
    """The planted restricted fields are those that service has no purpose for, or that are sensitive."""
    from playbook.world.generate import generate
    from playbook.world.settings import WorldSettings

    world = generate(WorldSettings(seed=1, customers=200), domains=["prompts"])
    fields = world["fields"].query("table_name == 'agent_desktop'").set_index("field_id")
    for_service = fields["purposes"].str.split(",").map(lambda purposes: "service" in purposes)
    permitted = for_service & (fields["sensitivity"] != "sensitive")
    labels = world["truth_labels"].query("play == 'design.agent_desktop'").set_index("key")["label"]
    assert (labels.loc[fields.index] == "permitted").equals(permitted.rename("label"))
    assert set(fields.loc[for_service & ~permitted, "field_name"]) == {
        "health_note"
    }  # purpose alone lets it through


def test_agent_desktop_without_an_effect_no_item_does_anything():
    """In worlds without it all uplifts are noise."""
    rows = cases(service_worlds(planted=False, seeds=8), "item")
    assert max(abs(np.divide(*uplift(rows, code))) for code in ITEMS) < 3


def by_prompt(rows: pd.DataFrame) -> tuple[float, float]:
    """Wald: the prompt's effect on repeats over its effect on what is done, with the standard error."""
    reduced, error = share_gap(rows["back"], rows["shown"])
    first, _ = share_gap(rows["taken"].astype(float), rows["shown"])
    return reduced / first, error / first


def within_agents(rows: pd.DataFrame) -> tuple[float, float]:
    """Difference of repeats, done less not done, within agents."""
    centred = rows[["back", "taken"]].astype(float)
    centred = centred - centred.groupby(rows["staff_id"]).transform("mean")
    slope = (centred["back"] * centred["taken"]).sum() / (centred["taken"] ** 2).sum()
    rest = centred["back"] - slope * centred["taken"]
    return slope, float(np.sqrt((rest**2).mean() / (centred["taken"] ** 2).sum()))


@pytest.mark.parametrize("habit", HABITS)
def test_action_metrics_prompt_as_instrument_covers_the_planted_effect(habit):
    """The 95 % interval holds it in at least 16 of 20 worlds, and over all worlds it is within 3 standard errors."""
    truth = effects_of(service_worlds(), "measure.action_metrics")["size"][habit, "all"]
    rows = cases(service_worlds(), "habit")
    rows = rows[rows["code"] == habit]
    estimates = np.array([by_prompt(part) for _, part in rows.groupby("seed")])
    assert (np.abs(estimates[:, 0] - truth) < 1.96 * estimates[:, 1]).sum() >= 16
    found, error = by_prompt(rows)
    assert found == pytest.approx(truth, abs=3 * error)


def test_action_metrics_within_agents_easy_calls_flatter_every_habit():
    """Within agents each habit looks better than it is by more than 4 standard errors; one looks good that does nothing."""
    rows = cases(service_worlds(), "habit")
    truth = effects_of(service_worlds(), "measure.action_metrics")["size"]
    for habit in HABITS:
        found, error = within_agents(rows[rows["code"] == habit])
        assert found < truth[habit, "all"] - 4 * error
    found, error = within_agents(rows[rows["code"] == "name used"])
    assert found < -3 * error


def test_action_metrics_without_an_effect_prompts_change_nothing():
    """In worlds without it the instrument finds nothing for any habit."""
    rows = cases(service_worlds(planted=False, seeds=8), "habit")
    assert max(abs(np.divide(*by_prompt(rows[rows["code"] == habit]))) for habit in HABITS) < 3.3
