"""The SQL of an expression, as DuckDB computes it fastest."""

from __future__ import annotations

from typing import Any

import ibis.expr.types as ir
import sqlglot.expressions as sge

_NULL_BLIND = (sge.Count, sge.Sum, sge.Min, sge.Max, sge.PercentileCont)
"""Aggregates that do not see missing values, so that a filter can be a case."""


def statement(connection: Any, query: ir.Table) -> str:
    """The SQL of an expression, to be run or prepared."""
    tree = connection.compiler.to_sqlglot(query).transform(unfiltered)
    return str(tree.sql(dialect=connection.dialect))


def unfiltered(node: sge.Expression) -> sge.Expression:
    """`sum(x) FILTER (c)` as `sum(CASE WHEN c THEN x END)`, which is the same.

    The engine sets up each filtered aggregate with room for the arguments of all: a hundred of
    them over sixty rows take 40 ms, as cases 7 ms. Over millions of rows cases save a tenth.

    >>> import sqlglot
    >>> sqlglot.parse_one("SELECT SUM(x) FILTER (WHERE y < 3)").transform(unfiltered).sql()
    'SELECT SUM(CASE WHEN y < 3 THEN x END)'
    """
    if not isinstance(node, sge.Filter) or not isinstance(node.this, _NULL_BLIND):
        return node
    aggregate, condition = node.this, node.expression.this
    argument = aggregate.this

    def case(value: sge.Expression) -> sge.Expression:
        return sge.Case(ifs=[sge.If(this=condition, true=value)])

    if isinstance(argument, sge.Distinct):
        if len(argument.expressions) != 1:
            return node
        argument.set("expressions", [case(argument.expressions[0])])
    elif argument is None or isinstance(argument, sge.Star):
        aggregate.set("this", case(sge.Literal.number(1)))
    else:
        aggregate.set("this", case(argument))
    return aggregate
