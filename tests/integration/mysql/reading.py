"""Short ways to read through a source in tests."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from connectors.mysql.source import MysqlSource
from watersmeet.spi import Column, Read, ReadColumn, SourceCatalog, Tag, arrow_type


def column_of(catalog: SourceCatalog, schema: str, table: str, column: str) -> Column:
    return next(c for c in catalog.tables[schema, table].columns if c.name == column)


def read_sql(expressions: Sequence[tuple[str, str]], body: str = "", prefix: str = "") -> Read:
    """A read of (expression, type) pairs."""
    columns = tuple(ReadColumn(name=f"c{i}", type=type_) for i, (_, type_) in enumerate(expressions))
    return Read(prefix=prefix, expressions=tuple(sql for sql, _ in expressions), body=body, columns=columns)


def read_table(catalog: SourceCatalog, schema: str, table: str, tail: str = "") -> Read:
    """A read of all columns of a table, as a planner would print it."""
    columns = catalog.tables[schema, table].columns
    return Read(
        prefix="",
        expressions=tuple(c.read.format('"t0"."' + c.name.replace('"', '""') + '"') for c in columns),
        body=f'FROM "{schema}"."{table}" AS "t0" {tail}'.strip(),
        columns=tuple(
            ReadColumn(name=f"c{i}", type=c.type, origin=f"{schema}.{table}.{c.name}") for i, c in enumerate(columns)
        ),
    )


def fetch(source: MysqlSource, read: Read, timeout: float = 30.0) -> pa.Table:
    """All rows of a read, its schema checked."""
    snapshot = source.snapshot(Tag(query_id="test", timeout=timeout), 1)
    try:
        batches = list(snapshot.read(0, read))
    finally:
        snapshot.close()
    schema = pa.schema([pa.field(c.name, arrow_type(c.type)) for c in read.columns])
    for batch in batches:
        batch.validate(full=True)
        assert batch.schema == schema
    return pa.Table.from_batches(batches, schema)
