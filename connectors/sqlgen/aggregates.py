"""Print aggregates, windows, subqueries and sort keys: what reads many rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from connectors.sqlgen.dialect import Entry, family
from connectors.sqlgen.scalars import PLAIN_EQUAL, Refused, ScalarPrinter, function_name
from connectors.sqlgen.tree import Call, ColumnRef, Constant, Expr, Query, Sort, Subquery, Window


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
        with self.below_grouping():
            if self.dialect.anything:
                return self.engine_aggregate(node)
            if node.name == "avg" and family(node.args[0].type) in ("int", "decimal"):
                raise Refused(node, "average", "its sum and its count are computed at the source, the quotient here")
            entry = self.entry(self.dialect.aggregates, node, node.args)
            if node.order:
                raise Refused(node, "function", f"an ordered {node.name} is not proven on {self.dialect.name}")
            args = node.args
            if node.distinct:
                if node.name not in self.dialect.aggregate_distinct or len(args) != 1:
                    raise Refused(node, "function", f"{node.name}(DISTINCT …) is not proven on {self.dialect.name}")
                self.grouping(args[0])
            if node.filter is None:
                return self.distinct_fill(entry, node, args)
            counted: Expr = args[0] if args else Constant("1", "INTEGER")
            chosen = Call("case", (node.filter, counted, Constant(None, counted.type)), counted.type)
            if not args:  # count(*) FILTER (WHERE f) is count(CASE WHEN f THEN 1 END)
                return self.aggregate(Call("count", (chosen,), node.type, aggregate=True))
            return self.distinct_fill(entry, node, (chosen, *args[1:]))

    def distinct_fill(self, entry: Entry, node: Call, args: tuple[Expr, ...]) -> str:
        if not node.distinct:
            return self.fill(entry, args)
        return entry.sql.format(f"DISTINCT {self.argument(args[0]):eq}")

    def engine_aggregate(self, node: Call) -> str:
        if node.name == "count_star":
            inside = "*"
        else:
            inside = ("DISTINCT " if node.distinct else "") + ", ".join(self.expr(arg) for arg in node.args)
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
            if node.ignore_nulls or call.distinct or call.filter is not None or call.order:
                raise Refused(node, "function", f"this form of {call.name} OVER is not proven on {self.dialect.name}")
            if node.frame and (not node.frame.startswith("ROWS ") or "EXCLUDE" in node.frame):
                raise Refused(node, "function", f"the frame {node.frame} is not proven on {self.dialect.name}")
            inside = self.fill(entry, call.args)
        parts = []
        if node.partition:
            parts.append("PARTITION BY " + ", ".join(self.grouping(key) for key in node.partition))
        if order := self.order(node.order):
            parts.append("ORDER BY " + order)
        if node.frame:
            parts.append(node.frame)
        return f"{inside} OVER ({' '.join(parts)})"

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
        if not self.dialect.anything:
            item = ColumnRef("", "c0", node.query.types[0])
            probe = Call(node.op, (node.arg, item), "BOOLEAN")
            template = self.exact_entry(probe).sql
            if template not in PLAIN_EQUAL and template != f"({{0}} {node.op} {{1}})":
                raise Refused(node, "types", f"{node.op} ANY over these types is not proven on {self.dialect.name}")
        left = f"{self.argument(node.arg):eq}"
        if node.op == "=":
            return f"({left} IN ({inner}))"
        return f"({left} {node.op} ANY ({inner}))"

    def order(self, keys: tuple[Sort, ...]) -> str:
        """The keys after ORDER BY; '' if none orders anything. A constant does not, and would be read as an ordinal."""
        return ", ".join(self.sort(key) for key in keys if not isinstance(key.expr, Constant))

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


def _ignore_nulls(call: str) -> str:
    """f(x) -> f(x IGNORE NULLS)."""
    return call[:-1] + " IGNORE NULLS)"
