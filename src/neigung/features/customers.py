"""The store's own attributes of its customers, from the version known at the cutoff."""

from __future__ import annotations

import re
from collections.abc import Callable

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from neigung.features.feature import Feature, Kind, Source, feature
from neigung.profiles.timeline import KEYS, Past, days_between

_CONTRACT = ("customer_id", "occurred_at", "known_at", "cutoff", "days_ago")


def _versions(past: Past) -> ir.Table:
    """The past versions of the customers; `is_newest_version` marks the one that counts.

    Versions of one instant are told apart by when they became known, then by their contents, so
    that the result does not depend on the order of rows.
    """
    rows = past.rows("customers")
    order = [rows.occurred_at.desc(), rows.known_at.desc()]
    order += [rows[name].desc() for name, _ in attributes(rows)]
    turn = ibis.row_number().over(ibis.window(group_by=KEYS, order_by=order))
    return rows.mutate(is_newest_version=turn == 0)


CUSTOMERS = Source("customers", ("customers",), _versions, "attributes")


def attributes(customers: ir.Table) -> list[tuple[str, dt.DataType]]:
    """The store's own columns of `customers` that can become features, with their types."""
    return [
        (name, kind)
        for name, kind in customers.schema().items()
        if name not in _CONTRACT
        and (
            kind.is_numeric()
            or kind.is_string()
            or kind.is_boolean()
            or kind.is_date()
            or kind.is_timestamp()
        )
    ]


def attribute_features(customers: ir.Table) -> tuple[Feature, ...]:
    """One feature for each of the store's own columns of `customers`.

    Numbers stay numbers, texts and booleans become categories, dates the days since then.
    """
    features: dict[str, Feature] = {}
    for column, kind in attributes(customers):
        name = attribute_name(column)
        while name in features:  # "Name" and "name" are two columns, but one would win
            name += "_"
        features[name] = _attribute(name, column, kind)
    return tuple(features.values())


def attribute_name(column: str) -> str:
    """The feature of a column of customers.

    >>> attribute_name("Last order")
    'attribute_last_order'
    """
    return "attribute_" + re.sub(r"\W+", "_", column.lower()).strip("_")


def _attribute(name: str, column: str, kind: dt.DataType) -> Feature:
    if kind.is_date() or kind.is_timestamp():
        return _named(name, column, _days_since(column), "number", "days")
    if kind.is_numeric() and not kind.is_boolean():
        return _named(
            name, column, lambda rows: rows[column].max(where=rows.is_newest_version), "number"
        )
    return _named(
        name,
        column,
        lambda rows: rows[column].cast("string").max(where=rows.is_newest_version),
        "category",
    )


def _days_since(column: str) -> Callable[[ir.Table], ir.Value]:
    def days(rows: ir.Table) -> ir.Value:
        since = days_between(rows[column].cast("timestamp(6)"), rows.cutoff)
        return since.max(where=rows.is_newest_version)

    return days


def _named(
    name: str,
    column: str,
    function: Callable[[ir.Table], ir.Value],
    kind: Kind,
    unit: str = "ratio",
) -> Feature:
    since, seit = ("Days since ", "Tage seit ") if unit == "days" else ("", "")
    # Braces in a column's name must not be read as a template.
    shown = column.replace("{", "(").replace("}", ")")
    function.__name__ = name
    function.__doc__ = (
        f"{since}{'attribute' if since else 'Attribute'} “{shown}”.\n\nde: {seit}Merkmal „{shown}“."
    )
    if unit != "days":
        function.__doc__ += (
            f"\n\nreason: Attribute “{shown}” is {{value}}"
            f"\n\nreason de: Merkmal „{shown}“ ist {{value}}"
        )
    function.__doc__ += (
        f"\n\nmissing: Attribute “{shown}” is unknown"
        f"\n\nmissing de: Merkmal „{shown}“ ist unbekannt"
    )
    return feature(CUSTOMERS, unit=unit, kind=kind, needs=(column,))(function)
