"""What the page says in words and tables."""

from __future__ import annotations

import pandas as pd

from playbook.unify.identity_resolution.analysis import Identities, one_form


def same_name(crm: pd.DataFrame, *, account_class: str = "A", rows: int = 8) -> pd.DataFrame:
    """Return key-account contacts that the CRM holds more than once under the same name and company.

    This is what a careful person finds by sorting a list: equal names only.
    """
    form = one_form("crm", crm)
    twice = form.duplicated(["name_key", "company_key"], keep=False) & form["name_key"].notna()
    twice &= (crm["account_class"] == account_class).to_numpy() & form["company_key"].notna().to_numpy()
    shown = crm[twice.to_numpy()].assign(name_key=form["name_key"], company_key=form["company_key"])
    shown = shown.sort_values(["company_key", "name_key", "crm_id"])
    columns = ["crm_id", "first_name", "last_name", "company", "email", "postcode"]
    return shown[columns].fillna("").head(rows).reset_index(drop=True)


# What the page shows.


def overview(result: Identities) -> pd.DataFrame:
    """Return, for each system, its records, the customers behind them, and the records too many."""
    table = result.records.groupby("source").agg(
        records=("record_id", "size"), customers=("customer", "nunique")
    )
    table.loc["all systems"] = [len(result.records), result.customers]
    return table.assign(too_many=table["records"] - table["customers"])


def example(result: Identities) -> pd.DataFrame:
    """Return the two CRM records, merged nearest above the threshold, side by side."""
    pair = example_pair(result)
    fields = ["first", "last", "email", "phone", "company", "street", "postcode"]
    both = result.records.set_index("record_id").loc[[pair["left"], pair["right"]], fields]
    return both.fillna("").T.rename_axis(columns=None)


def example_pair(result: Identities) -> pd.Series:
    """Return the merged pair that is least alike: the one worth looking at."""
    merged = result.pairs[result.pairs["probability"] >= result.threshold]
    if merged.empty:
        raise ValueError("no pair of records is alike enough to be merged")
    twice = merged[merged["left"].str.startswith("crm:") & merged["right"].str.startswith("crm:")]
    return (twice if len(twice) else merged).sort_values(["weight", "left", "right"]).iloc[0]
