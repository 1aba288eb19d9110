"""DuckDB's expression nodes -> typed trees with resolved columns."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from connectors.sqlgen.dialect import family
from connectors.sqlgen.tree import Call, Constant, Expr, OpaqueExpr, Parameter, Sort, Subquery, Window
from planner.bind.context import Context, Ctes
from planner.bind.scope import NotUnderstood, Scope, Visible
from planner.bind.tables import nearest
from planner.bind.templates import template
from planner.errors import FunctionRefused, InvalidExpression, UnknownName
from planner.functions import CLOCK, FUNCTIONS, OPERATORS, SESSION, SYNONYMS, UNORDERED
from planner.oracle import Rejected, alike, placeholders

if TYPE_CHECKING:
    from planner.bind.queries import BoundQuery

_COMPARE = {
    "COMPARE_EQUAL": "=",
    "COMPARE_NOTEQUAL": "<>",
    "COMPARE_LESSTHAN": "<",
    "COMPARE_LESSTHANOREQUALTO": "<=",
    "COMPARE_GREATERTHAN": ">",
    "COMPARE_GREATERTHANOREQUALTO": ">=",
    "COMPARE_DISTINCT_FROM": "is distinct from",
    "COMPARE_NOT_DISTINCT_FROM": "is not distinct from",
}
_OPERATORS = {
    "OPERATOR_NOT": "not",
    "OPERATOR_IS_NULL": "is null",
    "OPERATOR_IS_NOT_NULL": "is not null",
    "COMPARE_IN": "in",
    "COMPARE_NOT_IN": "not in",
    "OPERATOR_COALESCE": "coalesce",
}
_WITHIN_GROUP = {"quantile_cont": 2, "quantile_disc": 2, "mode": 1}
"""Arguments of the aggregates that may take the first of them from WITHIN GROUP (ORDER BY …)."""
_OF_PART = frozenset(["date_part", "date_trunc"])
"""Functions whose first argument names a part of a date; EXTRACT(YEAR …) writes it in capitals, no list of a source does."""
_BOUND = {
    "UNBOUNDED_PRECEDING": "UNBOUNDED PRECEDING",
    "UNBOUNDED_FOLLOWING": "UNBOUNDED FOLLOWING",
    "CURRENT_ROW_RANGE": "CURRENT ROW",
    "CURRENT_ROW_ROWS": "CURRENT ROW",
    "CURRENT_ROW_GROUPS": "CURRENT ROW",
    **{f"EXPR_PRECEDING_{unit}": "{} PRECEDING" for unit in ("ROWS", "RANGE", "GROUPS")},
    **{f"EXPR_FOLLOWING_{unit}": "{} FOLLOWING" for unit in ("ROWS", "RANGE", "GROUPS")},
}
_NUMBER = re.compile(r"-?[0-9][0-9_]*(\.[0-9_]*)?([eE][+-]?[0-9]+)?|\.[0-9]+([eE][+-]?[0-9]+)?")


@dataclass(slots=True)
class Expressions:
    """Converts the expressions of one query block."""

    context: Context
    scope: Scope
    ctes: Ctes
    query: Callable[[dict[str, Any], Ctes, Scope | None], BoundQuery]
    """Binds a subquery."""

    def convert(self, node: dict[str, Any]) -> Expr:
        """Raises UnknownName, AmbiguousName, InvalidExpression, FunctionRefused, ParameterRefused, NotUnderstood."""
        method = getattr(self, "_" + str(node["class"]).lower(), None)
        if method is None:
            return self.opaque(node)
        made: Expr = method(node)
        return made

    # ------------------------------------------------------------ leaves

    def _column_ref(self, node: dict[str, Any]) -> Expr:
        path = tuple(node["column_names"])
        found = self.scope.find(path)
        if found is not None:
            return found.expr
        if self.scope.loose:
            raise NotUnderstood("a name of a table function's own")
        for cut in range(len(path) - 1, 0, -1):  # a field of a struct column: t.c.field
            whole = self.scope.find(path[:cut])
            if whole is not None:
                return self.fields(whole.expr, path[cut:])
        if self._is_relation(path):
            raise NotUnderstood(f"{'.'.join(path)} is a whole row")
        if len(path) == 1 and path[0].lower() in CLOCK | SESSION:
            return self.special(path[0].lower())
        near = nearest(path[-1], self.scope.candidates())
        hint = f"; did you mean {near}?" if near else ""
        raise UnknownName(f"column {'.'.join(path)} does not exist in this query{hint}")

    def _positional_reference(self, node: dict[str, Any]) -> Expr:
        return self.positional(node).expr

    def positional(self, node: dict[str, Any]) -> Visible:
        """The column of FROM that #2 counts. Raises InvalidExpression."""
        if len(self.scope.star) != sum(len(named.columns) for named in self.scope.relations):
            raise NotUnderstood("a column's number among merged columns")
        columns, number = self.scope.star, int(node["index"])
        if not 1 <= number <= len(columns):
            raise InvalidExpression(f"#{number}: FROM has {len(columns)} columns")
        return columns[number - 1]

    def _is_relation(self, path: tuple[str, ...]) -> bool:
        scope: Scope | None = self.scope
        while scope is not None:
            if scope.relation(path) is not None:
                return True
            scope = scope.parent
        return False

    def fields(self, base: Expr, path: tuple[str, ...]) -> Expr:
        quoted = "".join('."' + name.replace('"', '""').replace("{", "{{").replace("}", "}}") + '"' for name in path)
        return self.opaque_of("({0})" + quoted, (base,), "a field of a struct")

    def _constant(self, node: dict[str, Any]) -> Expr:
        literal = node.get("literal", {})
        kind, text = literal.get("kind", ""), literal.get("text", "")
        if kind == "NULL_LITERAL":
            return Constant(None, '"NULL"')
        if kind == "STRING":
            return Constant(text, "VARCHAR", literal=True)
        if kind == "BOOLEAN":
            return Constant(text.lower(), "BOOLEAN")
        if kind in {"INTEGER", "NUMERIC"} and _NUMBER.fullmatch(text):
            known = alike(Constant(text, "", literal=True)).text or ""
            return Constant(text, self.context.oracle.type_of(known, ()), literal=True)
        return self.opaque(node)

    def settled(self, node: dict[str, Any]) -> Expr:
        """An expression where nothing says what a parameter is: it is text."""
        made = self.convert(node)
        return self.context.parameter(made.name, "VARCHAR") if isinstance(made, Parameter) and not made.type else made

    def _parameter(self, node: dict[str, Any]) -> Expr:
        name = str(node["identifier"])
        known = self.context.parameters.setdefault(name, "")
        return self.context.parameter(name, known) if known else Parameter(name, "")

    # ------------------------------------------------------------ operators

    def _comparison(self, node: dict[str, Any]) -> Expr:
        return self.call(_COMPARE[node["type"]], node["left"], node["right"])

    def _conjunction(self, node: dict[str, Any]) -> Expr:
        return self.call("and" if node["type"] == "CONJUNCTION_AND" else "or", *node["children"])

    def _between(self, node: dict[str, Any]) -> Expr:
        return self.call("between", node["input"], node["lower"], node["upper"])

    def _operator(self, node: dict[str, Any]) -> Expr:
        name = _OPERATORS.get(node["type"])
        children = node.get("children", [])
        if node["type"] == "GROUPING_FUNCTION":  # DuckDB cannot type it outside of its GROUP BY
            return Call("grouping", tuple(self.convert(child) for child in children), "BIGINT", aggregate=True)
        if name is None:
            return self.opaque(node)
        if name == "not" and children[0].get("type") == "COMPARE_IN":
            return self.call("not in", *children[0]["children"])
        if name == "coalesce" and len(children) == 1:
            return self.convert(children[0])
        return self.call(name, *children)

    def _case(self, node: dict[str, Any]) -> Expr:
        parts: list[Expr] = []
        for check in node["case_checks"]:
            parts += [self.context.boolean(self.convert(check["when_expr"])), self.convert(check["then_expr"])]
        parts.append(self.convert(node["else_expr"]))
        return self.context.call(Call("case", tuple(parts), ""))

    def call(self, name: str, *children: dict[str, Any]) -> Expr:
        return self.context.call(Call(name, tuple(self.convert(child) for child in children), ""))

    def _cast(self, node: dict[str, Any]) -> Expr:
        type_ = self.type_named(node["type_expr"])
        return self.context.cast(self.convert(node["child"]), type_, bool(node.get("try_cast")))

    def type_named(self, node: dict[str, Any]) -> str:
        """DuckDB's own name of a type written in the statement."""
        cast = {"class": "CAST", "type": "OPERATOR_CAST", "child": _NULL, "type_expr": node}
        try:
            return self.context.oracle.type_of(self.context.oracle.expression_text(cast), ())
        except Rejected as error:
            raise InvalidExpression(error.message) from None

    # ------------------------------------------------------------ functions

    def _function(self, node: dict[str, Any]) -> Expr:
        column = tuple(node.get("qualified_name", {}).get("path", ())[:-1])
        if len(column) == 1 and self.scope.find(column) is not None:
            node = _called(node)
        name = self.allowed(node)
        if name in CLOCK | SESSION and not node.get("arguments"):
            return self.special(name)
        arguments = node.get("arguments", ())
        if any(argument.get("name") or _is_lambda(name, argument["expression"]) for argument in arguments):
            return self.opaque(node)
        if name in self.context.oracle.aggregates:
            with self.scope.columns_first():
                return self.context.call(self.aggregate(name, node))
        args = tuple(self.convert(argument["expression"]) for argument in arguments)
        if any(node.get(key) for key in ("distinct", "filter")) or node.get("order_bys", {}).get("orders"):
            raise InvalidExpression(f"DISTINCT, FILTER and ORDER BY belong to aggregates; {name} is not one")
        if name == "age" and len(args) == 1:
            args = (self.midnight(), *args)
        if name in _OF_PART and args and isinstance(args[0], Constant) and args[0].text is not None:
            args = (replace(args[0], text=args[0].text.lower()), *args[1:])
        return self.context.call(Call(name, args, ""))

    def aggregate(self, name: str, node: dict[str, Any]) -> Call:
        """A call of an aggregate function."""
        given, orders = node.get("arguments", ()), node.get("order_bys", {}).get("orders", ())
        if orders and len(given) < _WITHIN_GROUP.get(name, 0):
            raise NotUnderstood(f"{name} WITHIN GROUP")
        return Call(
            name,
            tuple(self.convert(argument["expression"]) for argument in given),
            "",
            aggregate=True,
            distinct=bool(node.get("distinct")),
            filter=self.context.boolean(self.convert(node["filter"])) if node.get("filter") else None,
            order=self.sorts(orders),
        )

    def midnight(self) -> Expr:
        """What age() of one argument counts from: left to the engine it would be the engine's clock."""
        return self.context.cast(self.special("current_date"), "TIMESTAMP")

    def allowed(self, node: dict[str, Any]) -> str:
        """The canonical name of a function on the allow-list. Raises FunctionRefused."""
        path = node.get("qualified_name", {}).get("path") or [node["function_name"]]
        name = str(node["function_name"]).lower()
        if name == "unnest":
            raise NotUnderstood("UNNEST makes rows")
        if len(path) > 1 and path[0].lower() != "main":
            raise FunctionRefused(f"function {'.'.join(path)} is not allowed: functions have no schema here")
        if name not in FUNCTIONS and name not in OPERATORS and name not in CLOCK and name not in SESSION:
            near = nearest(name, FUNCTIONS)
            hint = f"; did you mean {near}?" if near else ""
            raise FunctionRefused(f"function {name} does not exist or is not allowed here{hint}")
        return SYNONYMS.get(name, name)

    def special(self, name: str) -> Expr:
        """A function of the clock or the session: the value frozen for the statement."""
        request = self.context.request
        if name == "version":
            return self.context.folded(Constant(f"watersmeet {_version()}", "VARCHAR"))
        if name in SESSION:
            return Constant(request.session.user, "VARCHAR")
        self.context.clock = True
        zoned = Constant(request.now.strftime("%Y-%m-%d %H:%M:%S.%f+00"), "TIMESTAMP WITH TIME ZONE")
        type_ = _CLOCK_TYPES.get(name, "TIMESTAMP WITH TIME ZONE")
        return zoned if type_ == zoned.type else self.context.cast(zoned, type_)

    def _window(self, node: dict[str, Any]) -> Expr:
        name = self.allowed(node)
        context = self.context
        if name in UNORDERED:
            context.unordered = True
        args = tuple(self.convert(argument["expression"]) for argument in node.get("arguments", ()))
        filter_ = context.boolean(self.convert(node["filter_expr"])) if node.get("filter_expr") else None
        if node.get("arg_orders") or node.get("has_from_first_last"):
            raise NotUnderstood(f"this form of {name} OVER")
        name = "count_star" if name == "count" and not args else name
        call = Call(name, args, "", aggregate=True, distinct=bool(node.get("distinct")), filter=filter_)
        order, frame = self.sorts(node.get("orders", ())), self.frame(node)
        if frame.startswith("RANGE") and any(map(str.isdigit, frame)) and not _measurable(order):
            raise NotUnderstood("a frame that measures no number")
        window = Window(
            call,
            tuple(self.settled(key) for key in node.get("partitions", ())),
            order,
            frame,
            "",
            bool(node.get("ignore_nulls")),
        )
        shown, others = placeholders(call.args)
        probe = Window(replace(call, args=shown, filter=None), (), (), "", "", window.ignore_nulls)
        type_ = context.type_of(probe, others)
        return replace(window, call=replace(call, type=type_), type=type_)

    def frame(self, node: dict[str, Any]) -> str:
        start, end, exclude = node["start"], node["end"], node.get("exclude_clause", "NO_OTHER")
        if (start, end, exclude) == ("UNBOUNDED_PRECEDING", "CURRENT_ROW_RANGE", "NO_OTHER"):
            return ""
        bounds = []
        for kind, key in ((start, "start_expr"), (end, "end_expr")):
            if kind not in _BOUND:
                raise NotUnderstood("a window frame of another kind")
            value = ""
            if key in node:
                made = self.convert(node[key])
                if not (isinstance(made, Constant) and (made.text or "").isdigit()):
                    raise NotUnderstood("a window frame whose bounds are not constant numbers")
                value = made.text or ""
            bounds.append(_BOUND[kind].format(value))
        units = {kind.rpartition("_")[2] for kind in (start, end) if not kind.startswith("UNBOUNDED")}
        if len(units) > 1:
            raise NotUnderstood("a window frame of mixed units")
        unit = units.pop() if units else "ROWS"
        tail = "" if exclude == "NO_OTHER" else " EXCLUDE " + exclude.replace("_", " ")
        return f"{unit} BETWEEN {bounds[0]} AND {bounds[1]}{tail}"

    def sorts(self, orders: Any) -> tuple[Sort, ...]:
        return tuple(sort_of(order, self.settled(order["expression"])) for order in orders)

    # ------------------------------------------------------------ subqueries

    def _subquery(self, node: dict[str, Any]) -> Expr:
        kind = node["subquery_type"]
        bound = self.query(node["subquery"]["node"], self.ctes, self.scope)
        inner = bound.query
        if kind in {"EXISTS", "NOT_EXISTS"}:
            made: Expr = Subquery("exists", inner, "BOOLEAN")
            return Call("not", (made,), "BOOLEAN") if kind == "NOT_EXISTS" else made
        if len(inner.types) != 1:
            raise NotUnderstood(f"a subquery of {len(inner.types)} columns in an expression")
        if kind == "SCALAR":
            return Subquery("scalar", inner, inner.types[0])
        if kind != "ANY":
            raise NotUnderstood(f"a subquery of the kind {kind}")
        arg = self.convert(node["child"])
        if isinstance(arg, Parameter) and not arg.type:
            arg = self.context.parameter(arg.name, inner.types[0])
        return Subquery("any", inner, "BOOLEAN", arg, _COMPARE[node["comparison_type"]])

    # ------------------------------------------------------------ what stays DuckDB's text

    def _star(self, node: dict[str, Any]) -> Expr:
        raise NotUnderstood("* or COLUMNS inside an expression")

    def opaque(self, node: dict[str, Any]) -> Expr:
        """A node as DuckDB's text over its converted children."""
        text, args = template(node, self.convert, self.allowed, self.context.oracle.expression_text)
        return self.opaque_of(text, args, f"{node['type'].lower().replace('_', ' ')} is DuckDB's own")

    def opaque_of(self, text: str, args: tuple[Expr, ...], why: str) -> Expr:
        shown, others = placeholders(args)
        return OpaqueExpr(text, args, self.context.type_of(OpaqueExpr(text, shown, "", why), others), why)


