"""How long features take, beside hand-written SQL, pandas and featuretools.

    .venv/bin/python benchmarks/features.py [--customers 1000000] [--rounds 2]

Orders of three years, 30 rows a customer, read from Parquet files, one for each month. The peers
compute the same 30 aggregates of the last 365 days (`YEAR`), or of the whole past (`PAST`), for
all customers with an order in that time. The plain SQL of a year is right where the lines of an
order come together, as they do here; neigung, and a second SQL, are right in any case. Before
anything is timed, all answers are compared with each other. Each way runs in a process of its own,
in turns; what is timed ends with the columns in memory. Opening the store, which neigung checks
once, is told apart. Several cutoffs are read as for training: what they share is made once, and
neigung gives labels as well. featuretools computes 30 aggregates by windows, as near to ours as it
can; it is given fewer customers.
"""

from __future__ import annotations

import datetime as dt
import json
import statistics
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from feature_queries import EXACT_YEAR, SETS, in_pandas
from measuring import (
    HERE,
    NoPeerError,
    Report,
    Taken,
    in_process,
    in_turns,
    median,
    options,
    order_store,
    peer_python,
    ratios,
    scaled,
    spread,
    timed,
)

CUSTOMERS, FEW_CUSTOMERS = 1_000_000, 100_000
LAST, EVERY_DAYS = dt.datetime(2025, 12, 1), 30
MEMORY_GB = 6.0
SAID = {"year": "30 aggregates of a year", "past": "30 of the whole past"}


def cutoffs(count: int) -> list[dt.datetime]:
    """The newest first."""
    return [LAST - dt.timedelta(days=EVERY_DAYS * back) for back in range(count)]


Compute = Callable[[list[dt.datetime]], Iterator[Any]]
"""Gives the table of one cutoff after the other."""


def one(way: str, names: str, store: Path, count: int, out: Path | None) -> None:
    """Compute in this process, and say what it took as a line of JSON."""
    opening = timed(lambda: WAYS[way](store, names))
    # Of many cutoffs the last table is kept and no other, as whoever reads them one by one would.
    taken = timed(lambda: deque(opening.answer(cutoffs(count)), maxlen=1).pop())
    table = taken.answer
    if out is not None:
        (table if isinstance(table, pd.DataFrame) else table.to_pandas()).to_parquet(out)
    columns = len(set(table.columns if way == "pandas" else table.column_names) - KEYS)
    said = {"seconds": taken.seconds, "cpu": taken.cpu_seconds}
    print(json.dumps({**said, "opened": opening.seconds, "columns": columns}))


def by_neigung(store: Path, names: str) -> Compute:
    from neigung.features.library import library
    from neigung.models.dataset import feature_query, rows_by_cutoff, study_features
    from neigung.profiles.spine import build_past
    from neigung.profiles.store import Profiles
    from neigung.profiles.timeline import Past
    from neigung.study import Study

    content = {
        "name": "benchmark",
        "profiles": str(store),
        "target": {"kind": "purchase", "horizon_days": 30},
        "legal_basis": {"none_needed": "made-up customers"},
        "population": {"active_within_days": 365} if names == "year" else {},
    }
    study = Study.from_dict(content)
    profiles = Profiles.open(store)
    if names == "all":
        of_orders = {
            one.name
            for one in library()
            if one.source.name in ("orders", "order_weeks", "combined")
        }
        found = study_features(study, build_past(profiles, study, LAST)).columns
        wanted = [column.name for column in found if column.feature in of_orders]
    else:
        wanted = list(SETS[names].names)

    def compute(asked: list[dt.datetime]) -> Iterator[Any]:
        if len(asked) > 1:
            # As for training: what the cutoffs share is made once, and labels come with it.
            chosen = study.model_copy(update={"features": tuple(wanted)})
            whole = Past(profiles.tables, profiles.table("order_lines"), study.retention_days)
            features = study_features(chosen, whole)
            yield from rows_by_cutoff(chosen, profiles, features, asked)
        else:
            query = feature_query(study, profiles, asked[0], names=wanted)
            yield profiles.engine.prepared(query.table)()

    return compute


