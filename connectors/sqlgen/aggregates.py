"""Print aggregates, windows, subqueries and sort keys: what reads many rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from connectors.sqlgen.dialect import Entry, decimal_shape, family
from connectors.sqlgen.scalars import PLAIN_EQUAL, Refused, ScalarPrinter, function_name
from connectors.sqlgen.tree import (
    Call,
    ColumnRef,
    Constant,
    Expr,
    Query,
    Select,
    Sort,
    Subquery,
    Window,
    children,
    transform,
)


class AggregatePrinter(ScalarPrinter):
    """Adds to scalar expressions what reads many rows."""

    @abstractmethod
    def query(self, node: Query) -> str: ...

    @contextmanager
    def below_grouping(self) -> Iterator[None]:
        """While printing an aggregate's arguments, group keys are plain expressions."""
        keys, self.keys = self.keys, {}
        try:
            yield
        finally:
            self.keys = keys

    def aggregate(self, node: Call) -> str:
        if self.dialect.anything:
            with self.below_grouping():
                return self.engine_aggregate(node)
        if node.name == "grouping":
            return self.grouping_bits(node)
        with self.below_grouping():
            try:
                entry = self.entry(self.dialect.aggregates, node, node.args)
            except Refused:
                if node.name == "avg" and family(node.args[0].type) in ("int", "decimal"):
                    words = "its sum and its count are computed at the source, the quotient here"
                    raise Refused(node, "average", words) from None
                raise
            if node.order and "{order}" not in entry.sql and node.name not in _ANY_ORDER:
                raise Refused(node, "function", f"an ordered {node.name} is not proven on {self.dialect.name}")
            distinct = node.distinct and node.name not in _ANY_REPEATS
            if distinct:
                if node.name not in self.dialect.aggregate_distinct or len(node.args) != 1:
                    raise Refused(node, "function", f"{node.name}(DISTINCT …) is not proven on {self.dialect.name}")
                self.grouping(node.args[0])
            if node.filter is not None and "{filter}" not in entry.sql:
                return self.aggregate(self.chosen(node))
            return self.filled(entry, node, distinct=distinct)

    def chosen(self, node: Call) -> Call:
        """An aggregate that passes over NULLs, with its FILTER as a CASE; count(*) then counts the CASE."""
        counted: Expr = node.args[0] if node.args else Constant("1", "INTEGER")
        assert node.filter is not None
        case = Call("case", (node.filter, counted, Constant(None, counted.type)), counted.type)
        name = node.name if node.args else "count"
        return replace(node, name=name, args=(case, *node.args[1:]), filter=None)

    def filled(self, entry: Entry, node: Call, *, distinct: bool) -> str:
        printed = [self.argument(arg) for arg in node.args]
        if distinct:
            return entry.sql.format(f"DISTINCT {printed[0]:eq}")
        order, type_ = self.order(node.order), self.dialect.types(node.type)
        if "{type}" in entry.sql and type_ is None:
            raise Refused(node, "types", f"{self.dialect.name} has no {node.type}")
        return entry.sql.format(
            *printed,
            order=f" ORDER BY {order}" if order else "",
            filter="" if node.filter is None else f" FILTER (WHERE {self.expr(node.filter)})",
            type=type_,
            unit=10 ** decimal_shape(node.args[0].type)[1]
            if node.args and family(node.args[0].type) == "decimal"
            else 1,
        )

    def grouping_bits(self, node: Call) -> str:
        if not self.dialect.grouping_sets:
            raise Refused(node, "function", f"GROUPING is not proven on {self.dialect.name}")
        with self.below_grouping():
            keys = ", ".join(self.grouping(arg) for arg in node.args)
        return f"CAST(GROUPING({keys}) AS {self.dialect.types(node.type)})"

    def engine_aggregate(self, node: Call) -> str:
        if node.name == "count_star":
            inside = "*"
        else:
            args = map(no_ordinal, node.args) if node.name == "grouping" else node.args
            inside = ("DISTINCT " if node.distinct else "") + ", ".join(map(self.expr, args))
        if order := self.order(node.order):
            inside += " ORDER BY " + order
        name = "count" if node.name == "count_star" else node.name
        filter_ = f" FILTER (WHERE {self.expr(node.filter)})" if node.filter is not None else ""
        return f"{function_name(name)}({inside}){filter_}"

    def window(self, node: Window) -> str:
        call = node.call
        if self.dialect.anything:
            inside = self.engine_aggregate(call)
            if node.ignore_nulls:
                inside = inside.replace(")", " IGNORE NULLS)", 1) if not call.args else _ignore_nulls(inside)
        else:
            entry = self.entry(self.dialect.windows, call, call.args)
            if node.ignore_nulls or call.distinct or call.order:
                raise Refused(node, "function", f"this form of {call.name} OVER is not proven on {self.dialect.name}")
            if call.filter is not None and call.name not in _PASS_OVER_NULLS:
                raise Refused(node, "function", f"{call.name} OVER with a FILTER is not proven on {self.dialect.name}")
            self.check_frame(node)
            if call.filter is not None:
                call = self.chosen(call)
                entry = self.entry(self.dialect.windows, call, call.args)
            inside = self.fill(entry, call.args)
        parts = []
        if node.partition:
            parts.append("PARTITION BY " + ", ".join(self.grouping(key) for key in node.partition))
        if order := self.order(node.order):
            parts.append("ORDER BY " + order)
        elif node.order and not self.dialect.anything:
            raise Refused(node, "construct", f"{call.name} OVER an order by constants only")
        if node.frame and (self.dialect.anything or call.name not in _UNFRAMED):
            parts.append(node.frame)
        return f"{inside} OVER ({' '.join(parts)})"

    def check_frame(self, node: Window) -> None:
        """Refuse a frame that this dialect does not know, or that measures other distances than those of one integer key."""
        unit, _, rest = node.frame.partition(" ")
        exclude = "EXCLUDE" if "EXCLUDE" in rest else "ROWS"
        measured = unit == "RANGE" and any(character.isdigit() for character in rest)
        one_integer = [family(key.expr.type) for key in node.order] == ["int"] and ", " not in self.order(node.order)
        if node.frame and (not {unit, exclude} <= self.dialect.frames or (measured and not one_integer)):
            raise Refused(node, "function", f"the frame {node.frame} is not proven on {self.dialect.name}")

    def grouping(self, key: Expr) -> str:
        """An expression in the form whose equality is DuckDB's: for group keys, partitions and DISTINCT."""
        sql = self.expr(key)
        if self.dialect.anything:
            return sql
        kind = family(key.type)
        if kind == "text":
            if self.dialect.group_text is None:
                raise Refused(key, "collation", f"grouping by text on {self.dialect.name} follows its collation")
            return self.dialect.group_text.format(sql)
        if kind not in self.dialect.set_families and kind != "null":
            raise Refused(key, "types", f"grouping by {key.type} is not proven on {self.dialect.name}")
        return sql

    def subquery(self, node: Subquery) -> str:
        with self.below_grouping():
            inner = self.query(node.query)
        if node.kind == "scalar":
            return f"({inner})"
        if node.kind == "exists":
            return f"EXISTS ({inner})"
        assert node.arg is not None
        if not self.dialect.any_of_aggregate and _holds_aggregate(node.arg):
            raise Refused(node, "construct", f"an aggregate IN (SELECT …) is not proven on {self.dialect.name}")
        if not self.dialect.any_of_others and not _same_or_filled(node.arg, node.query):
            raise Refused(node, "types", f"IN over two types with NULLs is not proven on {self.dialect.name}")
        if not self.dialect.any_limited and _limit(node.query) is not None:
            raise Refused(node, "construct", f"{self.dialect.name} has no LIMIT in IN (SELECT …)")
        if not self.dialect.anything:
            item = ColumnRef("", "c0", node.query.types[0])
            probe = Call(node.op, (node.arg, item), "BOOLEAN")
            template = self.exact_entry(probe).sql
            if template not in PLAIN_EQUAL and template != f"({{0}} {node.op} {{1}})":
                raise Refused(node, "types", f"{node.op} ANY over these types is not proven on {self.dialect.name}")
        left = f"{self.argument(node.arg):eq}"
        if node.op == "=":
            return f"({left} IN ({inner}))"
        return self.dialect.any_subquery.format(f"({left} {node.op} ANY ({inner}))")

    def order(self, keys: tuple[Sort, ...]) -> str:
        """The keys after ORDER BY; '' if none orders anything. A constant does not, and would be read as an ordinal."""
        return ", ".join(self.sort(key) for key in keys if not is_number(key.expr))

    def sort(self, key: Sort) -> str:
        sql = self.expr(key.expr)
        if not self.dialect.anything:
            kind = family(key.expr.type)
            if kind == "text":
                sql = self.dialect.text_order.format(sql)
            elif kind not in self.dialect.set_families:
                raise Refused(key.expr, "types", f"ordering by {key.expr.type} is not proven on {self.dialect.name}")
        return self.directed(sql, key)

    def directed(self, sql: str, key: Sort) -> str:
        direction = " DESC" if key.descending else ""
        if self.dialect.nulls == "say":
            return f"{sql}{direction} NULLS {'FIRST' if key.nulls_first else 'LAST'}"
        if isinstance(key.expr, ColumnRef) and not key.expr.nullable:
            return sql + direction
        return f"{sql} IS {'NOT ' if key.nulls_first else ''}NULL, {sql}{direction}"


