"""Scoring and explaining many customers, beside LightGBM and shap.

    .venv/bin/python benchmarks/scoring.py [--rows 1000000] [--columns 150] [--trees 400]

Made-up customers with columns of the real library, numbers and categories, and a model of 400 trees
of 31 leaves fitted to them. Ours reads features from a Parquet file and writes scores with the
reasons of each customer, in two languages, to another; the peers are handed the matrix in memory
and only compute. LightGBM's exact `pred_contrib` and shap's `TreeExplainer` get fewer rows, as
their time is in proportion to them. Each has a process of its own and all cores, in turns.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from made_customers import columns_of, made
from measuring import (
    HERE,
    KEPT,
    NoPeerError,
    Report,
    Taken,
    in_process,
    in_turns,
    machine,
    median,
    options,
    peer_python,
    scaled,
    spread,
    timed,
)

ROWS, COLUMNS, TREES, LEAVES = 1_000_000, 150, 400, 31
FITTED, FEWEST_FITTED, BATCH, REASONS = 50_000, 5_000, 50_000, 3
EXACT_ONE_IN, SHAP_ONE_IN = 50, 500
CHECKED, TOLERANCE = 1_000, 1e-5
CUTOFF = "2025-12-01"

EXPLAINED = "scores and reasons, file to file"
PREDICTED = "scores, file to file"
CONTRIBUTIONS, PREDICTIONS = "contributions", "predictions"
EXACT, PREDICT, SHAP = "LightGBM pred_contrib", "LightGBM predict", "shap TreeExplainer"


def prepare(folder: Path, rows: int, columns: int, trees: int) -> None:
    """Write a model and the features of so many customers."""
    from neigung.models.propensity.artefact import Artefact, reference_table
    from neigung.models.propensity.classifier import PropensityClassifier
    from neigung.models.usual import usual_values

    chosen = columns_of(columns)
    train = made(chosen, max(FEWEST_FITTED, min(FITTED, rows // 2)), "2025-10-01", 1)
    params = {"n_estimators": trees, "num_leaves": LEAVES, "min_data_in_leaf": 20}
    model = PropensityClassifier(params, 7).fit(train.X, train.y).calibrate(train.X, train.y)
    reference = reference_table(model.predict_proba(train.X)[:, 1])
    meta = {"usual": usual_values(train.X, chosen)}
    Artefact(model, chosen, study={}, meta=meta, reference=reference).save(folder / "model")
    writer = None
    for number, start in enumerate(range(0, rows, BATCH)):
        frame = made(chosen, min(BATCH, rows - start), CUTOFF, 100 + number).frame
        frame["customer_id"] = [f"c{start + place:08d}" for place in range(len(frame))]
        for name in frame.select_dtypes("category"):
            frame[name] = frame[name].astype(object)
        table = pa.Table.from_pandas(frame.drop(columns="label"), preserve_index=False)
        if writer is None:
            writer = pq.ParquetWriter(folder / "features.parquet", table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()


def batches(folder: Path, rows: int) -> Iterator[pa.RecordBatch]:
    """So many rows of features, batch by batch; those of the file again when it ends."""
    while True:
        for batch in pq.ParquetFile(folder / "features.parquet").iter_batches(BATCH):
            yield batch.slice(0, rows)
            rows -= len(batch)
            if rows <= 0:
                return


def one(way: str, folder: Path, rows: int) -> None:
    """Do it in this process, and say what it took as a line of JSON."""
    work = WAYS[way](folder, rows)
    taken = timed(work)
    content = {"seconds": taken.seconds, "cpu": taken.cpu_seconds, "rows": rows}
    print(json.dumps(content | (taken.answer or {})))


def trained(folder: Path) -> Any:
    """The model, with as many threads as LightGBM takes by itself."""
    from neigung.models.artefact import load_artefact

    artefact: Any = load_artefact(folder / "model")
    artefact.classifier.num_threads = machine()["cores"]
    return artefact


def file_to_file(reasons: int) -> Callable[[Path, int], Callable[[], Any]]:
    def ready(folder: Path, rows: int) -> Callable[[], Any]:
        from neigung.scoring.batches import score_batches, score_schema

        artefact = trained(folder)
        out = folder / "scores.parquet"

        def work() -> dict[str, float]:
            schema = score_schema(artefact, reasons)
            with pq.ParquetWriter(out, schema, compression="zstd") as writer:
                for scored in score_batches(batches(folder, rows), artefact, 1, reasons):
                    writer.write_batch(scored)
            return {"bytes": out.stat().st_size}

        return work

    return ready


def frames(folder: Path, rows: int) -> tuple[Any, list[Any]]:
    """The artefact, and the rows as the frames that it is given."""
    artefact = trained(folder)
    names = [column.name for column in artefact.columns]
    found = []
    for batch in batches(folder, rows):
        frame = batch.select(names).to_pandas()
        for name in frame.select_dtypes(exclude="number"):
            frame[name] = frame[name].astype("category")
        found.append(frame)
    return artefact, found


def our_contributions(folder: Path, rows: int) -> Callable[[], Any]:
    from neigung.explanation.contributions import contributions

    artefact, parts = frames(folder, rows)

    def work() -> dict[str, float]:
        found = [contributions(artefact, part) for part in parts]
        exact = artefact.contributions(parts[0].head(CHECKED))[:, :-1]
        return {"difference": float(np.abs(found[0].values[:CHECKED] - exact).max())}

    return work


def our_predictions(folder: Path, rows: int) -> Callable[[], Any]:
    artefact, parts = frames(folder, rows)

    def work() -> None:
        for part in parts:
            artefact.predict(part)

    return work


def matrix(folder: Path, rows: int) -> tuple[Any, Any]:
    """The booster, and the rows as the matrix that it reads."""
    artefact, parts = frames(folder, rows)
    encoded = [artefact.classifier.encoder_.transform(part) for part in parts]
    return artefact.classifier.booster_, np.concatenate(encoded)


def lightgbm(**what: bool) -> Callable[[Path, int], Callable[[], Any]]:
    def ready(folder: Path, rows: int) -> Callable[[], Any]:
        booster, X = matrix(folder, rows)

        def work() -> None:
            booster.predict(X, **what)

        return work

    return ready


WAYS: dict[str, Callable[[Path, int], Callable[[], Any]]] = {
    EXPLAINED: file_to_file(REASONS),
    EXACT: lightgbm(pred_contrib=True),
    CONTRIBUTIONS: our_contributions,
    PREDICTED: file_to_file(0),
    PREDICTIONS: our_predictions,
    PREDICT: lightgbm(),
}


def child(way: str, folder: Path, rows: int) -> Taken:
    """What one way takes in a process of its own, what it needs before left out."""
    taken = in_process([sys.executable, __file__, "--one", way, folder, str(rows)])
    return Taken(taken.answer["seconds"], taken.answer["cpu"], taken.peak_mb, taken.answer)


def by_shap(report: Report, folder: Path, rows: int) -> Taken | str:
    """What shap takes, or why it was not asked."""
    try:
        python = peer_python("shap")
    except NoPeerError as error:
        return str(error)
    booster, X = matrix(folder, rows)
    booster.save_model(folder / "model.txt")
    np.save(folder / "matrix.npy", X)
    script = HERE / "peers" / "run_shap.py"
    taken = in_process([python, script, folder / "model.txt", folder / "matrix.npy"])
    report.versions["shap, in an environment of its own"] = taken.answer["version"]
    answer = taken.answer | {"rows": rows}
    return Taken(taken.answer["seconds"], taken.answer["cpu"], taken.peak_mb, answer)


def speed(taken: Taken) -> float:
    """Rows per second."""
    return float(taken.answer["rows"] / taken.seconds)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--rows", type=int, help=f"default {ROWS:,} times the size")
    parser.add_argument("--columns", type=int, default=COLUMNS)
    parser.add_argument("--trees", type=int, default=TREES)
    parser.add_argument("--rounds", type=int, help="default 3 times the size")
    parser.add_argument("--one", nargs=3, help="for a process of its own: WAY FOLDER ROWS")
    given = parser.parse_args()
    if given.one:
        way, folder, count = given.one
        return one(way, Path(folder), int(count))
    rows = given.rows or scaled(ROWS, given.size, least=2_000)
    report = Report(given)
    KEPT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as name:
        prepare(Path(name), rows, given.columns, given.trees)
        measure(report, Path(name), rows, given.rounds or scaled(3, given.size))
    report.close()


def measure(report: Report, folder: Path, rows: int, rounds: int) -> None:
    """The tables and the goals."""
    counts = dict.fromkeys(WAYS, rows) | {EXACT: max(1_000, rows // EXACT_ONE_IN)}
    works = {way: lambda way=way: child(way, folder, counts[way]) for way in WAYS}
    taken = in_turns(works, rounds)
    by: dict[str, list[Taken]] = dict(taken)
    shap = by_shap(report, folder, max(200, rows // SHAP_ONE_IN))
    if isinstance(shap, Taken):
        by[SHAP] = [shap]
    peers = {EXPLAINED: EXACT, CONTRIBUTIONS: EXACT, PREDICTED: PREDICT, PREDICTIONS: PREDICT}
    lines = []
    for way, runs in by.items():
        peer = by.get(peers.get(way, ""))
        faster = [] if peer is None else [
            speed(own) / speed(other) for own, other in zip(runs, peer, strict=True)
        ]  # fmt: skip
        middle = median(runs)
        cpu = 1e6 * middle.cpu_seconds / middle.answer["rows"]
        cells = [way, f"{middle.answer['rows']:,}", f"{speed(middle):,.0f}", f"{cpu:,.0f}"]
        lines.append([*cells, f"{middle.peak_mb:,.0f}", spread(faster) if faster else ""])
    heads = ["what", "rows", "rows a second", "CPU, s, a million rows", "MB"]
    difference = by[CONTRIBUTIONS][-1].answer["difference"]
    note = (
        f"Contributions differ from LightGBM's by {difference:.1e} at most, on {CHECKED:,} rows. "
        "For LightGBM's models shap's TreeExplainer calls `pred_contrib` itself."
    )
    if isinstance(shap, str):
        note = f"{note} Not measured: {shap}."
    report.table([*heads, "times as fast as LightGBM (range)"], lines, note=note)
    for way, least in ((EXPLAINED, 8.0), (CONTRIBUTIONS, 8.0)):
        own, peer = median(by[way]), median(by[EXACT])
        report.figure(
            way, speed(own), "rows/s", peer=EXACT, peer_value=speed(peer),
            ratio=speed(own) / speed(peer), at_least=least,
        )  # fmt: skip
    for way in (PREDICTED, PREDICTIONS):
        own, peer = median(by[way]), median(by[PREDICT])
        report.figure(
            f"{way}, time", own.seconds, "s", peer=PREDICT, peer_value=peer.seconds,
            ratio=own.seconds / peer.seconds, at_most=1.2,
        )  # fmt: skip
    report.figure("contributions, difference", difference, "log-odds", at_most=TOLERANCE)


if __name__ == "__main__":
    main()
