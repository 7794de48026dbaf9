"""The rows of a profile that comes with a request: the contract's tables as pydantic models.

The models are made from `contract.TABLES`, so that a request keeps the same rules as a store, and
its rows become the same values: amounts of four decimals, times in UTC without a zone, ids as text.

>>> profile = ProfileRows.model_validate_json('''{"order_lines": [
...     {"occurred_at": "2025-03-31T20:05:00+02:00", "order_id": 7, "net_value": 12.5}]}''')
>>> line = profile.order_lines[0]
>>> line.order_id, line.occurred_at, line.net_value
('7', datetime.datetime(2025, 3, 31, 18, 5), Decimal('12.5000'))
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    create_model,
    model_validator,
)
from pydantic_core import PydanticCustomError

from neigung.profiles.contract import TABLES, WANTED, Column, Kind, Rule, Table
from neigung.profiles.mending import CUSTOMER_ID, spelled

MAX_ROWS = 10_000
"""So many rows a table of one profile may have."""

YEARS = (1900, 2200)
"""The first and the last year of a time in a request."""

_CENTS = Decimal("0.0001")
_TOO_MUCH = 10**14  # a decimal(18, 4) has 14 digits before the point
_LARGEST_WHOLE_FLOAT = 2.0**53
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST_NUMBER = 40
_FILLED = r"[^ \t\n\r\x0b\x0c]"


class Row(BaseModel):
    """One row of a table; columns that the contract does not name are kept as they came."""

    model_config = ConfigDict(extra="allow", frozen=True)

    def get(self, name: str) -> Any:
        """The value of a column, None where it is missing."""
        value = self.__dict__.get(name)
        extra = self.__pydantic_extra__
        return extra.get(name) if value is None and extra else value


def text(value: Any) -> str:
    """A text; a whole number becomes its digits, as ids do in a store."""
    if isinstance(value, str) and (value.isascii() or _is_unicode(value)):
        return value
    whole = isinstance(value, float) and value.is_integer() and abs(value) <= _LARGEST_WHOLE_FLOAT
    if whole or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63):
        return str(int(value))
    raise _wanted("string")


def number(value: Any) -> float:
    """A finite number, given as one or as text."""
    if isinstance(value, str) and _is_number(value):
        value = float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            found = float(value)
        except OverflowError:
            found = math.inf
        if math.isfinite(found):
            return found
    raise _wanted("number")


def money(value: Any) -> Decimal:
    """An amount of 14 digits and 4 decimals, rounded as the engine rounds when it reads a store.

    >>> money(12.345678), money("12.345678"), money(3)
    (Decimal('12.3457'), Decimal('12.3457'), Decimal('3.0000'))
    """
    if isinstance(value, str) and _is_number(value):
        value = Decimal(value.strip())
    exact = None
    if isinstance(value, float) and abs(value) < _TOO_MUCH:
        # The engine scales a float before it rounds: 1.00115 is 10011.499999999998 of these.
        exact = Decimal(value * 10_000.0).quantize(Decimal(1), ROUND_HALF_UP).scaleb(-4)
    elif isinstance(value, Decimal) and value.is_finite() and abs(value) < _TOO_MUCH:
        exact = value.quantize(_CENTS, ROUND_HALF_UP)
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) < _TOO_MUCH:
        exact = Decimal(value).quantize(_CENTS)
    if exact is None or abs(exact) >= _TOO_MUCH:
        raise _wanted("money")
    return exact


def boolean(value: Any) -> bool:
    """True or false, given as such or as 1 or 0."""
    if isinstance(value, bool) or value in (0, 1):
        return bool(value)
    raise _wanted("boolean")


def instant(value: Any) -> dt.datetime:
    """A date or time as UTC without a zone; one without a zone is UTC, a date its midnight."""
    try:
        if isinstance(value, str):
            value = dt.datetime.fromisoformat(value.strip())
        elif isinstance(value, dt.date) and not isinstance(value, dt.datetime):
            value = dt.datetime.combine(value, dt.time())
        if isinstance(value, dt.datetime):
            if value.tzinfo is not None:
                value = value.astimezone(dt.UTC).replace(tzinfo=None)
            found: dt.datetime = value
            if YEARS[0] <= found.year <= YEARS[1]:
                return found
    except (ValueError, OverflowError):
        pass
    raise _wanted("timestamp", f", in the years {YEARS[0]} to {YEARS[1]}")


def _is_unicode(value: str) -> bool:
    """Whether it is free of lone surrogates, which JSON can write and no engine can hold."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_number(value: str) -> bool:
    return len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value.strip()) is not None


