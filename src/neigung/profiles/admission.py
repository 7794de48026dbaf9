"""How a raw table comes into a store: typed, mended where that is certain, and checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from neigung.profiles.attributes import numbers_among_words, read_as
from neigung.profiles.contract import Kind, Table
from neigung.profiles.mending import Mended, texts, told, what_was_mended, words_for_nothing
from neigung.profiles.quality_report import Finding, Severity
from neigung.profiles.sources.recognise import advice
from neigung.profiles.sources.source import Opened
from neigung.profiles.sources.spelling import column_names, renamed
from neigung.profiles.validation import (
    Broken,
    as_written,
    broken_rules,
    broken_types,
    missing_columns,
    normalise,
    own_columns,
)


@dataclass
class Admission:
    """What lets tables into a store, and what it has to say of them.

    Parameters
    ----------
    opened : the tables where they are, and what holds them.
    hold_up_to : larger tables stay where they are.
    nevertheless : let tables in whose values break the contract.

    Attributes
    ----------
    said : what was doubted or passed over.
    mended : what was mended in texts.
    errors : what breaks the contract.
    """

    opened: Opened
    hold_up_to: int
    nevertheless: bool
    said: list[Finding] = field(init=False)
    mended: list[Mended] = field(init=False, default_factory=list)
    errors: list[Finding] = field(init=False)

    def __post_init__(self) -> None:
        self.said = [one for one in self.opened.said if one.severity != "refused"]
        self.errors = [one for one in self.opened.said if one.severity == "refused"]

    def findings(self) -> list[Finding]:
        """All that is to be said, but for the errors."""
        return [*self.said, *told(self.mended)]

    def table(self, table: Table, raw: ir.Table) -> ir.Table | None:
        """`raw` as the contract wants it, or None where it is left out."""
        names = {
            old: new
            for old, new in column_names(table, raw.columns).items()
            if table.column(new).required or _can_be(raw[old].type(), table.column(new).kind)
        }
        raw = raw.rename({new: old for old, new in names.items()})
        self.said += renamed(table, names)
        missing = missing_columns(table, raw)
        rows, broken, nothing = broken_types(table, raw, self.opened.engine.ordered)
        if not rows:
            if table.required:
                self._wrong(table, "needs rows, but is empty. Export it again.")
            else:
                self._say(table, f"{table.name} is empty and counts as absent.", "warn")
            return None
        if missing:
            self.errors.append(Finding("refused", table.name, missing))
            return None
        self.mended += words_for_nothing(table, raw, nothing, rows)
        more = advice(table, raw, broken) if broken and self.opened.options_beside else ""
        if not broken or self.nevertheless:
            typed, broken_too = self._typed(table, raw, rows)
            broken = [*broken, *broken_too]
        if broken:
            self._wrong(table, f"{'; '.join(map(str, broken))}. {_advice(table, broken)}{more}")
            if not self.nevertheless:
                return None
        self._tell_own(table, raw)
        return typed

    def _typed(self, table: Table, raw: ir.Table, rows: int) -> tuple[ir.Table, list[Broken]]:
        """`raw` in the types of the contract, mended, and the rules that it breaks."""
        engine = self.opened.engine
        kept = engine.hold if rows <= self.hold_up_to else engine.view
        typed = kept(table.name, normalise(table, raw))
        broken, odd = broken_rules(table, typed, engine.ordered)
        what = what_was_mended(table, typed, odd, rows) if odd else []
        self.mended += what
        columns = {one.column for one in what}
        better = normalise(table, raw, columns)
        numbers: dict[str, str] = {}
        if table.name == "customers":
            own = [name for name, known in texts(table, typed).items() if known is None]
            # Where options of reading are, what they would help with was told already.
            doubt = self.opened.options_beside is None
            numbers, found = numbers_among_words(table.name, better, own, columns, doubt)
            self.said += found
        if not columns and not numbers:
            return typed, broken
        read = {name: read_as(better[name], dtype) for name, dtype in numbers.items()}
        typed = kept(table.name, better.mutate(**read) if read else better)
        broken, _ = broken_rules(table, typed, engine.ordered)
        return typed, [as_written(one, what) for one in broken]

    def _tell_own(self, table: Table, raw: ir.Table) -> None:
        """What is said of columns that the contract does not name."""
        own = own_columns(table, raw)
        known = {column.name for column in table.columns}
        for name, kept in own.items():
            if name.lower() in known:
                found = f"{name} is not read as {name.lower()}, but kept as {kept}"
                self._say(table, f"{table.name}: {found}. Rename it if it is meant.", "warn")
            elif name != kept:
                taken = "as features find another column of this name beside it"
                self._say(table, f"{table.name}: {name} is kept as {kept}, {taken}.")
        if own and table.name != "customers":
            names = ", ".join(own.values())
            self._say(table, f"{table.name}: unknown columns, kept and ignored: {names}.")

    def _say(self, table: Table, text: str, severity: Severity = "ok") -> None:
        self.said.append(Finding(severity, table.name, text))

    def _wrong(self, table: Table, text: str) -> None:
        self.errors.append(Finding("refused", table.name, f"{table.name}: {text}"))


def _advice(table: Table, broken: Iterable[Broken]) -> str:
    """What to do about rows that break rules."""
    if table.name == "consents":
        return "Mend such rows, and leave none out that may be a refusal."
    if any(one.column == "customer_id" and one.rule == "filled" for one in broken):
        return (
            "Mend such rows or leave them out: a guest whom no id tells from others has no profile."
        )
    return "Mend or leave out such rows."


def _can_be(source: dt.DataType, kind: Kind) -> bool:
    """Whether a column called like an optional one of the contract may be meant: not where all its
    values would be refused."""
    return kind != "timestamp" or not source.is_numeric()