def _measurable(order: tuple[Sort, ...]) -> bool:
    """Whether a frame's distances can be those of one number."""
    return len(order) == 1 and family(order[0].expr.type) in ("int", "hugeint", "decimal", "float", "double")


def sort_of(order: dict[str, Any], expr: Expr) -> Sort:
    """An ORDER BY key with DuckDB's default: NULLS LAST for either direction."""
    nulls_first = str(order.get("null_order", "")).replace("_", " ") == "NULLS FIRST"
    return Sort(expr, order["type"] == "DESCENDING", nulls_first)


def _called(node: dict[str, Any]) -> dict[str, Any]:
    """c.f(x) as f(c, x)."""
    *column, name = node["qualified_name"]["path"]
    first = {"expression": {"class": "COLUMN_REF", "type": "COLUMN_REF", "column_names": column}}
    kept = {key: value for key, value in node.items() if key not in ("schema", "catalog")}
    return {**kept, "qualified_name": {"path": [name]}, "arguments": [first, *node.get("arguments", ())]}


def _is_lambda(function: str, node: dict[str, Any]) -> bool:
    """Whether an argument is a lambda; elsewhere `a -> b` is JSON's arrow, with the same node."""
    return node["class"] == "LAMBDA" and function.rpartition("_")[2] in {"transform", "filter", "reduce", "apply"}


def _version() -> str:
    from watersmeet import __version__

    return __version__


_NULL = {"class": "CONSTANT", "type": "VALUE_CONSTANT", "literal": {"kind": "NULL_LITERAL"}}
_CLOCK_TYPES = {
    "current_date": "DATE",
    "today": "DATE",
    "current_time": "TIME WITH TIME ZONE",
    "get_current_time": "TIME WITH TIME ZONE",
    "current_localtime": "TIME",
    "localtime": "TIME",
    "current_localtimestamp": "TIMESTAMP",
    "localtimestamp": "TIMESTAMP",
}
