"""The kinds of wrong answers that federations are known for, each planted as one fault: tests/oracle/test_faults.py.

Each is what a careless edit makes: a guard, a modifier or a form forgotten. All of them must be found by their answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors.sqlgen.printer import Printer
from connectors.sqlgen.tree import (
    Call,
    Cast,
    Constant,
    Derived,
    Join,
    Query,
    Select,
    Window,
    conjunction,
    conjuncts,
    transform,
)
from planner import averages, optimize, partial, prefix, semijoins
from planner.rules import push_filters
from server.execution import keys
from tests.oracle.faults import Fault, all_faults
from tests.oracle.world import World

Patch = Callable[[pytest.MonkeyPatch], None]


def known_bugs(oracle: World) -> list[Fault]:
    """The faults, in a fixed order."""
    made = {fault.name: fault for fault in all_faults(oracle, code=False)}
    tables = [made[name] for name in _IN_TABLES]
    return [*tables, *(Fault(name, patch=patch) for name, patch in _in_code())]


_IN_TABLES = (
    "my.dialect: text_equal plain",
    "my.dialect: text_order plain",
    "my.dialect: group_text plain",
    "pg.dialect: text_order plain",
    "my.scalars: /(int, int) without going to DOUBLE",
    "my.scalars: ~~(text, text) without ESCAPE",
    "my.scalars: =(text, text) without its byte-wise form",
    "my.scalars: +(int, int) with - for +",
    "pg.scalars: <(text, text) without its byte-wise form",
    "pg.scalars: ~~*(text, text) said to be exact",
)
"""Names of faults in dialects and catalogs (tests/oracle/faults.py)."""


# ---------------------------------------------------------------- in what is printed


def _printed(method: str, change: Callable[[Any], Any]) -> Patch:
    """A printer that changes the node before it prints it for a source."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        right = getattr(Printer, method)

        def wrong(self: Printer, node: Any, *rest: Any, **more: Any) -> Any:
            return right(self, node if self.dialect.anything else change(node), *rest, **more)

        patch.setattr(Printer, method, wrong)

    return plant


def _without_offset(patch: pytest.MonkeyPatch) -> None:
    right = Printer.tail
    patch.setattr(
        Printer,
        "tail",
        lambda self, order, limit, offset: right(self, order, limit, offset if self.dialect.anything else None),
    )


def _without_distinct(patch: pytest.MonkeyPatch) -> None:
    right = Printer.listed
    patch.setattr(
        Printer,
        "listed",
        lambda self, found, body, *, distinct=False: right(
            self, found, body, distinct=distinct and self.dialect.anything
        ),
    )


def _less(node: Select) -> Select:
    """A block without the last of its conditions."""
    return replace(node, where=conjunction(conjuncts(node.where)[:-1]))


# ---------------------------------------------------------------- in the planner


def _rule(change: Callable[[Any], Any]) -> Patch:
    """A further rule of the optimizer, a wrong one."""

    def rule(query: Query) -> Query:
        made: Query = transform(query, change)
        return made

    return lambda patch: patch.setattr(optimize, "RULES", (rule, *optimize.RULES))


def _limit_inside(node: Any) -> Any:
    """LIMIT in the derived table that it stands over, before ORDER BY and whatever is joined there."""
    if not isinstance(node, Select) or node.limit is None or not isinstance(node.relation, Derived):
        return node
    inner = node.relation.query
    if not isinstance(inner, Select) or inner.limit is not None:
        return node
    return replace(node, relation=replace(node.relation, query=replace(inner, limit=node.limit)))


def _one_key_less(patch: pytest.MonkeyPatch) -> None:
    right = keys._listed

    def wrong(join: Any, values: Any, types: Any) -> Any:
        return right(join, values and [column[: max(len(column) - 1, 1)] for column in values], types)

    patch.setattr(keys, "_listed", wrong)
    patch.setattr(semijoins, "_worth", lambda *given: True)


def _into_the_missing_side(patch: pytest.MonkeyPatch) -> None:
    right = push_filters._into

    def wrong(relation: Any, part: Any) -> Any:
        inner = replace(relation, kind="inner") if isinstance(relation, Join) else relation
        made = right(inner, part)
        return replace(made, kind=relation.kind) if isinstance(made, Join) else made

    patch.setattr(push_filters, "_into", wrong)


