"""Size, memory and workers of `playbook generate`: wall seconds, CPU seconds and peak memory of whole commands.

Run: python benchmarks/scale.py [CUSTOMERS OF THE LARGE WORLD]
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

START = "from playbook.cli import main; main()"


def measure(to, *options):
    """Run `playbook generate` and return wall seconds, CPU seconds and peak resident MB of its main process."""
    command = [sys.executable, "-c", START, "generate", str(to), *map(str, options)]
    began = time.perf_counter()
    _, status, usage = os.wait4(os.spawnv(os.P_NOWAIT, sys.executable, command), 0)
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    """Print both comparisons."""
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    with tempfile.TemporaryDirectory() as folder:
        walls = {}
        for workers in (1, 2):
            to = Path(folder) / f"by{workers}"
            walls[workers], _, _ = measure(
                to, "--customers", 1_000_000, "--domain", "delivery", "--workers", workers
            )
        print(
            f"two workers are {walls[1] / walls[2]:.2f} times as fast as one (1,000,000 customers, to delivery)"
        )
        to = Path(folder) / "large"
        wall, cpu, peak = measure(to, "--customers", customers, "--domain", "orders")
        tables = json.loads((to / "store.json").read_text(encoding="utf-8"))["tables"]
        size = sum(file.stat().st_size for file in to.rglob("*.parquet")) / 1e9
        print(
            f"{customers:,} customers, {tables['orders']['rows']:,} orders, {tables['order_lines']['rows']:,} lines: "
            f"{wall:.0f} s wall, {cpu:.0f} s CPU, {peak:.0f} MB resident at most, {size:.1f} GB on disk"
        )


if __name__ == "__main__":
    main()
