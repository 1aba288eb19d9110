"""Factored sums: rows are grouped by what few-valued columns they are multiplied by, too, and multiplied as groups, here.

    sum(price * (1 - discount)), avg(discount)    FROM lineitem GROUP BY flag
    sum(s * (1 - discount)), sum(discount * n) / sum(n)
    FROM (SELECT flag, discount, sum(price) AS s, count(*) AS n FROM lineitem GROUP BY flag, discount)

It is a partial aggregation (planner/partial.py) whose other side are the columns that have few values, so it is exact
where that is. It pays where a source's decimals are slow: PostgreSQL 15 took 5.0 s of CPU for TPC-H's q01, 2.8 s so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from connectors.sqlgen.dialect import family
from connectors.sqlgen.tree import Call, Expr, Query, Select, Subquery, children, conjuncts, walk
from planner import partial
from planner.columns import columns_of
from planner.cost import Costs
from planner.profiles import Column, Profile
from planner.profiles import columns_of as columns_in
from planner.rules.algebra import is_volatile, relation_aliases

if TYPE_CHECKING:
    from planner.fragment import Cutter

_ARITHMETIC = frozenset(["+", "-", "*"])


def cut(cutter: Cutter, block: Query) -> Query | None:
    """The block over the groups of one source that it factors its sums to; None where that is not exact or not worth it."""
    if not isinstance(block, Select) or block.group is None or block.sets is not None or block.relation is None:
        return None
    above = replace(block, relation=None, where=None)
    if is_volatile(block) or any(isinstance(node, Subquery) for node in walk(above)):
        return None
    work = _work(above)
    if not any(isinstance(part, Call) and part.name == "*" for part in work):
        return None
    statistics = cutter.placement.statistics
    rows = statistics.joined((block.relation,), conjuncts(block.where))
    few = _few(work, rows)
    found = few and partial.split(above, relation_aliases(block.relation), block.group.__contains__, apart=few)
    if not found:
        return None
    query = partial.below(found.keys, found.values, Select((), block.relation, block.where))
    read = cutter.placement.read(query, quiet=True)
    if read is None:
        return None
    fewer = len(work) - len(_work(query)) - len(few)
    groups = statistics.groups(rows, found.keys)
    if not Costs(statistics).factors(groups, rows.rows, fewer, query.types, read[0].speed):
        return None
    exchange = cutter.exchange(query, *read)
    return replace(found.received(columns_of(exchange)), relation=exchange)


def _work(block: Select) -> list[Expr]:
    """What is computed of each row: the block's aggregates, an average as two, and the operations on decimals in them."""
    calls = {node for node in walk(block) if isinstance(node, Call) and node.aggregate}
    known = {replace(call, name=name) for call in calls for name in _computed(call.name)}
    return [part for call in known for part in (call, *(part for arg in call.args for part in _decimals(arg)))]


def _computed(name: str) -> tuple[str, ...]:
    return ("sum", "count") if name == "avg" else (name,)


def _decimals(node: Expr) -> Iterator[Call]:
    if isinstance(node, Call) and node.name in _ARITHMETIC and family(node.type) == "decimal":
        yield node
    for child in children(node):
        yield from _decimals(child)


def _few(work: list[Expr], rows: Profile) -> frozenset[Column]:
    """The columns of products but those that have the most values."""
    few: set[Column] = set()
    for node in work:
        if isinstance(node, Call) and node.name == "*":
            counts = {column: rows.count(column) for column in columns_in(node)}
            known = {column: count for column, count in counts.items() if count is not None}
            if len(known) == len(counts) > 1:
                few |= known.keys() - {max(known, key=lambda column: known[column])}
    return frozenset(few)
