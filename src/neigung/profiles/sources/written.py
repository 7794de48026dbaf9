"""Numbers and times as `tables.yaml` says that they are written, as the contract reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from neigung.profiles.contract import Kind, Table
from neigung.profiles.quality_report import Finding
from neigung.profiles.sources.options import EXCEL, Reading
from neigung.profiles.validation import Holds, broken_values

_TIME = "timestamp(6)"
_HAS_ZONE = r"\d:\d{2}(:\d{2}(\.\d+)?)?\s*(Z|z|UTC|[+-]\d{2}(:?\d{2})?)$"
_ISO = r"^\s*\d{4}-\d{2}-\d{2}"
_EXCEL_NUMBER = r"^\s*\d{1,6}([.,]\d+)?\s*$"
_EXCEL_OF_1970 = 25_569


@ibis.udf.scalar.builtin(name="try_strptime")  # type: ignore[untyped-decorator]
def _parsed(text: dt.string, form: dt.string) -> dt.Timestamp(scale=6):  # type: ignore[valid-type]
    """A time by its format; missing where it is written otherwise."""


@ibis.udf.scalar.builtin(name="try_strptime")  # type: ignore[untyped-decorator]
def _parsed_with_zone(text: dt.string, form: dt.string) -> dt.Timestamp(timezone="UTC"):  # type: ignore[valid-type]
    """The same of a format with a zone."""


@ibis.udf.scalar.builtin(name="timezone")  # type: ignore[untyped-decorator]
def _from_local(zone: dt.string, time: dt.Timestamp(scale=6)) -> dt.Timestamp(timezone="UTC"):  # type: ignore[valid-type]
    """The instant at which clocks in a zone show a time."""


@ibis.udf.scalar.builtin(name="timezone")  # type: ignore[untyped-decorator]
def _to_local(zone: dt.string, time: dt.Timestamp(timezone="UTC")) -> dt.Timestamp(scale=6):  # type: ignore[valid-type]
    """What clocks in a zone show at an instant."""


def as_written(
    table: Table, raw: ir.Table, reading: Reading, ordered: bool
) -> tuple[ir.Table, list[Finding]]:
    """The rows of a table with numbers and times as the contract reads them.

    Columns that the contract leaves open are taken for numbers or times where all their values are
    written so. A value of the contract's that is not is refused.
    """
    said: list[Finding] = []
    for step in (_numbers, _times):
        raw, more = step(table, raw, reading, ordered)
        said += more
    return raw, said


def _numbers(
    table: Table, raw: ir.Table, reading: Reading, ordered: bool
) -> tuple[ir.Table, list[Finding]]:
    if reading.thousands is None and reading.decimal in (None, "."):
        return raw, []
    point, group = re.escape(reading.decimal or "."), re.escape(reading.thousands or "")
    whole = rf"\d{{1,3}}({group}\d{{3}})+|\d+" if group else r"\d+"
    form = rf"^\s*[+-]?(({whole})({point}\d*)?|{point}\d+)\s*$"
    rule = f"a number with {reading.decimal or '.'} before the decimals"
    rule += f" and {reading.thousands} between thousands" if group else ""

    def holds(data: ir.Table, name: str) -> ir.BooleanValue:
        return data[name].re_search(form) | (data[name].strip() == "")

    def number(value: ir.StringValue) -> ir.StringValue:
        if reading.thousands:
            value = value.replace(reading.thousands, "")
        return value.replace(reading.decimal or ".", ".").strip()

    known = _columns(table, raw, ("money", "number"))
    said = _refused(table, raw, [(name, rule, holds) for name in known], ordered)
    found = [*known, *_wholly(raw, _open(table, raw), lambda v: v.re_search(form))]
    return raw.mutate(**{name: number(raw[name]) for name in found}), said


def _times(
    table: Table, raw: ir.Table, reading: Reading, ordered: bool
) -> tuple[ir.Table, list[Finding]]:
    if reading.date_format is None and reading.time_zone is None:
        return raw, []
    forms, zone = reading.date_format, reading.time_zone
    rule = f"a time as {' or '.join(forms)}" if forms else "a date or time in ISO form"

    def holds(data: ir.Table, name: str) -> ir.BooleanValue:
        return _instant(data[name], reading).notnull() | (data[name].strip() == "")

    def all_times(value: ir.StringValue) -> ir.BooleanValue:
        time = _instant(value, reading).notnull()
        return time if forms else time & value.re_search(_ISO)

    known = _columns(table, raw, ("timestamp",))
    said = _refused(table, raw, [(name, rule, holds) for name in known], ordered)
    wholly = () if forms == (EXCEL,) else _wholly(raw, _open(table, raw), all_times)
    found = {name: _instant(raw[name], reading) for name in (*known, *wholly)}
    local = {name: _local(raw[name], reading) for name in (*known, *wholly)}
    for name, kind in raw.schema().items():
        if (kind.is_timestamp() and kind.timezone is None) or kind.is_date():
            local[name] = raw[name].cast(_TIME)
            found[name] = _utc(local[name], zone)
        elif kind.is_numeric() and forms == (EXCEL,) and name in _kinds(table, ("timestamp",)):
            local[name] = _excel(raw[name].cast("float64"))
            found[name] = _utc(local[name], zone)
    if zone:
        said += _clock_changes(table, raw, {n: local[n] for n in local if n in _kinds(table)}, zone)
    return raw.mutate(**found), said


def _instant(value: ir.StringValue, reading: Reading) -> ir.TimestampValue:
    """The instant of a text, UTC without a zone; missing where it is no time."""
    zoned = _zoned(value, reading)
    local = _utc(_local(value, reading), reading.time_zone)
    return ibis.coalesce(zoned, local) if zoned is not None else local


def _zoned(value: ir.StringValue, reading: Reading) -> ir.TimestampValue | None:
    """The instant of a text that names its zone."""
    if reading.date_format is None:
        known = value.try_cast("timestamp('UTC')").cast(_TIME)
        return ibis.ifelse(value.re_search(_HAS_ZONE), known, ibis.null(_TIME))
    times = [
        _parsed_with_zone(value, form).cast(_TIME) for form in reading.date_format if _named(form)
    ]
    return ibis.coalesce(*times) if times else None


def _local(value: ir.StringValue, reading: Reading) -> ir.TimestampValue:
    """What a text without a zone says that clocks show."""
    if reading.date_format is None:
        known = value.try_cast(_TIME)
        return ibis.ifelse(value.re_search(_HAS_ZONE), ibis.null(_TIME), known)
    times = []
    for form in (form for form in reading.date_format if not _named(form)):
        if form == EXCEL:
            number = value.replace(",", ".").try_cast("float64")
            times.append(
                ibis.ifelse(value.re_search(_EXCEL_NUMBER), _excel(number), ibis.null(_TIME))
            )
        else:
            times.append(_parsed(value.strip(), form))
    return ibis.coalesce(*times) if times else ibis.null(_TIME)


def _excel(number: ir.NumericValue) -> ir.TimestampValue:
    seconds = ((number - _EXCEL_OF_1970) * 86_400).round().cast("int64")
    return seconds.as_timestamp("s").cast(_TIME)


def _utc(local: ir.TimestampValue, zone: str | None) -> ir.TimestampValue:
    return _from_local(zone, local).cast(_TIME) if zone else local


def _named(form: str) -> bool:
    return "%z" in form or "%Z" in form


def _clock_changes(
    table: Table, raw: ir.Table, times: dict[str, ir.TimestampValue], zone: str
) -> Iterator[Finding]:
    """What is said of times that clocks showed twice, or never, as they were changed."""
    if not times:
        return
    hour = ibis.interval(hours=1)
    counts: dict[str, ir.Value] = {}
    for name, local in times.items():
        at = _from_local(zone, local)
        other = _to_local(zone, at + hour) == local
        other |= _to_local(zone, at - hour) == local
        counts[f"{name}/shown never"] = (_to_local(zone, at) != local).sum()
        counts[f"{name}/shown twice"] = other.sum()
        never = (_to_local(zone, at) != local) | other
        counts[f"{name}/example"] = local.cast("string").min(where=never)
    [found] = raw.aggregate(**counts).to_pyarrow().to_pylist()
    for name in times:
        for what in ("shown never", "shown twice"):
            if rows := found[f"{name}/{what}"]:
                yield Finding(
                    "warn",
                    table.name,
                    f"{table.name}: {name} holds {rows:,} times that clocks in {zone} have {what}, "
                    f"such as {found[f'{name}/example']}: an hour of them is uncertain. Export "
                    "times in UTC or with their offset.",
                )


def _kinds(table: Table, kinds: tuple[Kind, ...] = ("timestamp",)) -> list[str]:
    return [column.name for column in table.columns if column.kind in kinds]


def _columns(table: Table, raw: ir.Table, kinds: tuple[Kind, ...]) -> list[str]:
    """Columns of text that are to be of these kinds."""
    kept = _kinds(table, kinds)
    return [name for name, kind in raw.schema().items() if name in kept and kind.is_string()]


def _open(table: Table, raw: ir.Table) -> list[str]:
    """Columns of text that the contract leaves open."""
    known = {column.name for column in table.columns}
    return [name for name, kind in raw.schema().items() if name not in known and kind.is_string()]


def _wholly(raw: ir.Table, columns: list[str], holds: object) -> list[str]:
    """Those of the columns all of whose values are written so, and some are there."""
    if not columns:
        return []
    tests: dict[str, ir.Value] = {}
    for name in columns:
        value = raw[name].nullif("")
        tests[f"{name}/all"] = (holds(value) | value.isnull()).all()  # type: ignore[operator]
        tests[f"{name}/some"] = value.count() > 0
    [found] = raw.aggregate(**tests).to_pyarrow().to_pylist()
    return [name for name in columns if found[f"{name}/all"] and found[f"{name}/some"]]


def _refused(
    table: Table, raw: ir.Table, rules: list[tuple[str, str, Holds]], ordered: bool
) -> list[Finding]:
    broken = broken_values(raw, rules, ordered)[1] if rules else []
    if not broken:
        return []
    text = f"{table.name}: {'; '.join(map(str, broken))}. Mend tables.yaml, or such rows."
    return [Finding("refused", table.name, text)]
