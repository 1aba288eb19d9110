"""A query that bind does not understand, kept as DuckDB's own text over inputs that it does.

Its tables (and the subqueries in its FROM that can be bound on their own) become named inputs: `h0` with the names of
their columns. DuckDB resolves what is left, locally.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.printer import sql_of
from connectors.sqlgen.tree import ColumnRef, Constant, CteRef, Input, OpaqueQuery, Query, Select
from planner.bind.context import Context, Ctes
from planner.bind.expressions import Expressions
from planner.bind.information_schema import is_information_schema, view
from planner.bind.relations import check_table_function, scan_of
from planner.bind.scope import NotUnderstood, Scope, unique_names
from planner.bind.tables import resolve
from planner.errors import FunctionRefused, InvalidExpression, UnknownName
from planner.functions import CLOCK, FUNCTIONS, OPERATORS, SESSION
from planner.oracle import Rejected
from planner.rules.algebra import is_volatile

if TYPE_CHECKING:
    from planner.bind.queries import BoundQuery


def opaque_query(
    context: Context,
    node: dict[str, Any],
    ctes: Ctes,
    why: str,
    bind: Callable[[dict[str, Any], Ctes, Scope | None], BoundQuery],
) -> BoundQuery:
    """Keep `node` as text. Raises what binding its inputs raises, and InvalidExpression in DuckDB's words."""
    from planner.bind.queries import BoundQuery

    context.unordered = True
    marked = copy.deepcopy(node)
    text = _Text(context, ctes, bind, _mentioned(marked), why)
    text.visit(marked, frozenset())
    inputs = tuple(text.inputs)
    sql = context.oracle.text(marked)
    head = f"WITH {', '.join(_shape(given) for given in inputs)} " if inputs else ""
    columns = _columns(context, head, sql)
    query = OpaqueQuery(sql, inputs, tuple(type_ for _, type_ in columns), why)
    names = _names(context, node, [name for name, _ in columns])
    return BoundQuery(query, names, (None,) * len(columns))


def _names(context: Context, node: dict[str, Any], names: list[str]) -> tuple[str, ...]:
    """The columns' names, with those that are made of an expression's text taken from the client's own text."""
    items = node.get("select_list", [])
    if len(items) != len(names):
        return tuple(names)  # a star among them
    return tuple(
        name if item.get("alias") or item["class"] in _NAMED_BY_COLUMN else context.oracle.expression_text(item)
        for item, name in zip(items, names, strict=True)
    )


def _columns(context: Context, head: str, sql: str) -> list[tuple[str, str]]:
    """Names and types of the text's columns. As a derived table it would have repeated names numbered."""
    try:
        return context.oracle.query_columns(f"{head}({sql})")
    except Rejected:  # DESCRIBE and the like are no queries in parentheses
        try:
            return context.oracle.query_columns(f"{head}SELECT * FROM ({sql}) AS wm")
        except Rejected as error:
            raise InvalidExpression(error.message) from None


def _shape(given: Input) -> str:
    """An input as a CTE without rows, for typing."""
    columns = (
        f"CAST(NULL AS {'INTEGER' if type_ == _NULL else type_}) AS {_quoted(name)}"
        for name, type_ in zip(given.columns, given.query.types, strict=True)
    )
    return f"{_quoted(given.name)} AS (SELECT {', '.join(columns)})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


_NULL = '"NULL"'
_NAMED_BY_COLUMN = frozenset({"COLUMN_REF", "STAR", "POSITIONAL_REFERENCE"})
"""Outputs whose names are those of columns."""


