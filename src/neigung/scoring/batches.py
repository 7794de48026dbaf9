"""Scores one batch of features after the other: Arrow in, Arrow out, and no table engine.

The one step that scoring in a notebook, on several processors and on a cluster have in common. All
that it needs travels as data: the files of an artefact, and batches of rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from neigung.explanation.contributions import SlowExplanation, contributions
from neigung.explanation.reasons import offer_reasons
from neigung.explanation.reasons import reasons as explain_rows
from neigung.models.artefact import load_artefact
from neigung.models.offers.artefact import as_offers
from neigung.models.unseen import Unseen

if TYPE_CHECKING:
    from neigung.explanation.reasons import Reason
    from neigung.models.version import Version

ROWS_AT_ONCE = 50_000
"""Rows of a batch. The same batches give the same bytes: how many rows there are decides what
explains them. With 150 features a process takes 0.9 GB; a fifth of the rows took 0.6 GB and as long
for each row, but for what is prepared once."""

REASON = pa.struct(
    [
        ("feature", pa.string()),
        ("value", pa.string()),
        ("contribution", pa.float64()),
        ("text_en", pa.string()),
        ("text_de", pa.string()),
    ]
)
TYPES = {
    "customer_id": pa.string(),
    "cutoff": pa.timestamp("us"),
    "model_version": pa.int32(),
    "band": pa.string(),
    "recommended_arm": pa.string(),
    "reasons": pa.list_(REASON),
}
"""The types of the columns of a score or offer file; all others are float64."""


@dataclass(frozen=True)
class BatchNotes:
    """What is to be told about a batch.

    `unknown` says of each column of categories how many the model does not know; `slow` counts the
    customers whose contributions had to be computed the slow way, because the two ways disagreed.
    """

    unknown: Mapping[str, Unseen] = field(default_factory=dict)
    slow: int = 0


def score_batches(
    batches: Iterable[pa.RecordBatch],
    artefact: Version | Mapping[str, bytes],
    version: int,
    reasons: int = 3,
    on_batch: Callable[[BatchNotes], None] | None = None,
) -> Iterator[pa.RecordBatch]:
    """The scores of batches of customers, batch by batch, in `score_schema`.

    Parameters
    ----------
    batches : `customer_id`, `cutoff` and the artefact's columns, numbers and strings; others are
        ignored. How the rows are cut into batches changes contributions by 1e-5 at most, and
        nothing else.
    artefact : a trained model, or the `files` of one, to be sent to another machine.
    version : its number in the registry.
    reasons : how many each customer gets; with 0 there is no such column.
    on_batch : is given the notes of each batch before its scores are.

    Raises InputError when a column is missing or the files were changed.

    >>> X = pd.DataFrame({"orders": np.arange(200) % 20})
    >>> from neigung.features.feature import Column
    >>> from neigung.models.propensity.artefact import Artefact
    >>> from neigung.models.propensity.classifier import PropensityClassifier
    >>> model = PropensityClassifier({"n_estimators": 30}).fit(X, X["orders"] > 9)
    >>> orders = Column("orders", "orders", None, "count", "", "number", "Orders", "Bestellungen")
    >>> artefact = Artefact(model, (orders,), study={}, meta={}, reference=(0.2, 0.4, 0.6))
    >>> cutoff = np.array(["2025-05-01"], dtype="datetime64[us]")
    >>> batch = pa.record_batch({"customer_id": ["a"], "cutoff": cutoff, "orders": [19.0]})
    >>> [scored] = score_batches([batch], artefact.files, version=1, reasons=1)
    >>> scored["band"][0].as_py(), scored["reasons"][0][0]["text_en"].as_py()
    ('high', 'Orders: 19')
    """
    if isinstance(artefact, Mapping):
        artefact = load_artefact(artefact)
    schema = score_schema(artefact, reasons)
    names = [column.name for column in artefact.columns]
    for batch in batches:
        X = _frame(batch, names)
        predicted = artefact.predict(X)
        columns = {name: predicted[name].to_numpy() for name in predicted}
        columns["customer_id"], columns["cutoff"] = batch["customer_id"], batch["cutoff"]
        columns["model_version"] = np.full(len(X), version)
        slow = 0
        if reasons:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", SlowExplanation)
                columns["reasons"] = _reason_array(_reasons(artefact, X, predicted, reasons))
            told = [one.message for one in caught]
            slow = sum(one.rows for one in told if isinstance(one, SlowExplanation))
        if on_batch is not None:
            on_batch(BatchNotes(artefact.unknown(X), slow))
        arrays = [_array(columns[one.name], one.type) for one in schema]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def score_schema(artefact: Version, reasons: int) -> pa.Schema:
    """The columns of a score file, with their types."""
    names = ["customer_id", "cutoff", "model_version"]
    names += [*artefact.predicted, *(["reasons"] if reasons else [])]
    return pa.schema([(name, TYPES.get(name, pa.float64())) for name in names])


def _frame(batch: pa.RecordBatch, names: list[str]) -> pd.DataFrame:
    """A frame as a dataset has it; missing columns are the model's to complain of."""
    columns = {name: batch[name] for name in names if name in batch.schema.names}
    for name, column in columns.items():
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            columns[name] = column.dictionary_encode()
    # Columns of their own, because together they would be copied once more.
    frame: pd.DataFrame = pa.table(columns).to_pandas(split_blocks=True)
    return frame


def _reasons(
    artefact: Version, X: pd.DataFrame, predicted: pd.DataFrame, k: int
) -> list[list[Reason]]:
    if not artefact.parts:
        return explain_rows(contributions(artefact, X), X, k=k)
    return offer_reasons(as_offers(artefact), X, artefact.explained(X, predicted), k=k)


def _reason_array(told: list[list[Reason]]) -> pa.Array:
    """Reasons as structs of fixed types: a value may be a number or a category."""
    flat = [one for row in told for one in row]
    fields = [
        pa.array([one.feature for one in flat], pa.string()),
        pa.array([None if one.value is None else str(one.value) for one in flat], pa.string()),
        pa.array([one.contribution for one in flat], pa.float64()),
        pa.array([one.text_en for one in flat], pa.string()),
        pa.array([one.text_de for one in flat], pa.string()),
    ]
    ends = np.cumsum([0, *map(len, told)], dtype=np.int32)
    return pa.ListArray.from_arrays(ends, pa.StructArray.from_arrays(fields, fields=list(REASON)))


def _array(column: object, kind: pa.DataType) -> pa.Array:
    if isinstance(column, pa.Array):
        return column.cast(kind)
    return pa.array(column, kind, from_pandas=True)
