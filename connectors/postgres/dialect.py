"""PostgreSQL's SQL as far as watersmeet uses it: the facts beside the allow-lists of functions.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from connectors.postgres import functions
from connectors.postgres.literals import listed, literal, types
from connectors.sqlgen.dialect import Dialect, Entry

_BYTE_ORDER = '({0} COLLATE "C")'
_BYTES_OF_UTF8 = "convert_to({0}, 'UTF8')"
_UNICODE_ENCODINGS = frozenset({"UTF8", "LATIN1", "SQL_ASCII"})
"""Server encodings whose bytes sort as the same text's UTF-8 does. In the others (WIN1252: the euro sign is 0x80)
text sorts by the bytes of its conversion, and has no min and max (there is none of bytea before version 18)."""

POSTGRES = Dialect(
    name="postgres",
    quote='"',
    literal=literal,
    scalars=functions.SCALARS,
    aggregates=functions.AGGREGATES,
    windows=functions.WINDOWS,
    casts=functions.CASTS,
    types=types,
    # The catalog's read templates bring every text into the database's default collation, which is deterministic:
    # its = compares bytes, and so do GROUP BY, DISTINCT and set operations.
    text_equal="{0}",
    text_order=_BYTE_ORDER,
    group_text="{0}",
    nulls="say",
    joins=frozenset({"inner", "left", "right", "full"}),
    full_join_needs_equality=True,
    set_operations=frozenset({"union", "union all", "except", "except all", "intersect", "intersect all"}),
    set_families=frozenset(
        {"bool", "int", "hugeint", "decimal", "float", "double", "date", "time", "timestamp", "timestamptz", "blob"}
    ),
    # An array of the column's own type: for any other the server walks through it for each row. Of 1,000,000 rows the
    # server found those of 10,000 keys in 30 ms of CPU, of 100,000 in 250; by IN (SELECT unnest(…)) in 60 and 570.
    keys=frozenset({"int", "decimal", "text", "date", "timestamp", "timestamptz"}),
    key_list=listed,
    among="({0} = ANY ({keys}))",
    among_rows="(({0}) IN (SELECT * FROM unnest({keys})))",
    longest_keys=64 << 20,
    place="ctid",
    place_at="'({0},0)'::tid",
    grouping_sets=True,
    lateral=True,
    frames=frozenset({"ROWS", "RANGE", "GROUPS", "EXCLUDE"}),
    values_named=True,
    sums_once=True,
    aggregate_distinct=frozenset({"count", "sum"}),
)


def dialect_for(facts: Mapping[str, str], *, exact_text: bool = True) -> Dialect:
    """The dialect of a server. Not `exact_text`: text sorts and compares by the source's own collations."""
    if not exact_text:
        return replace(POSTGRES, text_order="{0}")
    # A key that the server's encoding lacks would be an error, not no match.
    dialect = POSTGRES if facts.get("encoding", "UTF8") == "UTF8" else replace(POSTGRES, keys=POSTGRES.keys - {"text"})
    if facts.get("encoding", "UTF8") in _UNICODE_ENCODINGS:
        return dialect
    return replace(
        dialect,
        text_order=_BYTES_OF_UTF8,
        scalars=_without_order_results(functions.SCALARS),
        aggregates=_without_order_results(functions.AGGREGATES),
    )


def _without_order_results(table: Mapping[str, tuple[Entry, ...]]) -> dict[str, tuple[Entry, ...]]:
    """Without the entries whose *value* is text in its sorting form."""
    kept = {name: tuple(e for e in found if 'COLLATE "default"' not in e.sql) for name, found in table.items()}
    return {name: found for name, found in kept.items() if found}
