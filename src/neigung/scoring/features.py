"""Features of a study's population at one cutoff: in memory, or as a stream into a Parquet file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from neigung.errors import InputError
from neigung.files import refuse_place, replacing, replacing_folder
from neigung.models.dataset import FeatureQuery, build_features, feature_query
from neigung.profiles.engine import DistributedEngine
from neigung.profiles.sources.spark_session import is_of_spark
from neigung.profiles.store import Profiles
from neigung.progress import Reporter, Tick
from neigung.scoring.batches import ROWS_AT_ONCE
from neigung.scoring.cutoffs import instant, opened, parse_cutoff
from neigung.study import Study

if TYPE_CHECKING:
    from neigung.features.feature import Column
    from neigung.models.dataset import Dataset

COMPRESSION = "zstd"


def features(
    study: Study | Path | str,
    cutoff: dt.datetime | str = "latest",
    *,
    profiles: Profiles | Path | str | None = None,
    reporter: Reporter | None = None,
) -> Dataset:
    """The features of the study's population at a cutoff, without labels.

    Raises StudyError when the cutoff has nobody to predict for.
    """
    reporter = reporter or Reporter()
    parse_cutoff(cutoff)
    study = study if isinstance(study, Study) else Study.load(study)
    profiles = opened(study, profiles, cutoff, reporter)
    with reporter.task("Features"), profiles.reading():
        return build_features(study, profiles, instant(cutoff, profiles, study, reporter))


def features_to(
    study: Study | Path | str,
    out: Path,
    cutoff: dt.datetime | str = "latest",
    *,
    profiles: Profiles | Path | str | None = None,
    reporter: Reporter | None = None,
) -> WrittenFeatures:
    """Write what `features` gives to a Parquet file, batch by batch, whole or not at all.

    On Spark `out` becomes a folder of Parquet files, each written by the executor that computed
    it, in no particular order; one that holds anything else is left alone.

    Raises as `features` does, and InputError when `out` cannot be written.
    """
    reporter = reporter or Reporter()
    at = parse_cutoff(cutoff)
    study = study if isinstance(study, Study) else Study.load(study)
    location = study.profiles if profiles is None else profiles
    if not (isinstance(location, Profiles) or is_of_spark(location)):
        refuse_place(out)
    profiles = opened(study, location, cutoff, reporter)
    engine = profiles.engine
    (refuse_folder_of_parts if isinstance(engine, DistributedEngine) else refuse_place)(out)
    with reporter.task("Features") as tick, profiles.reading():
        query = feature_query(study, profiles, at or instant(cutoff, profiles, study, reporter))
        if isinstance(engine, DistributedEngine):
            with replacing_folder(out) as parts:
                engine.write(query.table, parts)
        else:
            write_features(query, profiles, out, ROWS_AT_ONCE, tick)
    return WrittenFeatures(query.rows, query.columns, query.notes)


@dataclass(frozen=True)
class WrittenFeatures:
    """What was written: for how many customers, which columns, and what was left out."""

    rows: int
    columns: tuple[Column, ...]
    notes: tuple[str, ...]


def feature_list(
    study: Study | Path | str | None = None, profiles: Profiles | Path | str | None = None
) -> tuple[Column, ...]:
    """All feature columns there are: the library's, the store's attributes, the user's own."""
    from neigung.features.library import library, load_user_features

    found = list(library(Profiles.open(profiles)) if profiles is not None else library())
    if study is not None:
        study = study if isinstance(study, Study) else Study.load(study)
        found += load_user_features(study.my_features) if study.my_features else ()
    return tuple(column for one in found for column in one.columns)


def refuse_folder_of_parts(folder: Path) -> None:
    """Raise InputError where no folder of parts can be written without loss."""
    others = [path.name for path in folder.glob("*") if not path.name.startswith("part-")]
    if others or (folder.exists() and not folder.is_dir()):
        raise InputError(
            f"A folder for the parts of the file is needed, but {folder} "
            f"{f'holds other files ({others[0]})' if others else 'is a file'}. Name another one."
        )


def write_features(
    query: FeatureQuery, profiles: Profiles, place: Path, size: int, tick: Tick
) -> None:
    """Write the features, sorted by customer, in row groups of `size`, or nothing at all.

    The engine computes and sorts out of core; only one batch is held here. Raises InputError when
    the store was changed meanwhile, and what the engine raises.
    """
    table = query.table.order_by("customer_id")
    schema = table.schema().to_pyarrow()
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    options: dict[str, Any] = {"compression": COMPRESSION, "use_dictionary": texts}
    done = 0
    batches = _exactly(profiles.engine.batches(table, size), size)
    with replacing(place) as temporary, pq.ParquetWriter(temporary, schema, **options) as writer:
        for rows in batches:
            writer.write_table(rows, row_group_size=size)
            done += len(rows)
            tick(done, query.rows)
        profiles.check_unchanged()  # before the file has its name


def _exactly(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.Table]:
    """The same rows, `size` at a time: an engine cuts them as it likes, and not always alike."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        while sum(map(len, held)) >= size:
            rows = pa.Table.from_batches(held)
            yield rows.slice(0, size)
            held = rows.slice(size).to_batches()
    if held:
        yield pa.Table.from_batches(held)
