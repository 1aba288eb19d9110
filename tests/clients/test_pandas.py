"""pandas over ADBC: read_sql, Arrow types, parameters, chunks."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import adbc_driver_flightsql.dbapi as adbc
import pandas as pd
import pytest

from tests.clients.served import Served


@pytest.fixture
def connection(served: Served) -> Iterator[adbc.Connection]:
    with served.connect() as made:
        yield made


def test_a_federated_answer(connection: adbc.Connection) -> None:
    frame = pd.read_sql(
        "SELECT l.name, sum(o.amount) AS total FROM pg.public.orders o JOIN lake.main.customers l ON l.id = o.customer"
        " GROUP BY l.name ORDER BY l.name",
        connection,
    )
    assert list(frame["name"]) == ["Zoë", "customer 1"]
    assert list(frame["total"]) == [12425, 12625]


def test_arrow_types_are_kept_where_they_are_asked_for(connection: adbc.Connection) -> None:
    frame = pd.read_sql(
        "SELECT id, amount, placed, note FROM pg.public.orders ORDER BY id LIMIT 3", connection, dtype_backend="pyarrow"
    )
    assert [str(kind) for kind in frame.dtypes] == [
        "int64[pyarrow]",
        "decimal128(12, 2)[pyarrow]",
        "timestamp[us, tz=UTC][pyarrow]",
        "string[pyarrow]",
    ]
    assert frame["amount"][0] == Decimal("0.25") and frame["note"].isna().tolist() == [True, True, False]


def test_nulls_and_integers_stay_what_they_are(connection: adbc.Connection) -> None:
    frame = pd.read_sql("SELECT * FROM (VALUES (1, NULL), (NULL, 'x')) AS v(i, s)", connection, dtype_backend="pyarrow")
    assert frame["i"].isna().tolist() == [False, True]


def test_parameters(connection: adbc.Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM pg.public.orders WHERE id BETWEEN ? AND ? ORDER BY id", (2, 4))
        assert list(cursor.fetch_df()["id"]) == [2, 3, 4]


def test_an_empty_answer_has_its_columns(connection: adbc.Connection) -> None:
    frame = pd.read_sql("SELECT id, note FROM pg.public.orders WHERE id < 0", connection)
    assert list(frame.columns) == ["id", "note"] and frame.empty
