"""The two engines over the same rows, and how their answers are compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

import duckdb
import pyarrow as pa

from connectors.mysql.dialect import dialect
from connectors.mysql.source import MysqlSource
from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.printer import read_of, sql_of
from connectors.sqlgen.tree import Call, Cast, ColumnRef, Constant, Expr, Join, Query, Scan, boolean
from tests.integration.mysql import hostile
from tests.integration.mysql.reading import fetch
from watersmeet.spi import Read, ReadColumn, SourceCatalog, SourceError

DIALECT = dialect({"product": "mariadb", "version": "10.11.0-MariaDB"})


def tuples(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def rows_of(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    """DuckDB's rows; by way of Arrow, which is slower, only where its own way would want pytz."""
    with con.cursor() as cursor:
        result = cursor.execute(sql)
        if not any("TIME ZONE" in str(column[1]) for column in result.description or ()):
            return result.fetchall()
    with con.cursor() as cursor:
        return tuples(cursor.sql(sql).to_arrow_table())


@dataclass(frozen=True)
class Case:
    """One expression: as the server's SQL, and DuckDB's values by row."""

    shown: str
    printed: str
    type: str
    pairs: bool
    """Over all pairs of rows (t0, t1), or over the rows of t0."""
    values: dict[tuple[Any, ...], Any]


class Oracle:
    """The server, and DuckDB with the same rows."""

    def __init__(
        self, source: MysqlSource, database: str, catalog: SourceCatalog, con: duckdb.DuckDBPyConnection
    ) -> None:
        self.source = source
        self.con = con
        self.a, self.b = (hostile.scan(catalog, database, alias) for alias in ("t0", "t1"))
        self.engine = [hostile.scan(catalog, database, alias, engine=True) for alias in ("t0", "t1")]
        self.both = Join("inner", self.a, self.b, None)
        self.both_engines = Join("inner", self.engine[0], self.engine[1], None)

    def arguments(self, family_: str, scan: Scan) -> list[Expr]:
        if family_ == "hugeint":
            return [Cast(ref, "HUGEINT") for ref in hostile.references(scan, ("i32", "i64", "u64"))]
        if family_ == "bool":
            ref = hostile.references(scan, ("i32",))[0]
            return [boolean(">", ref, Constant("0", "INTEGER"))]
        return hostile.references(scan, hostile.BY_FAMILY[family_])

    def type_of(self, call: Expr) -> str | None:
        """DuckDB's type of an expression, None where its binder refuses it."""
        text = sql_of(call, DUCKDB, self.both_engines)
        try:
            names = ", ".join(f"{s.schema}.{s.table} AS {s.alias}" for s in self.engine)
            row = self.con.execute(f"DESCRIBE SELECT {text} FROM {names}").fetchone()
        except duckdb.Error:
            return None
        assert row is not None
        return str(row[1])

    def local(self, call: Expr, pairs: bool) -> dict[tuple[Any, ...], Any]:
        """DuckDB's values by row, without the rows where it raises an error."""
        text = sql_of(call, DUCKDB, self.both_engines)
        tables = [f"{s.schema}.{s.table} AS {s.alias}" for s in self.engine][: 2 if pairs else 1]
        ids = "t0.id, t1.id" if pairs else "t0.id"
        begin = f"SELECT {ids}, {text} FROM {' CROSS JOIN '.join(tables)}"
        try:
            return {row[:-1]: row[-1] for row in rows_of(self.con, begin)}
        except duckdb.Error:
            found = {}
            for row_ids in self.con.execute(f"SELECT {ids} FROM {' CROSS JOIN '.join(tables)}").fetchall():
                where = " AND ".join(f"{name} = {value}" for name, value in zip(ids.split(", "), row_ids, strict=True))
                try:
                    [row] = rows_of(self.con, f"{begin} WHERE {where}")
                except duckdb.Error:
                    continue
                found[row_ids] = row[-1]
            return found

    def check(self, cases: Iterable[Case]) -> int:
        """Compare the server's values with DuckDB's, where that has any; return how many."""
        seen = 0
        whole: dict[bool, list[Case]] = {True: [], False: []}
        for case in cases:
            seen += len(case.values)
            if len(case.values) == len(hostile.ROWS) ** (2 if case.pairs else 1):
                whole[case.pairs].append(case)
            elif case.values:
                self._compare([case], where=True)
        for alike in whole.values():
            remaining = iter(alike)
            while batch := list(islice(remaining, 40)):
                try:
                    self._compare(batch)
                except SourceError:
                    for case in batch:
                        self._compare([case])
        return seen

    def _compare(self, cases: list[Case], *, where: bool = False) -> None:
        pairs = cases[0].pairs
        scans = [self.a, self.b][: 2 if pairs else 1]
        ids = [f'"{s.alias}"."id"' for s in scans]
        body = "FROM " + " CROSS JOIN ".join(f'"{s.schema}"."{s.table}" AS "{s.alias}"' for s in scans)
        if where:
            keys = ", ".join("(" + ", ".join(map(str, key)) + ")" for key in cases[0].values)
            body += f" WHERE ({', '.join(ids)}) IN ({keys})"
        types = ["INTEGER"] * len(ids) + [case.type for case in cases]
        columns = tuple(ReadColumn(name=f"c{i}", type=t) for i, t in enumerate(types))
        read = Read(prefix="", expressions=(*ids, *(case.printed for case in cases)), body=body, columns=columns)
        rows = tuples(fetch(self.source, read))
        for i, case in enumerate(cases, len(ids)):
            theirs = {row[: len(ids)]: row[i] for row in rows}
            assert theirs.keys() == case.values.keys()
            wrong = {key: (v, theirs[key]) for key, v in case.values.items() if not same(v, theirs[key])}
            assert not wrong, f"{case.shown}: {dict(islice(wrong.items(), 5))} by {case.printed}"


