"""Print whole queries as a source's SQL; the local engine's SQL is printed by the very same code.

Its dialect allows everything; a source's refuses what is not proven equal (connectors/sqlgen/dialect.py).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from connectors.sqlgen.aggregates import AggregatePrinter, is_number, no_ordinal
from connectors.sqlgen.dialect import Dialect
from connectors.sqlgen.scalars import Refused
from connectors.sqlgen.tree import (
    Call,
    ColumnRef,
    Constant,
    CteRef,
    Derived,
    Exchange,
    Expr,
    Join,
    OpaqueQuery,
    Query,
    Relation,
    Scan,
    Select,
    SetOp,
    Sort,
    Values,
    With,
    children,
    conjuncts,
    walk,
)
from watersmeet.spi import Read, ReadColumn

__all__ = ["Printer", "Refused", "read_of", "sql_of"]


def read_of(query: Query, dialect: Dialect) -> Read:
    """A fragment's tree as the pieces of the source's SQL. Raises Refused."""
    return Printer(dialect, query).read(query)


def sql_of(node: Any, dialect: Dialect, around: Any = None) -> str:
    """A query or expression as one text, for people and for the engine. `around` is the tree that holds its scans."""
    printer = Printer(dialect, node if around is None else around)
    return printer.query(node) if isinstance(node, (Select, SetOp, With, OpaqueQuery)) else str(printer.expr(node))


class Printer(AggregatePrinter):
    """Prints one statement for one dialect."""

    # ------------------------------------------------------------ relations

    def relation(self, node: Relation) -> str:
        if isinstance(node, Scan):
            return f"{self.name(node.schema)}.{self.name(node.table)} AS {self.name(node.alias)}"
        if isinstance(node, Derived):
            if node.lateral and not self.dialect.lateral:
                raise Refused(node, "construct", f"{self.dialect.name} has no lateral joins")
            return f"{'LATERAL ' if node.lateral else ''}({self.query(node.query)}) AS {self.name(node.alias)}"
        if isinstance(node, CteRef):
            return f"{self.name(node.name)} AS {self.name(node.alias)}"
        if isinstance(node, Exchange):
            return f"{self.name(f'x{node.fragment}')} AS {self.name(node.alias)}"
        if isinstance(node, Values):
            return self.values(node)
        return self.join(node)

    def values(self, node: Values) -> str:
        if not self.dialect.values_named and not self.dialect.anything:
            return self.selected_values(node)
        rows = ", ".join("(" + ", ".join(self.expr(value) for value in row) + ")" for row in node.rows)
        names = ", ".join(self.name(f"c{i}") for i in range(len(node.types)))
        return f"(VALUES {rows}) AS {self.name(node.alias)}({names})"

    def selected_values(self, node: Values) -> str:
        """VALUES as a UNION ALL, whose first SELECT names the columns."""
        selects: list[str] = []
        for row in node.rows:
            names = "" if selects else " AS {}"
            items = (self.expr(value) + names.format(self.name(f"c{i}")) for i, value in enumerate(row))
            selects.append("SELECT " + ", ".join(items))
        return f"({' UNION ALL '.join(selects)}) AS {self.name(node.alias)}"

    def join(self, node: Join) -> str:
        if node.kind not in self.dialect.joins:
            raise Refused(node, "construct", f"{self.dialect.name} has no {node.kind} join")
        if node.kind == "full" and self.dialect.full_join_needs_equality and not _all_equalities(node):
            raise Refused(
                node, "construct", f"{self.dialect.name} runs a full join only over equalities between its two sides"
            )
        left, right = self.relation(node.left), self.relation(node.right)
        if node.condition is None and node.kind == "inner":
            return f"({left} CROSS JOIN {right})"
        condition = "TRUE" if node.condition is None else self.expr(node.condition)
        return f"({left} {node.kind.upper()} JOIN {right} ON {condition})"

    # ------------------------------------------------------------ queries

    def query(self, node: Query) -> str:
        """A whole query as one text; its columns are called c0, c1 …"""
        if isinstance(node, OpaqueQuery):
            return self.opaque(node)
        if isinstance(node, With):
            return f"{self.ctes(node)} {self.query(node.body)}"
        if isinstance(node, SetOp):
            if node.order and not self.dialect.anything:
                # The ORDER BY of a set operation takes names of columns, not the forms that sort by bytes.
                expressions, body = self.wrapped(node)
                return self.listed(expressions, body)
            return self.set_operation(node) + self.tail(node.order, node.limit, node.offset)
        return self.listed(*self.block(node), distinct=node.distinct)

    def listed(self, expressions: list[str], body: str, *, distinct: bool = False) -> str:
        named = ", ".join(f"{sql} AS {self.name(f'c{i}')}" for i, sql in enumerate(expressions))
        return f"SELECT {'DISTINCT ' if distinct else ''}{named}{' ' if body else ''}{body}"

    def block(self, node: Select, *, compared: bool = False) -> tuple[list[str], str]:
        """A SELECT's expressions, in the form that compares whole rows if they are `compared`, and its text from FROM on."""
        outer, self.keys = self.keys, {}
        try:
            parts = []
            if node.relation is not None:
                parts.append("FROM " + self.relation(node.relation))
            if node.where is not None:
                parts.append("WHERE " + self.expr(node.where))
            if node.group:
                parts.append("GROUP BY " + self.group(node))
            if node.having is not None:
                self.check_having(node, node.having)
                parts.append("HAVING " + self.expr(node.having))
            if node.qualify is not None:
                if not self.dialect.anything:
                    raise Refused(node.qualify, "construct", f"{self.dialect.name} has no QUALIFY")
                parts.append("QUALIFY " + self.expr(node.qualify))
            expressions = [self.grouping(item) if node.distinct or compared else self.expr(item) for item in node.items]
            body = " ".join(parts)
            if node.distinct and node.order:
                body += self.tail(_by_position(node), node.limit, node.offset)
            else:
                body += self.tail(node.order, node.limit, node.offset)
        finally:
            self.keys = outer
        return expressions, body.strip()

    def check_having(self, node: Select, having: Expr) -> None:
        """Refuse a HAVING that reads a group key which this dialect finds there only under its plain name."""
        if self.dialect.having_by_key:
            return
        for key in node.group or ():
            plain = isinstance(key, ColumnRef) and self.keys.get(key) == self.column(key)
            if not plain and _above_grouping(having, key):
                raise Refused(
                    having, "construct", f"HAVING over this group key is not understood by {self.dialect.name}"
                )

    def group(self, node: Select) -> str:
        assert node.group is not None
        constants = [key for key in node.group if is_number(key)]
        if constants and not self.dialect.anything:
            raise Refused(constants[0], "construct", "a constant as group key")
        printed = [self.grouping(no_ordinal(key)) for key in node.group]
        self.keys = dict(zip(node.group, printed, strict=True))
        if node.sets is None:
            return ", ".join(printed)
        if not self.dialect.grouping_sets:
            raise Refused(node.group[0], "construct", f"grouping sets are not proven on {self.dialect.name}")
        text = ", ".join("(" + ", ".join(printed[i] for i in group) + ")" for group in node.sets)
        return f"GROUPING SETS ({text})"

    def tail(self, order: tuple[Sort, ...], limit: Expr | None, offset: Expr | None) -> str:
        keys = self.order(order)
        text = f" ORDER BY {keys}" if keys else ""
        if limit is not None:
            text += f" LIMIT {self.expr(limit)}"
        if offset is not None:
            printed = self.expr(offset)
            text += (
                f" OFFSET {printed}" if limit is not None else " " + self.dialect.offset_without_limit.format(printed)
            )
        return text

    def set_operation(self, node: SetOp, *, compared: bool = False) -> str:
        """A set operation without its ORDER BY and LIMIT. `compared`: one around it tells its rows apart."""
        name = node.op + (" all" if node.all else "")
        if not self.dialect.anything:
            if name not in self.dialect.set_operations:
                raise Refused(node, "construct", f"{name.upper()} is not proven on {self.dialect.name}")
            compared = compared or name != "union all"
            if compared:
                for i, type_ in enumerate(node.types):
                    self.grouping(ColumnRef("", f"c{i}", type_))
        return f"({self.arm(node.left, compared)}) {name.upper()} ({self.arm(node.right, compared)})"

    def arm(self, node: Query, compared: bool) -> str:
        if not compared:
            return self.query(node)
        if isinstance(node, Select):
            return self.listed(*self.block(node, compared=True), distinct=node.distinct)
        if isinstance(node, SetOp) and not node.order:
            return self.set_operation(node, compared=True) + self.tail(node.order, node.limit, node.offset)
        if self.dialect.group_text not in (None, "{0}") and "VARCHAR" in node.types:
            raise Refused(
                node, "collation", f"text of this query would be compared by a collation on {self.dialect.name}"
            )
        return self.query(node)

    def ctes(self, node: With) -> str:
        if not self.dialect.ctes:
            raise Refused(node, "construct", f"{self.dialect.name} is not given common table expressions")
        if not self.dialect.ctes_once:
            uses = Counter(part.name for part in walk(node) if isinstance(part, CteRef))
            for cte in node.ctes:
                if uses[cte.name] > 1 and any(getattr(part, "limit", None) is not None for part in walk(cte.query)):
                    reason = f"{self.dialect.name} computes it at each use, and its LIMIT may take other rows each time"
                    raise Refused(cte.query, "construct", reason)
        parts = []
        for cte in node.ctes:
            # An exchange can be read once: the engine must not expand a CTE at each of its uses.
            word = "AS MATERIALIZED" if self.dialect.anything else "AS"
            parts.append(f"{self.name(cte.name)} {word} ({self.query(cte.query)})")
        return "WITH " + ", ".join(parts)

    def opaque(self, node: OpaqueQuery) -> str:
        if not self.dialect.anything:
            raise Refused(node, "construct", node.why)
        columns = ", ".join(self.name(f"c{i}") for i in range(len(node.types)))
        inputs = []
        for given in node.inputs:
            names = ", ".join(map(self.name, given.columns))
            inputs.append(f"{self.name(given.name)}({names}) AS MATERIALIZED ({self.query(given.query)})")
        head = f"WITH {', '.join(inputs)} " if inputs else ""
        return f"{head}SELECT * FROM ({node.text}) AS wm({columns})"

    def read(self, node: Query) -> Read:
        """A whole fragment, in the pieces that a reader may wrap."""
        prefix = ""
        if isinstance(node, With):
            prefix, body_query = self.ctes(node), node.body
        else:
            body_query = node
        origins = _origins(body_query)
        columns = tuple(
            ReadColumn(name=f"c{i}", type="INTEGER" if type_ == '"NULL"' else type_, origin=origins[i])
            for i, type_ in enumerate(node.types)
        )
        if isinstance(body_query, Select) and not body_query.distinct:
            expressions, body = self.block(body_query)
        else:
            # Wrapping an expression of a DISTINCT or of a set operation would change what it compares.
            expressions, body = self.wrapped(body_query)
        return Read(prefix=prefix, expressions=tuple(expressions), body=body, columns=columns)

    def wrapped(self, node: Query) -> tuple[list[str], str]:
        alias = self.name("w")
        columns = [f"{alias}.{self.name(f'c{i}')}" for i in range(len(node.types))]
        if isinstance(node, Select):
            order = _by_position(node) if node.order else ()
            inner = self.query(Select(**{**_fields(node), "order": (), "limit": None, "offset": None}))
        elif isinstance(node, SetOp):
            order, inner = node.order, self.set_operation(node)
        else:
            raise Refused(node, "construct", node.why if isinstance(node, OpaqueQuery) else "a nested WITH")
        keys = tuple(
            Sort(ColumnRef("w", key.expr.column, key.expr.type), key.descending, key.nulls_first)
            for key in order
            if isinstance(key.expr, ColumnRef)
        )
        assert len(keys) == len(order)
        return columns, f"FROM ({inner}) AS {alias}" + self.tail(keys, node.limit, node.offset)


