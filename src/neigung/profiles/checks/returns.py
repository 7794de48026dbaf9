"""Returns of orders that are not there, of more than was bought, and of both signs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import ibis.expr.types as ir

from neigung.profiles.alike import spelled_otherwise
from neigung.profiles.checks.check import Check, Facts, example
from neigung.profiles.quality_report import Finding

_ONE_IN = 20  # of the one sign beside the other

_ROUNDING = 0.02


def _counts(name: str, table: ir.Table) -> Mapping[str, ir.Value]:
    if name != "returns":
        return {}
    return {"below_zero": (table.value < 0).sum(), "above_zero": (table.value > 0).sum()}


def _signs(facts: Facts) -> Iterator[Finding]:
    below, above = facts.number("returns", "below_zero"), facts.number("returns", "above_zero")
    if not below or not above:
        return
    much = min(below, above) * _ONE_IN > below + above
    table = facts.store.table("returns")
    keys = ("customer_id", "order_id", "value")
    one = example(table, table.value < 0, *keys) or dict.fromkeys(keys)
    yield Finding(
        "refused" if much else "warn",
        "returns",
        f"returns: {facts.share(below, 'returns')} have a value below zero and {above:,} one above,"
        f" for example customer {one['customer_id']}, order {one['order_id']}, {one['value']:.2f}. "
        "What was sent back has a positive value; give all the same sign, and leave out cancelled "
        "returns.",
    )


def _says(facts: Facts) -> Iterator[Finding]:
    orphans = returns_without_order(facts) if facts.tables else None
    if orphans:
        alike = spelled_otherwise(
            facts.store.table("returns"), facts.store.table("order_lines"), "order_id"
        )
        advice = alike or "Check the order ids."
        yield Finding(
            "warn",
            "returns",
            f"returns: {facts.share(orphans, 'returns')} name an order that is not in "
            f"order_lines. {advice}",
        )
    if "returns" in facts.store:
        yield from _excess(facts)


def _excess(facts: Facts) -> Iterator[Finding]:
    """Orders of which more was sent back than they were worth."""
    returns, lines = facts.store.table("returns"), facts.store.table("order_lines")
    ids = ("customer_id", "order_id")
    back = returns.group_by(*ids).agg(back=returns.value.sum())
    worth = lines.semi_join(back, ids).group_by(*ids)
    both = back.inner_join(worth.agg(worth=lines.net_value.sum()), ids)
    more = both.filter(both.back > both.worth + _ROUNDING)
    found = both.count().to_pyarrow().as_py(), more.count().to_pyarrow().as_py()
    if found[1]:
        one = more.order_by((more.back - more.worth).desc(), *ids).limit(1).to_pyarrow().to_pylist()
        row = one[0]
        yield Finding(
            "warn",
            "returns",
            f"returns: of {found[1]:,} of {found[0]:,} orders with returns more was sent back than "
            f"they are worth, for example customer {row['customer_id']}, order {row['order_id']}: "
            f"{row['back']:.2f} of {row['worth']:.2f}. Check that both are amounts of one kind "
            "(net or gross of tax, shipping), and that no return stands twice.",
        )


def returns_without_order(facts: Facts) -> int | None:
    """How many rows of returns there are without their order; None without returns."""
    if "returns" not in facts.store:
        return None
    returns, lines = facts.store.table("returns"), facts.store.table("order_lines")
    return int(returns.anti_join(lines, "order_id").count().to_pyarrow().as_py())


SIGNS = Check("signs_of_returns", _signs, _counts, refuses=True)

CHECK = Check("returns", _says)