def same(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, float) and isinstance(theirs, float):
        return mine == theirs or (math.isnan(mine) and math.isnan(theirs))
    if isinstance(mine, Decimal | int) and isinstance(theirs, Decimal | int):
        return mine == theirs
    return type(mine) is type(theirs) and bool(mine == theirs)


def announceable(value: Any) -> bool:
    """HUGEINT is announced with 38 digits; DuckDB's own has some values of 39."""
    return not isinstance(value, int) or abs(value) < 10**38


def compare_queries(oracle: Oracle, make: Callable[[Scan], Query], *, ordered: bool = False) -> list[tuple[Any, ...]]:
    """Run the query that `make(scan)` builds on both; compare as multisets, or in order."""
    mine_tree, their_tree = make(oracle.engine[0]), make(oracle.a)
    mine = rows_of(oracle.con, sql_of(mine_tree, DUCKDB))
    read = read_of(their_tree, DIALECT)
    theirs = tuples(fetch(oracle.source, read))
    if not ordered:
        mine, theirs = sorted(mine, key=repr_key), sorted(theirs, key=repr_key)
    assert len(mine) == len(theirs), (mine, theirs)
    for m, t in zip(mine, theirs, strict=True):
        assert all(same(x, y) for x, y in zip(m, t, strict=True)), (m, t, oracle.source.statement(read))
    return mine


def repr_key(row: tuple[Any, ...]) -> str:
    return repr(
        [int(v) if isinstance(v, Decimal) and v == int(v) else float(v) if isinstance(v, Decimal) else v for v in row]
    )


def ref(scan: Scan, name: str) -> ColumnRef:
    column = next(c for c in scan.columns if c.name == name)
    return ColumnRef(scan.alias, name, column.type, column.nullable)


def typed(oracle: Oracle, call: Call) -> Call:
    found = oracle.con.execute(
        f"DESCRIBE SELECT {sql_of(call, DUCKDB, oracle.both_engines)} FROM {oracle.engine[0].schema}.h AS t0"
    ).fetchone()
    assert found is not None
    return Call(call.name, call.args, str(found[1]), call.aggregate, call.distinct, call.filter)