def _fields(node: Select) -> dict[str, Any]:
    return {name: getattr(node, name) for name in Select.__dataclass_fields__}


def _by_position(node: Select) -> tuple[Sort, ...]:
    """ORDER BY keys of a DISTINCT as its own output columns."""
    keys = []
    for key in node.order:
        if isinstance(key.expr, Constant):
            continue
        if key.expr not in node.items:
            raise Refused(key.expr, "construct", "ORDER BY of a DISTINCT must be one of its columns")
        column = ColumnRef("", f"c{node.items.index(key.expr)}", key.expr.type)
        keys.append(Sort(column, key.descending, key.nulls_first))
    return tuple(keys)


def _origins(node: Query) -> list[str | None]:
    if isinstance(node, SetOp):
        return [None] * len(node.types)
    if not isinstance(node, Select):
        return [None] * len(node.types)
    scans = {scan.alias: scan for scan in walk(node.relation) if isinstance(scan, Scan)} if node.relation else {}
    origins: list[str | None] = []
    for item in node.items:
        scan = scans.get(item.table) if isinstance(item, ColumnRef) else None
        if scan is None or not isinstance(item, ColumnRef):
            origins.append(None)
        else:
            column = next(c for c in scan.columns if c.name == item.column)
            origins.append(f"{scan.schema}.{scan.table}.{column.source_name}")
    return origins


def _above_grouping(node: Any, key: Expr) -> bool:
    """Whether an expression reads the group key outside of its aggregates."""
    if node == key:
        return True
    if isinstance(node, Call) and node.aggregate:
        return False
    return any(_above_grouping(child, key) for child in children(node))


def _all_equalities(join: Join) -> bool:
    """Whether every condition equates something of the left with something of the right."""
    left, right = ({part.alias for part in walk(side) if hasattr(part, "alias")} for side in (join.left, join.right))
    parts = conjuncts(join.condition)
    return bool(parts) and all(
        isinstance(part, Call) and part.name == "=" and _meets(part.args, left, right) for part in parts
    )


def _meets(args: tuple[Expr, ...], left: set[str], right: set[str]) -> bool:
    read = [{part.table for part in walk(arg) if isinstance(part, ColumnRef)} for arg in args]
    return all(read) and any(a <= left and b <= right for a, b in (read, reversed(read)))
