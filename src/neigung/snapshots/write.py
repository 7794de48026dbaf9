"""Writes snapshots: what the service knows of a study's population at a cutoff."""

from __future__ import annotations

import datetime as dt
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from neigung.errors import InputError, StudyError
from neigung.explanation.contributions import contributions
from neigung.files import replacing_folder
from neigung.models.dataset import Dataset, build_features, study_features
from neigung.profiles import consent
from neigung.profiles.spine import build_past
from neigung.profiles.store import Profiles
from neigung.profiles.timeline import Past
from neigung.progress import Reporter, Tick
from neigung.scoring.cutoffs import instant, opened, parse_cutoff
from neigung.scoring.score import version_of
from neigung.snapshots import read as snapshot
from neigung.snapshots.read import Contents, Explained, Floats, Snapshot
from neigung.study import Study

if TYPE_CHECKING:
    from neigung.models.version import Version
    from neigung.tracking.registry import VersionInfo

ROWS_AT_ONCE = 20_000
"""The contributions of so many rows are held in memory."""


def write_snapshot(
    study: Study | Path | str,
    out: Path | str,
    cutoff: dt.datetime | str = "latest",
    *,
    version: int | str | None = "champion",
    profiles: Profiles | Path | str | None = None,
    reporter: Reporter | None = None,
) -> Snapshot:
    """Write what the service knows of the study's population at a cutoff: see `snapshots.read`.

    The features are those of the study, and what `version` reads beyond them; its contributions
    are kept too, so that the service need not explain on the spot. None keeps none; so does
    `champion` where there is no champion yet, with a note. An earlier snapshot at `out` is
    replaced.

    Raises StudyError when the cutoff has nobody to predict for, when the study has changed so that
    the version no longer answers it, or when the store cannot give a column it reads;
    TrackingError when there is no such version, InputError when something else is at `out`.
    """
    from neigung.tracking.registry import CHAMPION, versions

    reporter = reporter or Reporter()
    parse_cutoff(cutoff)
    study = study if isinstance(study, Study) else Study.load(study)
    profiles = opened(study, profiles, cutoff, reporter)
    if version == CHAMPION and not any(CHAMPION in one.aliases for one in versions(study.name)):
        reporter.say(
            f"  Note: study {study.name} has no champion yet, so no contributions are kept. Write "
            "the snapshot again after `neigung promote`."
        )
        version = None
    explained = None if version is None else version_of(study, version)
    return write_snapshot_of(
        study, profiles, instant(cutoff, profiles, study, reporter), Path(out), explained, reporter
    )


@dataclass(frozen=True)
class Explanation:
    """How contributions get into a snapshot.

    Parameters
    ----------
    columns : the artefact's columns, in its order.
    fill : fills an array (rows, columns + 1) with contributions and base, for the rows of
        `features`. The array lies on disk and may be larger than the memory. Returns the arm
        explained in each row, or None for a propensity.
    """

    columns: tuple[str, ...]
    fill: Callable[[Floats], npt.NDArray[np.object_] | None]


def write_snapshot_of(
    study: Study,
    profiles: Profiles,
    cutoff: dt.datetime,
    out: Path,
    explained: tuple[Version, VersionInfo] | None,
    reporter: Reporter,
) -> Snapshot:
    """Write the features of the study's population, and the contributions of a version.

    Raises StudyError when there is nobody, or the store cannot give a column that the version
    reads; InputError when something else is at `out`.
    """
    wider = study if explained is None else _with_columns(study, profiles, explained[0])
    with reporter.task("Features"), profiles.reading():
        dataset = build_features(wider, profiles, cutoff)
        tables = {snapshot.FEATURES: _as_table(dataset), **_around(wider, profiles, cutoff)}
    contents = Contents(
        study=study.to_dict(),
        cutoff=cutoff,
        columns=dataset.columns,
        tables={
            name: {column: str(kind) for column, kind in table.schema().items()}
            for name, table in profiles.tables.items()
        },
        notes=dataset.notes,
        explained=explained and Explained(explained[1].version, explained[0].digest),
    )
    with reporter.task("Snapshot") as tick:
        explanation = explained and _explanation(explained[0], dataset, tick)
        return write(out, contents, tables, explanation)


def _with_columns(study: Study, profiles: Profiles, artefact: Version) -> Study:
    """The study with the features that a model reads; StudyError when the store lacks some."""
    names = [column.name for column in artefact.columns]
    # Nothing of this past is computed: it only tells which features there are.
    past = Past(profiles.tables, profiles.table("order_lines"), study.retention_days)
    there = study_features(study.model_copy(update={"features": "all"}), past).columns
    missing = set(names).difference(column.name for column in there)
    if missing:
        raise StudyError(
            f"Study {study.name}: the model needs {', '.join(sorted(missing))}, which this store "
            f"and study cannot give. Add what is missing to the store (it has "
            f"{', '.join(profiles.tables)}) or to my_features, or train again without."
        )
    if study.features == "all":
        return study
    return study.model_copy(update={"features": tuple(dict.fromkeys([*study.features, *names]))})


def _as_table(dataset: Dataset) -> pa.Table:
    """Ids and features, missing numbers as NaN."""
    frame = dataset.frame
    columns = {"customer_id": pa.array(frame["customer_id"].to_numpy(object), pa.string())}
    for column in dataset.columns:
        if column.kind == "category":
            values = frame[column.name].astype(object)
            columns[column.name] = pa.array(values, pa.string(), from_pandas=True)
        else:
            columns[column.name] = pa.array(frame[column.name].to_numpy(np.float64))
    return pa.Table.from_arrays(list(columns.values()), names=list(columns))


