"""Views at size: wall seconds and peak memory of two heavy views over many order lines, each in a process of its own.

Run: python benchmarks/views.py [ORDER LINES, 50 million when not said] [FOLDER TO KEEP THE TABLES IN]
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from playbook.store.reading import Store
from playbook.store.schemas import SQL_TYPES, table

AS_OF = "2026-07-01"
VIEWS = ("customer_purchases", "weekly_demand")
LINES_AN_ORDER, ORDERS_A_CUSTOMER = 4, 12
PRODUCTS, DAYS = 20_000, 3 * 364

# Numbers that look drawn: 64 bits of a hash, as a share of one.
SHARE = "(hash({}) / 18446744073709551616.0)"
ROWS = {
    "customers": """select 'C' || i as customer_id from range($customers) r(i)""",
    "orders": f"""
        select 'O' || i as order_id,
            'C' || floor(pow({SHARE.format("'c', i")}, 2) * $customers)::bigint as customer_id,
            case when i % 40 = 7 then 'return' else 'order' end as kind,
            case when i % 50 = 9 then 'cancelled' else 'delivered' end as status,
            timestamp '{AS_OF}' - to_seconds(floor({SHARE.format("'t', i")} * {DAYS * 86400})) as ordered_at
        from range($orders) r(i)""",
    "order_lines": f"""
        select 'O' || (i // {LINES_AN_ORDER}) as order_id,
            i % {LINES_AN_ORDER} as line_no,
            'P' || floor(pow({SHARE.format("'p', i")}, 3) * {PRODUCTS})::bigint as product_id,
            1 + floor({SHARE.format("'q', i")} * 9)::bigint as qty_ordered,
            round(2 + {SHARE.format("'a', i")} * 6, 2)::double as unit_price_amt,
            case when i % 9 > 0 then round(1 + {SHARE.format("'k', i")} * 2, 2)::double end as unit_cost_amt
        from range($lines) r(i)""",
}


def write_tables(folder, lines):
    """Write a store of three tables with all their declared columns, in Parquet."""
    sizes = {
        "lines": lines,
        "orders": lines // LINES_AN_ORDER,
        "customers": lines // LINES_AN_ORDER // ORDERS_A_CUSTOMER,
    }
    folder.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    connection.execute("set memory_limit = '1GB'; set preserve_insertion_order = false")
    for name, query in ROWS.items():
        used = {key: size for key, size in sizes.items() if f"${key}" in query}
        made = connection.sql(query, params=used).columns
        cells = [
            f"{c.name if c.name in made else 'null'}::{SQL_TYPES[c.kind]} as {c.name}"
            for c in table(name).columns
        ]
        connection.execute(
            f"copy (select {', '.join(cells)} from ({query})) to '{folder / name}.parquet' (compression zstd)",
            used,
        )
    info = {"kind": "world", "name": "benchmark", "tables": {name: {} for name in ROWS}}
    (folder / "store.json").write_text(json.dumps(info), encoding="utf-8")


def measure(folder, view):
    """Compute a view in a process of its own; print rows, wall seconds and peak resident memory."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, __file__, "--view", str(folder), view], stdout=subprocess.PIPE
    )
    rows = int(process.stdout.read())
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"failed: {view}")
    wall = time.perf_counter() - began
    print(
        f"{view}: {rows:,} rows in {wall:.0f} s, {usage.ru_maxrss / 1024:,.0f} MB resident at most",
        flush=True,
    )


def main():
    """Write the tables unless they are there, then measure."""
    if sys.argv[1:2] == ["--view"]:
        print(len(Store(sys.argv[2]).view(sys.argv[3], as_of=AS_OF)))
        return
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000_000
    with tempfile.TemporaryDirectory() as draft:
        folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(draft)
        if not (folder / "store.json").is_file():
            write_tables(folder, lines)
        size = sum(file.stat().st_size for file in folder.glob("*.parquet")) / 1e9
        print(f"{lines:,} order lines, {size:.1f} GB of Parquet", flush=True)
        for view in VIEWS:
            measure(folder, view)


if __name__ == "__main__":
    main()
