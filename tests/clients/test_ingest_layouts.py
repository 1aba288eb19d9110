"""Ingest takes the layouts in which data frames keep their columns: dictionaries, views, run ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import adbc_driver_flightsql.dbapi as adbc
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tests.clients.served import Served
from tests.clients.test_plain_layouts import LAYOUTS

CITIES = ["Berlin", None, "a name of more than the twelve bytes that a view holds itself", "Berlin"]
Read = Callable[[str], pa.Table]
WRITABLE = [name for name in LAYOUTS if name not in ("struct", "map", "array of a fixed size")]
"""PostgreSQL has no columns for the others."""


@pytest.fixture
def connection(writable_shop: Served) -> Iterator[adbc.Connection]:
    """The session's catalog is the writable source: pandas names none."""
    with writable_shop.connect(catalog="pg") as made:
        yield made


@pytest.fixture
def read(connection: adbc.Connection) -> Read:
    def table(name: str) -> pa.Table:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM pg.archive.{name}")
            return cursor.fetch_arrow_table()

    return table


def test_a_frame_of_polars_is_written(connection: adbc.Connection, read: Read) -> None:
    """Strings are views there; a category and an enumeration are dictionaries of them."""
    frame = pl.DataFrame(
        {
            "s": CITIES,
            "c": pl.Series(CITIES, dtype=pl.Categorical),
            "e": pl.Series(["lo", None, "hi", "lo"], dtype=pl.Enum(["lo", "hi"])),
            "b": [b"x" * 20, None, b"", b"y"],
            "l": [["Berlin"], None, [], [None]],
        }
    )
    given = frame.to_arrow(compat_level=pl.CompatLevel.newest())
    assert pa.types.is_string_view(given.schema.field("s").type)
    assert pa.types.is_dictionary(given.schema.field("c").type)
    with connection.cursor() as cursor:
        assert cursor.adbc_ingest("of_polars", given, "replace", db_schema_name="archive") == 4
    assert read("of_polars").to_pydict() == frame.to_dict(as_series=False)


def test_a_frame_of_pandas_is_written(connection: adbc.Connection, read: Read) -> None:
    frame = pd.DataFrame({"i": [1, 2, 3, 4], "c": pd.Categorical(CITIES), "s": pd.Series(CITIES, dtype="string")})
    assert frame.to_sql("of_pandas", connection, schema="archive", if_exists="replace", index=False) == 4
    assert read("of_pandas").to_pydict() == {"i": [1, 2, 3, 4], "c": CITIES, "s": CITIES}


@pytest.mark.parametrize("name", WRITABLE)
def test_every_layout_is_written(connection: adbc.Connection, read: Read, name: str) -> None:
    array, table = LAYOUTS[name][0], f"of_arrow_{WRITABLE.index(name)}"
    with connection.cursor() as cursor:
        count = cursor.adbc_ingest(table, pa.table({"v": array}), "replace", db_schema_name="archive")
    assert count == len(array)
    assert read(table).column("v").to_pylist() == array.to_pylist()
