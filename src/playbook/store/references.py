"""Which canonical table points to which: a column that ends with another table's key."""

from __future__ import annotations

from playbook.store.schemas import Table, tables


def references(table: Table) -> dict[str, str]:
    """Return the tables that the columns of `table` point to, by column: a column ends with the other's key.

    Examples
    --------
    >>> from playbook.store.schemas import table
    >>> references(table("shipments"))["order_id"]
    'orders'
    """
    keys = {other.key[0]: other.name for other in tables().values() if _is_pointed_to(other)}
    found = {}
    for column in table.columns:
        for key, other in keys.items():
            role = column.name.endswith(f"_{key}") and column.name not in table.key
            if other != table.name and (column.name == key or role):
                found[column.name] = other
    return found


def _is_pointed_to(table: Table) -> bool:
    return len(table.key) == 1 and table.key[0] != "row_no" and table.key[0].endswith(("_id", "_no"))
