"""Print trees as a source's SQL, refusing what its dialect does not prove equal.

Checking and printing are one pass, so that nothing can be printed that was not checked. The local engine's SQL is
printed by the very same code with a dialect that allows everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from collections.abc import Iterator
from typing import Any

from connectors.sqlgen.dialect import Dialect, Entry, family, find
from connectors.sqlgen.tree import (
    Call,
    Cast,
    ColumnRef,
    Constant,
    CteRef,
    Derived,
    Exchange,
    Expr,
    Join,
    OpaqueExpr,
    OpaqueQuery,
    Parameter,
    Query,
    Relation,
    Scan,
    ScanColumn,
    Select,
    SetOp,
    Sort,
    Subquery,
    Values,
    Window,
    With,
    conjuncts,
    walk,
)
from watersmeet.spi import Read, ReadColumn

NUMERIC = frozenset({"int", "decimal"})
"""Families whose values mix exactly in CASE and COALESCE."""


class Refused(Exception):
    """This dialect cannot say, or is not proven to mean, an expression or operator.

    `node` is the smallest tree that is to blame; `code` is the stable reason code of EXPLAIN, `reason` its words.
    """

    def __init__(self, node: Any, code: str, reason: str) -> None:
        super().__init__(reason)
        self.node = node
        self.code = code
        self.reason = reason


class _Text(str):
    """A printed text argument that knows its byte-wise forms: f'{arg:eq}', f'{arg:ord}'."""

    dialect: Dialect

    def __new__(cls, sql: str, dialect: Dialect) -> _Text:
        made = super().__new__(cls, sql)
        made.dialect = dialect
        return made

    def __format__(self, spec: str) -> str:
        if spec == "eq":
            return self.dialect.text_equal.format(str(self))
        if spec == "ord":
            return self.dialect.text_order.format(str(self))
        return str(self)


class _Plain(str):
    """A printed argument whose byte-wise forms are itself."""

    def __format__(self, spec: str) -> str:
        return str(self)


def read_of(query: Query, dialect: Dialect) -> Read:
    """A fragment's tree as the pieces of the source's SQL. Raises Refused."""
    return Printer(dialect, query).read(query)


def sql_of(node: Any, dialect: Dialect, around: Any = None) -> str:
    """A query or expression as one text, for people and for the engine. `around` is the tree that holds its scans."""
    printer = Printer(dialect, node if around is None else around)
    return printer.query(node) if isinstance(node, (Select, SetOp, With, OpaqueQuery)) else str(printer.expr(node))


class Printer:
    """Prints one statement for one dialect."""

    def __init__(self, dialect: Dialect, root: Any, *, more: Iterable[Scan] = ()) -> None:
        self.dialect = dialect
        self.scans: dict[str, Mapping[str, ScanColumn]] = {}
        for node in (*walk(root), *more):
            if isinstance(node, Scan):
                self.scans[node.alias] = {column.name: column for column in node.columns}
        self.keeps_more = False
        self.keys: Mapping[Expr, str] = {}
        """Group keys of the block at hand and how they are printed above the grouping."""

    # ------------------------------------------------------------ names

    def name(self, identifier: str) -> str:
        quote = self.dialect.quote
        return quote + identifier.replace(quote, quote * 2) + quote

    def column(self, ref: ColumnRef) -> str:
        scan = self.scans.get(ref.table)
        if scan is None:
            return f"{self.name(ref.table)}.{self.name(ref.column)}" if ref.table else self.name(ref.column)
        column = scan[ref.column]
        return column.read.format(f"{self.name(ref.table)}.{self.name(column.source_name)}")

    # ------------------------------------------------------------ expressions

    def expr(self, node: Expr) -> str:
        """An expression, in parentheses where it needs them. Raises Refused."""
        if self.keys and node in self.keys:
            return self.keys[node]
        if isinstance(node, ColumnRef):
            return self.column(node)
        if isinstance(node, Constant):
            return self.constant(node)
        if isinstance(node, Call):
            return self.aggregate(node) if node.aggregate else self.call(node)
        if isinstance(node, Cast):
            return self.cast(node)
        if isinstance(node, Subquery):
            return self.subquery(node)
        if isinstance(node, Window):
            return self.window(node)
        if isinstance(node, Parameter):
            if self.dialect.anything:
                return f"${node.name}"
            raise Refused(node, "parameter", "a parameter that is not bound yet")
        if isinstance(node, OpaqueExpr):
            if self.dialect.anything:
                return "(" + node.text.format(*(self.expr(arg) for arg in node.args)) + ")"
            raise Refused(node, "construct", node.why)
        raise TypeError(f"not an expression: {node!r}")

    def constant(self, node: Constant) -> str:
        if node.literal and self.dialect.anything and node.text is not None and node.type != "VARCHAR":
            return node.text
        text = self.dialect.literal(node.text, node.type)
        if text is None:
            raise Refused(node, "literal", f"{self.dialect.name} has no exact literal for this {node.type}")
        return text

    def argument(self, node: Expr) -> _Text | _Plain:
        """An argument that a template can ask for its byte-wise forms."""
        sql = self.expr(node)
        return _Text(sql, self.dialect) if family(node.type) == "text" else _Plain(sql)

    def entry(self, table: Mapping[str, tuple[Entry, ...]], node: Call, args: tuple[Expr, ...]) -> Entry:
        """The allow-list's entry for a call, or Refused with the reason."""
        families = tuple(family(arg.type) for arg in args)
        found = find(table, node.name, families)
        if found is None:
            nulls = tuple(i for i, arg in enumerate(args) if isinstance(arg, Constant) and arg.text is None)
            if nulls or node.name not in table:
                raise Refused(node, "function", f"{node.name} is not on the allow-list of {self.dialect.name}")
            shown = ", ".join(arg.type for arg in args)
            raise Refused(node, "types", f"{node.name}({shown}) is not proven equal on {self.dialect.name}")
        texts = tuple(arg.text if isinstance(arg, Constant) else None for arg in args)
        if any(texts[i] is None for i in found.constants if i < len(texts)):
            raise Refused(node, "types", f"{node.name} is proven on {self.dialect.name} only with a constant there")
        if found.check is not None and not found.check(texts):
            raise Refused(node, "types", f"{node.name} is not proven on {self.dialect.name} for this argument")
        if found.result is not None and family(node.type) != found.result:
            raise Refused(node, "types", f"{node.name} has the type {node.type} here, not {found.result}")
        return found

    def fill(self, entry: Entry, args: tuple[Expr, ...]) -> str:
        printed = [self.argument(arg) for arg in args]
        template = entry.sql.replace("{*}", "{all}").replace("{*:eq}", "{alleq}")
        return template.format(
            *printed, all=", ".join(map(str, printed)), alleq=", ".join(f"{arg:eq}" for arg in printed)
        )

    def call(self, node: Call) -> str:
        structural = getattr(self, "_" + _STRUCTURAL.get(node.name, ""), None)
        if structural is not None:
            return str(structural(node))
        if self.dialect.anything:
            return _spelled(node.name, [self.expr(arg) for arg in node.args])
        entry = self.exact_entry(node)
        return self.fill(entry, node.args)

    def exact_entry(self, node: Call) -> Entry:
        entry = self.entry(self.dialect.scalars, node, node.args)
        if entry.superset and not self.keeps_more:
            raise Refused(node, "superset", f"{node.name} on {self.dialect.name} may keep too many rows")
        return entry

    def _superset(self, node: Call) -> str:
        """A filter that is checked again locally: its outermost call may keep too many rows."""
        self.keeps_more = True
        try:
            (inner,) = node.args
            assert isinstance(inner, Call)
            entry = self.exact_entry(inner)
        finally:
            self.keeps_more = False
        return self.fill(entry, inner.args)

    def _and(self, node: Call) -> str:
        return "(" + f" {node.name.upper()} ".join(self.expr(arg) for arg in node.args) + ")"

    def _not(self, node: Call) -> str:
        return f"(NOT {self.expr(node.args[0])})"

    def _postfix(self, node: Call) -> str:
        return f"({self.expr(node.args[0])} {node.name.upper()})"

    def _between(self, node: Call) -> str:
        value, low, high = node.args
        if self.dialect.anything:
            return f"({self.expr(value)} BETWEEN {self.expr(low)} AND {self.expr(high)})"
        return f"({self.call(Call('>=', (value, low), 'BOOLEAN'))} AND {self.call(Call('<=', (value, high), 'BOOLEAN'))})"

    def _in(self, node: Call) -> str:
        value, *items = node.args
        word = node.name.upper()
        if self.dialect.anything:
            return f"({self.expr(value)} {word} ({', '.join(self.expr(item) for item in items)}))"
        templates = {
            self.entry(self.dialect.scalars, Call("=", (value, item), "BOOLEAN"), (value, item)).sql
            for item in items
            if family(item.type) != "null"
        }
        if not templates <= _PLAIN_EQUAL:
            raise Refused(node, "types", f"{node.name} over these types is not proven on {self.dialect.name}")
        left = f"{self.argument(value):eq}"
        listed = f"{left} {word} ({', '.join(f'{self.argument(item):eq}' for item in items)})"
        if self.indexable(value, *items) and node.name == "in":
            plain = f"{self.expr(value)} IN ({', '.join(self.expr(item) for item in items)})"
            return f"({plain} AND {listed})"
        return f"({listed})"

    def indexable(self, value: Expr, *items: Expr) -> bool:
        """Whether a plain comparison beside the byte-wise one can serve an index without an error or lost rows."""
        return (
            self.dialect.text_plain_index
            and isinstance(value, ColumnRef)
            and family(value.type) == "text"
            and all(isinstance(item, Constant) and item.text is not None and item.text.isascii() for item in items)
        )

    def _compare(self, node: Call) -> str:
        if self.dialect.anything:
            return _spelled(node.name, [self.expr(arg) for arg in node.args])
        entry = self.exact_entry(node)
        exact = self.fill(entry, node.args)
        if node.name == "=" and self.indexable(*node.args):
            return f"({self.expr(node.args[0])} = {self.expr(node.args[1])} AND {exact})"
        return exact

    def _case(self, node: Call) -> str:
        results = (*node.args[1:-1:2], node.args[-1])
        self.same_family(node, results)
        pairs = zip(node.args[:-1:2], node.args[1:-1:2], strict=True)
        whens = " ".join(f"WHEN {self.expr(when)} THEN {self.expr(then)}" for when, then in pairs)
        return f"(CASE {whens} ELSE {self.expr(node.args[-1])} END)"

    def _coalesce(self, node: Call) -> str:
        self.same_family(node, node.args)
        return f"COALESCE({', '.join(self.expr(arg) for arg in node.args)})"

    def same_family(self, node: Call, results: tuple[Expr, ...]) -> None:
        """Refuse a choice between values that DuckDB would first cast to one another's family."""
        if self.dialect.anything:
            return
        families = {family(result.type) for result in results} - {"null"}
        if len(families) > 1 and not families <= NUMERIC or "other" in families:
            raise Refused(node, "types", f"{node.name} over {', '.join(sorted(families))} needs DuckDB's casts")

    def cast(self, node: Cast) -> str:
        if self.dialect.anything:
            return f"{'TRY_CAST' if node.safe else 'CAST'}({self.expr(node.arg)} AS {node.type})"
        if node.arg.type == node.type:
            return self.expr(node.arg)
        key = (family(node.arg.type), family(node.type))
        entry = self.dialect.casts.get(key)
        target = self.dialect.types(node.type)
        if entry is None or target is None or node.safe or (entry.check and not entry.check((node.arg.type, node.type))):
            raise Refused(node, "cast", f"the cast from {node.arg.type} to {node.type} is not proven on {self.dialect.name}")
        return entry.sql.format(self.argument(node.arg), type=target)

    # ------------------------------------------------------------ aggregates, windows, subqueries

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
            if self.dialect.aggregate_filter:
                return f"{self.distinct_fill(entry, node, args)} FILTER (WHERE {self.expr(node.filter)})"
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
        if node.order:
            inside += " ORDER BY " + self.order(node.order)
        name = "count" if node.name == "count_star" else node.name
        filter_ = f" FILTER (WHERE {self.expr(node.filter)})" if node.filter is not None else ""
        return f"{_function(name)}({inside}){filter_}"

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
        if node.order:
            parts.append("ORDER BY " + self.order(node.order))
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
            template = self.entry(self.dialect.scalars, probe, probe.args).sql
            if template not in _PLAIN_EQUAL and template != f"({{0}} {node.op} {{1}})":
                raise Refused(node, "types", f"{node.op} ANY over these types is not proven on {self.dialect.name}")
        left = f"{self.argument(node.arg):eq}"
        if node.op == "=":
            return f"({left} IN ({inner}))"
        return f"({left} {node.op} ANY ({inner}))"

    def order(self, keys: tuple[Sort, ...]) -> str:
        return ", ".join(self.sort(key) for key in keys)

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

    # ------------------------------------------------------------ relations

    def relation(self, node: Relation) -> str:
        if isinstance(node, Scan):
            return f"{self.name(node.schema)}.{self.name(node.table)} AS {self.name(node.alias)}"
        if isinstance(node, Derived):
            return f"{'LATERAL ' if node.lateral else ''}({self.query(node.query)}) AS {self.name(node.alias)}"
        if isinstance(node, CteRef):
            return f"{self.name(node.name)} AS {self.name(node.alias)}"
        if isinstance(node, Exchange):
            return f"{self.name(f'x{node.fragment}')} AS {self.name(node.alias)}"
        if isinstance(node, Values):
            return self.values(node)
        return self.join(node)

    def values(self, node: Values) -> str:
        if not self.dialect.anything:
            raise Refused(node, "construct", "VALUES are joined here")
        rows = ", ".join("(" + ", ".join(self.expr(value) for value in row) + ")" for row in node.rows)
        names = ", ".join(self.name(f"c{i}") for i in range(len(node.types)))
        return f"(VALUES {rows}) AS {self.name(node.alias)}({names})"

    def join(self, node: Join) -> str:
        if node.kind not in self.dialect.joins:
            raise Refused(node, "construct", f"{self.dialect.name} has no {node.kind} join")
        if node.kind == "full" and self.dialect.full_join_needs_equality and not _all_equalities(node.condition):
            raise Refused(node, "construct", f"{self.dialect.name} runs a full join only over equalities")
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
            return self.set_operation(node) + self.tail(node.order, node.limit, node.offset)
        expressions, body = self.block(node)
        named = ", ".join(f"{sql} AS {self.name(f'c{i}')}" for i, sql in enumerate(expressions))
        return f"SELECT {'DISTINCT ' if node.distinct else ''}{named}{' ' if body else ''}{body}"

    def block(self, node: Select) -> tuple[list[str], str]:
        """A SELECT's expressions, and its text from FROM on."""
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
                parts.append("HAVING " + self.expr(node.having))
            if node.qualify is not None:
                if not self.dialect.anything:
                    raise Refused(node.qualify, "construct", f"{self.dialect.name} has no QUALIFY")
                parts.append("QUALIFY " + self.expr(node.qualify))
            expressions = [self.grouping(item) if node.distinct else self.expr(item) for item in node.items]
            body = " ".join(parts)
            if node.distinct and node.order:
                body += self.tail(_by_position(node), node.limit, node.offset)
            else:
                body += self.tail(node.order, node.limit, node.offset)
        finally:
            self.keys = outer
        return expressions, body.strip()

    def group(self, node: Select) -> str:
        assert node.group is not None
        printed = [self.grouping(key) for key in node.group]
        if node.sets is not None:
            if not self.dialect.grouping_sets:
                raise Refused(node.group[0], "construct", f"grouping sets are not proven on {self.dialect.name}")
            text = ", ".join("(" + ", ".join(printed[i] for i in group) + ")" for group in node.sets)
            self.keys = dict(zip(node.group, printed, strict=True))
            return f"GROUPING SETS ({text})"
        self.keys = dict(zip(node.group, printed, strict=True))
        constants = [key for key in node.group if isinstance(key, Constant)]
        if constants and not self.dialect.anything:
            raise Refused(constants[0], "construct", "a constant as group key")
        return ", ".join(printed)

    def tail(self, order: tuple[Sort, ...], limit: Expr | None, offset: Expr | None) -> str:
        text = f" ORDER BY {self.order(order)}" if order else ""
        if limit is not None:
            text += f" LIMIT {self.expr(limit)}"
        if offset is not None:
            printed = self.expr(offset)
            text += f" OFFSET {printed}" if limit is not None else " " + self.dialect.offset_without_limit.format(printed)
        return text

    def set_operation(self, node: SetOp) -> str:
        name = node.op + (" all" if node.all else "")
        if not self.dialect.anything:
            if name not in self.dialect.set_operations:
                raise Refused(node, "construct", f"{name.upper()} is not proven on {self.dialect.name}")
            if name != "union all":
                for i, type_ in enumerate(node.types):
                    self.grouping(ColumnRef("", f"c{i}", type_))
                if self.dialect.group_text not in (None, "{0}") and "VARCHAR" in node.types:
                    raise Refused(node, "collation", f"{name.upper()} of text on {self.dialect.name} follows a collation")
        return f"({self.query(node.left)}) {name.upper()} ({self.query(node.right)})"

    def ctes(self, node: With) -> str:
        if not self.dialect.ctes:
            raise Refused(node, "construct", f"{self.dialect.name} is not given common table expressions")
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
            raise Refused(node, "construct", "a nested WITH")
        keys = tuple(Sort(ColumnRef("w", key.expr.column, key.expr.type), key.descending, key.nulls_first)
                     for key in order if isinstance(key.expr, ColumnRef))
        assert len(keys) == len(order)
        return columns, f"FROM ({inner}) AS {alias}" + self.tail(keys, node.limit, node.offset)