def by_sql(store: Path, names: str, exact: bool = False) -> Compute:
    connection = duckdb.connect()
    files = str(store / "order_lines" / "*.parquet")
    query = (EXACT_YEAR if exact else SETS[names]).sql
    return lambda asked: (
        connection.sql(query.format(files=files, cutoff=cutoff)).to_arrow_table()
        for cutoff in asked
    )


def by_pandas(store: Path, names: str) -> Compute:
    return lambda asked: (in_pandas(store / "order_lines", cutoff) for cutoff in asked)


WAYS: dict[str, Callable[[Path, str], Compute]] = {
    "neigung": by_neigung,
    "SQL": by_sql,
    "SQL for split orders": partial(by_sql, exact=True),
    "pandas": by_pandas,
}
KEYS = {"customer_id", "cutoff", "label"}


def child(way: str, names: str, store: Path, count: int, out: Path | None = None) -> Taken:
    """What one way takes in a process of its own, its start and the opening left out."""
    command: list[str | Path] = [sys.executable, __file__, "--one", way, names, store, str(count)]
    taken = in_process([*command, *([out] if out else [])])
    return Taken(taken.answer["seconds"], taken.answer["cpu"], taken.peak_mb, taken.answer)


def compared(store: Path, names: str, ways: list[str], folder: Path) -> None:
    """Stop when the ways differ in any number."""
    frames = {}
    for way in ways:
        out = folder / f"{names}-{way}.parquet"
        child(way, names, store, 1, out)
        frames[way] = pd.read_parquet(out).set_index("customer_id").sort_index()
    own = frames.pop("neigung")
    for way, frame in frames.items():
        if not own.index.equals(frame.index):
            raise SystemExit(f"{way}: {len(frame):,} customers, neigung {len(own):,}.")
        for name in SETS[names].names:
            same = alike(own[name], frame[name])
            if not same.all():
                at = int(np.flatnonzero(~same)[0])
                raise SystemExit(
                    f"{way}: {name} is {frame[name].iloc[at]}, neigung's {own[name].iloc[at]}."
                )


def alike(own: pd.Series, other: pd.Series) -> np.ndarray:
    """Where two columns say the same."""
    if not pd.api.types.is_numeric_dtype(own):
        return (own.astype(str) == other.astype(str)).to_numpy()
    # A spread is the root of a difference of large numbers, so near 0 it is known to 0.001 only.
    own, other = own.astype(float), other.astype(float)
    return np.isclose(own, other, rtol=1e-6, atol=1e-3 if "spread" in own.name else 1e-9,
                      equal_nan=True)  # fmt: skip


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--customers", type=int, help=f"default {CUSTOMERS:,} times the size")
    parser.add_argument(
        "--rounds", type=int, help="of one cutoff, default 2 times the size; of several 1"
    )
    parser.add_argument("--one", nargs="+", help="for a process of its own: WAY SET STORE COUNT")
    given = parser.parse_args()
    if given.one:
        way, names, store, count, *out = given.one
        return one(way, names, Path(store), int(count), Path(out[0]) if out else None)
    customers = given.customers or scaled(CUSTOMERS, given.size, least=100)
    report = Report(given)
    many = scaled(12, given.size, least=3)
    beside_sql(report, customers, given.rounds or scaled(2, given.size), many)
    beside_featuretools(report, scaled(FEW_CUSTOMERS, given.size, least=100), many)
    report.close()


