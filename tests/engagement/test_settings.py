"""Wrong engagement files are refused by name, before anything runs."""

import pytest

from playbook.engagement.settings import read_engagement
from playbook.errors import SettingsError

GOOD = """\
client: {name: Acme, industry: tools, currency: EUR}
as_of: 2026-07-01
data: {world: {seed: 1, customers: 500}}
"""


def written(tmp_path, text):
    path = tmp_path / "engagement.yml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("currency", "curency", "unknown key 'client.curency'; did you mean 'currency'?"),
        ("EUR", "EURO", "client.currency: expected an ISO 4217 code like EUR"),
        ("customers", "custmers", "unknown key 'data.world.custmers'; did you mean 'customers'?"),
        ("500", "-5", "world.customers: expected 200 to 100000000, got -5"),
        (
            "seed: 1",
            "seed: 1, industry: retial",
            "world.industry: unknown 'retial'; did you mean 'retail'?",
        ),
        (
            "seed: 1",
            "seed: 1, effects: {design.routin: 0}",
            "world.effects: unknown play 'design.routin'; did you mean 'design.routing'?",
        ),
        ("500", "'500'", "data.world.customers: Input should be a valid integer (got '500')"),
        ("2026-07-01", "soon", "as_of: Input should be a valid date (got 'soon')"),
        ("2026-07-01", "0002-01-01", "world.as_of: expected 1980-01-01 to 2199-12-31"),
        ("{world: {seed: 1, customers: 500}}", "{}", "data: expected exactly one of 'world'"),
        ("as_of:", "modules: [desing]\nas_of:", "modules: unknown 'desing'; did you mean 'design'?"),
        (
            "as_of:",
            "plays: [design.routng]\nas_of:",
            "plays: unknown 'design.routng'; did you mean 'design.routing'?",
        ),
        (
            "as_of:",
            "settings: {measure.control_charts: {phase1_week: 5}}\nas_of:",
            "measure.control_charts: unknown setting 'phase1_week'; did you mean 'phase1_weeks'?",
        ),
        (
            "as_of:",
            "settings: {measure.control_charts: {phase1_weeks: 5}}\nas_of:",
            "measure.control_charts.phase1_weeks: expected 20 to 104",
        ),
        (
            "as_of:",
            "settings: {balance.safety_stock: {cost_share: .nan}}\nas_of:",
            "balance.safety_stock.cost_share: expected 0.05 to 1.0",
        ),
    ],
)
def test_a_wrong_key_or_value_is_one_line_that_names_it(tmp_path, old, new, expected):
    """The message names the file, the key and the nearest valid one."""
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(SettingsError) as error:
        read_engagement(path)
    assert str(error.value).startswith(f"{path}: ")
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_yaml_is_refused_with_its_line(tmp_path):
    """A missing bracket is reported with the line it was noticed on."""
    with pytest.raises(SettingsError, match="line 2: not valid YAML"):
        read_engagement(written(tmp_path, "client: {name: [a\nas_of: 2026-07-01\n"))


def test_settings_become_papermill_parameters(tmp_path):
    """A play's setting arrives under the play's name; paths are left to the run."""
    text = GOOD + "settings: {measure.control_charts: {phase1_weeks: 40}}\n"
    parameters = read_engagement(written(tmp_path, text)).parameters("measure")
    assert parameters == {
        "client": "Acme",
        "as_of": "2026-07-01",
        "currency": "EUR",
        "control_charts_phase1_weeks": 40,
    }
