"""Rows that TPC-H's queries ship, beside the least by hand: `python -m bench.rows_shipped` (`--write`: into the docs).

The placement is {lineitem, orders | customer, part, partsupp, supplier | nation, region}, at real PostgreSQL, MariaDB and
DuckDB. Ours is counted where rows arrive, with `semijoin_keys` 0 and sources whose work costs nothing: by default plans
are made for time, not for rows. bench/by_hand holds what a person would send to each source: filters, joins, columns and
groupings as far as a source knows them by itself. Each of its statements is run and its rows counted.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import psycopg
import pymysql

from auth.principal import Principal
from connectors import mysql, postgres
from connectors.registry import open_source
from server.execution.limits import LimitsConfig
from server.query import LocalQueries
from server.requests import Request
from tests import services
from tests.oracle.world import connect_mysql
from tests.tpch import data
from tests.tpch.placements import PLACEMENTS, Placed, placed
from watersmeet.speed import Speed

PLACEMENT = "a"
BY_HAND = Path(__file__).parent / "by_hand"
PAGE = Path(__file__).parent.parent / "docs" / "pushdown-rows.md"
FREE = {field.name: 0.0 for field in fields(Speed)} | {"send": 1.0}
"""Speeds of a source where only the rows that it sends cost something."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    query: str
    fragments: tuple[tuple[str, int], ...]
    """(source, rows) of ours."""
    by_hand: tuple[tuple[str, int], ...]

    @property
    def ours(self) -> int:
        return sum(rows for _, rows in self.fragments)

    @property
    def least(self) -> int:
        return sum(rows for _, rows in self.by_hand)


def main() -> None:
    """Print the table; `--write` puts it into docs/pushdown-rows.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.rows_shipped", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--scale", type=float, default=0.01, help="TPC-H scale factor (0.01: 60,000 line items)")
    parser.add_argument("--queries", nargs="+", type=int, default=list(range(1, 23)), metavar="N")
    parser.add_argument("--write", action="store_true", help=f"write docs/{PAGE.name}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, services.postgres() as pg, services.mysql() as my:
        folder = Path(name)
        tables = data.generate(folder, options.scale)
        with placed(PLACEMENT, pg, my, tables, folder) as sources:
            rows = list(counted(sources, tables, options.queries))
    more = [row.query for row in rows if row.ours > row.least]
    print(f"{len(more)} of {len(rows)} queries ship more than by hand{': ' if more else ''}{', '.join(more)}")
    if options.write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(before + BEGIN + "\n" + table(rows, options.scale) + END + rest.partition(END)[2])


BEGIN, END = "<!-- made by bench/rows_shipped.py -->", "<!-- end -->"


def counted(sources: Placed, tables: Path, queries: list[int]) -> Iterator[Row]:
    """The queries' lines, printed as they are made."""
    print(f"{'query':<7}{'ours':>9}{'by hand':>9}  of ours; by hand", flush=True)
    with federation(sources) as running, Hands.over(sources, tables) as hands:
        for number in queries:
            query = data.QUERIES[number - 1]
            row = Row(query.stem, shipped(running, query.read_text()), hands.counts(BY_HAND / query.name))
            mark = "  more" if row.ours > row.least else ""
            print(
                f"{row.query:<7}{row.ours:>9,}{row.least:>9,}  {_listed(row.fragments)}; {_listed(row.by_hand)}{mark}",
                flush=True,
            )
            yield row


def table(rows: list[Row], scale: float) -> str:
    """The lines as Markdown."""
    lines = [
        f"Scale factor {scale}:",
        "",
        "| query | ours | least by hand | from each fragment | by hand |",
        "| --- | ---: | ---: | --- | --- |",
    ]
    for row in rows:
        ours = f"**{row.ours:,}**" if row.ours > row.least else f"{row.ours:,}"
        lines.append(f"| {row.query} | {ours} | {row.least:,} | {_listed(row.fragments)} | {_listed(row.by_hand)} |")
    return "\n".join(lines) + "\n"


def _listed(counts: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(f"{source} {rows:,}" for source, rows in counts)


# ---------------------------------------------------------------- ours


@contextmanager
def federation(sources: Placed) -> Iterator[LocalQueries]:
    """The placement in this process, with sources whose work costs nothing and without semi-joins."""
    with ExitStack() as stack:
        opened = {}
        for name, config in sources.sources.items():
            opened[name] = open_source(name, config.model_copy(update={"speed": FREE}))
            stack.callback(opened[name].close)
        queries = LocalQueries(opened, LimitsConfig(), settings={"semijoin_keys": "0"})
        stack.callback(queries.close)
        yield queries


def shipped(queries: LocalQueries, sql: str) -> tuple[tuple[str, int], ...]:
    """(source, rows) of each fragment, as they arrived."""
    request = Request(
        query_id=uuid.uuid4().hex, sql=f"EXPLAIN ANALYZE (FORMAT JSON) {sql}", now=datetime(2026, 1, 1, tzinfo=UTC)
    )
    answer = queries.execute(request, Principal(subject="bench"), math.inf)
    try:
        (text,) = (value for batch in answer.batches() for value in batch.column(0).to_pylist())
    finally:
        answer.close()
    return tuple((fragment["source"], fragment["measured"]["rows"]) for fragment in json.loads(text)["fragments"])


# ---------------------------------------------------------------- by hand


@dataclass(frozen=True, slots=True)
class Hands:
    """Connections to the three databases, for statements written by hand."""

    pg: psycopg.Connection
    my: pymysql.Connection
    lake: duckdb.DuckDBPyConnection

    def counts(self, file: Path) -> tuple[tuple[str, int], ...]:
        """(source, rows) of each statement of a file; `-- source` or `-- source: why` begins one."""
        parts = re.split(r"^-- (pg|my|lake)\b.*\n", file.read_text(), flags=re.MULTILINE)
        return tuple(
            (source, self.rows(source, statement.strip()))
            for source, statement in zip(parts[1::2], parts[2::2], strict=True)
        )

    def rows(self, source: str, statement: str) -> int:
        """How many rows a statement gives."""
        if source == "pg":
            return len(self.pg.execute(statement.encode()).fetchall())
        if source == "lake":
            return len(self.lake.execute(statement).fetchall())
        with self.my.cursor() as cursor:
            cursor.execute(statement)
            return len(cursor.fetchall())

    @staticmethod
    @contextmanager
    def over(sources: Placed, tables: Path) -> Iterator[Hands]:
        """Connections of their own to a placement; the file of DuckDB is open already, a copy does as well."""
        pg, my = (sources.sources[name] for name in ("pg", "my"))
        assert isinstance(pg, postgres.Config) and isinstance(my, mysql.Config) and my.schemas
        with (
            psycopg.connect(pg.url.get_secret_value()) as first,
            connect_mysql(my.url.get_secret_value()) as second,
            duckdb.connect() as third,
            second.cursor() as cursor,
        ):
            cursor.execute(f"USE {my.schemas[0]}")
            data.load(third, tables, PLACEMENTS[PLACEMENT]["lake"])
            yield Hands(first, second, third)


if __name__ == "__main__":
    main()
