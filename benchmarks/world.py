"""CPU seconds of the synthetic world, domain by domain, against a Faker loop and against only writing the result.

Run: python benchmarks/world.py [CUSTOMERS]
"""

import importlib
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from faker import Faker

from playbook.store.writing import write_store
from playbook.world import DOMAINS
from playbook.world.generate import stream
from playbook.world.settings import WorldSettings

LOOP_ROWS = 2_000


def cpu(action):
    """Return the CPU seconds an action takes, and its result."""
    began = time.process_time()
    result = action()
    return time.process_time() - began, result


def faker_loop():
    """Make customers the usual way: one call a cell."""
    fake = Faker("en_GB")
    Faker.seed(1)
    return [
        (fake.name(), fake.company(), fake.address(), fake.email(), fake.date()) for _ in range(LOOP_ROWS)
    ]


def main():
    settings = WorldSettings(customers=int(sys.argv[1]) if len(sys.argv) > 1 else WorldSettings.customers)
    tables, total = {}, 0.0
    for domain in DOMAINS:
        module = importlib.import_module(f"playbook.world.{domain}")
        seconds, made = cpu(lambda m=module, d=domain: m.generate(settings, tables, stream(settings.seed, d)))
        for name, frame in made.items():
            tables[name] = pd.concat([tables[name], frame]) if name in tables else frame
        total += seconds
        print(f"{domain:14s} {seconds:7.2f} s  {sum(map(len, made.values())):>10,} rows")
    rows = sum(map(len, tables.values()))
    with tempfile.TemporaryDirectory() as folder:
        writing, _ = cpu(
            lambda: write_store(Path(folder) / "store", tables, {"kind": "world", "name": "benchmark"})
        )
    loop, _ = cpu(faker_loop)
    print(f"{'all':14s} {total:7.2f} s  {rows:>10,} rows")
    print(f"generating takes {total / writing:.1f} times as long as writing it (zstd-1), {writing:.2f} s")
    print(
        f"rows a second: {(rows / total) / (LOOP_ROWS / loop):,.0f} times those of a Faker loop of five columns"
    )


if __name__ == "__main__":
    main()