_PASS_OVER_NULLS = frozenset({"count", "count_star", "sum", "min", "max", "bool_and", "bool_or"})
"""Aggregates to which a row with NULL is as good as none."""
_ANY_ORDER = _PASS_OVER_NULLS
"""Aggregates whose value does not depend on the order of rows, for the types on the allow-lists."""
_UNFRAMED = frozenset({"row_number", "rank", "dense_rank", "ntile", "lag", "lead", "percent_rank", "cume_dist"})
"""Window functions that look at the whole partition: DuckDB and PostgreSQL pass over a frame, MariaDB refuses it (4017)."""
_ANY_REPEATS = frozenset({"min", "max", "bool_and", "bool_or"})
"""Aggregates for which DISTINCT changes nothing."""


def _holds_aggregate(node: Expr) -> bool:
    """Whether an aggregate of the expression's own block is in it."""
    if isinstance(node, Call) and node.aggregate:
        return True
    return not isinstance(node, (Subquery, Window)) and any(map(_holds_aggregate, children(node)))


def _same_or_filled(arg: Expr, query: Query) -> bool:
    """Whether a query's only column has the type of what is looked for in it, or is no NULL."""
    item = query.items[0] if isinstance(query, Select) else None
    return arg.type == query.types[0] or (isinstance(item, ColumnRef) and not item.nullable)


def _limit(query: Query) -> Expr | None:
    """The LIMIT or OFFSET of a query."""
    limit: Expr | None = getattr(query, "limit", None) or getattr(query, "offset", None)
    return limit


def is_number(key: Expr) -> bool:
    """Whether a key is a constant; DuckDB reads (- 2) as an ordinal, too."""
    negative = isinstance(key, Call) and key.name == "-" and len(key.args) == 1 and is_number(key.args[0])
    return isinstance(key, Constant) or negative


def no_ordinal(key: Expr) -> Expr:
    """A group key, also inside GROUPING, whose constant is cast to its type: the bare number would be an ordinal."""
    if not is_number(key):
        return key
    bare: Expr = transform(key, lambda part: replace(part, literal=False) if isinstance(part, Constant) else part)
    return bare


def _ignore_nulls(call: str) -> str:
    """f(x) -> f(x IGNORE NULLS)."""
    return call[:-1] + " IGNORE NULLS)"
