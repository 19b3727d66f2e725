"""Intake of order lines at size: rows a second and peak memory of whole commands, with dirt in one row of a hundred.

Run: python benchmarks/intake.py [LINES] [csv | parquet]
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import duckdb

START = "from playbook.cli import main; main()"
MAPPING = """
sources:
  sales:
    file: sales.{suffix}
    dialect: {{decimal: ','}}
    columns:
      Order: text
      Line: count
      Article: {{type: text, upper: true}}
      Pieces: count
      Day: {{type: time, format: '%d.%m.%Y %H:%M', zone: Europe/Berlin}}
      Price: number
      Customer: text
    reject:
      - {{reason: repeated line, repeated: all}}
      - {{reason: nothing sold, when: {{Pieces: {{at_most: 0}}}}}}
tables:
  orders:
    source: sales
    one_per: key
    columns:
      order_id: Order
      customer_id: {{first: Customer}}
      kind: {{constant: order}}
      ordered_at: {{min: Day}}
      status: {{constant: shipped}}
  order_lines:
    source: sales
    columns: {{order_id: Order, line_no: Line, product_id: Article, qty_ordered: Pieces, unit_price_amt: Price}}
  products:
    source: sales
    one_per: key
    columns: {{product_id: Article, name: {{mode: Article}}, price_amt: {{median: Price}}}}
"""
# Four lines an order; of a hundred rows one is dirty: an impossible date, a number that is none, or a copy.
ROWS = """
select 'A' || lpad((n // 4)::varchar, 9, '0') as "Order", n % 4 + 1 as "Line",
    'p' || lpad((hash(n) % 20000)::varchar, 6, '0') as "Article", 1 + hash(n + 1) % 9 as "Pieces",
    case when n % 300 = 0 then '31.02.2025 10:00'
        else strftime(timestamp '2023-01-01' + interval (n * 94608000 // {lines}) second, '%d.%m.%Y %H:%M') end as "Day",
    case when n % 300 = 1 then 'n/a' else replace((1 + hash(n + 2) % 9999 / 100)::varchar, '.', ',') end as "Price",
    lpad((hash(n // 4) % 1000000)::varchar, 8, '0') as "Customer"
from (select case when i % 300 = 2 then i - 1000 * (i > 1000)::int else i end as n from range({lines}) as t(i))
"""


def write(folder, lines, suffix):
    """Write the export and its mapping."""
    how = "format csv, header, delimiter ';'" if suffix == "csv" else "format parquet"
    with duckdb.connect() as connection:
        connection.execute("set memory_limit = '1GB'")
        connection.execute(f"copy ({ROWS.format(lines=lines)}) to '{folder / f'sales.{suffix}'}' ({how})")
    (folder / "mapping.yml").write_text(MAPPING.format(suffix=suffix))


def main():
    """Print rows a second, CPU seconds and peak resident memory."""
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000_000
    suffix = sys.argv[2] if len(sys.argv) > 2 else "csv"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, lines, suffix)
        size = (folder / f"sales.{suffix}").stat().st_size / 1e9
        command = [sys.executable, "-c", START, "intake", str(folder / "mapping.yml"), str(folder / "store")]
        began = time.perf_counter()
        _, status, usage = os.wait4(os.spawnv(os.P_NOWAIT, sys.executable, command), 0)
        seconds = time.perf_counter() - began
        if status:
            raise SystemExit("the intake failed")
    print(f"{lines:,} lines, {size:.1f} GB {suffix}: {seconds:.0f} s, {lines / seconds:,.0f} rows/s")
    print(f"CPU {usage.ru_utime + usage.ru_stime:.0f} s, peak {usage.ru_maxrss / 1024:,.0f} MB resident")


if __name__ == "__main__":
    main()
