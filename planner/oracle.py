"""Ask DuckDB what SQL means: its parser for the tree, its binder for types and names, its evaluator for constants.

The one place of the planner that touches the engine, always without data. Text of a client is only ever given to the
*parser function*, as a bound value; what is bound or evaluated was printed from a checked tree.
"""

from __future__ import annotations

import json
import threading
from bisect import bisect_left
from collections import OrderedDict
from typing import Any

import duckdb

from connectors.sqlgen.tree import Call, ColumnRef, Constant, Expr, walk

_PARSE = "SELECT json_serialize_sql(?, skip_empty := true, skip_null := true, skip_default := true)"
_MEMO = 20_000
"""Entries remembered of each kind; one is about 200 bytes."""
_LONGEST = 2_000
"""Characters of a question whose answer is remembered: a long list is asked for once."""


class Rejected(Exception):
    """DuckDB's own words for why a text or an expression is wrong."""

    def __init__(self, message: str, kind: str = "", position: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.position = position


class Oracle:
    """A DuckDB without tables. Thread-safe: one cursor a thread, memos shared."""

    def __init__(self) -> None:
        self._base = _opened()
        (self._parser,) = self._base.extract_statements(_PARSE)
        self._local = threading.local()
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._types: OrderedDict[str, str] = OrderedDict()
        self._values: OrderedDict[str, tuple[str | None, str] | None] = OrderedDict()
        self._lock = threading.Lock()
        rows = self._base.execute(
            "SELECT DISTINCT function_name, function_type FROM duckdb_functions()"
            " WHERE function_type IN ('aggregate', 'window')"
        ).fetchall()
        self.aggregates = frozenset(name for name, kind in rows if kind == "aggregate")
        """Names of aggregate functions."""
        volatile = self._base.execute(
            "SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability IS DISTINCT FROM 'CONSISTENT'"
            " AND function_type = 'scalar'"
        ).fetchall()
        self.volatile = frozenset(name for (name,) in volatile)
        """Scalar functions whose value may differ between calls or statements."""

    def close(self) -> None:
        """Free the engine: nothing may be asked after."""
        self._base.close()

    @property
    def _cursor(self) -> duckdb.DuckDBPyConnection:
        base, cursor = getattr(self._local, "cursor", (None, None))
        if base is not self._base or cursor is None:
            base = self._base
            cursor = base.cursor()
            self._local.cursor = base, cursor
        return cursor

    def _rejected(self, error: duckdb.Error) -> Rejected:
        """DuckDB's error in its words. After an internal one it refuses everything: the next question gets a new one."""
        if isinstance(error, (duckdb.InternalException, duckdb.FatalException)):
            self._base = _opened()
            return Rejected("DuckDB 2.0 has a defect that this statement meets: write it another way", "internal")
        return Rejected(_words(error), type(error).__name__)

    def _one(self, sql: str | duckdb.Statement, values: list[Any] | None = None) -> Any:
        try:
            row = self._cursor.execute(sql, values).fetchall()[0]
        except duckdb.Error as error:
            raise self._rejected(error) from error
        return row[0]

    # ------------------------------------------------------------ the parser

    def parse(self, sql: str) -> list[dict[str, Any]]:
        """DuckDB's tree of each statement in a text of SELECTs. Raises Rejected."""
        answer = json.loads(self._one(self._parser, [sql]))
        if answer.get("error"):
            position = answer.get("position")
            raise Rejected(answer["error_message"], answer["error_type"], int(position) if position else None)
        return [statement["node"] for statement in answer["statements"]]

    def text(self, node: dict[str, Any]) -> str:
        """The SQL of a query node, printed by DuckDB."""
        asked = json.dumps({"statements": [{"node": node}]})
        found = self._texts.get(asked)
        if found is None:
            found = str(self._one("SELECT json_deserialize_sql(?)", [asked]))
            self._remember(self._texts, asked, found)
        return found

    def expression_text(self, node: dict[str, Any]) -> str:
        """The SQL of an expression node, printed by DuckDB: also its name as an output column."""
        bare = {key: value for key, value in node.items() if key != "alias"}
        select = {
            "type": "SELECT_NODE",
            "cte_map": {},
            "select_list": [_anywhere(bare)],
            "from_table": {"type": "EMPTY"},
            "aggregate_handling": "STANDARD_HANDLING",
        }
        return self.text(select).removeprefix("SELECT ")

    # ------------------------------------------------------------ the binder

    def type_of(self, sql: str, args: tuple[Expr, ...]) -> str:
        """The type of an expression whose text refers to the non-literal `args` as p.a0, p.a1 … Raises Rejected."""
        source = ", ".join(f"{_null(arg.type)} AS a{i}" for i, arg in enumerate(args))
        probe = f"SELECT {sql} FROM (SELECT {source or '1'}) AS p"
        found = self._types.get(probe)
        if found is None:
            (found,) = self.query_types(probe)
            self._remember(self._types, probe, found)
        return found

    def query_types(self, sql: str) -> list[str]:
        """The column types of a query printed by us. Raises Rejected."""
        return [type_ for _, type_ in self.query_columns(sql)]

    def query_columns(self, sql: str) -> list[tuple[str, str]]:
        """The column names and types of a query printed by us. Raises Rejected."""
        try:
            relation = self._cursor.sql(sql)
        except duckdb.Error as error:
            raise self._rejected(error) from error
        return [(name, str(type_)) for name, type_ in zip(relation.columns, relation.types, strict=True)]

    # ------------------------------------------------------------ the evaluator

    def value(self, sql: str) -> tuple[str | None, str] | None:
        """(text, type) of a constant expression printed by us; None where it has no value (1 // 0) or no plain type."""
        if sql in self._values:
            return self._values[sql]
        try:
            text, type_ = self._cursor.execute(
                f"SELECT CAST(v AS VARCHAR), typeof(v) FROM (SELECT {sql} AS v)"
            ).fetchall()[0]
            found: tuple[str | None, str] | None = (text, type_)
        except duckdb.Error as error:
            self._rejected(error)
            found = None  # it will raise where it is run, if it is run
        self._remember(self._values, sql, found)
        return found

    def _remember(self, memo: OrderedDict[str, Any], key: str, value: Any) -> None:
        if len(key) > _LONGEST:
            return
        with self._lock:
            memo[key] = value
            if len(memo) > _MEMO:
                memo.popitem(last=False)


def _opened() -> duckdb.DuckDBPyConnection:
    """A DuckDB without data, files or network."""
    base = duckdb.connect(
        config={
            "enable_external_access": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": "512MB",
            "threads": "1",
            "temp_directory": "",
            "enable_optimizer": "false",  # nothing here reads a table: a quarter of a question's time
        }
    )
    base.execute("SET TimeZone = 'UTC'")
    base.execute("SET lock_configuration = true")
    return base


def _anywhere(node: Any) -> Any:
    """A node without the place at which its statement has it."""
    if isinstance(node, dict):
        return {key: _anywhere(value) for key, value in node.items() if not key.startswith("query_location")}
    return [_anywhere(item) for item in node] if isinstance(node, list) else node


def _null(type_: str) -> str:
    """A NULL of a type; that of no type yet takes whatever type it meets."""
    return "NULL" if type_ == '"NULL"' else f"CAST(NULL AS {type_})"


def _words(error: duckdb.Error) -> str:
    """DuckDB's message without the line of our probe that it quotes."""
    return str(error).split("\n\nLINE ")[0].strip()


def placeholders(args: tuple[Expr, ...], *, operator: bool = False) -> tuple[tuple[Expr, ...], tuple[Expr, ...]]:
    """Arguments for a type probe: literals as they stand, all others as columns p.a0 …; and those others.

    To an `operator` only types matter: constants are columns, too, and of literals one stands for many. So what was
    asked for one key need not be asked for the next.
    """
    shown: list[Expr] = []
    others: list[Expr] = []
    for arg in args:
        if isinstance(arg, Constant) and _literal(arg, operator):
            shown.append(alike(arg) if operator else arg)
        elif not operator and _constant(arg):
            shown.append(arg)
        else:
            shown.append(ColumnRef("p", f"a{len(others)}", arg.type))
            others.append(arg)
    return tuple(shown), tuple(others)


def _constant(node: Expr) -> bool:
    """Whether a call makes something of constants only, as [0.1, 0.9] does: some arguments must be no column."""
    return isinstance(node, Call) and all(
        isinstance(part, Constant) or (isinstance(part, Call) and not part.aggregate) for part in walk(node)
    )


def _literal(constant: Constant, operator: bool) -> bool:
    """Whether a constant is more to DuckDB than a column of its type."""
    if constant.text is None or not operator:
        return constant.text is not None or constant.type == '"NULL"'
    return constant.literal or constant.type == "VARCHAR"


def alike(literal: Constant) -> Constant:
    """One literal for all that DuckDB takes for the same types: every text, and the integers that the same types hold.

    >>> alike(Constant("77", "INTEGER")).text, alike(Constant("70000", "INTEGER")).text, alike(Constant("7e1", "DOUBLE")).text
    ('127', '2147483647', '7e1')
    """
    text = literal.text or ""
    if literal.type == "VARCHAR":
        return Constant("", literal.type, literal.literal)
    if not text.isdigit() or len(text) > _DIGITS or int(text) > _LARGEST[-1]:
        return literal
    return Constant(str(_LARGEST[bisect_left(_LARGEST, int(text))]), literal.type, literal.literal)


_LARGEST = tuple(2**bits - 1 for bits in (7, 8, 15, 16, 31, 32, 63, 64, 127, 128))
"""The largest values of DuckDB's integer types."""
_DIGITS = len(str(_LARGEST[-1]))