def _around(study: Study, profiles: Profiles, cutoff: dt.datetime) -> dict[str, pa.Table]:
    """The customers for whom nothing is predicted, with the reason; and what all share."""
    past = build_past(profiles, study, cutoff)
    others = consent.customers(profiles).anti_join(past.spine, "customer_id")
    covered = others if past.covered is None else others.semi_join(past.covered, "customer_id")
    refused = others.anti_join(covered, "customer_id")
    coded = covered.mutate(code=ibis.literal(snapshot.NOT_IN_POPULATION)).union(
        refused.mutate(code=ibis.literal(snapshot.NO_CONSENT))
    )
    tables = {snapshot.OTHERS: coded.order_by("customer_id").to_pyarrow()}
    study_features(study, past).table(past)  # asks for what is shared
    for name, asked in past.asked.items():
        shared = asked.drop("cutoff")
        tables[snapshot.SHARED + name] = shared.order_by(shared.columns).to_pyarrow()
    return tables


def _explanation(artefact: Version, dataset: Dataset, tick: Tick) -> Explanation:
    names = [column.name for column in artefact.columns]
    X = dataset.frame[names]

    def fill(matrix: Floats) -> npt.NDArray[np.object_] | None:
        explained = artefact.explained(X)
        done = 0
        for rows, part in _together(explained):
            told = contributions(artefact, X.iloc[rows], part)
            matrix[rows, :-1] = told.values
            matrix[rows, -1] = told.base
            done += len(rows)
            tick(done, len(X))
        return explained if artefact.parts else None

    return Explanation(tuple(names), fill)


def _together(
    explained: npt.NDArray[np.object_],
) -> list[tuple[npt.NDArray[np.intp], str | None]]:
    """Rows to explain together, of one part; about equally many, so that all count as many."""
    groups = [(np.flatnonzero(explained == part), part) for part in dict.fromkeys(explained)]
    return [
        (some, part)
        for rows, part in groups
        for some in np.array_split(rows, -(-len(rows) // ROWS_AT_ONCE))
    ]


def write(
    out: Path,
    contents: Contents,
    tables: Mapping[str, pa.Table],
    explanation: Explanation | None = None,
) -> Snapshot:
    """Write a snapshot, whole or not at all, and open it.

    Parameters
    ----------
    out : the folder; an earlier snapshot there is replaced, and a link is followed.
    contents : what it is about; names the version `explained` with an `explanation`.
    tables : `features` and `others`, both sorted by `customer_id`, and any `shared/NAME`; missing
        numbers of features are NaN.

    Raises InputError when something else is in the way.

    >>> at = dt.datetime(2025, 5, 1)
    >>> about = Contents(study={"name": "buy"}, cutoff=at, columns=(), tables={})
    >>> features = pa.table({"customer_id": ["a", "b"]})
    >>> others = pa.table({"customer_id": ["c"], "code": ["no_consent"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = write(Path(folder) / "s", about, {"features": features, "others": others})
    >>> made.find("b"), made.find("c"), made.refused("c")
    (1, None, 'no_consent')
    """
    out = Path(os.path.realpath(out))
    empty = out.is_dir() and not any(out.iterdir())
    if out.exists() and not empty and not (out / snapshot.CONTENT).is_file():
        raise InputError(
            f"A snapshot needs a folder of its own, but {out} holds something else. Name another."
        )
    with replacing_folder(out) as fresh:
        for name, table in tables.items():
            columns = [column.combine_chunks() for column in table.columns]
            _write_batch(fresh, name, table.column_names, columns)
        if explanation is not None:
            _write_contributions(fresh, len(tables[snapshot.FEATURES]), explanation)
        content = {
            "format_version": snapshot.FORMAT_VERSION,
            **asdict(contents),
            "cutoff": contents.cutoff.isoformat(),
            "rows": len(tables[snapshot.FEATURES]),
            "files": {
                path.relative_to(fresh).as_posix(): {
                    "size": path.stat().st_size,
                    "sha256": snapshot.digest_of_file(path),
                }
                for path in sorted(fresh.rglob("*.arrow"))
            },
        }
        content["digest"] = snapshot.digest_of(content)
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        (fresh / snapshot.CONTENT).write_text(text, encoding="utf-8")
    return Snapshot.open(out, verify=False)


def _write_contributions(folder: Path, rows: int, explanation: Explanation) -> None:
    names = [*explanation.columns, "base"]
    with tempfile.TemporaryFile(dir=folder) as scratch:
        matrix = np.memmap(scratch, np.float64, "w+", shape=(len(names), rows))
        arms = explanation.fill(matrix.T)
        columns = [pa.array(np.asarray(column)) for column in matrix]
        if arms is not None:
            names, columns = [*names, "arm"], [*columns, pa.array(arms, pa.string())]
        _write_batch(folder, snapshot.CONTRIBUTIONS, names, columns)


def _write_batch(
    folder: Path, name: str, names: Sequence[str], columns: Sequence[pa.Array]
) -> None:
    path = folder / f"{name}.arrow"
    if not snapshot.FILE.fullmatch(f"{name}.arrow"):
        raise InputError(
            "What features share between customers needs a name of letters and digits, found "
            f"'{name.removeprefix(snapshot.SHARED)}'. Rename it in `past.shared`."
        )
    batch = pa.RecordBatch.from_arrays(list(columns), names=list(names))
    path.parent.mkdir(exist_ok=True)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
