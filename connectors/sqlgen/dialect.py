"""What a connector declares about its SQL: data that the printer turns into text and the planner into decisions.

Default-deny: a function, operator, cast or aggregate that no entry allows for the argument types at hand is not pushed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

FAMILIES: Mapping[str, str] = {
    "BOOLEAN": "bool",
    **dict.fromkeys(
        ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"), "int"
    ),
    "HUGEINT": "hugeint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "VARCHAR": "text",
    "BLOB": "blob",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "INTERVAL": "interval",
    '"NULL"': "null",
}


def family(type_: str) -> str:
    """The family of a DuckDB type that allow-lists speak of.

    One of bool int hugeint decimal float double text blob date time timestamp timestamptz interval null other.

    >>> family("DECIMAL(12,2)"), family("UBIGINT"), family("INTEGER[]")
    ('decimal', 'int', 'other')
    """
    if type_.startswith("DECIMAL("):
        return "decimal"
    return FAMILIES.get(type_, "other")


def decimal_shape(type_: str) -> tuple[int, int]:
    """Precision and scale of a DECIMAL(p,s)."""
    match = re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", type_)
    if match is None:
        raise ValueError(f"not a DECIMAL: {type_}")
    return int(match[1]), int(match[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One function, operator or aggregate for one combination of argument families, proven equal to DuckDB's.

    `sql` is a template: {0} {1} … are the printed arguments (each in parentheses if it needs them). For text arguments
    {0:eq} is the argument in the form whose = means equal bytes, {0:ord} in the form that orders by bytes. {*} is all
    arguments joined with ', '. In an aggregate's {order} is its ORDER BY, {filter} its FILTER, {type} the source's name of
    its type and {unit} 10 to the scale of its argument. For argument families, a last one that ends with '*' repeats any number of times.
    """

    name: str
    """DuckDB's name, as in tree.Call: '+', '=', 'substr', 'sum', 'row_number'."""
    args: tuple[str, ...]
    sql: str
    superset: bool = False
    """Only right as a conjunct of a filter that is checked again locally: may keep too many rows, never too few."""
    constants: frozenset[int] = frozenset()
    """Positions whose argument must be a constant that is not NULL."""
    check: Callable[[tuple[str | None, ...]], bool] | None = None
    """Further condition on the constant arguments' texts (None where not constant); a module-level function."""
    types: Callable[[tuple[str, ...]], bool] | None = None
    """Further condition on the arguments' DuckDB types; a module-level function."""
    moderate: bool = False
    """Only for factors whose product is far from both ends of DOUBLE (connectors/sqlgen/quotients.py)."""
    result: str | None = None
    """The family the result must have by DuckDB's binder; None for any."""
    note: str = ""
    """Why it is right, what was measured, the manual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A SQL source's language as far as watersmeet uses it."""

    name: str
    """'postgres', 'mysql', 'mariadb', 'duckdb'."""
    quote: str
    """The character around identifiers, doubled inside: '"'."""
    literal: Callable[[str | None, str], str | None]
    """(text, DuckDB type) -> the literal, or None where the source cannot say that value exactly.

    Must be safe against injection for every text: it is the only place where client values become SQL.
    """
    scalars: Mapping[str, tuple[Entry, ...]]
    aggregates: Mapping[str, tuple[Entry, ...]]
    windows: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    """Window-only functions and aggregates allowed OVER (…)."""
    casts: Mapping[tuple[str, str], Entry] = field(default_factory=dict)
    """(family from, family to) -> template; {0} the value, {type} the source's name of the target type."""
    types: Callable[[str], str | None] = lambda _: None
    """DuckDB type -> the name to use in CAST, None where there is none."""
    text_equal: str = "{0}"
    """Form of a text expression whose = compares bytes."""
    text_order: str = "{0}"
    """Form of a text expression that sorts by the bytes of its UTF-8."""
    nulls: str = "say"
    """'say': NULLS FIRST/LAST can be written. 'emulate': sort by `x IS NULL` first."""
    joins: frozenset[str] = frozenset({"inner", "left", "right"})
    """Of inner left right full."""
    full_join_needs_equality: bool = True
    set_operations: frozenset[str] = frozenset()
    """Of 'union', 'union all', 'except', 'except all', 'intersect', 'intersect all'."""
    set_families: frozenset[str] = frozenset({"int", "decimal", "date", "timestamp", "double", "bool"})
    """Column families that DISTINCT, GROUP BY and set operations treat as DuckDB does without further form."""
    group_text: str | None = None
    """How to group by a text column so that groups are equal bytes and the value comes back unchanged; None: local."""
    keys: frozenset[str] = frozenset()
    """Families of the columns that keys of other sources may restrict. A restriction may keep too many rows: what it
    says is checked again by the join that the keys are for."""
    key_list: Callable[[tuple[str, ...], tuple[str, ...]], str | None] = lambda texts, types: None
    """(texts as in tree.Keys, DuckDB types of the columns) -> the {keys} of what follows, None where the source cannot
    say them. Must be as safe as `literal`."""
    among: str = "({0} IN ({keys}))"
    """How to say that {0} is one of many {keys}."""
    among_rows: str = "(({0}) IN ({keys}))"
    """The same of several columns {0}."""
    no_index: str = "{0}"
    """A form of a value that no index serves, for keys that a good part of all rows has."""
    longest_keys: int = 8 << 20
    """Bytes of a statement's keys at most."""
    any_text: str = ""
    """How the collations begin whose columns compare with any text, not only with ASCII; '' where none is known."""
    place: str = ""
    """What the place is called where a table keeps a row, as a system column: 'ctid'. '' where there is none."""
    place_at: str = "{0}"
    """The place at which block {0} of a table begins."""
    grouping_sets: bool = False
    having_by_key: bool = True
    """HAVING may read a group key that is printed in a form of its own."""
    frames: frozenset[str] = frozenset({"ROWS"})
    """Of a window's frames: ROWS, RANGE, GROUPS, and EXCLUDE."""
    aggregate_distinct: frozenset[str] = frozenset({"count"})
    """Aggregates for which DISTINCT is exact."""
    sums_once: bool = False
    """Whether an aggregate that is written several times in a block is computed once."""
    ctes: bool = True
    ctes_once: bool = True
    """Whether a common table expression that is read twice is computed once, so that both see the same rows."""
    values_named: bool = False
    """Whether (VALUES …) AS t(c0) can be written; else it is a UNION ALL of SELECTs."""
    lateral: bool = False
    """A derived table may read the relations to its left."""
    any_subquery: str = "{0}"
    """A form of a comparison with ANY (SELECT …), which {0} is."""
    any_of_aggregate: bool = True
    """Whether what is compared with ANY (SELECT …), or is IN it, may hold an aggregate."""
    any_of_others: bool = True
    """Whether a number may be IN numbers of another type that can be NULL: of one that this type cannot hold, too."""
    any_limited: bool = True
    """Whether the SELECT of ANY and IN may have a LIMIT."""
    offset_without_limit: str = "OFFSET {0}"
    delete: str = "DELETE FROM {table} AS {alias}"
    """How a DELETE begins that gives its table an alias."""
    assigns_in_turn: bool = False
    """Whether SET a = 1, b = a gives b the new a."""
    reads_changed: bool = True
    """Whether a subquery of an UPDATE or DELETE may read the table that is changed."""
    anything: bool = False
    """The engine's own dialect: every expression may be printed as it stands."""