class _Text:
    """Replaces tables by inputs in a copy of DuckDB's tree, checking every function on the way."""

    def __init__(self, context: Context, ctes: Ctes, bind: Any, mentioned: frozenset[str] | None, why: str) -> None:
        self.context = context
        self.ctes = ctes
        self.bind = bind
        self.mentioned = mentioned
        self.why = why
        self.inputs: list[Input] = []
        self.tables: dict[tuple[str, ...], Input] = {}
        """Of tables and of subqueries in FROM, one for each, however often it is read: a key of GROUP BY may read it, and the
        output that is the same text."""
        self.qualifiers: set[tuple[str, ...]] = set()

    def visit(self, node: Any, local: frozenset[str]) -> None:
        if isinstance(node, list):
            for child in node:
                self.visit(child, local)
            return
        if not isinstance(node, dict):
            return
        kind = node.get("type") if isinstance(node.get("type"), str) else None  # a value has its type's tree there
        if "cte_map" in node:
            names = [item["key"].lower() for item in node["cte_map"].get("map", ())]
            local = local | frozenset(names)
        if kind == "RECURSIVE":
            node["type"] = "BASE_TABLE"
            return
        if kind == "BASE_TABLE":
            self.base_table(node, local)
            return
        if kind == "SUBQUERY" and "subquery" in node and "class" not in node and self.derived(node, local):
            return
        if kind == "TABLE_FUNCTION":
            check_table_function(node)
            for argument in node["function"].get("arguments", ()):
                self.visit(argument, local)
            return
        if kind == "SHOW_REF" and node.get("show_type") not in {"DESCRIBE", "SUMMARY"}:
            raise InvalidExpression("SHOW cannot be part of another statement: read information_schema instead")
        if kind in {"COLUMN_DATA", "DELIM_GET", "BOUND_TABLE_REF"}:
            raise InvalidExpression(f"{kind} cannot be written in a statement")
        if node.get("class") in {"FUNCTION", "WINDOW"}:
            self.function(node)
        if node.get("class") == "PARAMETER":
            self.parameter(node)
        if node.get("class") == "COLUMN_REF":
            self.column(node)
        for child in list(node.values()):
            if isinstance(child, (dict, list)):
                self.visit(child, local)

    def function(self, node: dict[str, Any]) -> None:
        name = str(node["function_name"]).lower()
        path = node.get("qualified_name", {}).get("path") or [name]
        if (name in CLOCK or name in SESSION) and not node.get("arguments"):
            self.frozen(node, name)
        elif name not in FUNCTIONS | OPERATORS | {"unnest"} or (len(path) > 1 and path[0].lower() != "main"):
            raise FunctionRefused(f"function {'.'.join(path)} does not exist or is not allowed here")
        elif name == "age" and len(node["arguments"]) == 1:
            midnight = Expressions(self.context, Scope(), {}, self.bind).midnight()
            (select,) = self.context.oracle.parse(f"SELECT age({sql_of(midnight, DUCKDB)}, NULL)")
            node["arguments"].insert(0, select["select_list"][0]["arguments"][0])

    def frozen(self, node: dict[str, Any], name: str) -> None:
        """A function of the clock or session as the constant it stands for."""
        value = Expressions(self.context, Scope(), {}, self.bind).special(name)
        (select,) = self.context.oracle.parse(f"SELECT {sql_of(value, DUCKDB)}")
        alias = node.get("alias")
        node.clear()
        node.update(select["select_list"][0])
        if alias:
            node["alias"] = alias

    def parameter(self, node: dict[str, Any]) -> None:
        name = str(node["identifier"])
        value = self.context.parameter(name, self.context.parameters.get(name) or "VARCHAR")
        if isinstance(value, Constant):
            (select,) = self.context.oracle.parse(f"SELECT {sql_of(value, DUCKDB)}")
            node.clear()
            node.update(select["select_list"][0])

    def column(self, node: dict[str, Any]) -> None:
        """catalog.schema.table.column -> table.column: the inputs have no catalog."""
        path = [str(part) for part in node["column_names"]]
        for qualifier in self.qualifiers:
            for cut in (3, 2):
                tail = tuple(part.lower() for part in qualifier[-cut:])
                if len(path) > cut and tuple(part.lower() for part in path[:cut]) == tail:
                    node["column_names"] = path[cut - 1 :]
                    return

    # ------------------------------------------------------------ inputs

    def base_table(self, node: dict[str, Any], local: frozenset[str]) -> None:
        path = tuple(node["qualified_name"]["path"])
        if len(path) == 1 and path[0].lower() in local:
            return
        cte = self.ctes.get(path[0].lower()) if len(path) == 1 else None
        key: tuple[str, ...] = ()
        if cte is not None:
            key, alias = (cte.name,), self.context.alias()
            items = tuple(ColumnRef(alias, f"c{i}", type_) for i, type_ in enumerate(cte.types))
            query: Query = Select(items, CteRef(alias, cte.name, cte.types))
            names = tuple(unique_names(cte.columns))
            shown = path[-1]
        elif is_information_schema(path):
            query, names = view(path, self.context.sources)
            shown = path[-1]
        else:
            source, table = resolve(path, self.context.sources, self.context.request.session)
            key = (source.name, table.schema, table.name)
            scan = scan_of(self.context.alias(), source, table)
            kept = tuple(
                column
                for column in scan.columns
                if self.mentioned is None or column.source_name.lower() in self.mentioned
            )
            kept = kept or scan.columns[:1]
            scan = replace(scan, columns=kept)
            items = tuple(ColumnRef(scan.alias, column.name, column.type, column.nullable) for column in kept)
            query = Select(items, scan)
            names = tuple(column.source_name for column in kept)
            if len({name.lower() for name in names}) != len(names):
                raise InvalidExpression(f"{'.'.join(path)} has columns that differ in case only; {self.why}")
            shown = table.name
            self.qualifiers.add((source.name, table.schema, table.name))
        _read(node, self.known(key, query, names), node.get("alias") or shown)

    def derived(self, node: dict[str, Any], local: frozenset[str]) -> bool:
        """Bind a subquery in FROM on its own, if it stands on its own."""
        inner = node["subquery"]["node"]
        if _tables(inner) & local:
            return False
        try:
            bound = self.bind(inner, self.ctes, None)
        except (UnknownName, InvalidExpression, NotUnderstood):
            return False  # perhaps lateral: DuckDB decides
        key = () if is_volatile(bound.query) else ("", self.context.oracle.text(inner))
        given = self.known(key, bound.query, tuple(unique_names(bound.names)))
        _read(node, given, node.get("alias", "unnamed_subquery"))
        return True

    def known(self, key: tuple[str, ...], query: Query, names: tuple[str, ...]) -> Input:
        """The input that a key stands for, made when it is first asked for; a new one for no key."""
        made = self.tables.get(key)
        if made is None:
            made = Input(f"h{self.context.relations}", names, query)
            self.context.relations += 1
            self.inputs.append(made)
        if key:
            self.tables[key] = made
        return made


