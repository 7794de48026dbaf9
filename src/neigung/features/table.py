"""Builds the feature table: one row per spine row, one column per feature and window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir

from neigung.errors import FeatureError, NeigungError
from neigung.features.feature import Column, Feature, Source
from neigung.features.pruning import columns_read, pruned
from neigung.features.sources import (
    SPLIT_LINES,
    WHOLE_ORDERS,
    whole_orders,
)
from neigung.features.windows import of_no_rows, only_where
from neigung.language import Message
from neigung.profiles.engine import Engine
from neigung.profiles.timeline import KEYS, Past


@dataclass(frozen=True)
class FeatureSet:
    """The features of a study that its store can give.

    Parameters
    ----------
    features : what is computed, in order; features that others are computed from come first.
    columns : what is kept of it, in order.
    notes : what was left out, and why.
    """

    features: tuple[Feature, ...]
    columns: tuple[Column, ...]
    notes: tuple[str, ...]

    @classmethod
    def select(
        cls, library: Sequence[Feature], wanted: Sequence[str] | None, past: Past
    ) -> FeatureSet:
        """Choose features by name (a feature's or a column's; None for all) as the store allows.

        Raises FeatureError for names that nobody defined, for a name defined twice, and when
        nothing is left.
        """
        by_name: dict[str, Feature] = {}
        for one in library:
            if one.name in by_name:
                raise FeatureError(f"Feature {one.name} is defined twice. Rename one of the two.")
            by_name[one.name] = one
        columns = {column.name: column for one in library for column in one.columns}
        _refuse_unknown(wanted or (), [*by_name, *columns])

        left_out = _left_out(by_name, past)
        kept = tuple(
            column
            for column in columns.values()
            if column.feature not in left_out
            and (wanted is None or column.name in wanted or column.feature in wanted)
        )
        if not kept:
            raise FeatureError(
                "At least one feature is needed; none of the named ones can be computed: "
                + "; ".join(sorted(set(left_out.values())))
            )
        computed = _closure({column.feature for column in kept}, by_name)
        reasons: dict[str, list[str]] = {}
        for name, reason in left_out.items():
            names = {name, *(column.name for column in by_name[name].columns)}
            if wanted is None or not names.isdisjoint(wanted):
                reasons.setdefault(reason, []).append(name)
        notes = tuple(
            Message.counted(
                "1 feature left out: {reason} ({names:some})",
                "{n} features left out: {reason} ({names:some})",
                n=len(names),
                reason=reason,
                names=names,
            )
            for reason, names in reasons.items()
        )
        return cls(tuple(by_name[n] for n in by_name if n in computed), kept, notes)

    def table(self, past: Past) -> ir.Table:
        """The feature table of the spine of `past`, lazily.

        Columns: `customer_id`, `cutoff`, then `columns`; numbers are float64, categories strings.
        Rows are those of the spine, in no particular order.
        """
        result = past.spine.select(*KEYS)
        needed = self._needed()
        # The keys of every joined table need a name of their own; none of them is kept.
        for number, source in enumerate(self.sources):
            features = self._of(source)
            if {column.name for one in features for column in one.columns}.intersection(needed):
                aggregated = _aggregate_lately(source, features, past, needed)
                result = result.left_join(aggregated, KEYS, rname=f"{{name}}_{number}")
        return self.finished(result)

    def shared(self, past: Past, engine: Engine) -> Mapping[str, ir.Table]:
        """The tables of `past`, and held what many cutoffs can share: orders that never change.

        Only the columns that these features read are held, and `past` needs no spine for that. The
        lines of all other orders are held, by which targets know the orders that began before.
        """
        lines = past.tables["order_lines"]
        orders = whole_orders(lines, past.zero_orders)
        empty = ibis.table(orders.schema(), name=WHOLE_ORDERS)
        spine = lines.select("customer_id", cutoff="occurred_at")  # any will do, it is not computed
        tables = {**past.tables, WHOLE_ORDERS: empty, SPLIT_LINES: lines}
        asked = columns_read(self.table(replace(past, tables=tables, spine=spine)), empty)
        read = tuple(name for name in orders.columns if name in {*asked, "customer_id", "order_id"})
        held = engine.hold(WHOLE_ORDERS, pruned(orders.select(*read)))
        split = engine.hold(SPLIT_LINES, lines.anti_join(held, ["customer_id", "order_id"]))
        columns = {
            # An engine may hold a sum in fewer digits than the expression promises.
            name: held[name].cast(kind) if name in read else ibis.null(kind)
            for name, kind in orders.schema().items()
        }
        return {**past.tables, WHOLE_ORDERS: held.select(**columns), SPLIT_LINES: split}

    @property
    def sources(self) -> list[Source]:
        """The sources that are read, each once."""
        return list(dict.fromkeys(one.source for one in self._plain))

    def aggregated(self, source: Source, past: Past) -> ir.Table:
        """The features of one source: a row for each spine row that has rows there."""
        assert source.build is not None
        return _aggregated(past, source.build(past), self._of(source))

    def finished(self, aggregated: ir.Table) -> ir.Table:
        """The feature table from spine rows with the `aggregated` columns of all sources.

        Fills what customers without rows have, then computes the combined features.
        """
        result = aggregated.select(*KEYS, **_filled(self._plain, aggregated))
        for level in self._levels():
            result = result.mutate(**{k: v for one in level for k, v in _combined(one, result)})
        return result.select(*KEYS, *(column.name for column in self.columns))

    def _needed(self) -> tuple[str, ...]:
        """The columns of the aggregates that `finished` reads: not each window is asked for."""
        kinds = {column.name: _type(one) for one in self._plain for column in one.columns}
        every = ibis.table({"customer_id": "string", "cutoff": "timestamp(6)", **kinds}, name="all")
        return columns_read(self.finished(every), every)

    def _of(self, source: Source) -> list[Feature]:
        return [one for one in self._plain if one.source == source]

    @property
    def _plain(self) -> list[Feature]:
        """The features that aggregate rows."""
        return [one for one in self.features if one.source.build is not None]

    def _levels(self) -> list[list[Feature]]:
        """The combined features, those first that need no other combined one."""
        todo = [one for one in self.features if one.source.build is None]
        levels = []
        while todo:
            open_names = {one.name for one in todo}
            level = [one for one in todo if not open_names.intersection(one.of)]
            if not level:
                names = ", ".join(sorted(open_names))
                raise FeatureError(
                    f"Features must not be computed from one another in a circle, but {names} are."
                    " Name only features in `of` that do without them."
                )
            levels.append(level)
            todo = [one for one in todo if one not in level]
        return levels


def _refuse_unknown(wanted: Iterable[str], known: Sequence[str]) -> None:
    import difflib

    for name in wanted:
        if name not in known:
            close = difflib.get_close_matches(name, list(dict.fromkeys(known)), n=3)
            hint = f" Did you mean {', '.join(close)}?" if close else ""
            raise FeatureError(
                f"The study names the feature '{name}', which nobody defines.{hint}"
                " `neigung features --list` shows all."
            )


def _left_out(by_name: dict[str, Feature], past: Past) -> dict[str, str]:
    """Features whose table, column or ingredient the store lacks, with the reason."""
    left_out: dict[str, str] = {}
    for name, one in by_name.items():  # ingredients are defined before what combines them
        absent = [table for table in one.source.tables if table not in past]
        lacking = [
            f"{table}.{column}" for table, column in _needed(one) if not _has(past, table, column)
        ]
        gone = [part for part in one.of if part in left_out or part not in by_name]
        if absent:
            left_out[name] = Message("no table {names:names}", names=absent)
        elif lacking:
            left_out[name] = Message("no column {names:names}", names=lacking)
        elif gone:
            left_out[name] = left_out.get(gone[0], Message("no feature {name}", name=gone[0]))
    return left_out


def _needed(one: Feature) -> list[tuple[str, str]]:
    """The optional columns a feature needs: `discount_value`, or `returns.reason`."""
    first = one.source.tables[0] if one.source.tables else ""
    return [
        (need.split(".")[0], need.split(".")[1]) if "." in need else (first, need)
        for need in one.needs
    ]


def _has(past: Past, table: str, column: str) -> bool:
    return table in past and column in past.tables[table].columns


def _closure(names: set[str], by_name: dict[str, Feature]) -> set[str]:
    """The names with everything they are computed from."""
    todo, done = list(names), set()
    while todo:
        name = todo.pop()
        if name not in done:
            done.add(name)
            todo.extend(by_name[name].of)
    return done


def _aggregate_lately(
    source: Source, features: Sequence[Feature], past: Past, names: Sequence[str]
) -> ir.Table:
    """These columns, from the rows of the longest window alone where they are enough.

    They are, where each column keeps to its window, reads nothing of a row that depends on older
    ones, and says the same of somebody who has older rows only as of somebody who has none.
    """
    assert source.build is not None
    every, days = source.build(past), _days(features, names)
    if source.lately is None or days is None or days >= past.retention_days:
        return _aggregated(past, every, features, names)
    some = source.lately(past, days)
    flagged = _flagged(every, features)
    values = _aggregates(flagged, features, names)
    flags = set(flagged.columns) - set(every.columns)
    read = columns_read(flagged.group_by(*KEYS).agg(**values), flagged)
    enough = (
        flags.union(some.columns).issuperset(read)
        and only_where(values.values(), [flagged[flag] for flag in flags])
        and _say_nothing(features, of_no_rows(values))
    )
    if not enough:
        return _aggregated(past, every, features, names)
    columns = {
        name: some[name] if name in some.columns else ibis.null(kind)
        for name, kind in every.schema().items()
    }
    return _aggregated(past, some.select(**columns), features, names)


def _days(features: Sequence[Feature], names: Sequence[str]) -> int | None:
    """How far back columns look that all have windows of days; None where one has none."""
    days = 0
    for one in features:
        for column in one.columns:
            if column.name in names:
                if column.window is None or one.clock != "days_ago":
                    return None
                days = max(days, column.window)
    return days


def _say_nothing(features: Sequence[Feature], values: Mapping[str, object]) -> bool:
    """Whether `values` are those that stand for customers without rows."""
    return all(
        values.get(column.name) in (None, one.empty) for one in features for column in one.columns
    )


def _aggregated(
    past: Past, rows: ir.Table, features: Sequence[Feature], names: Sequence[str] | None = None
) -> ir.Table:
    rows = _flagged(rows, features)
    return pruned(past.grouped(rows, _aggregates(rows, features, names)))


def _flagged(rows: ir.Table, features: Sequence[Feature]) -> ir.Table:
    """The rows with a column for each window.

    DuckDB's filtered aggregates take quadratic time in the number of distinct conditions, and none
    when the condition is a column.
    """
    windows = dict.fromkeys((one.clock, window) for one in features for window in one.windows)
    flags = {
        f"{clock}_within_{window}": rows[clock] <= window
        for clock, window in windows
        if window is not None
    }
    return rows.mutate(**flags)


def _aggregates(
    rows: ir.Table, features: Sequence[Feature], names: Sequence[str] | None
) -> dict[str, ir.Value]:
    """The columns of these names, or all."""
    aggregates = {}
    for one in features:
        for column in one.columns:
            if names is not None and column.name not in names:
                continue
            within: tuple[ir.Value, ...] = ()
            if column.window is not None:
                within = (rows[f"{one.clock}_within_{column.window}"],)
            elif one.windows:
                within = (ibis.literal(True),)
            aggregates[column.name] = _typed(one, _evaluated(one, rows, *within))
    return aggregates


def _combined(one: Feature, row: ir.Table) -> list[tuple[str, ir.Value]]:
    values = []
    for column in one.columns:
        window = () if column.window is None else (column.window,)
        value = _typed(one, _evaluated(one, row, *window))
        values.append((column.name, _or_empty(one, value)))
    return values


def _evaluated(one: Feature, *arguments: object) -> ir.Value:
    try:
        value = one.function(*arguments)
    except NeigungError:
        raise
    except Exception as error:
        raise FeatureError(
            f"Feature {one.name}: its function failed on {one.source.name}: "
            f"{type(error).__name__}: {error}. Mend the function, or name the columns it needs."
        ) from error
    if not isinstance(value, ir.Value):
        raise FeatureError(
            f"Feature {one.name}: an Ibis expression is needed, found {type(value).__name__}."
        )
    return value


def _typed(one: Feature, value: ir.Value) -> ir.Value:
    return value.cast(_type(one))


def _filled(features: Sequence[Feature], row: ir.Table) -> dict[str, ir.Value]:
    """The aggregates with what stands for no rows; missing where nobody asked for the column."""
    return {
        column.name: _or_empty(one, row[column.name])
        if column.name in row.columns
        else ibis.null(_type(one))
        for one in features
        for column in one.columns
    }


def _type(one: Feature) -> str:
    return "string" if one.kind == "category" else "float64"


def _or_empty(one: Feature, value: ir.Value) -> ir.Value:
    return value if one.empty is None else value.coalesce(ibis.literal(one.empty))
