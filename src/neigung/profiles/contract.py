"""The tables of a unified profile, as data: names, columns, kinds and rules.

Everything that reads or writes a profile store takes the names and kinds from here; nothing
else knows them. Money is a fixed-point number, so that sums do not depend on the order of rows
and the same data give the same features to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import ibis
import ibis.expr.types as ir

Kind = Literal["string", "id", "timestamp", "money", "number", "boolean"]

DTYPES: dict[Kind, str] = {
    "string": "string",
    "id": "string",
    "timestamp": "timestamp(6)",
    "money": "decimal(18, 4)",
    "number": "float64",
    "boolean": "boolean",
}
"""The type of each kind in the engine; timestamps are UTC and carry no zone."""

WANTED: dict[Kind, str] = {
    "string": "a text or a whole number",
    "id": "a text or a whole number",
    "timestamp": "a date or time in ISO form, such as 2025-03-31T18:05:00Z",
    "money": "a finite amount with a decimal point, such as 12.50",
    "number": "a finite number with a decimal point, such as 12.5",
    "boolean": "true or false",
}
"""What a value of each kind looks like, for error messages."""

RESERVED = ("cutoff", "days_ago", "is_newest_version")
"""Columns that features find in the rows beside those of the store, whose own of such a name (in
any case, as engines see no difference) are kept under another."""

NO_VALUE = (
    *("NULL", "Null", "null", "(NULL)", "(null)", "<NULL>", "<null>", "[NULL]", "[null]"),
    *("\\N", "<NA>", "NaN", "nan", "NAN", "NaT", "#N/A", "#NULL!"),
)
"""What exports write where there is nothing: in any text it counts as missing."""

NO_TEXT = (*NO_VALUE, "None")
"""What counts as missing in texts of the contract; in a store's own column, and as an arm, `None`
may be an answer."""

NO_ID = (
    *(*NO_TEXT, "NA", "N/A", "na", "n/a", "undefined"),
    *("-", "--", "---", ".", "?"),
)
"""What counts as missing in ids and codes. In a category `NA` may be North America, so that there
it is only doubted."""


@dataclass(frozen=True)
class Rule:
    """What the values of a column must satisfy; a missing value satisfies every rule.

    >>> at_least(0).text
    'at least 0'
    """

    text: str
    holds: Callable[[ir.Table, str], ir.BooleanValue]


def at_least(low: float) -> Rule:
    """The value is `low` or more."""
    return Rule(f"at least {low}", lambda table, name: table[name] >= low)


def between(low: float, high: float) -> Rule:
    """The value lies from `low` to `high`, both included."""
    return Rule(f"between {low} and {high}", lambda table, name: table[name].between(low, high))


def above_to(low: float, high: float) -> Rule:
    """The value lies above `low` and up to `high`."""
    return Rule(
        f"above {low} and at most {high}",
        lambda table, name: (table[name] > low) & (table[name] <= high),
    )


def one_of(*values: str) -> Rule:
    """The value is one of `values`."""
    return Rule(f"one of {', '.join(values)}", lambda table, name: table[name].isin(values))


def not_before(other: str) -> Rule:
    """The time is not before the one in the column `other`."""
    return Rule(f"not before {other}", lambda table, name: table[name] >= table[other])


def unique_with(*others: str) -> Rule:
    """The value occurs once for each combination of the columns `others`."""

    def holds(table: ir.Table, name: str) -> ir.BooleanValue:
        return table.count().over(ibis.window(group_by=[name, *others])) == 1

    return Rule(f"unique for each {' and '.join(others)}", holds)


@dataclass(frozen=True)
class Column:
    """One column of a table: its kind, whether it must be there and filled, and its rules.

    `no_value` are the texts that count as missing. A text with `words` is one of them, in any case.

    >>> Column("discount_rate", "number", rules=(between(0, 1),)).dtype
    'float64'
    """

    name: str
    kind: Kind
    required: bool = False
    rules: tuple[Rule, ...] = ()
    no_value: tuple[str, ...] = NO_TEXT
    words: tuple[str, ...] = ()

    @property
    def dtype(self) -> str:
        """The column's type in the engine."""
        return DTYPES[self.kind]


@dataclass(frozen=True)
class Table:
    """One table of the contract.

    >>> TABLES["order_lines"].column("net_value").kind
    'money'
    >>> TABLES["consents"].required
    False
    """

    name: str
    columns: tuple[Column, ...]
    required: bool = False

    def column(self, name: str) -> Column:
        """The column called `name`; KeyError when the contract has none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def _id(name: str, required: bool = True) -> Column:
    return Column(name, "id", required, no_value=NO_ID)


def _text(name: str, required: bool = False, words: tuple[str, ...] = ()) -> Column:
    return Column(name, "string", required, (one_of(*words),) if words else (), words=words)


def _table(
    name: str, *columns: Column, dated: bool = True, required: bool = False
) -> tuple[str, Table]:
    common = (
        _id("customer_id"),
        Column("occurred_at", "timestamp", dated),
        Column("known_at", "timestamp", rules=(not_before("occurred_at"),)),
    )
    return name, Table(name, common + columns, required)


TABLES: dict[str, Table] = dict(
    (
        _table("customers", dated=False),
        _table(
            "order_lines",
            _id("order_id"),
            Column("net_value", "money", True),
            Column("discount_value", "money", rules=(at_least(0),)),
            Column("quantity", "number"),
            _id("product_id", False),
            _text("category"),
            _text("channel"),
            _id("campaign_id", False),
            _id("voucher_code", False),
            required=True,
        ),
        _table(
            "returns",
            _id("order_id"),
            Column("value", "money", True),
            _id("product_id", False),
            _text("reason"),
        ),
        _table(
            "visits",
            _text("kind", True),
            _text("channel"),
            _text("category"),
            _id("product_id", False),
            _id("session_id", False),
        ),
        _table(
            "contacts",
            _id("contact_id"),
            _text("channel", True),
            _id("campaign_id", False),
        ),
        _table(
            "responses",
            _id("contact_id"),
            _text("kind", True, ("delivered", "open", "click", "redeem", "bounce", "unsubscribe")),
        ),
        _table(
            "offers",
            _id("offer_id"),
            Column("arm", "string", True, no_value=NO_VALUE),
            Column("discount_rate", "number", rules=(between(0, 1),)),
            Column("assignment_probability", "number", rules=(above_to(0, 1),)),
            _id("campaign_id", False),
        ),
        _table(
            "service_cases",
            _id("case_id"),
            _text("kind", True),
            _text("channel"),
            Column("resolved_at", "timestamp", rules=(not_before("occurred_at"),)),
            Column("satisfaction", "number"),
        ),
        _table(
            "loyalty",
            _text("kind", True, ("join", "tier", "earn", "redeem")),
            Column("points", "number"),
            _text("tier"),
        ),
        _table(
            "consents",
            _text("purpose", True, ("profiling", "marketing")),
            _text("channel"),
            Column("granted", "boolean", True),
        ),
        _table(
            "labels",
            Column("cutoff", "timestamp", True, (unique_with("customer_id"),)),
            Column("value", "number", True),
            dated=False,
        ),
    )
)
"""Every table of a unified profile, by name."""
