"""The constructs of docs/pushdown.md: a probe for each, planned here over a source of each kind.

The page's states are not written by hand: they are what the planner does with the probe, by the dialects' own tables. A
test asks real servers the same probes (tests/oracle/test_pushdown_page.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.mysql.dialect import dialect as mysql_dialect
from connectors.postgres.dialect import POSTGRES
from connectors.sqlgen.dialect import Dialect, Entry
from connectors.sqlgen.duckdb import DUCKDB
from planner import pipeline
from planner.plan import PlanRequest, SourceInfo
from watersmeet.spi import Column, SourceCatalog, Table

NOW = datetime(2024, 6, 15, 12, 30, tzinfo=UTC)

WIDE = {
    "id": "INTEGER",
    "g": "INTEGER",
    "n": "BIGINT",
    "m": "DECIMAL(12,2)",
    "x": "DOUBLE",
    "f": "FLOAT",
    "t": "VARCHAR",
    "d": "DATE",
    "ts": "TIMESTAMP",
    "tm": "TIME",
    "tz": "TIMESTAMP WITH TIME ZONE",
    "raw": "BLOB",
}
DEEP = {"id": "INTEGER", "wide": "INTEGER", "q": "INTEGER", "p": "DECIMAL(12,2)", "t": "VARCHAR", "d": "DATE"}
TABLES: Mapping[str, Mapping[str, str]] = {"wide": WIDE, "deep": DEEP}
"""What the probes read; `id` is the primary key."""

CONSTRUCTS: Mapping[str, Mapping[str, str]] = {
    "Filters and expressions": {
        "comparison of numbers": "SELECT id FROM {wide} WHERE n > 5",
        "comparison of text": "SELECT id FROM {wide} WHERE t = 'ana'",
        "text before or after text": "SELECT id FROM {wide} WHERE t < 'b'",
        "AND, OR, NOT": "SELECT id FROM {wide} WHERE n > 5 OR NOT (g = 1 AND m > 1)",
        "IN a list": "SELECT id FROM {wide} WHERE g IN (1, 2, 3)",
        "a row IN a list": "SELECT id FROM {wide} WHERE (id, g) IN ((1, 1), (3, 2))",
        "BETWEEN": "SELECT id FROM {wide} WHERE m BETWEEN 1 AND 3",
        "IS NULL": "SELECT id FROM {wide} WHERE d IS NULL",
        "IS DISTINCT FROM": "SELECT id FROM {wide} WHERE g IS DISTINCT FROM 1",
        "LIKE": "SELECT id FROM {wide} WHERE t LIKE 'a%'",
        "ILIKE": "SELECT id FROM {wide} WHERE t ILIKE 'a%'",
        "a regular expression": "SELECT id FROM {wide} WHERE regexp_matches(t, 'a.a')",
        "CASE": "SELECT id, CASE WHEN g = 1 THEN 'one' ELSE 'more' END FROM {wide}",
        "coalesce, nullif": "SELECT id, coalesce(g, 0), nullif(g, 1) FROM {wide}",
        "arithmetic of exact numbers": "SELECT id, n - 1, m * 2 FROM {wide} WHERE id < 7",
        "arithmetic of floats": "SELECT id, x + 1 FROM {wide}",
        "division": "SELECT id, g / 2 FROM {wide}",
        "division by a column": "SELECT id, g / id FROM {wide}",
        "integer division, remainder": "SELECT id, id // 3, id % 3 FROM {wide}",
        "parts of a date": "SELECT id, year(d), date_trunc('month', ts) FROM {wide}",
        "date arithmetic": "SELECT id, d + INTERVAL 1 MONTH FROM {wide}",
        "upper, lower": "SELECT id, upper(t) FROM {wide}",
        "substr, length": "SELECT id, substr(t, 1, 2), length(t) FROM {wide}",
        "concatenation": "SELECT id, t || 'x' FROM {wide}",
        "a cast between numbers": "SELECT id, CAST(g AS DECIMAL(10,2)) FROM {wide}",
        "a cast of text to a number": "SELECT id, try_cast(t AS INTEGER) FROM {wide}",
        "now()": "SELECT id FROM {wide} WHERE ts < now()::TIMESTAMP AND year(ts) < 2024",
        "random()": "SELECT id FROM {wide} WHERE random() < 2",
    },
    "Joins within one source": {
        "INNER JOIN": "SELECT w.id, e.q FROM {wide} w JOIN {deep} e ON w.id = e.wide",
        "JOIN on text": "SELECT w.id, e.q FROM {wide} w JOIN {deep} e ON w.t = e.t AND w.id = e.id",
        "JOIN … USING": "SELECT id, g, q FROM {wide} JOIN {deep} USING (id)",
        "NATURAL JOIN": "SELECT w.g, e.q FROM {wide} w NATURAL JOIN {deep} e",
        "LEFT JOIN": "SELECT w.id, e.q FROM {wide} w LEFT JOIN {deep} e ON w.id = e.wide",
        "RIGHT JOIN": "SELECT w.id, e.q FROM {deep} e RIGHT JOIN {wide} w ON w.id = e.wide",
        "FULL JOIN on equalities": "SELECT w.id, e.q FROM {wide} w FULL JOIN {deep} e ON w.id = e.wide",
        "FULL JOIN on anything else": "SELECT w.id, e.q FROM {wide} w FULL JOIN {deep} e ON w.id < e.wide",
        "CROSS JOIN": "SELECT count(*) FROM {wide} w CROSS JOIN {deep} e",
        "JOIN on an inequality": "SELECT count(*) FROM {wide} w JOIN {deep} e ON w.id < e.wide",
        "SEMI JOIN": "SELECT w.id FROM {wide} w SEMI JOIN {deep} e ON w.id = e.wide",
        "ANTI JOIN": "SELECT w.id FROM {wide} w ANTI JOIN {deep} e ON w.id = e.wide",
        "ASOF JOIN": "SELECT w.id, e.q FROM {wide} w ASOF JOIN {deep} e ON w.g = e.q AND w.id >= e.id",
        "LATERAL": "SELECT w.id, l.q FROM {wide} w, LATERAL (SELECT max(q) AS q FROM {deep} e WHERE e.wide = w.id) l",
        "VALUES": "SELECT w.id, v.b FROM {wide} w JOIN (VALUES (1, 'a'), (3, 'b')) v(a, b) ON w.g = v.a",
        "TABLESAMPLE": "SELECT id FROM {wide} TABLESAMPLE 100%",
    },
    "Aggregates": {
        "GROUP BY numbers and dates": "SELECT g, d, count(*) FROM {wide} GROUP BY g, d",
        "GROUP BY text": "SELECT t, count(*) FROM {wide} GROUP BY t",
        "GROUP BY an expression": "SELECT id % 3, count(*) FROM {wide} GROUP BY 1",
        "GROUP BY ALL": "SELECT g, count(*) FROM {wide} GROUP BY ALL",
        "count, sum, min, max": "SELECT g, count(n), sum(id), min(m), max(d) FROM {wide} GROUP BY g",
        "min and max of text": "SELECT min(t), max(t) FROM {wide}",
        "sum of floats": "SELECT sum(x) FROM {wide} WHERE id < 7",
        "avg": "SELECT g, avg(id) FROM {wide} GROUP BY g",
        "FILTER": "SELECT count(*) FILTER (WHERE g = 1) FROM {wide}",
        "count(DISTINCT)": "SELECT count(DISTINCT g) FROM {wide}",
        "count(DISTINCT) of text": "SELECT count(DISTINCT t) FROM {wide}",
        "string_agg": "SELECT string_agg(t, ',' ORDER BY id) FROM {wide}",
        "stddev, median": "SELECT stddev(id), median(id) FROM {wide}",
        "HAVING": "SELECT g, count(*) FROM {wide} GROUP BY g HAVING count(*) > 1",
        "ROLLUP, CUBE, GROUPING SETS": "SELECT g, d, count(*) FROM {wide} GROUP BY ROLLUP (g, d)",
        "DISTINCT": "SELECT DISTINCT g, t FROM {wide}",
        "DISTINCT ON": "SELECT DISTINCT ON (g) g, id FROM {wide} ORDER BY g, id",
    },
    "Windows": {
        "row_number, rank": "SELECT id, row_number() OVER (PARTITION BY g ORDER BY id) FROM {wide}",
        "lag, lead": "SELECT id, lag(n) OVER (ORDER BY id) FROM {wide}",
        "an aggregate OVER a partition": "SELECT id, sum(n) OVER (PARTITION BY g) FROM {wide} WHERE id < 7",
        "PARTITION BY text": "SELECT id, count(*) OVER (PARTITION BY t) FROM {wide}",
        "a frame of ROWS": (
            "SELECT id, sum(g) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM {wide}"
        ),
        "a frame of RANGE": (
            "SELECT id, sum(g) OVER (ORDER BY id RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM {wide}"
        ),
        "a frame of GROUPS": (
            "SELECT id, sum(g) OVER (ORDER BY id GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM {wide}"
        ),
        "percent_rank": "SELECT id, percent_rank() OVER (ORDER BY id) FROM {wide}",
        "QUALIFY": "SELECT id FROM {wide} QUALIFY row_number() OVER (PARTITION BY g ORDER BY id) = 1",
    },
    "Order": {
        "ORDER BY numbers and dates": "SELECT id, d FROM {wide} ORDER BY d DESC NULLS LAST, id",
        "ORDER BY text": "SELECT id, t FROM {wide} ORDER BY t, id",
        "LIMIT, OFFSET": "SELECT id FROM {wide} ORDER BY id LIMIT 3 OFFSET 2",
        "OFFSET alone": "SELECT id FROM {wide} ORDER BY id OFFSET 2",
        "LIMIT of a percentage": "SELECT id FROM {wide} ORDER BY id LIMIT 20%",
    },
    "Set operations": {
        **{
            name: f"SELECT g FROM {{wide}} {name} SELECT q FROM {{deep}}"
            for name in ("UNION ALL", "UNION", "EXCEPT", "EXCEPT ALL", "INTERSECT", "INTERSECT ALL")
        },
        "UNION of text": "SELECT t FROM {wide} UNION SELECT t FROM {deep}",
        "UNION BY NAME": "SELECT id, g FROM {wide} UNION ALL BY NAME SELECT id, q FROM {deep}",
        "an ordered UNION": "SELECT g FROM {wide} UNION SELECT q FROM {deep} ORDER BY 1 LIMIT 3",
    },
    "Subqueries and common table expressions": {
        "a scalar subquery": "SELECT id FROM {wide} WHERE id > (SELECT min(wide) FROM {deep})",
        "a correlated scalar subquery": (
            "SELECT w.id, (SELECT count(*) FROM {deep} e WHERE e.wide = w.id) FROM {wide} w"
        ),
        "EXISTS": "SELECT w.id FROM {wide} w WHERE EXISTS (SELECT 1 FROM {deep} e WHERE e.wide = w.id)",
        "NOT EXISTS": "SELECT w.id FROM {wide} w WHERE NOT EXISTS (SELECT 1 FROM {deep} e WHERE e.wide = w.id)",
        "IN": "SELECT id FROM {wide} WHERE id IN (SELECT wide FROM {deep})",
        "NOT IN": "SELECT id FROM {wide} WHERE id NOT IN (SELECT q FROM {deep} WHERE q IS NOT NULL)",
        "< ANY, <> ALL": "SELECT id FROM {wide} WHERE id < ANY (SELECT wide FROM {deep})",
        "a row IN a subquery": "SELECT id FROM {wide} WHERE (id, t) IN (SELECT wide, t FROM {deep})",
        "WITH, read once": "WITH c AS (SELECT id, g FROM {wide}) SELECT * FROM c WHERE g = 1",
        "WITH, read twice": "WITH c AS (SELECT id, g FROM {wide}) SELECT a.id FROM c a JOIN c b ON a.id = b.g",
        "WITH RECURSIVE": (
            "WITH RECURSIVE c AS (SELECT id FROM {wide} WHERE id = 1 UNION ALL SELECT id + 1 FROM c WHERE id < 3) FROM c"
        ),
        "PIVOT": "PIVOT {deep} ON wide IN (1, 7) USING count(*) GROUP BY q",
        "UNPIVOT": "UNPIVOT (SELECT id, g, id AS h FROM {wide}) ON g, h",
        "unnest": "SELECT unnest([id, g]) FROM {wide}",
    },
}
"""Chapter -> construct -> a statement that needs it, over one source. {wide} and {deep} are tables of it."""


@dataclass(frozen=True, slots=True)
class State:
    """What becomes of a construct at one kind of source."""

    word: str
    """exact | superset | in part | local"""
    reasons: tuple[str, ...] = ()


def state(whole: bool, stays: Iterable[tuple[str, str]]) -> State:
    """The state of a construct by the plan of its probe: whether one source runs it whole, and (code, reason) of what stays.

    >>> state(False, [("superset", "~~* on postgres may keep too many rows")]).word
    'superset'
    """
    if whole:
        return State("exact")
    codes, reasons = {code for code, _ in stays}, tuple(dict.fromkeys(reason for _, reason in stays))
    word = "superset" if codes == {"superset"} else "in part" if codes == {"average"} else "local"
    return State(word, reasons)


def kinds() -> dict[str, SourceInfo]:
    """A source of each kind, with the probes' tables, as its catalog would announce them."""
    dialects: dict[str, Dialect] = {
        "PostgreSQL": POSTGRES,
        "MariaDB": mysql_dialect({"product": "mariadb", "version": "10.11.0-MariaDB"}),
        "MySQL": mysql_dialect({"product": "mysql", "version": "8.4.0"}),
        "DuckDB": DUCKDB,
    }
    return {kind: SourceInfo(name="s", kind=kind, catalog=_catalog(), dialect=d) for kind, d in dialects.items()}


