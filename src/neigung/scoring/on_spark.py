"""Everybody's scores on a cluster: each executor scores and explains the customers that it has.

The step is that of one machine (`batches`); nothing is collected but how many customers are
in each group. An executor that is lost is replaced, and its customers are scored again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pds

from neigung.files import replacing_folder
from neigung.models.dataset import FeatureQuery
from neigung.profiles.engine import DistributedEngine, Step
from neigung.scoring.batches import score_batches, score_schema

if TYPE_CHECKING:
    from neigung.models.version import Version


def score_on_executors(
    query: FeatureQuery,
    engine: DistributedEngine,
    artefact: Version,
    version: int,
    reasons: int,
    out: Path,
) -> Mapping[str, int]:
    """Write the scores of all rows of a query to the folder `out`, whole or not at all.

    The folder holds files of Parquet with the columns of `scoring.score`, in no particular order;
    the executors must see it and have this package installed. Returns how many customers are in
    each band, or have each arm recommended, the largest first.

    Raises FeatureError when the features cannot be computed, and what the engine raises.
    """
    schema = score_schema(artefact, reasons)
    function = partial(_scored, files=artefact.files, version=version, reasons=reasons)
    with replacing_folder(out) as parts:
        engine.write(query.table, parts, Step(function, schema))
        return _groups(parts, artefact.group_column)


def _scored(
    batches: Iterator[pa.RecordBatch], *, files: Mapping[str, bytes], version: int, reasons: int
) -> Iterator[pa.RecordBatch]:
    return score_batches(batches, files, version, reasons)


def _groups(folder: Path, column: str) -> dict[str, int]:
    groups: Counter[str] = Counter()
    for batch in pds.dataset(folder, format="parquet").to_batches(columns=[column]):
        counts = pc.value_counts(batch[column]).to_pylist()
        groups.update({one["values"]: one["counts"] for one in counts})
    return dict(sorted(groups.items(), key=lambda item: (-item[1], item[0])))
