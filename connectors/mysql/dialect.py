"""What the planner may push to a MySQL or MariaDB server: a Dialect made of the server's facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connectors.mysql.allowed import EXACT, arithmetic, casts, choices, comparisons, dates, target_type, texts
from connectors.mysql.catalog import version_of
from connectors.mysql.literals import listed, literal
from connectors.sqlgen.dialect import Dialect, Entry, each, entries
from connectors.sqlgen.quotients import short

_COLLATIONS = {"mariadb": "utf8mb4_nopad_bin", "mysql": "utf8mb4_0900_bin"}
"""The collation that neither folds nor pads: characters compare as their bytes, 'a' is not 'a '."""

# Sorting takes the weights of a text, and those of a nopad collation end in zeros: 'a' and 'a\0' tie, so ORDER BY
# mixes them and GROUP BY over a sort makes several groups of one (MariaDB 10.11, seen with SQL_BIG_RESULT). Binary
# sort keys carry their length. All templates take binary text back to characters, and so does the reader.
_BINARY = "CAST(CONVERT({0} USING utf8mb4) AS BINARY)"

_GROUPED = frozenset(
    {"bool", "int", "hugeint", "decimal", "float", "double", "date", "time", "timestamp", "timestamptz", "blob"}
)

_MINMAX = ("bool", "int", "hugeint", "decimal", "double", "date", "time", "timestamp", "timestamptz")


_PACKET = 16 << 20
"""Bytes of a statement that every server takes by default, but for those before MySQL 8 (4 MB)."""


def dialect(facts: Mapping[str, str]) -> Dialect:
    """The dialect of a server with these facts (`SourceCatalog.facts`). A pure function.

    >>> dialect({"product": "mariadb", "version": "10.11.19-MariaDB"}).text_equal
    'CONVERT({0} USING utf8mb4) COLLATE utf8mb4_nopad_bin'
    """
    product = facts.get("product", "mysql")
    by_source = facts.get("text") == "source"
    return Dialect(
        name=product,
        quote='"',
        literal=literal,
        scalars=entries(comparisons(), arithmetic(product), texts(), dates(), choices()),
        aggregates=entries(_aggregates()),
        windows=entries(_windows()),
        casts=casts(),
        types=target_type,
        text_equal="{0}" if by_source else f"CONVERT({{0}} USING utf8mb4) COLLATE {_COLLATIONS[product]}",
        text_order="{0}" if by_source else _BINARY,
        nulls="emulate",
        joins=frozenset({"inner", "left", "right"}),
        having_by_key=False,
        set_operations=_set_operations(product, version_of(facts.get("version", ""))),
        set_families=_GROUPED,
        group_text="{0}" if by_source else _BINARY,
        lateral=product == "mysql" and version_of(facts.get("version", "")) >= (8, 0, 14),
        frames=frozenset({"ROWS", "RANGE"}),
        ctes_once=product == "mysql",
        # Of 1,000,000 rows MariaDB 10.11 found those of 10,000 keys in 100 ms of CPU, of 100,000 in 300; by
        # IN (SELECT … FROM JSON_TABLE(…)) in 100 and 1,250 (docs/adr/0012-keys.md).
        keys=frozenset({"int", "decimal", "text", "date", "timestamp", "timestamptz"}),
        key_list=listed,
        no_index="COALESCE({0})",
        longest_keys=min(int(facts.get("max_allowed_packet", _PACKET)) // 2, 8 << 20),
        any_text="utf8mb4_",
        # Not sum: in HAVING beside a window function, over a semi-join, MariaDB 10.11 takes it for NULL.
        aggregate_distinct=frozenset({"count"}),
        any_subquery="({0} = 1)",  # MariaDB 10.11 takes NOT (NOT a > ANY (…)) for a <= ALL (…), also after De Morgan
        # SELECT g, MAX(k) IN (SELECT k FROM u) FROM t GROUP BY g: MariaDB 10.11 compares another row's k, seen for MIN, MAX
        # and COUNT.
        any_of_aggregate=False,
        # A BIGINT NOT IN (SELECT an INT): where the BIGINT is no INT, MariaDB 10.11 forgets the NULLs among them.
        any_of_others=False,
        any_limited=False,  # error 1235
        offset_without_limit="LIMIT 18446744073709551615 OFFSET {0}",
        delete="DELETE {alias} FROM {table} AS {alias}",
        assigns_in_turn=product == "mysql",  # MariaDB's writing sessions have SIMULTANEOUS_ASSIGNMENT
        reads_changed=False,  # error 1093
    )


def _set_operations(product: str, version: tuple[int, ...]) -> frozenset[str]:
    if product == "mariadb":  # EXCEPT ALL, INTERSECT ALL: 10.5, the oldest supported
        return frozenset({"union", "union all", "except", "except all", "intersect", "intersect all"})
    if version >= (8, 0, 31):
        return frozenset({"union", "union all", "except", "except all", "intersect", "intersect all"})
    # Before 8.0.22 its grammar has no parentheses around a set operation that is an arm of another.
    return frozenset({"union", "union all"}) if version >= (8, 0, 22) else frozenset()


_AVERAGE = (
    "CASE WHEN ABS(SUM({0})) * {unit} <= 9007199254740992"
    " THEN (SUM({0}) * {unit} * 1e0) / (COUNT({0}) * {unit} * 1e0)"
    " ELSE TRUNCATE((SUM({0}) * {unit} - MOD(SUM({0}) * {unit}, COUNT({0}) * {unit})) / (COUNT({0}) * {unit}), 0) * 1e0"
    " + (MOD(SUM({0}) * {unit}, COUNT({0}) * {unit}) * 1e0) / (COUNT({0}) * {unit} * 1e0) END"
)
"""As planner/averages.py: a sum beyond 2^53 is divided as an integer first. AVG itself has four decimals more than its
argument."""


def _aggregates() -> Iterator[Entry]:
    yield Entry(name="count_star", args=(), sql="COUNT(*)")
    yield from each("count", ((*_MINMAX, "float", "text", "blob"),), "COUNT({0})")
    yield from each("sum", (EXACT,), "SUM({0})", note="DECIMAL, exact up to 65 digits")
    yield from each("avg", (("int", "decimal"),), _AVERAGE, types=short, result="double")
    for name in ("min", "max"):
        yield from each(name, (_MINMAX,), f"{name.upper()}({{0}})")
        yield Entry(name=name, args=("text",), sql=f"{name.upper()}({{0:ord}})")
    yield Entry(name="bool_and", args=("bool",), sql="MIN({0})")
    yield Entry(name="bool_or", args=("bool",), sql="MAX({0})")
    yield Entry(name="count_if", args=("bool",), sql="SUM({0})", note="of no rows: NULL")


def _windows() -> Iterator[Entry]:
    for name in ("row_number", "rank", "dense_rank"):
        yield Entry(name=name, args=(), sql=f"{name.upper()}()")
    yield Entry(name="count_star", args=(), sql="COUNT(*)")
    yield from each("count", ((*_MINMAX, "float", "text", "blob"),), "COUNT({0})")
    yield from each("sum", (EXACT,), "SUM({0})")
    for name in ("min", "max"):
        yield from each(name, (_MINMAX,), f"{name.upper()}({{0}})")
        yield Entry(name=name, args=("text",), sql=f"{name.upper()}({{0:ord}})")
    for name in ("lag", "lead", "first_value", "last_value"):
        yield from each(name, (_MINMAX,), f"{name.upper()}({{0}})")
        yield Entry(name=name, args=("text",), sql=f"{name.upper()}({{0:ord}})")
    # Not percent_rank and cume_dist, which MariaDB rounds to ten digits, nor its nth_value, which misses rows of a frame
    # that follows the current one.
    for name in ("lag", "lead"):
        counted = {"constants": frozenset({1}), "check": _counted}
        yield from each(name, (_MINMAX, ("int",)), f"{name.upper()}({{0}}, {{1}})", **counted)
        yield from each(name, (("text",), ("int",)), f"{name.upper()}({{0:ord}}, {{1}})", **counted)
    yield Entry(name="ntile", args=("int",), sql="NTILE({0})", constants=frozenset({0}), check=_positive)
    yield Entry(name="bool_and", args=("bool",), sql="MIN({0})")
    yield Entry(name="bool_or", args=("bool",), sql="MAX({0})")


def _counted(texts: tuple[str | None, ...]) -> bool:
    return texts[1] is not None and 1 <= int(texts[1]) < 1 << 31


def _positive(texts: tuple[str | None, ...]) -> bool:
    return texts[0] is not None and 1 <= int(texts[0]) < 1 << 31