def _catalog() -> SourceCatalog:
    tables = {
        ("main", name): Table(
            schema="main",
            name=name,
            columns=tuple(
                Column(name=column, type=type_, nullable=column != "id") for column, type_ in columns.items()
            ),
            primary_key=("id",),
            rows=20,  # so few that no join is cut for its cost
        )
        for name, columns in TABLES.items()
    }
    return SourceCatalog(default_schema="main", tables=tables, schemas=("main",))


def probe(sql: str, prefix: str) -> str:
    """A probe over the tables of a schema."""
    return sql.format(**{name: f"{prefix}.{name}" for name in TABLES})


def states() -> Iterator[tuple[str, str, dict[str, State]]]:
    """(chapter, construct, kind -> state) of every construct."""
    infos = kinds()
    for chapter, rows in CONSTRUCTS.items():
        for construct, sql in rows.items():
            request = PlanRequest(sql=probe(sql, "s.main"), now=NOW)
            plans = {kind: pipeline.plan(request, {"s": info}) for kind, info in infos.items()}
            yield (
                chapter,
                construct,
                {
                    kind: state(plan.local_sql is None, [(stay.code, stay.reason) for stay in plan.stays])
                    for kind, plan in plans.items()
                },
            )


def tables() -> str:
    """A table for each chapter: construct, its state at each kind of source, and the reasons."""
    parts: dict[str, list[str]] = {}
    for chapter, construct, by_kind in states():
        why = "; ".join(dict.fromkeys(_plain(reason) for found in by_kind.values() for reason in found.reasons))
        cells = [construct, *(found.word for found in by_kind.values()), why.replace("|", "\\|")]
        parts.setdefault(chapter, []).append(f"| {' | '.join(cells)} |")
    head = f"| construct | {' | '.join(kinds())} | why not |\n| --- | --- | --- | --- | --- | --- |"
    return "\n\n".join(f"### {chapter}\n\n{head}\n" + "\n".join(rows) for chapter, rows in parts.items()) + "\n"


