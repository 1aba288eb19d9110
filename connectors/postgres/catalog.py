"""Read what a PostgreSQL database holds and our role may SELECT, in a handful of set-based queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from connectors.postgres.config import Config
from connectors.postgres.datatypes import PgType, announced, limits, plain_form, written
from connectors.postgres.session import Connection
from connectors.sqlgen.dialect import family
from watersmeet.spi import LONGEST_SHOWN, Column, Extent, ForeignKey, SourceCatalog, Table

# pg_toast and pg_temp schemas are per session or hold other tables' insides.
_USER_SCHEMA = r"n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp_|toast_temp_)'"

_SCHEMAS = f"""
SELECT CAST(n.nspname AS text) AS name
FROM pg_namespace n
WHERE {_USER_SCHEMA} AND has_schema_privilege(n.oid, 'USAGE')
ORDER BY 1
"""

# blocks: of tables that a range of ctid reads just its part of. Scans know such ranges since version 14; a system column
# needs the privilege on the whole table; below a policy for rows, or with children, parts would be any size.
# reltuples is -1 (before version 14: 0 with no pages) for what was never analyzed. A partitioned table's rows are its
# partitions'; its own figure is only as new as its last ANALYZE.
_TABLES = f"""
SELECT CAST(c.oid AS int8) AS oid, CAST(n.nspname AS text) AS schema, CAST(c.relname AS text) AS name,
       CAST(c.relkind AS text) AS kind, obj_description(c.oid, 'pg_class') AS remarks,
       CASE WHEN c.relkind = 'p' THEN
           (SELECT CAST(sum(greatest(l.reltuples, 0)) AS float8)
            FROM pg_partition_tree(c.oid) AS p JOIN pg_class AS l ON l.oid = p.relid
            WHERE p.isleaf AND l.relkind = 'r' AND (l.reltuples > 0 OR l.relpages > 0))
       WHEN c.reltuples > 0 OR c.reltuples = 0 AND c.relpages > 0 THEN CAST(c.reltuples AS float8)
       END AS rows,
       CASE WHEN c.relkind = 'r' AND c.relpages > 1 AND NOT (c.relhassubclass OR c.relrowsecurity)
             AND h.amname = 'heap' AND has_table_privilege(c.oid, 'SELECT')
             AND CAST(current_setting('server_version_num') AS int4) >= 140000
       THEN CAST(c.relpages AS int8) END AS blocks
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am h ON h.oid = c.relam
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {_USER_SCHEMA}
  AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')
"""

_COLUMNS = f"""
SELECT CAST(a.attrelid AS int8) AS relation, CAST(a.attnum AS int4) AS position, CAST(a.attname AS text) AS name,
       CAST(a.atttypid AS int8) AS type, a.atttypmod AS modifier, format_type(a.atttypid, a.atttypmod) AS native,
       format_type(a.atttypid, -1) AS unmodified,
       a.attnotnull AS required, CAST(l.collname AS text) AS collation,
       a.attcollation NOT IN (0, 100) AS collated, col_description(a.attrelid, a.attnum) AS remarks,
       a.attidentity <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', false) AS numbered
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_collation l ON l.oid = a.attcollation
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.attgenerated = ''
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {_USER_SCHEMA} AND a.attnum > 0 AND NOT a.attisdropped
  AND has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')
ORDER BY a.attrelid, a.attnum
"""

# pg_stats shows the columns that we may SELECT. n_distinct below 0 is a fraction of the rows. A partitioned table has
# figures of itself alone (which holds nothing) and, after ANALYZE, with its partitions (inherited).
_STATISTICS = f"""
SELECT CAST(s.schemaname AS text) AS schema, CAST(s.tablename AS text) AS name, CAST(s.attname AS text) AS column,
       CAST(s.n_distinct AS float8) AS n_distinct, CAST(s.null_frac AS float8) AS null_fraction,
       CAST(s.avg_width AS float8) AS width
FROM pg_stats s JOIN pg_namespace n ON n.nspname = s.schemaname
WHERE {_USER_SCHEMA}
ORDER BY s.inherited
"""

# What values there are, of the largest tables' columns whose order we know. An anyarray cannot be cast but by its text.
_VALUES = f"""
SELECT CAST(s.schemaname AS text) AS schema, CAST(s.tablename AS text) AS name, CAST(s.attname AS text) AS column,
       ARRAY(SELECT left(v, {LONGEST_SHOWN}) FROM unnest(CAST(CAST(s.most_common_vals AS text) AS text[])) AS v)
           AS common,
       CAST(s.most_common_freqs AS text[]) AS fractions,
       ARRAY(SELECT left(v, {LONGEST_SHOWN}) FROM unnest(CAST(CAST(s.histogram_bounds AS text) AS text[])) AS v)
           AS bounds