def beside_sql(report: Report, customers: int, rounds: int, many: int) -> None:
    """The tables and goals of what SQL and pandas can do, too."""
    store = order_store(customers)
    with tempfile.TemporaryDirectory() as folder:
        compared(store, "year", list(WAYS), Path(folder))
        compared(store, "past", ["neigung", "SQL"], Path(folder))
    rows, found = [], {}
    for names, what in SAID.items():
        for count in (1, many):
            works = {
                way: lambda way=way, names=names, n=count: child(way, names, store, n)
                for way in ("neigung", "SQL")
            }
            if names == "year" and count == 1:
                for way in ("SQL for split orders", "pandas"):
                    works[way] = lambda way=way: child(way, "year", store, 1)
            taken = found[names, count] = in_turns(works, rounds if count == 1 else 1)
            rows += [
                [what, str(count), way, *cells(runs, taken["SQL"])] for way, runs in taken.items()
            ]
    found["all", 1] = in_turns({"neigung": lambda: child("neigung", "all", store, 1)}, rounds)
    runs = found["all", 1]["neigung"]
    rows.append([f"all {runs[0].answer['columns']} order features", "1", "neigung", *cells(runs)])
    opened = median([Taken(one.answer["opened"], 0) for one in found["year", 1]["neigung"]]).seconds
    report.table(
        ["what", "cutoffs", "by", "seconds", "CPU, s", "MB", "time over that of SQL (range)"],
        rows,
        f"{customers:,} customers",
        f"Opening the store, where all rows are checked: {opened:.1f} s, once for all cutoffs.",
    )
    goals(report, found, many)


def goals(report: Report, found: dict[tuple[str, int], dict[str, list[Taken]]], many: int) -> None:
    """What was to be reached."""
    for names, what in SAID.items():
        for count in (1, many):
            taken = found[names, count]
            for peer in ("SQL", "SQL for split orders"):
                if peer in taken:
                    report.figure(
                        f"{what}, {count} cutoff{'s' * (count > 1)}, beside {peer}",
                        median(taken["neigung"]).seconds, "s",
                        peer=peer, peer_value=median(taken[peer]).seconds,
                        ratio=statistics.median(ratios(taken["neigung"], taken[peer])), at_most=1.3,
                    )  # fmt: skip
        one, all_of_them = (median(found[names, count]["neigung"]) for count in (1, many))
        report.figure(
            f"{what}, {many} cutoffs over one",
            all_of_them.seconds / one.seconds,
            "times",
            at_most=9,
        )
        report.figure(f"{what}, memory", all_of_them.peak_mb / 1e3, "GB", at_most=MEMORY_GB)
    every, past = (median(found[names, 1]["neigung"]) for names in ("all", "past"))
    columns = every.answer["columns"] / past.answer["columns"]
    report.figure(
        f"all order features over 30 of the whole past, {columns:.1f} times as many",
        every.seconds / past.seconds, "times", at_most=round(columns, 1),
    )  # fmt: skip
    peak = max(median(runs["neigung"]).peak_mb for runs in found.values()) / 1e3
    report.figure("all order features, memory", peak, "GB", at_most=MEMORY_GB)


def cells(taken: list[Taken], peer: list[Taken] | None = None) -> list[str]:
    middle = median(taken)
    return [
        f"{middle.seconds:.2f}",
        f"{middle.cpu_seconds:.2f}",
        f"{middle.peak_mb:,.0f}",
        "" if peer is None or peer is taken else spread(ratios(taken, peer)),
    ]


def beside_featuretools(report: Report, customers: int, many: int) -> None:
    """featuretools and neigung on the same few customers, once each."""
    store = order_store(customers)
    title = f"Beside featuretools: {customers:,} customers, one run each"
    try:
        python = peer_python("featuretools")
    except NoPeerError as error:
        return report.table(["not measured"], [[str(error)]], title)
    rows = []
    for count in (1, many):
        own = child("neigung", "past", store, count)
        times = [f"{cutoff:%Y-%m-%d}" for cutoff in cutoffs(count)]
        script = HERE / "peers" / "run_featuretools.py"
        run = in_process([python, script, store / "order_lines", *times])
        peer = Taken(run.answer["seconds"], run.answer["cpu"], run.peak_mb, run.answer)
        faster = f"{peer.seconds / own.seconds:.1f}"
        rows.append(["neigung", str(count), *cells([own])[:3], faster])
        name = f"featuretools, {run.answer['columns']} columns"
        rows.append([name, str(count), *cells([peer])[:3], ""])
        report.versions["featuretools, in an environment of its own"] = run.answer["version"]
    heads = ["30 aggregates by", "cutoffs", "seconds", "CPU, s", "MB", "times as fast"]
    report.table(heads, rows, title)


if __name__ == "__main__":
    main()
