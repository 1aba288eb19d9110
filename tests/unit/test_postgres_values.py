"""Literals, settings and wire expressions of the PostgreSQL connector, without a server."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pyarrow as pa
import pytest
from pydantic import ValidationError

from connectors.postgres import Config
from connectors.postgres.config import connection_url
from connectors.postgres.dialect import POSTGRES, dialect_for
from connectors.postgres.errors import primary_message
from connectors.postgres.literals import literal, types
from connectors.postgres.wire import arrive, expression, multidimensional, pieces
from watersmeet.spi import ReadColumn, ValueDoesNotFit


def config(**settings: object) -> Config:
    return Config(**{"url": "postgresql://u:p%40ss@h:5432/d", **settings})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "type_", "sql"),
    [
        ("'; DROP TABLE t; --", "VARCHAR", "'''; DROP TABLE t; --'::text"),
        ("\\'; --", "VARCHAR", "E'\\\\''; --'::text"),
        ("", "VARCHAR", "''::text"),
        ("\0", "VARCHAR", None),
        ("5", "INTEGER", "5"),
        ("-5", "INTEGER", "'-5'::int4"),
        ("5", "BIGINT", "'5'::int8"),
        ("18446744073709551615", "UBIGINT", "'18446744073709551615'::numeric"),
        ("1); --", "INTEGER", None),
        ("٣", "INTEGER", None),
        ("1.50", "DECIMAL(5,2)", "'1.50'::numeric(5,2)"),
        ("-nan", "DOUBLE", "'nan'::float8"),
        ("1e+16", "DOUBLE", "'1e+16'::float8"),
        ("true", "BOOLEAN", "TRUE"),
        ("maybe", "BOOLEAN", None),
        ("0044-03-15 (BC)", "DATE", "'0044-03-15 BC'::date"),
        ("5000-01-01 (BC)", "DATE", None),
        ("infinity", "DATE", None),
        ("0044-03-15 (BC) 12:00:00", "TIMESTAMP", "'0044-03-15 12:00:00 BC'::timestamp"),
        ("2020-01-01 00:00:00+00", "TIMESTAMP WITH TIME ZONE", "'2020-01-01 00:00:00+00'::timestamptz"),
        ("2020-01-01'--", "DATE", None),
        ("a\\xAB'", "BLOB", "E'\\\\x61ab27'::bytea"),
        ("a\\", "BLOB", None),
        (None, "BIGINT", "CAST(NULL AS int8)"),
        (None, '"NULL"', "NULL"),
        (None, "STRUCT(a INTEGER)", None),
        ("[1]", "INTEGER[]", None),
        ("2020-01-01 00:00:00", "TIMESTAMP_NS", None),
    ],
)
def test_a_literal_is_typed_and_safe_or_there_is_none(text: str | None, type_: str, sql: str | None) -> None:
    assert literal(text, type_) == sql


def test_types_that_the_source_lacks_have_no_name() -> None:
    assert [types(t) for t in ("UTINYINT", "TINYINT", "INTEGER[][]", "MAP(INTEGER, INTEGER)")] == [None] * 4


def test_durations_are_seconds_or_carry_a_unit() -> None:
    assert config(connect_timeout="5m").connect_timeout == 300
    with pytest.raises(ValidationError, match="duration"):
        config(connect_timeout="soon")


@pytest.mark.parametrize("numeric", ["decimal(39,2)", "decimal(5,6)", "float", "decimal(0,0)"])
def test_a_numeric_that_duckdb_cannot_declare_is_refused(numeric: str) -> None:
    with pytest.raises(ValidationError, match="numeric"):
        config(numeric=numeric)


def test_unknown_settings_and_other_urls_are_refused_without_showing_the_url() -> None:
    with pytest.raises(ValidationError):
        config(sslmode="require")
    with pytest.raises(ValidationError) as raised:
        config(url="mysql://u:s3cret@h/d")
    assert "s3cret" not in str(raised.value)


def test_what_the_url_says_itself_is_kept() -> None:
    given = config(url="postgresql://u@h/d?sslmode=require&keepalives_idle=99&options=-c%20x%3D1", tls="verify-full")
    options = dict(parse_qsl(urlsplit(connection_url(given)).query))
    assert options["sslmode"] == "verify-full"
    assert options["keepalives_idle"] == "99"
    assert options["options"] == "-c x=1"
    assert urlsplit(connection_url(config())).netloc == "u:p%40ss@h:5432"


def test_only_the_servers_primary_message_is_kept_in_any_language() -> None:
    text = "INVALID_DATA: [libpq] Failed: FEHLER:  Division durch Null\nZEILE 1: SELECT 's3cret'\n\nQuery was: SELECT 1"
    assert primary_message(text) == "Division durch Null"
    assert primary_message("IO: something about host 10.0.0.1") == "the query failed"


def test_a_decimal_travels_as_text_and_an_array_with_a_guard() -> None:
    assert expression("t.x", "DECIMAL(5,2)", 0) == "CAST(t.x AS text)"
    assert expression("t.x", "VARCHAR", 0) == "t.x"
    assert expression("t.x", "DECIMAL(5,2)[]", 2) == (
        "CASE WHEN array_ndims(t.x) > 1 THEN CAST('watersmeet2:' || CAST(t.x AS text) AS text[])"
        " ELSE (CAST(t.x AS text[]))[:] END"
    )
    assert multidimensional("fehlerhafte Arraykonstante: »watersmeet2:{{1},{2}}«\nDETAIL: x") == (2, "{{1},{2}}")


def test_the_first_of_many_values_that_does_not_fit_is_named() -> None:
    column = ReadColumn(name="c0", type="DECIMAL(5,2)", origin="s.t.c")
    values = [f"{i % 900}.25" for i in range(5000)]
    assert len(arrive("pg", column, pa.array(values))) == 5000
    values[3210] = "1234.5"
    values[4000] = "NaN"
    with pytest.raises(ValueDoesNotFit, match=r"s\.t\.c: the value 1234\.5 does not fit DECIMAL\(5,2\)"):
        arrive("pg", column, pa.array(values))


def test_a_batch_is_cut_into_pieces_of_bounded_size() -> None:
    batch = pa.record_batch({"a": pa.array(range(1000), pa.int64())})
    cut = pieces(batch, 1024)
    assert pa.Table.from_batches(cut).equals(pa.Table.from_batches([batch]))
    assert max(piece.nbytes for piece in cut) <= 1024 + 128
    assert pieces(batch.slice(0, 0), 1) == [batch.slice(0, 0)]


def test_servers_of_other_encodings_sort_by_utf8_and_have_no_least_text() -> None:
    other = dialect_for({"encoding": "WIN1252"})
    assert other.text_order == "convert_to({0}, 'UTF8')"
    assert not [entry for entry in other.aggregates["min"] if entry.args == ("text",)]
    assert dialect_for({"encoding": "UTF8"}) is POSTGRES
    assert dialect_for({}, exact_text=False).text_order == "{0}"