def entries(*groups: Iterable[Entry]) -> dict[str, tuple[Entry, ...]]:
    """Entries by name.

    >>> list(entries([Entry(name="abs", args=("int",), sql="abs({0})")]))
    ['abs']
    """
    table: dict[str, tuple[Entry, ...]] = {}
    for group in groups:
        for entry in group:
            table[entry.name] = (*table.get(entry.name, ()), entry)
    return table


def each(name: str, args: Iterable[Iterable[str]], sql: str, **more: object) -> list[Entry]:
    """One entry for each combination of families.

    >>> [e.args for e in each("=", (("int", "decimal"), ("int",)), "{0} = {1}")]
    [('int', 'int'), ('decimal', 'int')]
    """
    return [Entry(name=name, args=combination, sql=sql, **more) for combination in product(*args)]  # type: ignore[arg-type]


def items_of_rows(columns: Sequence[str]) -> str:
    r"""Printed items of each column, with NUL between, as one list: of items, or of rows for several columns.

    >>> items_of_rows(["1\x002"]), items_of_rows(["1\x002", "'a'\x00'b'"])
    ('1,2', "(1,'a'),(2,'b')")
    """
    if len(columns) == 1:
        return columns[0].replace("\0", ",")
    return "(" + "),(".join(map(",".join, zip(*(column.split("\0") for column in columns), strict=True))) + ")"


def find(table: Mapping[str, tuple[Entry, ...]], name: str, families: tuple[str, ...]) -> Iterator[Entry]:
    """The entries for these argument families, in the order in which they are declared."""
    return (entry for entry in table.get(name, ()) if matches(entry.args, families))


def matches(pattern: tuple[str, ...], families: tuple[str, ...]) -> bool:
    """Whether argument families fit an entry's.

    >>> matches(("text", "text*"), ("text", "text", "text")), matches(("int",), ("text",))
    (True, False)
    """
    if pattern and pattern[-1].endswith("*"):
        head, rest = pattern[:-1], pattern[-1][:-1]
        if len(families) < len(head):
            return False
        pattern = head + (rest,) * (len(families) - len(head))
    return pattern == families
