"""Leaves out of a query what its result does not need.

A source makes all the columns that any feature might read, and a study reads a few of them.
Engines leave out most of the others by themselves, but not a distinct count: DuckDB turns it into
two more aggregations before it looks for columns that nobody reads.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.common.graph import Graph

_CHOOSES = ops.Project | ops.Aggregate | ops.JoinChain
"""Relations that make their columns, so that some can be left out."""

_PASSES_ON = ops.Filter | ops.Sort | ops.Limit | ops.Reference | ops.DropColumns
"""Relations whose rows do not depend on the columns that nobody reads."""


def pruned(table: ir.Table) -> ir.Table:
    """The same table, computed without the columns on the way that it does not need.

    >>> import ibis
    >>> lines = ibis.table({"who": "string", "value": "int64", "kind": "string"}, name="lines")
    >>> each = lines.group_by("who").agg(total=lines.value.sum(), kinds=lines.kind.nunique())
    >>> "kind" in ibis.to_sql(pruned(each.select("who", "total")))
    False
    """
    root = table.op()
    needed, read = _needed(root)

    def rebuilt(node: ops.Node, _: Any, **arguments: Any) -> Any:
        if node not in needed:
            return None
        if isinstance(node, _CHOOSES):
            made = "metrics" if isinstance(node, ops.Aggregate) else "values"
            kept = _kept(node, read[node])
            arguments[made] = {k: v for k, v in arguments[made].items() if k in kept}
        elif isinstance(node, ops.DropColumns):
            there = node.columns_to_drop & set(arguments["parent"].schema)
            if not there:
                return arguments["parent"]
            arguments["columns_to_drop"] = there
        return type(node)(**arguments)

    result: ir.Table = root.map(rebuilt)[root].to_expr()
    return result


def columns_read(table: ir.Table, beneath: ir.Table) -> tuple[str, ...]:
    """The columns that `table` needs of a relation that it is computed from, in their order.

    >>> import ibis
    >>> lines = ibis.table({"who": "string", "value": "int64", "kind": "string"}, name="lines")
    >>> columns_read(lines.group_by("who").agg(total=lines.value.sum()), lines)
    ('who', 'value')
    """
    read = _needed(table.op())[1][beneath.op()]
    return tuple(name for name in beneath.columns if name in read)


def _needed(root: ops.Relation) -> tuple[set[ops.Node], dict[ops.Node, set[str]]]:
    """The nodes beneath `root` that it needs, and the columns that are read of each relation."""
    needed: set[ops.Node] = {root}
    read: dict[ops.Node, set[str]] = defaultdict(set)
    read[root] = set(root.schema)
    graph, _ = Graph.from_bfs(root).toposort()
    for node in reversed(graph):  # what reads comes before what is read
        if node not in needed:
            continue
        beneath = set(graph[node])
        if isinstance(node, ops.Field):
            read[node.rel].add(node.name)
        elif isinstance(node, _CHOOSES):
            made = node.metrics if isinstance(node, ops.Aggregate) else node.values
            kept = _kept(node, read[node])
            left_out = {value for name, value in made.items() if name not in kept}
            beneath -= left_out - _structure(node) - {made[name] for name in kept}
        elif isinstance(node, _PASSES_ON):
            read[node.parent] |= read[node] & set(node.parent.schema)
        elif isinstance(node, ops.Union) and _side_by_side(node):
            read[node.left] |= read[node]
            read[node.right] |= read[node]
        elif not isinstance(node, ops.JoinLink | ops.CountStar):
            # Another union, rows that must differ, a subquery: all columns count.
            for relation in beneath:
                if isinstance(relation, ops.Relation):
                    read[relation] |= set(relation.schema)
        needed |= beneath
    return needed, read


def _side_by_side(node: ops.Union) -> bool:
    """Whether the two sides can leave out the same columns."""
    both = isinstance(node.left, ops.Project) and isinstance(node.right, ops.Project)
    return both and not node.distinct


def _kept(node: Any, read: set[str]) -> set[str]:
    """The names of the made columns that stay: those read, those that make rows, at least one."""
    made = node.metrics if isinstance(node, ops.Aggregate) else node.values
    kept = {
        name for name, value in made.items() if name in read or value.find(ops.Unnest, ops.Value)
    }
    if not kept and not isinstance(node, ops.Aggregate):
        kept = set(list(made)[:1])
    return kept


def _structure(node: Any) -> set[ops.Node]:
    """What a relation needs whatever columns are read of it."""
    if isinstance(node, ops.Project):
        return {node.parent}
    if isinstance(node, ops.Aggregate):
        return {node.parent, *node.groups.values()}
    return {node.first, *node.rest}
