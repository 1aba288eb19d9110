"""Kept cursors of the engine: for statements that look alike, one at a time, a bounded number of them."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest

from server.execution.cursors import Cursor, Cursors, Input


@pytest.fixture
def cursors() -> Iterator[Cursors]:
    with duckdb.connect() as base:
        base.execute("SET GLOBAL TimeZone = 'UTC'")
        made = Cursors(base)
        yield made
        made.close()


def rows(*values: object, name: str = "c0") -> dict[str, Input]:
    return {"x0": Input(pa.table({name: pa.array(values)}).to_reader())}


def answer(cursor: Cursor, sql: str = "SELECT * FROM x0") -> list[object]:
    return [row for batch in cursor.run(sql, 1000) for row in batch.to_pydict()[batch.schema.names[0]]]


def test_a_cursor_serves_the_next_statement_whose_inputs_look_alike(cursors: Cursors) -> None:
    cursor = cursors.take(rows(1, 2), "UTC")
    assert answer(cursor) == [1, 2]
    cursors.give(cursor)
    again = cursors.take(rows(3), "UTC")
    assert again is cursor
    assert answer(again) == [3]
    cursors.give(again)


def test_a_cursor_serves_one_statement_at_a_time(cursors: Cursors) -> None:
    cursors.give(cursors.take(rows(1), "UTC"))
    first, second = cursors.take(rows(1), "UTC"), cursors.take(rows(2), "UTC")
    assert first is not second
    assert (answer(second), answer(first)) == ([2], [1])
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("inputs", "time_zone"),
    [
        pytest.param(rows(1), "Asia/Tokyo", id="another time zone"),
        pytest.param(rows("a"), "UTC", id="another type"),
        pytest.param(rows(1, name="c1"), "UTC", id="another name"),
        pytest.param({}, "UTC", id="no input"),
    ],
)
def test_what_does_not_look_alike_gets_another_cursor(
    cursors: Cursors, inputs: dict[str, Input], time_zone: str
) -> None:
    kept = cursors.take(rows(1), "UTC")
    cursors.give(kept)
    other = cursors.take(inputs, time_zone)
    assert other is not kept
    zone = answer(other, "SELECT current_setting('TimeZone') AS zone")
    assert zone == [time_zone]
    other.close()


@pytest.mark.parametrize("nested", [False, True])
def test_columns_with_metadata_are_not_taken_for_others(cursors: Cursors, nested: bool) -> None:
    """It is no part of a schema's equality, but DuckDB reads a type from it."""

    def given(metadata: dict[bytes, bytes] | None) -> dict[str, Input]:
        field = pa.field("c0", pa.string(), metadata=metadata)
        field = pa.field("c0", pa.struct([field])) if nested else field
        return {"x0": Input(pa.schema([field]).empty_table().to_reader())}

    types = []
    for metadata in ({b"ARROW:extension:name": b"arrow.json"}, None):
        cursor = cursors.take(given(metadata), "UTC")
        types.append(cursor.columns("SELECT * FROM x0"))
        cursors.give(cursor)
    assert types[0] != types[1]


def test_rows_that_nobody_read_are_not_the_next_statements(cursors: Cursors) -> None:
    cursor = cursors.take(rows(1), "UTC")
    cursors.give(cursor)
    with pytest.raises(duckdb.Error, match="read once"):
        answer(cursor)


def test_few_cursors_are_kept(cursors: Cursors) -> None:
    made = [cursors.take(rows(1, name=f"c{number}"), "UTC") for number in range(40)]
    for cursor in made:
        cursors.give(cursor)
    assert [is_open(cursor) for cursor in made] == [False] * 8 + [True] * 32
    cursors.close()
    assert not any(map(is_open, made))


def is_open(cursor: Cursor) -> bool:
    try:
        cursor.columns("SELECT 1 AS a")
    except duckdb.Error:
        return False
    return True