def _wanted(kind: Kind, more: str = "") -> PydanticCustomError:
    return PydanticCustomError("kind", "must be {wanted}", {"wanted": WANTED[kind] + more})


def own_text(value: Any) -> str | None:
    """A text of a column of the store's own, None for one that says that there is nothing."""
    return spelled(text(value))


_READ: dict[Kind, Callable[[Any], Any]] = {
    "string": text,
    "id": text,
    "timestamp": instant,
    "money": money,
    "number": number,
    "boolean": boolean,
}
_PYTHON: dict[Kind, Any] = {
    "string": str,
    "id": str,
    "timestamp": dt.datetime,
    "money": Decimal,
    "number": float,
    "boolean": bool,
}
_SCHEMA: dict[Kind, dict[str, Any]] = {
    "string": {"type": "string"},
    "id": {"type": "string"},
    "timestamp": {"type": "string", "format": "date-time"},
    "money": {"type": "number", "minimum": 1 - _TOO_MUCH, "maximum": _TOO_MUCH - 1},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
}


class _Keywords(dict[str, Any]):
    """Keywords of a JSON schema, which `&` joins as a rule joins its conditions."""

    def __and__(self, other: _Keywords) -> _Keywords:
        return _Keywords(self | other)


class _Asked:
    """Stands in for a column: what a rule asks of it, as keywords of a JSON schema.

    >>> _keywords(TABLES["offers"].column("discount_rate").rules[0])
    {'minimum': 0, 'maximum': 1}
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __ge__(self, low: Any) -> _Keywords:
        return _Keywords(notBefore=low.name) if isinstance(low, _Asked) else _Keywords(minimum=low)

    def __gt__(self, low: Any) -> _Keywords:
        return _Keywords(exclusiveMinimum=low)

    def __le__(self, high: Any) -> _Keywords:
        return _Keywords(maximum=high)

    def between(self, low: Any, high: Any) -> _Keywords:
        return _Keywords(minimum=low, maximum=high)

    def isin(self, values: Any) -> _Keywords:
        return _Keywords(enum=list(values))


class _AskedTable:
    def __getitem__(self, name: str) -> _Asked:
        return _Asked(name)


def _keywords(rule: Rule) -> dict[str, Any]:
    """The rule as keywords of a JSON schema, read off by asking it about a column."""
    table: Any = _AskedTable()
    found: Any = rule.holds(table, "")
    return dict(found)


def _checked(rule: Rule) -> AfterValidator:
    """The rule as a check of one value, with a message in the words of the contract."""
    asked = _keywords(rule)
    problem = PydanticCustomError("rule", "must be {rule}", {"rule": rule.text})
    if "notBefore" in asked:
        other = asked["notBefore"]

        def not_before(value: Any, info: ValidationInfo) -> Any:
            if info.data.get(other) is not None and value < info.data[other]:
                raise problem
            return value

        return AfterValidator(not_before)
    allowed = asked.get("enum")
    low, above = asked.get("minimum", -math.inf), asked.get("exclusiveMinimum", -math.inf)
    high = asked.get("maximum", math.inf)

    def holds(value: Any) -> Any:
        if value is None:
            good = True
        elif allowed is not None:
            good = value in allowed
        else:
            good = low <= value <= high and value > above
        if not good:
            raise problem
        return value

    return AfterValidator(holds)


def _annotation(column: Column, optional: bool) -> Any:
    """The type of a column in a request, with its rules and its JSON schema."""
    schema = dict(_SCHEMA[column.kind])
    for rule in column.rules:
        schema |= {k: v for k, v in _keywords(rule).items() if k != "notBefore"}
    checks = [_checked(rule) for rule in column.rules]
    if column.kind in ("string", "id"):
        return _annotation_of_text(column, optional, schema, checks)
    read = BeforeValidator(_READ[column.kind])
    kind: Any = Annotated[(_PYTHON[column.kind], read, *checks, WithJsonSchema(schema))]
    return kind | None if optional else kind


def _annotation_of_text(
    column: Column, optional: bool, schema: dict[str, Any], checks: list[AfterValidator]
) -> Any:
    """The type of a column of text, which is missing where the text says that there is nothing."""

    def read(value: Any) -> str | None:
        found = None if value is None and optional else spelled(text(value), column)
        if found is None and not optional:
            raise PydanticCustomError(
                "rule", "must be not blank, nor a word for nothing such as NULL"
            )
        return found

    if not optional and "enum" not in schema:
        schema["pattern"] = _FILLED
    shown = [schema]
    if "enum" not in schema:
        shown.append({"type": "integer", "minimum": 1 - 2**63, "maximum": 2**63 - 1})
    if optional:
        shown.append({"type": "null"})
    known = WithJsonSchema({"anyOf": shown} if len(shown) > 1 else schema)
    return Annotated[(str | None if optional else str, BeforeValidator(read), *checks, known)]


def _row_model(table: Table) -> type[Row]:
    """The model of one row of a table; the customer is that of the profile."""
    fields: dict[str, Any] = {}
    for column in table.columns:
        wanted = f"{WANTED[column.kind]}{''.join(f', {rule.text}' for rule in column.rules)}"
        if column.required and column.name != "customer_id":
            fields[column.name] = (_annotation(column, False), Field(description=wanted))
        else:
            kind = _annotation(column, True)
            fields[column.name] = (kind, Field(default=None, description=wanted))
    name = "".join(part.capitalize() for part in table.name.split("_"))
    return create_model(f"{name}Row", __base__=Row, __doc__=f"A row of {table.name}.", **fields)


ROWS: Mapping[str, type[Row]] = {
    name: _row_model(table) for name, table in TABLES.items() if name != "labels"
}
"""The model of a row of each table that a profile may bring."""

EXAMPLE: dict[str, Any] = {
    "order_lines": [
        {
            "occurred_at": "2025-03-31T18:05:00Z",
            "order_id": "o-1",
            "net_value": 24.9,
            "discount_value": 2.5,
            "quantity": 2,
            "product_id": "p-17",
            "category": "tea",
            "channel": "web",
        }
    ],
    "visits": [{"occurred_at": "2025-04-02T09:00:00Z", "kind": "cart", "product_id": "p-17"}],
    "consents": [
        {"occurred_at": "2025-01-01T00:00:00Z", "purpose": "profiling", "granted": True},
    ],
}
"""A profile as it may come with a request."""


def _named(value: Any) -> str:
    """The id of a profile, as it was sent, since the answer repeats it."""
    found = text(value)
    if not re.search(_FILLED, found):
        raise PydanticCustomError("rule", "must be not blank")
    return found


_NAME = {
    "anyOf": [
        {"type": "string", "pattern": _FILLED},
        {"type": "integer", "minimum": 1 - 2**63, "maximum": 2**63 - 1},
    ]
}
_FIELDS: dict[str, Any] = {
    "customer_id": (
        Annotated[str, BeforeValidator(_named), WithJsonSchema(_NAME)] | None,
        Field(default=None, description="Whose rows these are; may be left out."),
    )
} | {
    name: (
        Annotated[list[row], Field(max_length=MAX_ROWS)],  # type: ignore[valid-type]
        Field(default=[], description=f"The customer's rows of {name}."),
    )
    for name, row in ROWS.items()
}
_Tables: Any = create_model("_Tables", **_FIELDS)


class ProfileRows(_Tables):  # type: ignore[misc]
    """All rows of one customer, by the tables of the contract, as a request brings them.

    Attributes are `customer_id` and one list of `Row` for each table but labels; tables that are
    left out are empty. Rows need no `customer_id`; where one is given, it is the profile's.
    Columns that the contract does not name are kept: those that the store knows too, such as the
    attributes of `customers`, are read, all others ignored.

    Raises pydantic's ValidationError, which names the path of each wrong value.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [EXAMPLE]}
    )

    @model_validator(mode="after")
    def _one_customer(self) -> ProfileRows:
        owner = None if self.customer_id is None else spelled(self.customer_id, CUSTOMER_ID)
        for name in ROWS:
            for index, row in enumerate(self.rows(name)):
                given = row.__dict__["customer_id"]
                if given is not None and given != (owner := owner or given):
                    raise PydanticCustomError(
                        "one_customer",
                        "{table}.{index}.customer_id must be that of the profile and of its other "
                        "rows. Leave it out, or send one profile for each customer",
                        {"table": name, "index": index},
                    )
        return self

    def rows(self, table: str) -> list[Row]:
        """The rows of a table of the contract."""
        found: list[Row] = self.__dict__[table]
        return found
