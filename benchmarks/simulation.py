"""How long the simulated retailer takes to write, and whether its truth is what was promised.

    .venv/bin/python benchmarks/simulation.py [--customers 1000000] [--seed 0] [--out FOLDER]

Seconds on the wall and of processor time, peak memory, rows per table, and the facts that make
the retailer hard. The goal is a million customers within 2 minutes and 4 GB on 2 cores.
"""

import resource
import tempfile
from pathlib import Path

import numpy as np
from measuring import Report, options, scaled, timed

from neigung.simulation import read_truth, simulate

CUSTOMERS = 1_000_000
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


def measure(report: Report, out: Path, customers: int, seed: int) -> None:
    """Write a store and say what it took."""
    taken = timed(lambda: simulate(out, customers, seed))
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    peak = sum(resource.getrusage(who).ru_maxrss for who in both) / 1e6
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    found = [f"{customers:,}", f"{taken.seconds:.1f}", f"{taken.cpu_seconds:.1f}", f"{peak:.2f}"]
    heads = ["customers", "seconds", "CPU, s", "GB at most", "MB on disk"]
    report.table(heads, [[*found, f"{size / 1e6:,.0f}"]])
    tables = [[name, f"{rows:,}"] for name, rows in taken.answer.rows.items()]
    report.table(["table", "rows"], tables)
    report.table(["fact of the truth", ""], [[name, f"{one:,.4g}"] for name, one in facts(out)])
    report.figure("writing a shop", taken.seconds, "s", at_most=120)
    report.figure("writing a shop, memory", peak, "GB", at_most=4)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--customers", type=int, help=f"default {CUSTOMERS:,} times the size")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    report = Report(given)
    customers = given.customers or scaled(CUSTOMERS, given.size, least=1_000)
    with tempfile.TemporaryDirectory() as folder:
        measure(report, given.out or Path(folder) / "shop", customers, given.seed)
    report.close()


if __name__ == "__main__":
    main()
