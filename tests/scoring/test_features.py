"""A file of features holds what a data scientist gets, however it is cut into batches."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neigung.errors import NeigungError
from neigung.profiles.engine import DuckDBEngine
from neigung.scoring import features as scoring
from neigung.scoring.features import features, features_to
from neigung.study import Study
from tests.conftest import Shop


def test_the_file_holds_what_features_gives(filled: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "ROWS_AT_ONCE", 7)
    study, out = Study.load(filled.folder / "study.yaml"), filled.folder / "batches.parquet"
    written = features_to(study, out)
    expected = features(study).frame.drop(columns="label")
    file = pq.ParquetFile(out)
    sizes = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    assert set(sizes[:-1]) == {7}
    assert len(sizes) > 2
    found = pd.read_parquet(out)
    assert written.rows == len(found) == len(expected)
    for name in expected:
        left, right = expected[name], found[name]
        if isinstance(left.dtype, pd.CategoricalDtype):
            left, right = left.astype(object), right.astype(object)
        pd.testing.assert_series_equal(left, right, check_dtype=False, check_exact=True)


def test_nothing_is_left_of_a_file_that_was_not_finished(
    filled: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = DuckDBEngine.batches

    def broken(engine: DuckDBEngine, table: ir.Table, rows: int) -> Iterator[pa.RecordBatch]:
        yield next(whole(engine, table, rows))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(DuckDBEngine, "batches", broken)
    before = {*filled.folder.iterdir()}
    with pytest.raises((OSError, NeigungError), match="No space left"):
        features_to(Study.load(filled.folder / "study.yaml"), filled.folder / "none.parquet")
    assert {*filled.folder.iterdir()} == before
