"""How long the simulated retailer takes to write, and whether its truth is what was promised.

    .venv/bin/python benchmarks/simulation.py [--customers 1000000] [--seed 0] [--out FOLDER]

Seconds on the wall and of processor time, peak memory, rows per table, and the facts that make
the retailer hard. The goal is a million customers within 2 minutes and 4 GB on 2 cores.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from neigung.simulation import read_truth, simulate

ARMS = ("5%", "10%", "15%", "20%")


def facts(out: Path) -> list[tuple[str, float]]:
    """What the truth says of the offers of a store."""
    offers = read_truth(out).offers
    discounts = offers[offers["p_10%"].notna()]
    channels = offers[offers.p_email.notna()]
    gain = discounts["p_10%"] - discounts.p_none
    rates = np.array([0.0, *(float(arm[:-1]) / 100 for arm in ARMS)])
    chances = discounts[["p_none", *(f"p_{arm}" for arm in ARMS)]].to_numpy()
    margins = chances * discounts.basket.to_numpy()[:, None] * (0.35 - rates) - 0.05 * (rates > 0)
    left = gain - discounts.traceable
    return [
        ("discount offers", len(discounts)),
        ("order within 14 days without an offer", discounts.p_none.mean()),
        *((f"gain at {a}", (discounts[f"p_{a}"] - discounts.p_none).mean()) for a in ARMS),
        *(
            (f"gain by {c}", (channels[f"p_{c}"] - channels.p_none).mean())
            for c in ("email", "push", "post")
        ),
        ("cannot be moved", (gain == 0).mean()),
        ("put off", (gain < 0).mean()),
        ("spread of the gain at 10%", gain.std()),
        ("share of its variance that behaviour can show", 1 - (left**2).mean() / gain.var()),
        ("margin per customer without offers, euro", margins[:, 0].mean()),
        ("margin with 10% for all", margins[:, 2].mean()),
        ("margin with perfect knowledge", margins.max(axis=1).mean()),
    ]


def measure(out: Path, customers: int, seed: int) -> None:
    """Write a store and print what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = simulate(out, customers, seed)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    peak = sum(resource.getrusage(who).ru_maxrss for who in both)
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    print(f"{customers:,} customers: {wall:.1f} s, {cpu:.1f} s of processor time, ", end="")
    print(f"{peak / 1e6:.2f} GB at most, {size / 1e6:,.0f} MB on disk")
    for name, rows in result.rows.items():
        print(f"{rows:>12,} {name}")
    for name, value in facts(out):
        print(f"{value:>12,.4g} {name}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--customers", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(given.out or Path(folder) / "shop", given.customers, given.seed)


if __name__ == "__main__":
    main()
