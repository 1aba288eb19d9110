"""Query nodes -> SELECT blocks, set operations and WITH; the smallest query that is not understood stays text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

from connectors.sqlgen.tree import (
    ColumnRef,
    Constant,
    Cte,
    Expr,
    Parameter,
    Query,
    Select,
    SetOp,
    Sort,
    With,
    walk,
)
from planner.bind.blocks import (
    aliases_of,
    bare_columns,
    check_grouped,
    check_nesting,
    is_volatile,
    ordinal_of,
    pick_first,
    position,
    uses_alias,
    with_keys_below,
)
from planner.bind.context import Context, CteInfo, Ctes
from planner.bind.expressions import Expressions, sort_of
from planner.bind.layers import layered
from planner.bind.opaque import opaque_query
from planner.bind.relations import Relations, derived_of
from planner.bind.scope import NotUnderstood, Scope, Visible, pick
from planner.errors import InvalidExpression, UnknownName
from planner.rules.algebra import has_aggregate

_SET_OPERATIONS = {"UNION": "union", "EXCEPT": "except", "INTERSECT": "intersect"}


@dataclass(frozen=True, slots=True)
class BoundQuery:
    """A query and what its output columns are called, as DuckDB would call them."""

    query: Query
    names: tuple[str, ...]
    origins: tuple[tuple[str, str, str, str] | None, ...]


@dataclass(slots=True)
class Queries:
    """Binds queries of one statement."""

    context: Context

    def bind(self, node: dict[str, Any], ctes: Ctes, parent: Scope | None) -> BoundQuery:
        """A query with its WITH. A query inside an expression (`parent`) is not left to DuckDB alone: its block is."""
        before = self.context.relations, self.context.common
        try:
            return self.with_ctes(node, ctes, parent)
        except NotUnderstood as error:
            if parent is not None:
                raise
            self.context.relations, self.context.common = before
            return opaque_query(self.context, node, ctes, error.why, self.bind)

    def with_ctes(self, node: dict[str, Any], ctes: Ctes, parent: Scope | None) -> BoundQuery:
        made: list[Cte] = []
        scope: dict[str, CteInfo | None] = dict(ctes)
        for item in node.get("cte_map", {}).get("map", ()):
            value = item["value"]
            inner = value["query_node"]
            if inner["type"] == "RECURSIVE_CTE_NODE":
                bound = opaque_query(self.context, _recursive(item), scope, "a recursive query", self.bind)
            else:
                bound = self.common(inner, scope, parent)
            given = value.get("aliases", ())
            names = [given[i] if i < len(given) else name for i, name in enumerate(bound.names)]
            name = self.context.cte()
            scope[item["key"].lower()] = CteInfo(name, tuple(names), bound.query.types)
            made.append(Cte(name, bound.query))
        kind = node["type"]
        if kind == "SELECT_NODE":
            body = self.select(node, scope, parent)
        elif kind == "SET_OPERATION_NODE":
            body = self.set_operation(node, scope, parent)
        else:
            raise NotUnderstood(f"{kind.lower().replace('_', ' ')} is DuckDB's own")
        return replace(body, query=With(tuple(made), body.query)) if made else body

    def common(self, node: dict[str, Any], ctes: Ctes, parent: Scope | None) -> BoundQuery:
        """The query of a CTE: on its own, or with the names around the subquery that it stands in."""
        try:
            return self.bind(node, ctes, None)
        except UnknownName:
            if parent is None:
                raise
            return self.bind(node, ctes, parent)

    # ------------------------------------------------------------ set operations

    def set_operation(self, node: dict[str, Any], ctes: Ctes, parent: Scope | None) -> BoundQuery:
        op = _SET_OPERATIONS.get(node["setop_type"])
        if op is None:
            raise NotUnderstood(f"{node['setop_type'].lower().replace('_', ' ')} is DuckDB's own")
        branches = [self.with_ctes(child, ctes, parent) for child in node["children"]]
        if len({len(branch.names) for branch in branches}) != 1:
            raise InvalidExpression(f"{op.upper()}: the queries have different numbers of columns")
        all_ = bool(node.get("setop_all", True))  # true is the serializer's default, left out of its JSON
        query = branches[0].query
        for branch in branches[1:]:
            types = self.common_types(op, query, branch.query)
            left, right = self.casted(query, types), self.casted(branch.query, types)
            query = SetOp(op, all_, left, right, types)  # type: ignore[arg-type]
        order, limit, offset, distinct, targets = self.modifiers(node)
        if distinct or targets:
            raise NotUnderstood("DISTINCT over a set operation")
        names = branches[0].names
        keys = tuple(self.output_sort(item, names, query.types) for item in order)
        made = replace(cast(SetOp, query), order=keys, limit=limit, offset=offset)
        return BoundQuery(made, names, (None,) * len(names))

    def common_types(self, op: str, left: Query, right: Query) -> tuple[str, ...]:
        if left.types == right.types and '"NULL"' not in left.types:
            return left.types
        sides = (
            "SELECT " + ", ".join(f"CAST(NULL AS {t})" if t != '"NULL"' else "NULL" for t in side.types)
            for side in (left, right)
        )
        return tuple(self.context.oracle.query_types(" UNION ALL ".join(sides)))

    def casted(self, query: Query, types: tuple[str, ...]) -> Query:
        """The query with its columns cast to `types` where they differ."""
        if query.types == types:
            return query
        relation, reader = derived_of(query, self.context)
        items = tuple(
            item if item.type == type_ else self.context.cast(item, type_)
            for item, type_ in zip(reader.items, types, strict=True)
        )
        return Select(items, relation)

    def output_sort(self, order: dict[str, Any], names: tuple[str, ...], types: tuple[str, ...]) -> Sort:
        """An ORDER BY key over the output columns of a set operation."""
        node = order["expression"]
        ordinal = ordinal_of(node)
        if ordinal is not None:
            index = position(ordinal, len(names), "ORDER BY")
        elif node["class"] == "COLUMN_REF" and len(node["column_names"]) == 1:
            columns = [Visible(name, ColumnRef("", f"c{i}", "")) for i, name in enumerate(names)]
            found = pick(node["column_names"][0], columns, node["column_names"][0])
            if found is None:
                raise UnknownName(f"ORDER BY {node['column_names'][0]}: the set operation has no such column")
            index = columns.index(found)
        else:
            raise NotUnderstood("ORDER BY an expression over a set operation")
        return sort_of(order, ColumnRef("", f"c{index}", types[index]))

    # ------------------------------------------------------------ SELECT

    def select(self, node: dict[str, Any], ctes: Ctes, parent: Scope | None) -> BoundQuery:
        scope = Scope(parent=parent)
        relation = Relations(self.context, ctes, scope, self.bind).bind(node["from_table"])
        expressions = Expressions(self.context, scope, ctes, self.bind)
        if node.get("sample"):
            raise NotUnderstood("a sample")
        listed = aliases_of(node)
        where_node = node.get("where_clause")
        if where_node is not None and uses_alias(where_node, listed, scope):
            raise NotUnderstood("a WHERE that uses an alias of the select list")
        where = self.context.boolean(expressions.convert(where_node)) if where_node else None
        if where is not None and has_aggregate(where):
            if parent is not None:
                raise NotUnderstood("an aggregate of the query around a subquery")
            raise InvalidExpression("WHERE cannot contain aggregates: use HAVING")
        items, names, origins = self.items(node, expressions, scope)
        if not items:
            raise InvalidExpression("SELECT has no columns")
        group, sets = self.group(node, items, names, expressions)
        keys = set(group or ())
        scope.preferred = {
            name: made
            for name, made in scope.aliases.items()
            if (column := pick_first(name, scope)) is not None and column.expr not in keys
        }
        having = node.get("having")
        having_expr = self.context.boolean(expressions.convert(having)) if having else None
        by_all = node.get("aggregate_handling") == "FORCE_AGGREGATES" and not node.get("group_expressions")
        if by_all and having_expr is not None and not keys.issuperset(bare_columns(having_expr)):
            raise NotUnderstood("GROUP BY ALL groups by the columns of HAVING, too")
        scope.preferred = {}
        qualify = node.get("qualify")
        qualify_expr = self.context.boolean(expressions.convert(qualify)) if qualify else None
        order_nodes, limit, offset, distinct, target_nodes = self.modifiers(node)

        def sorts(nodes: list[dict[str, Any]]) -> tuple[Sort, ...]:
            return tuple(key for item in nodes for key in self.sort(item, tuple(items), tuple(names), expressions))

        order = sorts(order_nodes)
        targets = [key.expr for key in sorts([{"expression": item, "type": "ASCENDING"} for item in target_nodes])]
        used = [*items, *targets, *(key.expr for key in order), *([having_expr] if having_expr else [])]
        if qualify_expr is not None:
            used.append(qualify_expr)
        if group is None and (having_expr is not None or any(has_aggregate(item) for item in used)):
            group = ()
        if distinct and any(key.expr not in items for key in order):
            raise NotUnderstood("DISTINCT ordered by what it does not put out")
        made = Select(
            tuple(items), relation, where, group, sets, having_expr, qualify_expr, distinct, order, limit, offset
        )
        check_nesting(made)
        if group == () and not any(has_aggregate(item) for item in used):
            raise NotUnderstood("a grouping without keys or aggregates")
        if group is not None:
            check_grouped(made, *targets)
            if not targets:
                made = with_keys_below(made, self.context)
        if limit is not None or offset is not None or target_nodes:
            self.context.unordered = True
        made = layered(made, tuple(targets) if target_nodes else None, self.context.alias)
        return BoundQuery(made, tuple(names), tuple(origins))

    def items(
        self, node: dict[str, Any], expressions: Expressions, scope: Scope
    ) -> tuple[list[Expr], list[str], list[tuple[str, str, str, str] | None]]:
        items: list[Expr] = []
        names: list[str] = []
        origins: list[tuple[str, str, str, str] | None] = []
        for item in node["select_list"]:
            if item["class"] == "STAR":
                for column in self.star(item, scope, expressions):
                    items.append(column.expr)
                    names.append(column.name)
                    origins.append(column.origin)
                continue
            made = expressions.settled(item)
            found = scope.find(tuple(item["column_names"])) if item["class"] == "COLUMN_REF" else None
            if item["class"] == "POSITIONAL_REFERENCE":
                found = expressions.positional(item)
            name = item.get("alias") or (found.name if found else self.name_of(item))
            items.append(made)
            names.append(name)
            origins.append(found.origin if found else None)
            if item.get("alias"):
                if any(is_volatile(part, self.context) for part in walk(made)):
                    scope.aliases.pop(name.lower(), None)
                else:
                    scope.aliases.setdefault(name.lower(), made)
        return items, names, origins

    def name_of(self, item: dict[str, Any]) -> str:
        """What DuckDB calls an output column that is no plain column: its text, or a struct's field."""
        return (
            str(item["column_names"][-1])
            if item["class"] == "COLUMN_REF"
            else self.context.oracle.expression_text(item)
        )

    def star(self, node: dict[str, Any], scope: Scope, expressions: Expressions) -> list[Visible]:
        """The columns of *, t.*, with EXCLUDE, REPLACE and RENAME."""
        known = {"class", "type", "relation_name", "exclude_list", "replace_list", "rename_list"}
        if not set(node) <= known | {"query_location", "query_location_length", "qualified_name"} or node.get("expr"):
            raise NotUnderstood("COLUMNS or a star with a pattern")
        if node.get("relation_name"):
            found = scope.relation((node["relation_name"],))
            if found is None:
                raise UnknownName(f"relation {node['relation_name']} does not exist in FROM")
            columns = found.columns
        else:
            columns = scope.star
        if not columns:
            raise InvalidExpression("SELECT * needs a FROM clause")
        excluded = node.get("exclude_list", ())
        if any(not isinstance(name, str) for name in excluded) or node.get("rename_list"):
            raise NotUnderstood("a star with qualified EXCLUDE or RENAME")
        for name in excluded:
            if pick(name, columns, name) is None:
                raise UnknownName(f"column {name} of EXCLUDE does not exist")
        gone = {name.lower() for name in excluded}
        replaced = {item["key"].lower(): item["value"] for item in node.get("replace_list", ())}
        made = []
        for column in columns:
            if column.name.lower() in gone:
                continue
            if column.name.lower() in replaced:
                made.append(Visible(column.name, expressions.settled(replaced[column.name.lower()])))
            else:
                made.append(column)
        return made

    def group(
        self, node: dict[str, Any], items: list[Expr], names: list[str], expressions: Expressions
    ) -> tuple[tuple[Expr, ...] | None, tuple[tuple[int, ...], ...] | None]:
        if node.get("aggregate_handling") == "FORCE_AGGREGATES" and not node.get("group_expressions"):
            keys = tuple(dict.fromkeys(item for item in items if not has_aggregate(item)))
            if any(has_aggregate(item) and any(bare_columns(item)) for item in items):
                raise NotUnderstood("GROUP BY ALL over columns mixed with aggregates")
            return keys, None
        given = node.get("group_expressions")
        if given is None:
            sets = node.get("group_sets", ())
            if len(sets) > 1:
                raise NotUnderstood("several empty grouping sets, each of which has a row")
            return ((), None) if sets else (None, None)
        made_keys: list[Expr] = []
        listed = [_bare(item) for item in node["select_list"]]
        for key in given:
            ordinal = ordinal_of(key)
            named = None if ordinal is None else items[position(ordinal, len(items), "GROUP BY")]
            if len(listed) == len(items) and _bare(key) in listed:
                # A subquery that is written twice would get relations of its own each time.
                named = items[listed.index(_bare(key))]
            made = named or expressions.settled(key)
            if has_aggregate(made):
                raise InvalidExpression("GROUP BY cannot contain aggregates")
            made_keys.append(made)
        sets = tuple(tuple(group) for group in node.get("group_sets", ()))
        if len(sets) == 1 and len(sets[0]) == len(made_keys):
            return tuple(dict.fromkeys(made_keys)), None
        if len(set(made_keys)) != len(made_keys):
            raise NotUnderstood("grouping sets over a repeated key")
        return tuple(made_keys), sets

    def sort(
        self, order: dict[str, Any], items: tuple[Expr, ...], names: tuple[str, ...], expressions: Expressions
    ) -> list[Sort]:
        """An ORDER BY key: an ordinal, an output name (which wins over a column), ALL, or an expression."""
        node = order["expression"]
        if node["class"] == "STAR":
            return [sort_of(order, item) for item in items]
        ordinal = ordinal_of(node)
        if ordinal is not None:
            return [sort_of(order, items[position(ordinal, len(items), "ORDER BY")])]
        if node["class"] == "COLUMN_REF" and len(node["column_names"]) == 1:
            name = node["column_names"][0].lower()
            found = [item for item, given in zip(items, names, strict=True) if given.lower() == name]
            if found:
                return [sort_of(order, found[0])]
        made = expressions.settled(node)
        return [] if isinstance(made, Constant) else [sort_of(order, made)]

    def modifiers(
        self, node: dict[str, Any]
    ) -> tuple[list[dict[str, Any]], Expr | None, Expr | None, bool, list[dict[str, Any]]]:
        """(ORDER BY nodes, LIMIT, OFFSET, DISTINCT, nodes of DISTINCT ON)."""
        order: list[dict[str, Any]] = []
        targets: list[dict[str, Any]] = []
        limit = offset = None
        distinct = False
        expressions = Expressions(self.context, Scope(), {}, self.bind)
        for modifier in node.get("modifiers", ()):
            kind = modifier["type"]
            if kind == "ORDER_MODIFIER":
                order = modifier["orders"]
            elif kind == "LIMIT_MODIFIER" and not modifier.get("limit_type"):
                limit = self.count(modifier.get("limit"), expressions, "LIMIT")
                offset = self.count(modifier.get("offset"), expressions, "OFFSET")
            elif kind == "DISTINCT_MODIFIER":
                targets = modifier.get("distinct_on_targets", [])
                distinct = not targets
            else:
                raise NotUnderstood(kind.lower().replace("_", " "))
        return order, limit, offset, distinct, targets

    def count(self, node: dict[str, Any] | None, expressions: Expressions, what: str) -> Expr | None:
        if node is None:
            return None
        if node["class"] not in {"CONSTANT", "PARAMETER", "CAST"}:
            raise NotUnderstood(f"{what} by an expression")
        made = expressions.convert(node)
        if isinstance(made, Parameter) and not made.type:
            made = self.context.parameter(made.name, "BIGINT")
        if isinstance(made, Constant):
            if made.text is None:
                return None
            if not made.text.isdigit():
                raise InvalidExpression(f"{what} must be a whole number that is not negative, not {made.text}")
            return Constant(made.text, "BIGINT")
        if not isinstance(made, Parameter):
            raise NotUnderstood(f"{what} by an expression")
        return made


def _bare(node: Any) -> Any:
    """An expression's tree without its alias and its place in the text."""
    if isinstance(node, list):
        return [_bare(child) for child in node]
    if not isinstance(node, dict):
        return node
    return {key: _bare(child) for key, child in node.items() if key != "alias" and "location" not in key}


def _recursive(item: dict[str, Any]) -> dict[str, Any]:
    """A recursive CTE as a query of its own, which stays DuckDB's text."""
    name = item["key"]
    return {
        "type": "SELECT_NODE",
        "cte_map": {"map": [item]},
        "select_list": [{"class": "STAR", "type": "STAR"}],
        "from_table": {"type": "RECURSIVE", "table_name": name, "qualified_name": {"path": [name]}},
        "aggregate_handling": "STANDARD_HANDLING",
    }