def _plain(reason: str) -> str:
    """A reason without the name of the source's kind, so that those of several kinds are one.

    >>> _plain("upper is not on the allow-list of mariadb")
    'upper is not on the allow-list'
    """
    return re.sub(r" (of|on) (postgres|mariadb|mysql)\b", "", re.sub(r"^(postgres|mariadb|mysql) ", "", reason))


def allowed() -> str:
    """A table for each kind of entry: name, and for which families of arguments each kind of source computes it."""
    dialects = {kind: info.dialect for kind, info in kinds().items() if not info.dialect.anything}
    parts = []
    for title, table in (
        ("Scalar functions and operators", "scalars"),
        ("Aggregates", "aggregates"),
        ("Windows", "windows"),
        ("Casts", "casts"),
    ):
        cells = {kind: _by_name(dialect, table) for kind, dialect in dialects.items()}
        names = sorted({name for by_name in cells.values() for name in by_name})
        rows = [
            "| "
            + " | ".join([f"`{name}`".replace("|", "\\|"), *(by_name.get(name, "") for by_name in cells.values())])
            + " |"
            for name in names
        ]
        head = f"| name | {' | '.join(dialects)} |\n| --- | --- | --- | --- |"
        parts.append(f"### {title}\n\n{head}\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"


def _by_name(dialect: Dialect, table: str) -> dict[str, str]:
    if table == "casts":
        targets: dict[str, list[str]] = {}
        for source, target in dialect.casts:
            targets.setdefault(f"from {source}", []).append(target)
        return {name: "to " + ", ".join(sorted(found)) for name, found in targets.items()}
    entries: Mapping[str, tuple[Entry, ...]] = getattr(dialect, table)
    return {name: "; ".join(dict.fromkeys(_families(found))) for name, found in entries.items()}


def _families(entries: tuple[Entry, ...]) -> Iterator[str]:
    """Argument families in words: what takes each of several families at one place is one.

    >>> list(_families((Entry(name="f", args=("int", "text"), sql=""), Entry(name="f", args=("date", "text"), sql=""))))
    ['date/int, text']
    """
    groups = [([{kind} for kind in entry.args], entry.constants, entry.superset) for entry in entries]
    merged = True
    while merged:
        merged = False
        for a, b in ((a, b) for a in groups for b in groups if a is not b):
            if a[1:] != b[1:] or len(a[0]) != len(b[0]):
                continue
            apart = [i for i, (left, right) in enumerate(zip(a[0], b[0], strict=True)) if left != right]
            if len(apart) <= 1:
                for i in apart:
                    a[0][i] = a[0][i] | b[0][i]
                groups = [group for group in groups if group is not b]
                merged = True
                break
    for args, constants, superset in groups:
        words = [
            ("constant " if i in constants else "") + "/".join(sorted(kinds)).replace("*", " …")
            for i, kinds in enumerate(args)
        ]
        yield (", ".join(words) or "()") + (" (superset)" if superset else "")
