"""Everybody's features as a stream from the engine into a Parquet file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from neigung.files import replacing
from neigung.models.dataset import FeatureQuery
from neigung.profiles.store import Profiles
from neigung.progress import Tick

COMPRESSION = "zstd"


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
