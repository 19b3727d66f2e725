"""The engagement file a facilitator starts from."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from playbook.errors import SettingsError

TEMPLATE = """\
# Engagement of {name}. Run it with: playbook run {path}
client:
  name: {quoted}
  industry: industrial distribution
  currency: EUR
as_of: {today}        # the day on which all numbers are read
data:
  world:                 # a synthetic company, until the client's exports arrive
    seed: 20260701
    customers: 5000
    months: 36           # at least 36
    # industry: retail   # or: industrial distribution, telecom and field service, software, logistics
    # regions: [GB, DE]  # of GB, DE, FR, US, BR
    # tiers: [0.08, 0.25, 0.67]         # shares of gold, silver and bronze
    # seasonality: 1.0   # times the industry's season
    # defects: 1.0       # times the errors in source systems
    # effect: 1.0        # times everything that is planted; 0 plants nothing
    # effects: {{define.customer_value: 0}}   # the same for single plays
# data:                  # then: a mapping of the exports (see datasets/online_retail/mapping.yml)
#   mapping: mapping.yml # `playbook intake FOLDER --propose` writes a draft of it
# data:                  # or: canonical tables in the client's own warehouse
#   warehouse: {{dialect: postgres, connection: NAME_OF_ENVIRONMENT_VARIABLE, schema: playbook}}
# modules: [define, measure]          # leave out to run all seven
# plays: [measure.control_charts]     # or choose single plays
settings: {{}}             # thresholds of single plays; `playbook plays` lists them
"""


def write_engagement(name: str, folder: Path) -> Path:
    """Write `folder/<slug>/engagement.yml` and return its path.

    Raises
    ------
    SettingsError
        When the name holds no letter or digit, is too long or no one line, or the file is already there (it is
        left alone).
    """
    from playbook.engagement.settings import LONGEST_NAME, slug

    if not slug(name):
        raise SettingsError(f"client name {name!r}: expected at least one letter or digit")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise SettingsError(f"client name {name!r}: expected one line of at most {LONGEST_NAME} signs")
    path = folder / slug(name) / "engagement.yml"
    if path.exists():
        raise SettingsError(f"{path} is already there: edit it, or choose another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    quoted = "'" + name.replace("'", "''") + "'"
    text = TEMPLATE.format(name=name, quoted=quoted, path=path.as_posix(), today=date.today().isoformat())
    path.write_text(text, encoding="utf-8")
    return path