def _read(node: dict[str, Any], given: Input, alias: str) -> None:
    """Have a FROM read an input."""
    kept = {key: node[key] for key in ("column_name_alias", "sample") if key in node}
    node.clear()
    node.update(type="BASE_TABLE", alias=alias, table_name=given.name, qualified_name={"path": [given.name]}, **kept)


def _tables(node: Any) -> frozenset[str]:
    if isinstance(node, dict):
        own = frozenset([str(node.get("table_name", "")).lower()]) if node.get("type") == "BASE_TABLE" else frozenset()
        return own.union(*(_tables(child) for child in node.values() if isinstance(child, (dict, list))))
    return frozenset[str]().union(*(_tables(child) for child in node if isinstance(child, (dict, list))))


def _mentioned(node: Any) -> frozenset[str] | None:
    """All names that may be columns, in lower case; None where any column may be meant (*, NATURAL, DESCRIBE …)."""
    found: set[str] = set()
    stack = [node]
    while stack:
        top = stack.pop()
        if isinstance(top, dict):
            if (
                top.get("class") in ("STAR", "POSITIONAL_REFERENCE")
                or top.get("type") in ("SHOW_REF", "PIVOT")
                or top.get("ref_type") == "NATURAL"
            ):
                return None
            if top.get("type") == "BASE_TABLE":
                # A whole row is named by its table's name or alias.
                found.discard("")
            found.update(str(name).lower() for name in top.get("column_names", ()))
            found.update(str(name).lower() for name in top.get("using_columns", ()))
            names = {str(top.get("alias", "")).lower(), str(top.get("table_name", "")).lower()}
            if top.get("type") == "BASE_TABLE" and top.get("column_name_alias"):
                return None
            stack.extend(child for child in top.values() if isinstance(child, (dict, list)))
            if top.get("type") in ("BASE_TABLE", "SUBQUERY"):
                found.update(f"\0{name}" for name in names if name)
        else:
            stack.extend(child for child in top if isinstance(child, (dict, list)))
    rows = {name[1:] for name in found if name.startswith("\0")}
    if rows & found:
        return None
    return frozenset(name for name in found if not name.startswith("\0"))
