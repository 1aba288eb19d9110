"""Print scalar expressions as a source's SQL, refusing what its dialect does not prove equal.

Checking and printing are one pass, so that nothing can be printed that was not checked.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, Self

from connectors.sqlgen.dialect import Dialect, Entry, family, find
from connectors.sqlgen.quotients import moderate
from connectors.sqlgen.tree import (
    Call,
    Cast,
    ColumnRef,
    Constant,
    Expr,
    Keys,
    OpaqueExpr,
    Parameter,
    RowRange,
    Scan,
    ScanColumn,
    Subquery,
    Window,
    walk,
)

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

    def __new__(cls, sql: str, dialect: Dialect) -> Self:
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


class ScalarPrinter(ABC):
    """Prints the scalar expressions of one statement for one dialect."""

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

    # ------------------------------------------------------------ what printers above this one know

    @abstractmethod
    def aggregate(self, node: Call) -> str: ...

    @abstractmethod
    def window(self, node: Window) -> str: ...

    @abstractmethod
    def subquery(self, node: Subquery) -> str: ...

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
        if isinstance(node, RowRange):
            return self.row_range(node)
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
            return f"({node.text})" if node.text.startswith("-") else node.text
        text = self.dialect.literal(node.text, node.type)
        if text is None:
            raise Refused(node, "literal", f"{self.dialect.name} has no exact literal for this {node.type}")
        return text

    def argument(self, node: Expr) -> _Text | _Plain:
        """An argument that a template can ask for its byte-wise forms."""
        sql = self.expr(node)
        return _Text(sql, self.dialect) if family(node.type) == "text" else _Plain(sql)

    def entry(self, table: Mapping[str, tuple[Entry, ...]], node: Call, args: tuple[Expr, ...]) -> Entry:
        """The first entry of the allow-list that holds for a call, or Refused with the reason."""
        name = self.dialect.name
        if node.name not in table:
            raise Refused(node, "function", f"{node.name} is not on the allow-list of {name}")
        families = tuple(family(arg.type) for arg in args)
        texts = tuple(arg.text if isinstance(arg, Constant) else None for arg in args)
        why = f"{node.name}({', '.join(arg.type for arg in args)}) is not proven equal on {name}"
        for entry in find(table, node.name, families):
            if any(texts[i] is None for i in entry.constants if i < len(texts)):
                why = f"{node.name} is proven on {name} only with a constant as argument {min(entry.constants) + 1}"
            elif entry.check is not None and not entry.check(texts):
                why = f"{node.name} is not proven on {name} for this constant"
            elif entry.types is not None and not entry.types(tuple(arg.type for arg in args)):
                continue
            elif entry.moderate and not moderate(args):
                why = f"a product of these may leave the range of DOUBLE, where {name} fails"
            elif entry.result is not None and family(node.type) != entry.result:
                why = f"{node.name} has the type {node.type} here, which is not proven equal on {name}"
            else:
                return entry
        raise Refused(node, "types", why)

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
        if node.name in _FAIL:
            self.check_computed_of_rows(node)
        return self.fill(entry, node.args)

    def check_computed_of_rows(self, node: Call | Cast) -> None:
        """Refuse what is made of constants only, and was not folded because it fails: in CASE WHEN … THEN 1 // 0 END a
        source computes it while it plans, whether or not a row comes to it."""
        if all(isinstance(part, (Call, Cast, Constant)) for part in walk(node)):
            raise Refused(node, "literal", f"the value is an error, which {self.dialect.name} raises without any row")

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
        return (
            f"({self.call(Call('>=', (value, low), 'BOOLEAN'))} AND {self.call(Call('<=', (value, high), 'BOOLEAN'))})"
        )

    def _in_keys(self, node: Call) -> str:
        *values, keys = node.args
        assert isinstance(keys, Keys) and len(keys.texts) == len(values)
        types = tuple(value.type for value in values)
        listed = self.dialect.key_list(keys.texts, types) if {*map(family, types)} <= self.dialect.keys else None
        if listed is None or len(listed) > self.dialect.longest_keys:
            raise Refused(node, "types", f"{self.dialect.name} takes no such keys of the types {', '.join(types)}")
        among = self.dialect.among if len(values) == 1 else self.dialect.among_rows
        compared = (self._compared(value, text, keys.many) for value, text in zip(values, keys.texts, strict=True))
        return among.format(", ".join(compared), keys=listed)

    def _compared(self, value: Expr, text: str, many: bool) -> str:
        """A value in the form in which it is compared with keys: an index's own if that finds all equal texts."""
        if family(value.type) == "text":
            plain = isinstance(value, ColumnRef) and value.table in self.scans and not many
            column = self.scans[value.table][value.column] if plain and isinstance(value, ColumnRef) else None
            if column is None or column.plain != "{0}" or not (text.isascii() or self._any_text(column)):
                return f"{self.argument(value):eq}"
            return self.bare(value)
        return self.dialect.no_index.format(self.expr(value)) if many else self.expr(value)

    def _any_text(self, column: ScanColumn) -> bool:
        prefix = self.dialect.any_text
        return bool(prefix) and (column.collation or "").startswith(prefix)

    def row_range(self, node: RowRange) -> str:
        if node.column is None and not self.dialect.place:
            raise Refused(node, "construct", f"{self.dialect.name} does not say where it keeps a row")
        by, at = (self.dialect.place, self.dialect.place_at) if node.column is None else (self.name(node.column), "{0}")
        ends = ((word, end) for word, end in ((">=", node.start), ("<", node.end)) if end is not None)
        tests = " AND ".join(f"{self.name(node.table)}.{by} {word} {at.format(end)}" for word, end in ends)
        return f"({tests or 'TRUE'})"

    def _in(self, node: Call) -> str:
        value, *items = node.args
        word = node.name.upper()
        if self.dialect.anything:
            return f"({self.expr(value)} {word} ({', '.join(self.expr(item) for item in items)}))"
        templates = {
            self.exact_entry(Call("=", (value, item), "BOOLEAN")).sql for item in items if family(item.type) != "null"
        }
        if not templates <= PLAIN_EQUAL:
            either = " OR ".join(self.call(Call("=", (value, item), "BOOLEAN")) for item in items)
            return f"({either})" if node.name == "in" else f"(NOT ({either}))"
        left = f"{self.argument(value):eq}"
        listed = f"{left} {word} ({', '.join(f'{self.argument(item):eq}' for item in items)})"
        if node.name == "in" and self.indexable(value, *items):
            constants = ", ".join(self.plain(value, item) for item in items)
            return self.beside(f"({self.bare(value)} IN ({constants})", listed, value, *items)
        return f"({listed})"

    def indexable(self, value: Expr, *items: Expr) -> bool:
        """Whether a plain comparison beside the byte-wise one can serve an index without an error or lost rows."""
        return (
            isinstance(value, ColumnRef)
            and value.table in self.scans
            and self.scans[value.table][value.column].plain is not None
            and all(isinstance(item, Constant) and item.text is not None and item.text.isascii() for item in items)
        )

    def plain(self, column: Expr, constant: Expr) -> str:
        """A constant as it is compared with the bare column."""
        assert isinstance(column, ColumnRef)
        return (self.scans[column.table][column.column].plain or "{0}").format(self.expr(constant))

    def beside(self, plain: str, exact: str, column: Expr, *constants: Expr) -> str:
        """A plain comparison, and the byte-wise one where that may be false for a row that it keeps. Two that say the
        same are more than twice the work: PostgreSQL takes them for independent, and a 4th of lineitem for a 700th."""
        assert isinstance(column, ColumnRef)
        only = self.scans[column.table][column.column].plain_exact
        if only and all(isinstance(item, Constant) and not (item.text or "").endswith(" ") for item in constants):
            return f"{plain})"
        return f"{plain} AND {exact})"

    def bare(self, column: Expr) -> str:
        """A column without the form it is read in: as its index knows it."""
        assert isinstance(column, ColumnRef)
        return f"{self.name(column.table)}.{self.name(self.scans[column.table][column.column].source_name)}"

    def _compare(self, node: Call) -> str:
        if self.dialect.anything:
            return _spelled(node.name, [self.expr(arg) for arg in node.args])
        entry = self.exact_entry(node)
        exact = self.fill(entry, node.args)
        if node.name == "=" and self.indexable(*node.args):
            return self.beside(f"({self.bare(node.args[0])} = {self.plain(*node.args)}", exact, *node.args)
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
        if (
            entry is None
            or target is None
            or node.safe
            or (entry.check and not entry.check((node.arg.type, node.type)))
        ):
            raise Refused(
                node, "cast", f"the cast from {node.arg.type} to {node.type} is not proven on {self.dialect.name}"
            )
        self.check_computed_of_rows(node)
        return entry.sql.format(self.argument(node.arg), type=target)


