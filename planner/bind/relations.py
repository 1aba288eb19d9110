"""FROM: DuckDB's table references -> relations with aliases of our own, and the scope of their names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.printer import sql_of
from connectors.sqlgen.tree import (
    Call,
    ColumnRef,
    Constant,
    CteRef,
    Derived,
    Expr,
    Join,
    OpaqueQuery,
    Relation,
    Scan,
    ScanColumn,
    Select,
    Values,
    conjunction,
)
from planner.bind.context import Context, Ctes
from planner.bind.expressions import Expressions
from planner.bind.information_schema import is_information_schema, view
from planner.bind.scope import Named, NotUnderstood, Scope, Visible, pick, unique_names
from planner.bind.tables import resolve
from planner.errors import FunctionRefused, InvalidExpression, UnknownName
from planner.functions import TABLE_FUNCTIONS
from planner.oracle import Rejected
from planner.plan import SourceInfo
from planner.rules.algebra import has_aggregate, has_window
from watersmeet.spi import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from planner.bind.queries import BoundQuery


def scan_of(alias: str, source: SourceInfo, table: Table) -> Scan:
    """A table with all its columns under our names c0, c1 …"""
    columns = tuple(
        ScanColumn(
            f"c{i}",
            column.name,
            column.type,
            column.nullable,
            column.read,
            column.collation,
            column.plain,
            column.plain_exact,
        )
        for i, column in enumerate(table.columns)
    )
    key = tuple(column.name for name in table.primary_key for column in columns if column.source_name == name)
    return Scan(alias, source.name, table.schema, table.name, columns, key)


def visible(scan: Scan) -> list[Visible]:
    """The scan's columns by their own names."""
    return [
        Visible(
            column.source_name,
            ColumnRef(scan.alias, column.name, column.type, column.nullable),
            (scan.source, scan.schema, scan.table, column.source_name),
        )
        for column in scan.columns
    ]


