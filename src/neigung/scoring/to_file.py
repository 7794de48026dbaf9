"""Everybody's scores as a stream from the tables to a Parquet file, in memory that does not grow.

Three steps, each of which a killed run goes on with: the engine writes the features of everybody,
sorted by customer; batches of them are scored, by a process each where there are processors; the
parts are joined in their order. They lie in a folder beside the file until it is whole. In memory
are the engine's work, which its limit bounds, and one batch for each process.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import version as installed
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from neigung.errors import NeigungError
from neigung.files import replacing
from neigung.models.artefact import load_artefact
from neigung.models.dataset import feature_query
from neigung.models.unseen import Unseen, together
from neigung.profiles.engine import DistributedEngine
from neigung.profiles.sources.spark_session import is_of_spark
from neigung.profiles.store import Profiles
from neigung.progress import Reporter, Tick
from neigung.scoring.batches import ROWS_AT_ONCE, BatchNotes, score_batches
from neigung.scoring.cutoffs import instant, opened, parse_cutoff
from neigung.scoring.features import COMPRESSION, refuse_folder_of_parts, write_features
from neigung.scoring.on_spark import score_on_executors
from neigung.scoring.score import say_notes, version_of
from neigung.scoring.work_folder import WorkFolder, working_beside
from neigung.study import Study

if TYPE_CHECKING:
    import datetime as dt

    from neigung.models.version import Version

_LIBRARIES = ("neigung", "duckdb", "lightgbm", "numba", "numpy", "pandas", "pyarrow")
_NOTES = b"neigung"


@dataclass(frozen=True)
class ScoredFile:
    """What `score_to` wrote.

    `rows` customers; `groups` how many of them are in each band, or have each arm recommended,
    the largest first.
    """

    path: Path
    rows: int
    groups: Mapping[str, int]

    def __str__(self) -> str:
        told = ", ".join(f"{count:,} {group}" for group, count in self.groups.items())
        return f"{self.rows:,} customers scored ({told}): {self.path}"


def score_to(
    study: Study | Path | str,
    out: Path | str,
    cutoff: dt.datetime | str = "latest",
    *,
    version: int | str = "champion",
    reasons: int = 3,
    profiles: Profiles | Path | str | None = None,
    workers: int | None = None,
    reporter: Reporter | None = None,
) -> ScoredFile:
    """Score the study's population at a cutoff into a Parquet file, whole or not at all.

    The columns are those of `scoring.score`. A run that was stopped or killed goes on where it was
    when it is called again, and gives the same bytes; it starts anew when anything that decides
    the scores has changed since. `workers` processes score, by default one for each processor; they
    are new Python processes, so that a script of your own must guard its call by
    `if __name__ == "__main__":`.

    On Spark the executors score, and `out` becomes a folder of Parquet files in no particular
    order; a run that was stopped begins anew.

    Raises what `scoring.score` raises; InputError when `out` cannot be written or another process
    writes it; NeigungError when the disk is full or a worker ended before its work.
    """
    reporter, out = reporter or Reporter(), Path(out)
    parse_cutoff(cutoff)
    study = study if isinstance(study, Study) else Study.load(study)
    location = study.profiles if profiles is None else profiles
    if _on_a_cluster(location):
        return _score_on_executors(study, location, out, cutoff, version, reasons, reporter)
    with working_beside(out) as work:
        artefact, info = version_of(study, version)
        profiles = opened(study, location, cutoff, reporter)
        at = instant(cutoff, profiles, study, reporter)
        changed = work.begin(
            {
                "version": f"{info.version} {artefact.digest}",
                "study": _study_digest(study),
                "cutoff": at.isoformat(),
                "reasons": str(reasons),
                "profiles": profiles.signature(),
                "libraries": " ".join(f"{name} {installed(name)}" for name in _LIBRARIES),
                "rows of a batch": str(ROWS_AT_ONCE),
            }
        )
        if changed:
            reporter.say(
                f"  Note: what {work.path} held was begun with another {', '.join(changed)}; "
                "scoring starts anew."
            )
        job = _Job(work.path, artefact.digest, info.version, reasons)
        if not job.features.exists():
            names = [column.name for column in artefact.columns]
            with reporter.task("Features") as tick, profiles.reading():
                query = feature_query(study, profiles, at, names=names)
                work.expected = 8 * query.rows * len(names)  # a bound: it is compressed
                write_features(query, profiles, job.features, ROWS_AT_ONCE, tick)
                del query
        del profiles  # Unless somebody else holds it, its memory is free for the workers.
        with reporter.task("Scores") as tick:
            notes = _score_parts(job, artefact, work, workers or _processors(), tick)
        artefact.require_known(notes.unknown)
        with reporter.task("Writing") as tick:
            whole, groups = _joined(job, artefact, tick)
            work.finish(whole)
    say_notes([notes], artefact, reporter)
    return ScoredFile(out, sum(groups.values()), groups)


def _on_a_cluster(location: Any) -> bool:
    if isinstance(location, Profiles):
        return isinstance(location.engine, DistributedEngine)
    return is_of_spark(location)


def _score_on_executors(
    study: Study,
    location: Any,
    out: Path,
    cutoff: dt.datetime | str,
    version: int | str,
    reasons: int,
    reporter: Reporter,
) -> ScoredFile:
    refuse_folder_of_parts(out)
    artefact, info = version_of(study, version)
    profiles = opened(study, location, cutoff, reporter)
    assert isinstance(profiles.engine, DistributedEngine)
    with reporter.task("Features and scores on the executors"), profiles.reading():
        names = [column.name for column in artefact.columns]
        query = feature_query(
            study, profiles, instant(cutoff, profiles, study, reporter), names=names
        )
        groups = score_on_executors(query, profiles.engine, artefact, info.version, reasons, out)
    return ScoredFile(out, sum(groups.values()), groups)


@dataclass(frozen=True)
class _Job:
    """All that a worker needs to know of a run."""

    folder: Path
    digest: str
    version: int
    reasons: int

    @property
    def features(self) -> Path:
        """Everybody's features, sorted by customer; a row group is a batch."""
        return self.folder / "features.parquet"

    @property
    def artefact(self) -> Path:
        return self.folder / "artefact"

    @property
    def numbers(self) -> range:
        """The numbers of the batches."""
        return range(pq.ParquetFile(self.features).num_row_groups)

    def part(self, number: int) -> Path:
        """The scores of one batch."""
        return self.folder / f"part-{number:06}.parquet"


