"""polars over ADBC: types, batches, parameters, and lazy work on what came."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import adbc_driver_flightsql.dbapi as adbc
import polars as pl
import pytest

from tests.clients.served import Served

SQL = """SELECT c.name, o.id, o.amount, o.placed, o.note, c.vip
    FROM pg.public.orders o JOIN pg.public.customers c ON c.id = o.customer
    JOIN lake.main.customers l ON l.id = c.id WHERE o.id <= 3 ORDER BY o.id"""


@pytest.fixture
def connection(served: Served) -> Iterator[adbc.Connection]:
    with served.connect() as made:
        yield made


def test_a_federated_answer_has_its_types(connection: adbc.Connection) -> None:
    frame = pl.read_database(SQL, connection)
    assert dict(frame.schema) == {
        "name": pl.String(),
        "id": pl.Int64(),
        "amount": pl.Decimal(12, 2),
        "placed": pl.Datetime("us", "UTC"),
        "note": pl.String(),
        "vip": pl.Boolean(),
    }
    assert frame.rows()[0][:2] == ("customer 3", 2)
    assert frame["placed"].to_list() == [datetime(2024, 1, 1, 2, tzinfo=UTC)]


def test_every_type_arrives(connection: adbc.Connection) -> None:
    frame = pl.read_database(
        """SELECT 1::TINYINT AS i1, 2::UTINYINT AS u1, 3::UBIGINT AS u8, 4::HUGEINT AS h, 1.5::FLOAT AS f4, 2.5::DOUBLE AS f8,
        1.50::DECIMAL(12, 2) AS d, true AS b, 'x' AS s, 'x'::BLOB AS y, DATE '2024-01-02' AS dt, TIME '01:02:03' AS t,
        TIMESTAMP '2024-01-02 03:04:05' AS ts, [1, 2] AS l, {'a': 1} AS st, 'a'::ENUM('a', 'b') AS e, NULL AS n""",
        connection,
    )
    assert frame.shape == (1, 17)
    values = frame.row(0, named=True)
    assert (values["l"], values["st"], values["e"], values["n"]) == ([1, 2], {"a": 1}, "a", None)
    assert frame.schema["u8"].is_integer() or frame.schema["u8"].is_decimal()


def test_parameters(connection: adbc.Connection) -> None:
    frame = pl.read_database(
        "SELECT id FROM pg.public.orders WHERE id < ? AND note = ?",
        connection,
        execute_options={"parameters": [10, "it's number 3"]},
    )
    assert frame["id"].to_list() == [3]


def test_batches(connection: adbc.Connection) -> None:
    batches = pl.read_database("SELECT i FROM range(300000) AS r(i)", connection, iter_batches=True, batch_size=100_000)
    assert sum(batch.height for batch in batches) == 300_000


def test_an_empty_answer_has_its_columns(connection: adbc.Connection) -> None:
    frame = pl.read_database("SELECT id, note FROM pg.public.orders WHERE id < 0", connection)
    assert frame.columns == ["id", "note"] and frame.height == 0