def _below_limit(patch: pytest.MonkeyPatch) -> None:
    right = push_filters.filtered

    def wrong(query: Any, alias: str, part: Any) -> Any:
        if not isinstance(query, Select):
            return right(query, alias, part)
        made = right(replace(query, limit=None, offset=None), alias, part)
        return None if made is None else replace(made, limit=query.limit, offset=query.offset)

    patch.setattr(push_filters, "filtered", wrong)


def _below_window(patch: pytest.MonkeyPatch) -> None:
    right = push_filters._nodes
    patch.setattr(push_filters, "_nodes", lambda query: (part for part in right(query) if not isinstance(part, Window)))


def _limit_below_grouping(patch: pytest.MonkeyPatch) -> None:
    def wrong(cutter: Any, block: Select, query: Select) -> Select:
        limit = prefix.rows_wanted(block.limit, block.offset)
        better = replace(query, limit=limit)
        return query if limit is None or cutter.placement.read(better) is None else better

    patch.setattr(prefix, "top", wrong)


def _whole_quotient(patch: pytest.MonkeyPatch) -> None:
    right = averages._divided
    patch.setattr(averages, "_divided", lambda total, count: Cast(Cast(right(total, count), "BIGINT"), "DOUBLE"))


def _in_code() -> Iterator[tuple[str, Patch]]:
    yield "printer: OFFSET lost", _without_offset
    yield "printer: DISTINCT lost", _without_distinct
    yield "printer: HAVING lost", _printed("block", lambda node: replace(node, having=None))
    yield "printer: a condition lost", _printed("block", _less)
    yield "printer: LEFT JOIN as INNER", _printed("join", _join_kind("left", "inner"))
    yield "printer: RIGHT JOIN as LEFT", _printed("join", _join_kind("right", "left"))
    yield (
        "printer: UNION and UNION ALL exchanged",
        _printed("set_operation", lambda node: replace(node, all=not node.all)),
    )
    yield "printer: ascending for descending", _printed("sort", lambda key: replace(key, descending=not key.descending))
    yield "printer: NULLs at the other end", _printed("sort", lambda key: replace(key, nulls_first=not key.nulls_first))
    yield "printer: FILTER lost", _printed("aggregate", lambda node: replace(node, filter=None))
    yield "printer: DISTINCT of an aggregate lost", _printed("aggregate", lambda node: replace(node, distinct=False))
    yield "printer: a window's frame lost", _printed("window", lambda node: replace(node, frame=""))
    yield "printer: PARTITION BY lost", _printed("window", lambda node: replace(node, partition=()))
    yield "printer: NOT EXISTS as EXISTS", _printed("expr", _without_not)
    yield "rules: LIMIT moved below a join and ORDER BY", _rule(_limit_inside)
    yield "rules: a filter of the side of an outer join that may be missing moved into it", _into_the_missing_side
    yield "rules: a filter moved below LIMIT", _below_limit
    yield "rules: a filter moved below a window", _below_window
    yield "rules: a condition lost", _rule(lambda node: _less(node) if isinstance(node, Select) else node)
    yield (
        "rules: FULL JOIN as LEFT",
        _rule(lambda node: _join_kind("full", "left")(node) if isinstance(node, Join) else node),
    )
    yield (
        "cutter: LIMIT sent without its OFFSET",
        lambda patch: patch.setattr(
            prefix, "rows_wanted", lambda limit, offset: limit if isinstance(limit, Constant) else None
        ),
    )
    yield "cutter: LIMIT sent below a grouping, without ORDER BY", _limit_below_grouping
    yield "cutter: the quotient of an average is whole", _whole_quotient
    yield (
        "partial aggregation: a sum counts repeated rows once",
        lambda patch: patch.setattr(partial, "_IDEMPOTENT", partial._IDEMPOTENT | {"sum", "count"}),
    )

    yield "semi-joins: one key is not handed on", _one_key_less


def _join_kind(was: str, is_: str) -> Callable[[Join], Join]:
    return lambda node: replace(node, kind=is_) if node.kind == was else node


def _without_not(node: Any) -> Any:
    negated = isinstance(node, Call) and node.name == "not"
    return node.args[0] if negated else node