_STRUCTURAL = {
    "and": "and",
    "or": "and",
    "not": "not",
    "is null": "postfix",
    "is not null": "postfix",
    "between": "between",
    "in": "in",
    "not in": "in",
    "in keys": "in_keys",
    "case": "case",
    "coalesce": "coalesce",
    "superset": "superset",
    "=": "compare",
    "<>": "compare",
}
"""Calls with a syntax of their own -> the printer's method."""

_FAIL = frozenset({"+", "-", "*", "//", "%", "abs"})
"""Calls that have no value for some numbers; so have casts."""

PLAIN_EQUAL = {"({0} = {1})", "({0:eq} = {1:eq})", "{0} = {1}", "{0:eq} = {1:eq}"}
"""Templates of '=' that IN may be made of."""

_INFIX = frozenset(
    [
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "^",
        "**",
        "=",
        "<>",
        "<",
        "<=",
        ">",
        ">=",
        "||",
        "&",
        "|",
        "<<",
        ">>",
        "~~",
        "!~~",
        "~~*",
        "!~~*",
        "~~~",
        "@>",
        "<@",
        "&&",
        "^@",
        "->",
        "->>",
        "<=>",
        "<->",
    ]
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
    return f"{function_name(name)}({', '.join(args)})"


def function_name(name: str) -> str:
    """A function's name as the engine takes it: quoted where its grammar has a form of its own for the word."""
    return name if name.isidentifier() and name not in _SPECIAL_FORMS else '"' + name.replace('"', '""') + '"'


_SPECIAL_FORMS = frozenset(
    [
        "left",
        "map",
        "nullif",
        "overlay",
        "position",
        "right",
        "row",
        "substring",
        "trim",
        "if",
        "coalesce",
        "exists",
        "cast",
        "try_cast",
        "extract",
        "list",
    ]
)