def _fields(node: Select) -> dict[str, Any]:
    return {name: getattr(node, name) for name in Select.__dataclass_fields__}


def _by_position(node: Select) -> tuple[Sort, ...]:
    """ORDER BY keys of a DISTINCT as its own output columns."""
    keys = []
    for key in node.order:
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


def _all_equalities(condition: Expr | None) -> bool:
    parts = conjuncts(condition)
    return bool(parts) and all(isinstance(part, Call) and part.name == "=" for part in parts)


_STRUCTURAL = {
    "and": "and",
    "or": "and",
    "not": "not",
    "is null": "postfix",
    "is not null": "postfix",
    "between": "between",
    "in": "in",
    "not in": "in",
    "case": "case",
    "coalesce": "coalesce",
    "superset": "superset",
    "=": "compare",
    "<>": "compare",
}
"""Calls with a syntax of their own -> the printer's method."""

_PLAIN_EQUAL = {"({0} = {1})", "({0:eq} = {1:eq})", "{0} = {1}", "{0:eq} = {1:eq}"}
"""Templates of '=' that IN may be made of."""

_INFIX = frozenset(
    "+ - * / // % ^ ** = <> < <= > >= || & | << >> ~~ !~~ ~~* !~~* ~~~ @> <@ && ^@ -> ->> <=> <->".split()
)
_WORDS = {"is distinct from": "IS DISTINCT FROM", "is not distinct from": "IS NOT DISTINCT FROM"}


def _spelled(name: str, args: list[str]) -> str:
    """A call as the engine spells it."""
    if name in _WORDS:
        return f"({args[0]} {_WORDS[name]} {args[1]})"
    if name in _INFIX and len(args) == 2:
        return f"({args[0]} {name} {args[1]})"
    if name in {"-", "+", "~", "@"} and len(args) == 1:
        return f"({name} {args[0]})"
    if name == "!__postfix":
        return f"({args[0]} !)"
    return f"{_function(name)}({', '.join(args)})"


def _function(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _ignore_nulls(call: str) -> str:
    """f(x) -> f(x IGNORE NULLS)."""
    return call[:-1] + " IGNORE NULLS)"