@dataclass(slots=True)
class Relations:
    """Binds the FROM clause of one block into `scope`."""

    context: Context
    ctes: Ctes
    scope: Scope
    query: Callable[[dict[str, Any], Ctes, Scope | None], BoundQuery]

    def bind(self, node: dict[str, Any]) -> Relation | None:
        """The relation tree, filling the scope. None for no FROM. Raises what Expressions raise."""
        if node["type"] == "EMPTY":
            return None
        relation, named, star = self.table_ref(node)
        self.scope.relations, self.scope.star = named, star
        return relation

    def table_ref(self, node: dict[str, Any]) -> tuple[Relation, list[Named], list[Visible]]:
        if node.get("sample"):
            raise NotUnderstood("a sample")
        kind = node["type"]
        if kind == "JOIN":
            return self.join(node)
        if kind == "BASE_TABLE":
            relation, names, columns = self.base_table(node)
        elif kind == "SUBQUERY":
            relation, names, columns = self.derived(node)
        elif kind == "EXPRESSION_LIST":
            relation, names, columns = self.values(node)
        elif kind == "TABLE_FUNCTION":
            relation, names, columns = self.table_function(node)
        else:
            raise NotUnderstood(f"{kind.lower().replace('_', ' ')} is DuckDB's own")
        given = node.get("column_name_alias", ())
        if len(given) > len(columns):
            raise InvalidExpression(f"{len(given)} column aliases for {len(columns)} columns")
        columns = [replace(c, name=given[i]) if i < len(given) else c for i, c in enumerate(columns)]
        if node.get("alias"):
            names = (node["alias"],)
        return relation, [Named(names, columns)], columns

    # ------------------------------------------------------------ leaves

    def base_table(self, node: dict[str, Any]) -> tuple[Relation, tuple[str, ...], list[Visible]]:
        if node.get("at_clause"):
            raise NotUnderstood("AT on a table")
        path = tuple(node["qualified_name"]["path"])
        if len(path) == 1 and path[0].lower() in self.ctes:
            cte = self.ctes[path[0].lower()]
            if cte is None:
                raise NotUnderstood("a recursive query")
            alias = self.context.alias()
            columns = [
                Visible(name, ColumnRef(alias, f"c{i}", type_))
                for i, (name, type_) in enumerate(zip(cte.columns, cte.types, strict=True))
            ]
            return CteRef(alias, cte.name, cte.types), path, columns
        if is_information_schema(path):
            return self.information_schema(path)
        source, table = resolve(path, self.context.sources, self.context.request.session)
        scan = scan_of(self.context.alias(), source, table)
        return scan, (source.name, table.schema, table.name), visible(scan)

    def information_schema(self, path: tuple[str, ...]) -> tuple[Relation, tuple[str, ...], list[Visible]]:
        """A view over the catalogs."""
        query, names = view(path, self.context.sources)
        alias = self.context.alias()
        columns = [
            Visible(name, ColumnRef(alias, f"c{i}", type_))
            for i, (name, type_) in enumerate(zip(names, query.types, strict=True))
        ]
        return Derived(alias, query), path, columns

    def derived(self, node: dict[str, Any]) -> tuple[Relation, tuple[str, ...], list[Visible]]:
        lateral = False
        try:
            bound = self.query(node["subquery"]["node"], self.ctes, None)
        except (UnknownName, InvalidExpression) as error:
            if self.beside is None and self.scope.parent is None:
                raise
            if self.beside is None:
                raise NotUnderstood(f"a subquery in FROM that reads the query around it ({error.message})") from error
            bound = self.query(node["subquery"]["node"], self.ctes, self.beside)
            lateral = True
        alias = self.context.alias()
        return Derived(alias, bound.query, lateral), ("unnamed_subquery",), outputs(alias, bound)

    beside: Scope | None = None
    """The relations to the left of the one being bound, which a lateral subquery may read."""

    def values(self, node: dict[str, Any]) -> tuple[Relation, tuple[str, ...], list[Visible]]:
        expressions = Expressions(self.context, Scope(), self.ctes, self.query)
        rows = [tuple(expressions.settled(value) for value in row) for row in node["values"]]
        if len({len(row) for row in rows}) != 1:
            raise InvalidExpression("the rows of VALUES have different numbers of columns")
        if any(has_aggregate(value) or has_window(value) for row in rows for value in row):
            raise InvalidExpression("VALUES cannot contain aggregates or window functions")
        types = []
        for column in zip(*rows, strict=True):
            # Each distinct type once: the common type is that of a CASE over them.
            branches = {value.type: value for value in column}
            known = next(iter(branches)) if len(branches) == 1 else None
            types.append(known or self.context.call(_choice(tuple(branches.values()))).type)
        alias = self.context.alias()
        rows = [tuple(_of_type(v, t, self.context) for v, t in zip(row, types, strict=True)) for row in rows]
        columns = [Visible(f"col{i}", ColumnRef(alias, f"c{i}", type_)) for i, type_ in enumerate(types)]
        return Values(alias, tuple(rows), tuple(types)), (node.get("alias") or "valueslist",), columns

    def table_function(self, node: dict[str, Any]) -> tuple[Relation, tuple[str, ...], list[Visible]]:
        """Rows made from constants: a query of the engine's own. Any other argument makes it lateral."""
        name = check_table_function(node)
        expressions = Expressions(self.context, Scope(), self.ctes, self.query)
        args = []
        for argument in node["function"].get("arguments", ()):
            if argument.get("name"):
                raise NotUnderstood(f"{name} with a named argument")
            made = expressions.convert(argument["expression"]) if _constant(argument["expression"]) else None
            if made is None:
                raise NotUnderstood(f"{name} over columns")
            args.append(made)
        if node.get("with_ordinality"):
            raise NotUnderstood("WITH ORDINALITY")
        text = f'SELECT * FROM "{name}"({", ".join(sql_of(arg, DUCKDB) for arg in args)})'
        try:
            columns = self.context.oracle.query_columns(text)
        except Rejected as error:
            raise InvalidExpression(error.message) from None
        alias = self.context.alias()
        query = OpaqueQuery(text, (), tuple(type_ for _, type_ in columns), f"{name} makes its rows here")
        named = [Visible(column, ColumnRef(alias, f"c{i}", type_)) for i, (column, type_) in enumerate(columns)]
        if len(named) == 1 and node.get("alias") and not node.get("column_name_alias"):
            named = [replace(named[0], name=node["alias"])]
        self.scope.loose = True
        return Derived(alias, query), (name,), named

    # ------------------------------------------------------------ joins

    def join(self, node: dict[str, Any]) -> tuple[Relation, list[Named], list[Visible]]:
        kind = node["join_type"].lower().replace("outer", "full")
        ref = node["ref_type"]
        if ref not in {"REGULAR", "NATURAL", "CROSS"} or kind not in {"inner", "left", "right", "full", "semi", "anti"}:
            raise NotUnderstood(f"a {ref.lower()} {kind} join is DuckDB's own")
        left, left_named, left_star = self.table_ref(node["left"])
        before = self.beside or Scope(parent=self.scope.parent)
        outside, self.beside = (
            self.beside,
            Scope(before.relations + left_named, before.star + left_star, self.scope.parent),
        )
        right, right_named, right_star = self.table_ref(node["right"])
        self.beside = outside
        if kind in {"right", "full"}:
            left_named, left_star = _nullable(left_named, left_star)
        if kind in {"left", "full"}:
            right_named, right_star = _nullable(right_named, right_star)
        merged = self.merged_names(node, left_star, right_star)
        condition: Expr | None = None
        if merged is not None:
            condition, star = self.using(kind, merged, left_star, right_star)
        else:
            star = left_star if kind in {"semi", "anti"} else left_star + right_star
            if node.get("condition"):
                inner = Scope(left_named + right_named, left_star + right_star, self.scope.parent)
                expressions = Expressions(self.context, inner, self.ctes, self.query)
                try:
                    condition = self.context.boolean(expressions.convert(node["condition"]))
                except UnknownName as error:
                    if self.beside is None:
                        raise
                    raise NotUnderstood(f"a join that reads a relation to its left ({error.message})") from error
                self.scope.depends_on_parent |= inner.depends_on_parent
        named = left_named if kind in {"semi", "anti"} else left_named + right_named
        return Join(kind, left, right, condition), named, star

    def merged_names(self, node: dict[str, Any], left: list[Visible], right: list[Visible]) -> list[str] | None:
        if node.get("using_columns"):
            return list(node["using_columns"])
        if node["ref_type"] != "NATURAL":
            return None
        theirs = {column.name.lower() for column in right}
        names = [column.name for column in left if column.name.lower() in theirs]
        if not names:
            raise InvalidExpression("NATURAL JOIN: the two sides have no column in common")
        return names

    def using(
        self, kind: str, names: list[str], left: list[Visible], right: list[Visible]
    ) -> tuple[Expr | None, list[Visible]]:
        """The condition of USING, and what * stands for after it: each merged column once, on the left's place."""
        conditions: list[Expr] = []
        replaced: dict[str, Visible] = {}
        for name in names:
            ours, theirs = pick(name, left, name), pick(name, right, name)
            if ours is None or theirs is None:
                raise UnknownName(f"column {name} of USING does not exist on both sides of the join")
            conditions.append(self.context.call(Call("=", (ours.expr, theirs.expr), "")))
            if kind == "full":
                either = self.context.call(Call("coalesce", (ours.expr, theirs.expr), ""))
                replaced[name.lower()] = Visible(ours.name, either)
            else:
                replaced[name.lower()] = replace(theirs, name=ours.name) if kind == "right" else ours
        star = [replaced.get(column.name.lower(), column) for column in left]
        if kind not in {"semi", "anti"}:
            star += [column for column in right if column.name.lower() not in replaced]
        return conjunction(conditions), star