def _study_digest(study: Study) -> str:
    told = json.dumps(study.to_dict(), sort_keys=True, default=str).encode()
    own = Path(study.my_features).read_bytes() if study.my_features else b""
    return hashlib.sha256(told + b"\0" + own).hexdigest()


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def _score_parts(
    job: _Job, artefact: Version, work: WorkFolder, workers: int, tick: Tick
) -> BatchNotes:
    """Score the batches that are not scored yet; what is to be told about all of them."""
    artefact.save(job.artefact)
    features = pq.ParquetFile(job.features).metadata
    sizes = [features.row_group(number).num_rows for number in job.numbers]
    there = [number for number in job.numbers if job.part(number).exists()]
    missing = sorted({*job.numbers}.difference(there))
    done = 0
    for number in chain(there, _scored(job, missing, min(workers, len(missing)))):
        done += sizes[number]
        each = job.part(number).stat().st_size / sizes[number]
        # The parts, and the whole file beside them before they go.
        work.expected = job.features.stat().st_size + int(2 * each * sum(sizes))
        tick(done, sum(sizes))
    unknown: list[Mapping[str, Unseen]] = []
    slow = 0
    for number in job.numbers:
        told = json.loads(pq.read_schema(job.part(number)).metadata[_NOTES])
        unknown.append({name: Unseen(**one) for name, one in told.get("unknown", {}).items()})
        slow += told["slow"]
    return BatchNotes(together(unknown), slow)


def _scored(job: _Job, numbers: Sequence[int], workers: int) -> Iterator[int]:
    """Score these batches; yields their numbers, in whichever order they are done."""
    if workers <= 1:
        for number in numbers:
            yield _score_part(job, number)
        return
    context = multiprocessing.get_context("spawn")  # a fork would inherit locks of threads
    theirs, ours = context.Pipe(duplex=False)
    try:
        with (
            ProcessPoolExecutor(workers, context, _begin_worker, (theirs,)) as pool,
            contextlib.closing(ours),  # before the pool waits for its processes
        ):
            for future in as_completed([pool.submit(_score_part, job, one) for one in numbers]):
                yield future.result()
    except BrokenProcessPool:
        raise NeigungError(
            f"{workers} processes were scoring, and one ended before its work, as when the memory "
            "is full. What is finished is kept: run the same command again to go on, with "
            "--workers 1 if it happens again."
        ) from None


def _begin_worker(line: Any) -> None:
    """A worker ends when its parent closes the line, be it by a stop or by its own end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # The parent is told too, and decides.
    pa.set_cpu_count(1)

    def watch() -> None:
        with contextlib.suppress(EOFError, OSError):
            line.recv()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _score_part(job: _Job, number: int) -> int:
    """Score one batch into its part; gives back its number."""
    rows = pq.ParquetFile(job.features).read_row_group(number, use_threads=False)
    notes: list[BatchNotes] = []
    [scored] = score_batches(
        rows.combine_chunks().to_batches(),
        _artefact(job.artefact, job.digest),
        job.version,
        job.reasons,
        notes.append,
    )
    unknown = {name: asdict(one) for name, one in notes[0].unknown.items()}
    told = json.dumps({"unknown": unknown, "slow": notes[0].slow})
    table = pa.Table.from_batches([scored]).replace_schema_metadata({_NOTES: told})
    with replacing(job.part(number)) as temporary:
        pq.write_table(table, temporary, compression=COMPRESSION)
    return number


@lru_cache(maxsize=1)
def _artefact(folder: Path, digest: str) -> Version:
    """Read once by each worker; the digest tells it from what lay there in an earlier run."""
    return load_artefact(folder)


def _joined(job: _Job, artefact: Version, tick: Tick) -> tuple[Path, dict[str, int]]:
    """All parts as one file, in their order, and how many customers are in each group."""
    groups: Counter[str] = Counter()
    schema = pq.read_schema(job.part(0)).remove_metadata()
    whole = job.folder / "whole.parquet"
    with (
        replacing(whole) as temporary,
        pq.ParquetWriter(temporary, schema, compression=COMPRESSION) as writer,
    ):
        for number in job.numbers:
            rows = pq.read_table(job.part(number)).replace_schema_metadata(None)
            writer.write_table(rows, row_group_size=ROWS_AT_ONCE)
            counts = pc.value_counts(rows[artefact.group_column])
            groups.update({one["values"]: one["counts"] for one in counts.to_pylist()})
            tick(number + 1, len(job.numbers))
    return whole, dict(sorted(groups.items(), key=lambda item: (-item[1], item[0])))
