"""What binding one statement shares: the sources, the oracle, counters, and how types and constants are found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from connectors.sqlgen.dialect import family
from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.printer import sql_of
from connectors.sqlgen.tree import Call, Cast, Constant, Expr, Parameter
from planner.errors import InvalidExpression, ParameterRefused
from planner.functions import FOLDABLE, UNORDERED, VOLATILE
from planner.oracle import Oracle, Rejected, placeholders
from planner.plan import PlanRequest, SourceInfo

PLAIN = frozenset(
    [
        "bool",
        "int",
        "hugeint",
        "decimal",
        "float",
        "double",
        "text",
        "blob",
        "date",
        "time",
        "timestamp",
        "timestamptz",
        "interval",
    ]
)
"""Families whose values a Constant can hold as text."""
_ADAPTS = frozenset(["date", "time", "timestamp", "timestamptz", "bool", "int"])
"""Families that a string literal beside them becomes."""


@dataclass(frozen=True, slots=True)
class CteInfo:
    """A common table expression in scope."""

    name: str
    """Ours: q0."""
    columns: tuple[str, ...]
    types: tuple[str, ...]


Ctes = Mapping[str, CteInfo | None]
"""By name in lower case; None is one that only the text of an opaque query knows."""


@dataclass(slots=True)
class Context:
    request: PlanRequest
    sources: Mapping[str, SourceInfo]
    oracle: Oracle
    relations: int = 0
    common: int = 0
    parameters: dict[str, str] = field(default_factory=dict)
    """Types of the parameters seen, '' where no context told one yet."""
    clock: bool = False
    """Whether the statement's now() is part of what was bound."""
    unordered: bool = False
    """Whether the answer may depend on an order or a chance that SQL leaves open."""

    def alias(self) -> str:
        """A new relation alias: t0, t1 …"""
        self.relations += 1
        return f"t{self.relations - 1}"

    def cte(self) -> str:
        self.common += 1
        return f"q{self.common - 1}"

    # ------------------------------------------------------------ making typed expressions

    def call(self, call: Call) -> Expr:
        """The call with its type by DuckDB's binder, folded if it is constant. Raises InvalidExpression."""
        args = self.adapted(call.name, call.args)
        if call.name in UNORDERED or call.name in VOLATILE:
            self.unordered = True
        if call.name in {"and", "or", "not"}:
            args = tuple(self.boolean(arg) for arg in args)
        shown, others = placeholders(args, operator=call.name in BY_TYPES)
        probe = replace(call, args=shown, filter=None, order=())
        typed = replace(call, args=args, type=self.type_of(probe, others))
        return typed if call.aggregate or call.name in VOLATILE else self.folded(typed)

    def type_of(self, probe: Expr, others: tuple[Expr, ...]) -> str:
        try:
            return self.oracle.type_of(sql_of(probe, DUCKDB), others)
        except Rejected as error:
            raise InvalidExpression(error.message) from None

    def boolean(self, node: Expr) -> Expr:
        """A condition: what is not BOOLEAN is cast, as DuckDB does."""
        if isinstance(node, Parameter) and not node.type:
            return self.parameter(node.name, "BOOLEAN")
        if node.type in {"BOOLEAN", '"NULL"'}:
            return node
        return self.cast(node, "BOOLEAN")

    def cast(self, arg: Expr, type_: str, safe: bool = False) -> Expr:
        if isinstance(arg, Parameter) and not arg.type:
            return self.parameter(arg.name, type_)
        if isinstance(arg, Constant) and arg.text is None:
            return Constant(None, type_)
        return self.folded(Cast(arg, type_, safe))

    def folded(self, node: Expr) -> Expr:
        """A constant in place of a call or cast of constants; the node itself where it has no plain value."""
        args = node.args if isinstance(node, Call) else (node.arg,) if isinstance(node, Cast) else ()
        if isinstance(node, Call) and node.name not in FOLDABLE:
            return node
        if not args or not all(isinstance(arg, Constant) for arg in args) or family(node.type) not in PLAIN:
            return node
        zoned = any(family(type_) == "timestamptz" for type_ in (node.type, *(arg.type for arg in args)))
        if zoned and self.request.session.time_zone != "UTC":
            return node  # the oracle's clock is UTC's
        value = summed(node) or self.oracle.value(sql_of(node, DUCKDB))
        if value is None or value[1] not in (node.type, '"NULL"'):
            return node
        return Constant(value[0], node.type)

    def adapted(self, name: str, args: tuple[Expr, ...]) -> tuple[Expr, ...]:
        """Arguments with parameters typed by their neighbours and literals of the type they are compared with."""
        known = next((arg.type for arg in args if arg.type and not _flexible(arg)), None)
        known = known or next((arg.type for arg in args if arg.type), None)
        if name in {"+", "-"} and known == "INTERVAL":
            known = "TIMESTAMP"  # what an interval is added to
        args = tuple(
            self.parameter(arg.name, "VARCHAR" if known in (None, '"NULL"') else known or "")
            if isinstance(arg, Parameter) and not arg.type
            else arg
            for arg in args
        )
        if name not in _COMPARISONS:
            return args
        base = next((arg for arg in args if not isinstance(arg, Constant)), None)
        if base is None:
            return args
        return tuple(self.compared(arg, base.type) for arg in args)

    def compared(self, node: Expr, type_: str) -> Expr:
        """A constant beside a value of `type_`, in that type where that changes no comparison."""
        if not isinstance(node, Constant) or node.text is None:
            return node
        if node.type == "VARCHAR" and node.literal and family(type_) in _ADAPTS:
            made = self.folded(Cast(node, type_))
            if isinstance(made, Cast):
                value = self.oracle.value(sql_of(made, DUCKDB))
                if value is None and family(type_) != "timestamptz":
                    raise InvalidExpression(f"the text {node.text!r} is not a value of the type {type_}")
            return made
        if node.type == "TIMESTAMP" and type_ == "DATE" and node.text.endswith(" 00:00:00"):
            return Constant(node.text.removesuffix(" 00:00:00"), "DATE")
        return node

    # ------------------------------------------------------------ parameters

    def parameter(self, name: str, type_: str) -> Expr:
        """A parameter of a type that its context told: its value if it is bound. Raises ParameterRefused."""
        known = self.parameters.get(name, "")
        type_ = known or type_
        self.parameters[name] = type_
        bound = self.request.parameters
        if bound is None or not type_:
            return Parameter(name, type_)
        if name not in bound:
            raise ParameterRefused(f"parameter {name} has no value: bind {max(len(bound) + 1, 1)} or more values")
        text, given = bound[name]
        if text is None:
            return Constant(None, type_)
        value = Constant(text, given)
        if given == type_:
            return value
        made = self.oracle.value(sql_of(Cast(value, type_), DUCKDB))
        if made is not None:
            back = self.oracle.value(sql_of(Cast(Constant(made[0], type_), given), DUCKDB))
            if made[0] is not None and back is not None and back[0] == text:
                return Constant(made[0], type_)
        raise ParameterRefused(
            f"parameter {name} is used as {type_}; the value given, a {given}, is not exactly one: bind a {type_},"
            " or write a CAST around the parameter"
        )


def summed(node: Expr) -> tuple[str, str] | None:
    """What Oracle.value answers to a sum or difference of two integers, which it takes half a millisecond for."""
    if not isinstance(node, Call) or node.name not in ("+", "-") or node.type not in _BITS:
        return None
    whole = (arg for arg in node.args if isinstance(arg, Constant) and family(arg.type) == "int")
    values = [int(arg.text) for arg in whole if arg.text is not None]
    if len(values) != 2:
        return None
    made = sum(values) if node.name == "+" else values[0] - values[1]
    return (str(made), node.type) if -(1 << _BITS[node.type]) <= made < 1 << _BITS[node.type] else None


_BITS = {"INTEGER": 31, "BIGINT": 63}


def _flexible(arg: Expr) -> bool:
    return isinstance(arg, Constant) and (arg.literal or arg.text is None)


_COMPARISONS = frozenset(
    ["=", "<>", "<", "<=", ">", ">=", "between", "in", "not in", "is distinct from", "is not distinct from"]
)
BY_TYPES = _COMPARISONS | {"+", "-", "*", "/", "//", "%", "||", "~~", "!~~", "~~*", "!~~*"}
"""Calls whose type the types of their arguments say, whatever values constants have (tests/unit/test_planner_probes.py)."""