def check_table_function(node: dict[str, Any]) -> str:
    """The name of an allowed table function. Raises FunctionRefused."""
    function = node["function"]
    name = str(function["function_name"]).lower()
    path = function.get("qualified_name", {}).get("path") or [name]
    if name not in TABLE_FUNCTIONS or len(path) > 1:
        raise FunctionRefused(
            f"table function {'.'.join(path)} does not exist or is not allowed here;"
            f" allowed are {', '.join(sorted(TABLE_FUNCTIONS))}"
        )
    return name


def outputs(alias: str, bound: BoundQuery) -> list[Visible]:
    """A derived table's columns by their names."""
    names = unique_names(bound.names)
    return [
        Visible(name, ColumnRef(alias, f"c{i}", type_), bound.origins[i])
        for i, (name, type_) in enumerate(zip(names, bound.query.types, strict=True))
    ]


def _nullable(named: list[Named], star: list[Visible]) -> tuple[list[Named], list[Visible]]:
    """The same names, for the side of an outer join that may be missing."""

    def loosen(column: Visible) -> Visible:
        expr = column.expr
        return replace(column, expr=replace(expr, nullable=True)) if isinstance(expr, ColumnRef) else column

    return [Named(n.names, [loosen(c) for c in n.columns]) for n in named], [loosen(c) for c in star]


def _constant(node: Any) -> bool:
    """Whether an expression node mentions no column, subquery or lambda."""
    if isinstance(node, dict):
        if node.get("class") in {"COLUMN_REF", "SUBQUERY", "LAMBDA", "STAR"}:
            return False
        return all(_constant(child) for child in node.values())
    return all(_constant(child) for child in node) if isinstance(node, list) else True


def _choice(values: tuple[Expr, ...]) -> Call:
    parts: list[Expr] = []
    for value in values[:-1]:
        parts += [Constant("true", "BOOLEAN"), value]
    if not parts:
        return Call("coalesce", (values[0], values[0]), "")
    return Call("case", (*parts, values[-1]), "")


def _of_type(value: Expr, type_: str, context: Context) -> Expr:
    return value if value.type == type_ else context.cast(value, type_)


def derived_of(query: Any, context: Context) -> tuple[Derived, Select]:
    """A query as a derived table, and the SELECT that reads all its columns."""
    alias = context.alias()
    relation = Derived(alias, query)
    items = tuple(ColumnRef(alias, f"c{i}", type_) for i, type_ in enumerate(query.types))
    return relation, Select(items, relation)