FROM pg_stats s JOIN pg_namespace n ON n.nspname = s.schemaname
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = s.attname
JOIN pg_type t ON t.oid = a.atttypid
WHERE {_USER_SCHEMA} AND t.typcategory IN ('B', 'D', 'E', 'N', 'S') AND t.typname <> 'money'
ORDER BY s.inherited DESC, c.reltuples DESC
LIMIT {{most}}
"""
_MOST_VALUED = 4000
"""Columns whose values are read: some 3 kB each, at every refresh."""

# Each table and its array are types, too; they are left out, and what is not found is read as text.
_TYPES = """
SELECT CAST(t.oid AS int8) AS oid, CAST(t.typname AS text) AS name,
       t.typnamespace = 'pg_catalog'::regnamespace AS builtin, CAST(t.typtype AS text) AS kind,
       CAST(t.typbasetype AS int8) AS base, t.typtypmod AS modifier, CAST(coalesce(e.oid, 0) AS int8) AS element
FROM pg_type t LEFT JOIN pg_type e ON e.typarray = t.oid
WHERE t.typtype <> 'c' AND e.typtype IS DISTINCT FROM 'c'
"""

# Of foreign keys between partitions only the parents' own are kept (conparentid = 0). A SELECT of a table shows the rows of
# those that inherit from it, which its key does not hold for.
_CONSTRAINTS = f"""
SELECT CAST(k.conrelid AS int8) AS relation, CAST(k.conname AS text) AS name, CAST(k.contype AS text) AS kind,
       CAST(k.conkey AS int4[]) AS columns, CAST(k.confrelid AS int8) AS target,
       CAST(k.confkey AS int4[]) AS target_columns, CAST(k.confupdtype AS text) AS on_update,
       CAST(k.confdeltype AS text) AS on_delete
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype IN ('p', 'f') AND {_USER_SCHEMA} AND (k.contype = 'p' OR k.conparentid = 0)
  AND NOT (k.contype = 'p' AND c.relkind = 'r' AND c.relhassubclass)
ORDER BY k.conrelid, k.conname
"""

_FACTS = """
SELECT 'PostgreSQL' AS product, current_setting('server_version') AS version,
       current_setting('server_version_num') AS version_number, getdatabaseencoding() AS encoding,
       CASE WHEN pg_is_in_recovery() THEN 'yes' ELSE 'no' END AS standby
