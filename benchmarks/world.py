"""CPU seconds of the synthetic world against what people use: a Faker loop, lifetimes, and only writing the result.

Run: python benchmarks/world.py [CUSTOMERS OF THE FIRST TWO PARTS]

lifetimes is compared when it is installed (pip install --no-deps lifetimes autograd dill). All ratios are of one run.
"""

import importlib
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from faker import Faker

from playbook.store.writing import write_part
from playbook.world import domain_names
from playbook.world.blocks import (
    Tables,
    block_settings,
    count_blocks,
    generate_block,
    stream,
    with_needs,
)
from playbook.world.domains import market
from playbook.world.generate import generate
from playbook.world.histories import purchase_weeks
from playbook.world.keys import ids
from playbook.world.settings import COUNTRIES, WorldSettings

LOOP_ROWS = 1_000
CDNOW = {"T": 39, "r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}  # Fader, Hardie & Lee 2005


def cpu(action, times=3):
    """Return the least CPU seconds an action takes, and its result."""
    best, result = float("inf"), None
    for _ in range(times):
        began = time.process_time()
        result = action()
        best = min(best, time.process_time() - began)
    return best, result


def faker_loop():
    """Make customers the usual way: one call a cell, as many cells as our table has columns."""
    fake = Faker("en_GB")
    return [
        (
            fake.uuid4(),
            fake.first_name(),
            fake.last_name(),
            fake.company(),
            fake.email(),
            fake.phone_number(),
            fake.street_address(),
            fake.city(),
            fake.postcode(),
            fake.country_code(),
            fake.date_of_birth(),
            fake.date_time_this_decade(),
        )
        for _ in range(LOOP_ROWS)
    ]


def seconds_to_write(frames, name):
    """Return the CPU seconds of writing finished frames (Parquet, zstd-1), as the generator writes its blocks."""
    with tempfile.TemporaryDirectory() as folder:
        return cpu(lambda: [write_part(Path(folder), name, frame, k) for k, frame in enumerate(frames)], 1)[0]


def market_of(settings):
    """Return what a customers table is made from: settings, accounts, who belongs where, and how they buy."""
    n = settings.customers
    segment = np.arange(n) % 4
    buying = market.buying(settings, segment, stream(1, "traits"))
    accounts = ids("A", n // 4, settings.block).array
    return settings, accounts, np.sort(np.arange(n) % (n // 4)), np.arange(n) % len(COUNTRIES), buying


def customers_part(settings, loop):
    """Customers with locales, and the CRM's rows of them with defects."""
    print(
        f"customers, {settings.customers:,}; a Faker loop of 12 columns makes {LOOP_ROWS / loop:,.0f} rows a second"
    )
    blocks = range(count_blocks(settings))

    given = [market_of(block_settings(settings, block)) for block in blocks]
    rng = stream(1, "customers")

    def table():
        for inputs in given:
            market.customer_table(*inputs, rng)  # a block is written and forgotten

    seconds, _ = cpu(table)
    frames = [market.customer_table(*inputs, rng) for inputs in given]
    line("customers table", seconds, settings.customers, loop, seconds_to_write(frames, "customers"))
    for domains, name in ((["market"], "customers"), (["extracts"], "src_crm_customers")):
        seconds, made = cpu(lambda d=domains: [generate_block(settings, block, d) for block in blocks], 1)
        rows = sum(len(part[name]) for part in made)
        writing = sum(
            seconds_to_write([part[table] for part in made if table in part], table) for table in made[0]
        )
        line(f"domain {domains[0]}, all tables", seconds, rows, loop, writing)


def line(what, seconds, rows, loop, writing):
    """Print one comparison."""
    ratio = (rows / seconds) / (LOOP_ROWS / loop)
    print(
        f"  {what:28s} {seconds:7.2f} s  {ratio:7,.0f} times Faker's rows a second, "
        f"{seconds / writing:.1f} times the CPU of writing it"
    )


def histories_part(n):
    """Purchase histories of the CDNOW kind."""

    def ours():
        rng = stream(1, "benchmark")
        rate = rng.gamma(CDNOW["r"], 1 / CDNOW["alpha"], n)
        lifetime = rng.exponential(1 / np.maximum(rng.gamma(0.9, 0.03, n), 1e-9))
        return purchase_weeks(rate, np.minimum(lifetime, CDNOW["T"]), rng)

    seconds, (who, _) = cpu(ours)
    print(f"purchase histories, {n:,} customers, {len(who):,} purchases: {seconds:.2f} s")
    try:
        lifetimes = importlib.import_module("lifetimes.generate_data")
    except ImportError:
        print("  lifetimes is not installed")
        return
    some = 5_000
    theirs, _ = cpu(lambda: lifetimes.beta_geometric_nbd_model(**CDNOW, size=some), 1)
    print(f"  {(theirs / some) / (seconds / n):,.0f} times lifetimes' generator per customer")


def world_part(settings):
    """The whole default world, domain by domain."""
    generate(WorldSettings(customers=200))  # imports and name pools
    seconds, tables = cpu(lambda: generate(settings), 3)
    rows = sum(map(len, tables.values()))
    writing = sum(seconds_to_write([frame], name) for name, frame in tables.items())
    print(
        f"the world of {settings.customers:,} customers: {seconds:.2f} s for {rows:,} rows in {len(tables)} tables, "
        f"{seconds / writing:.1f} times the CPU of writing it"
    )
    made, spent = Tables({}), {}
    for name in with_needs(domain_names()):
        began = time.process_time()
        made.add(name, settings)
        spent[name] = time.process_time() - began
    for name in sorted(spent, key=spent.get, reverse=True)[:12]:
        print(f"  {name:20s} {spent[name]:6.3f} s")


def main():
    """Print all comparisons."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    loop, _ = cpu(faker_loop)
    customers_part(WorldSettings(customers=n), loop)
    histories_part(n)
    world_part(WorldSettings())


if __name__ == "__main__":
    main()
