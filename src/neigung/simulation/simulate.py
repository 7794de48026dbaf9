"""Writing a simulated retailer: chunk by chunk, all of it or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from neigung.errors import InputError
from neigung.files import replacing_folder
from neigung.profiles.contract import TABLES
from neigung.profiles.sources.folder import MARKER
from neigung.profiles.writer import ImportResult, check_free
from neigung.simulation.chunk import simulate_chunk
from neigung.simulation.retailer import Retailer
from neigung.simulation.truth import FOLDER

IMPORTER = "simulate"
CHUNK = 50_000
"""Customers made at once."""
LEAST_DAYS = 180
MOST_CUSTOMERS = 99_999_999
_WORKERS = 2


def simulate(
    out: str | Path,
    customers: int = 50_000,
    seed: int = 0,
    *,
    effect: bool = True,
    days: int = 730,
    shop: Retailer | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> ImportResult:
    """Write a retailer whose truth is known as a profile store into the folder `out`.

    A German web shop with branches, from 1 January 2024 on for `days` days, with every table of
    the contract, one Parquet part for each 50,000 customers. Offers begin about nine months
    before the end, every 28 days: `discount-test-NN` (randomised over 5 to 20 % and none),
    `discount-staff-NN` two days later (staff chose by what they saw, the probabilities are not
    recorded) and `channel-test-NN` four days later (email, push, post and none, randomised). One
    customer of a hundred in a test is also in the staff wave two days later, so that two horizons
    overlap; all other offers of a customer are more than 14 days apart. Public promotions rest for
    a customer within an offer's horizon. The truth lies in `out`/_truth, which a store does not
    read; see `read_truth`.

    Parameters
    ----------
    out : a folder that does not exist, is empty or holds an earlier simulation.
    customers : how many, at least 1.
    seed : the same numbers and seed give the same bytes.
    effect : False makes every arm as good as none, and leaves everything else.
    days : the length of the history, at least 180.
    shop : the retailer's constants.
    on_step : called with the chunks done and their number.

    Raises InputError when `out` holds something else or a number is out of range; then, and
    when anything fails, nothing is written.

    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp()) / "shop"
    >>> simulate(out, customers=100, seed=7).rows["labels"] > 0
    True
    """
    out = Path(out)
    shop = shop or Retailer()
    _check(customers, seed, days)
    check_free(out, IMPORTER)
    with replacing_folder(out) as fresh:
        for folder in [*TABLES, f"{FOLDER}/offers", f"{FOLDER}/customers"]:
            (fresh / folder).mkdir(parents=True)
        rows = _write_chunks(fresh, customers, seed, days, shop, effect, on_step)
        marker = {
            "importer": IMPORTER, "rows": rows, "set_aside": {},
            "customers": customers, "seed": seed, "effect": effect, "days": days,
        }  # fmt: skip
        text = json.dumps(marker, indent=2, ensure_ascii=False) + "\n"
        (fresh / MARKER).write_text(text, encoding="utf-8")
    return ImportResult(str(out), rows, {})


def _check(customers: int, seed: int, days: int) -> None:
    if not 1 <= customers <= MOST_CUSTOMERS:
        raise InputError(
            f"The number of customers must be from 1 to {MOST_CUSTOMERS:,}, found {customers:,}."
        )
    if seed < 0:
        raise InputError(f"The seed must be 0 or more, found {seed}.")
    if days < LEAST_DAYS:
        raise InputError(
            f"The history must be at least {LEAST_DAYS} days long, so that offers have something "
            f"before and after them; found {days}."
        )


def _write_chunks(
    folder: Path,
    customers: int,
    seed: int,
    days: int,
    shop: Retailer,
    effect: bool,
    on_step: Callable[[int, int], None] | None,
) -> dict[str, int]:
    """All chunks, two at a time; each has a seed of its own, so their order does not matter."""
    firsts = range(0, customers, CHUNK)
    rows = dict.fromkeys(TABLES, 0)

    def one(number: int) -> dict[str, int]:
        first = firsts[number]
        return _write_chunk(
            folder, number, np.random.SeedSequence([seed, number]), first,
            min(CHUNK, customers - first), days, shop, effect,
        )  # fmt: skip

    with ThreadPoolExecutor(_WORKERS) as pool:
        running = {pool.submit(one, number) for number in range(len(firsts))}
        done = 0
        try:
            while running:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    for name, count in future.result().items():
                        rows[name] += count
                    done += 1
                    if on_step:
                        on_step(done, len(firsts))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return rows


def _write_chunk(
    folder: Path,
    number: int,
    seed: np.random.SeedSequence,
    first: int,
    count: int,
    days: int,
    shop: Retailer,
    effect: bool,
) -> dict[str, int]:
    tables, truth = simulate_chunk(seed, first, count, days, shop, effect)
    rows = {}
    for name, columns in tables.items():
        table = pa.table(columns)
        rows[name] = len(table)
        _write(table, folder / name / f"part-{number:04d}.parquet")
    for name, columns in truth.items():
        _write(pa.table(columns), folder / FOLDER / name / f"part-{number:04d}.parquet")
    return rows


def _write(table: pa.Table, path: Path) -> None:
    pq.write_table(
        table, path, compression="zstd", compression_level=1, store_schema=False,
        write_statistics=["occurred_at"], row_group_size=1 << 20,
    )  # fmt: skip