"""

_RULES = {"c": 0, "r": 1, "n": 2, "a": 3, "d": 4}
"""pg_constraint's action codes -> Flight SQL's UpdateDeleteRules."""


def read_catalog(connection: Connection, config: Config) -> SourceCatalog:
    """The catalog as one transaction of `connection` sees it. Raises the driver's errors."""
    shown = config.schemas
    schemas = tuple(str(row["name"]) for row in connection.rows(_SCHEMAS) if shown is None or row["name"] in shown)
    relations = [row for row in connection.rows(_TABLES) if row["schema"] in schemas]
    types = {row.pop("oid"): PgType(**row) for row in _any(connection.rows(_TYPES))}
    columns: dict[int, dict[int, Column]] = defaultdict(dict)
    for row in _any(connection.rows(_COLUMNS)):
        columns[row["relation"]][row["position"]] = _column(row, types, config)
    constraints: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in _any(connection.rows(_CONSTRAINTS)):
        constraints[row["relation"]].append(row)
    names = {row["oid"]: (str(row["schema"]), str(row["name"])) for row in relations}
    tables = {names[row["oid"]]: _table(row, columns, constraints[row["oid"]], names) for row in _any(relations)}
    statistics: dict[tuple[str, str], dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in _any(connection.rows(_STATISTICS)):
        statistics[row["schema"], row["name"]][row["column"]] = row
    for row in _any(connection.rows(_VALUES.format(most=_MOST_VALUED))):
        known = statistics[row["schema"], row["name"]].get(row["column"])
        if known is not None and "bounds" not in known:
            known |= row
    tables = {name: _counted(table, statistics[name]) for name, table in tables.items()}
    if config.partitions > 1:
        tables = {name: _by_key(table) for name, table in tables.items()}
    (facts,) = connection.rows(_FACTS)
    return SourceCatalog(
        default_schema="public" if "public" in schemas or not schemas else schemas[0],
        tables=tables,
        schemas=schemas,
        facts={name: str(value) for name, value in facts.items()},
    )


def _any(rows: Iterable[dict[str, object]]) -> Iterable[dict[str, Any]]:
    """The types of a row's values are its query's."""
    return rows


def _column(row: Mapping[str, Any], types: Mapping[int, PgType], config: Config) -> Column:
    type_, read = announced(
        row["type"],
        row["modifier"],
        types,
        collated=row["collated"],
        numeric=config.numeric,
        exact_text=config.text == "exact",
    )
    length, fraction = limits(row["type"], row["modifier"], types)
    plain = plain_form(row["type"], row["modifier"], types)
    return Column(
        name=row["name"],
        type=type_,
        nullable=not row["required"],
        native=row["native"],
        read=read,
        write=written(row["type"], row["modifier"], types, type_, row["unmodified"]),
        collation=row["collation"],
        plain=plain,
        plain_exact=plain is not None and not row["collated"],
        length=length,
        fraction=fraction,
        remarks=row["remarks"],
        auto_increment=row["numbered"],
    )


def _table(
    row: Mapping[str, Any],
    columns: Mapping[int, Mapping[int, Column]],
    constraints: list[dict[str, Any]],
    names: Mapping[Any, tuple[str, str]],
) -> Table:
    """A table with those of its keys whose columns, here and there, we may all see."""
    own = columns.get(row["oid"], {})
    primary_key: tuple[str, ...] = ()
    primary_key_name = None
    foreign_keys = []
    for constraint in constraints:
        key = _names(constraint["columns"], own)
        if not key:
            continue
        if constraint["kind"] == "p":
            primary_key, primary_key_name = key, constraint["name"]
            continue
        references = _names(constraint["target_columns"], columns.get(constraint["target"], {}))
        if not references or constraint["target"] not in names:
            continue
        schema, table = names[constraint["target"]]
        foreign_keys.append(
            ForeignKey(
                name=constraint["name"],
                columns=key,
                schema=schema,
                table=table,
                references=references,
                on_update=_RULES[constraint["on_update"]],
                on_delete=_RULES[constraint["on_delete"]],
            )
        )
    return Table(
        schema=row["schema"],
        name=row["name"],
        columns=tuple(own.values()),
        view=row["kind"] in "vm",
        primary_key=primary_key,
        primary_key_name=primary_key_name,
        foreign_keys=tuple(foreign_keys),
        rows=None if row["rows"] is None else int(row["rows"]),
        extent=None if row["blocks"] is None else Extent(first=0, last=row["blocks"]),
        remarks=row["remarks"],
    )


def _counted(table: Table, statistics: Mapping[str, Mapping[str, Any]]) -> Table:
    """The table with what its last ANALYZE found of its columns."""
    return replace(table, columns=tuple(_with_figures(column, table.rows, statistics) for column in table.columns))


def _by_key(table: Table) -> Table:
    """The table, divided by the integer that its primary key begins with: a row that changes moves to another block, and
    would come twice or not at all where each part is read with a snapshot of its own."""
    key = next((column for column in table.columns if (column.name,) == table.primary_key[:1]), None)
    extent = None
    if table.extent is not None and key is not None and family(key.type) == "int" and key.read == "{0}" and key.bounds:
        values = [int(bound) for bound in key.bounds]
        extent = Extent(first=min(values), last=max(values), column=key.name)
    return replace(table, extent=extent)


def _with_figures(column: Column, rows: int | None, statistics: Mapping[str, Mapping[str, Any]]) -> Column:
    found = statistics.get(column.name)
    if found is None:
        return column
    # 0 is not known.
    count = found["n_distinct"]
    distinct = count if count > 0 else None if rows is None or count == 0 else -count * rows
    common = zip(found.get("common", ()), found.get("fractions") or (), strict=False)
    return replace(
        column,
        distinct=None if distinct is None else max(1, round(distinct)),
        null_fraction=found["null_fraction"],
        width=found["width"],
        common=tuple((_shown(text, column), float(fraction)) for text, fraction in common),
        bounds=tuple(_shown(text, column) for text in found.get("bounds", ())),
    )


def _shown(text: str, column: Column) -> str:
    """PostgreSQL's text of a value as DuckDB's: booleans and years before Christ are written otherwise, bpchar without blanks."""
    if column.type == "BOOLEAN":
        return {"t": "true", "f": "false"}.get(text, text)
    if column.type == "VARCHAR":
        return text.rstrip(" ") if column.native.startswith("character(") else text
    return text.removesuffix(" BC") + " (BC)" if text.endswith(" BC") else text


def _names(positions: Iterable[int], columns: Mapping[int, Column]) -> tuple[str, ...]:
    """The columns at these positions; none if one of them is out of sight."""
    positions = tuple(positions)
    return tuple(columns[at].name for at in positions) if all(at in columns for at in positions) else ()
