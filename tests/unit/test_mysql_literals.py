"""Literals of the MySQL connector: exact, or refused; never a way out of the quotes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mysql.literals import literal


@pytest.mark.parametrize(
    ("text", "type_", "expected"),
    [
        (None, "DATE", "NULL"),
        ("true", "BOOLEAN", "TRUE"),
        ("-5", "INTEGER", "(-5)"),
        ("170141183460469231731687303715884105727", "HUGEINT", "170141183460469231731687303715884105727"),
        ("12.50", "DECIMAL(4,2)", "12.50"),
        ("-.5", "DECIMAL(1,1)", "(-0.5)"),
        ("1.5", "DOUBLE", "1.5e0"),
        ("100.0", "DOUBLE", "100e0"),
        ("1e+300", "DOUBLE", "1e+300"),
        ("-0.0", "DOUBLE", None),
        ("inf", "DOUBLE", None),
        ("nan", "DOUBLE", None),
        ("0.1", "FLOAT", None),
        ("it's", "VARCHAR", "'it''s'"),
        ("a\\", "VARCHAR", "_utf8mb4 X'615c'"),
        ("a\0", "VARCHAR", "_utf8mb4 X'6100'"),
        ("\ud800", "VARCHAR", None),
        ("a\\xFF", "BLOB", "X'61ff'"),
        ("2020-02-29", "DATE", "DATE'2020-02-29'"),
        ("0044-03-15 (BC)", "DATE", None),
        ("infinity", "DATE", None),
        ("10000-01-01", "DATE", None),
        ("24:00:00", "TIME", None),
        ("10:00:00.5", "TIME", "TIME'10:00:00.5'"),
        ("2020-01-01 00:00:00", "TIMESTAMP", "TIMESTAMP'2020-01-01 00:00:00'"),
        ("2020-01-01 02:30:00+02:30", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP'2020-01-01 00:00:00'"),
        ("2020-01-01 00:00:00.5-08", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP'2020-01-01 08:00:00.500000'"),
        ("0001-01-01 00:00:00+14", "TIMESTAMP WITH TIME ZONE", None),
        ("[1, 2]", "INTEGER[]", None),
        ("1 day", "INTERVAL", None),
        ("1 or 1=1", "INTEGER", None),
        ("2020-01-01' or '", "DATE", None),
    ],
)
def test_a_constant_is_printed_exactly_or_refused(text: str | None, type_: str, expected: str | None) -> None:
    assert literal(text, type_) == expected


TYPES = ["VARCHAR", "BLOB", "INTEGER", "DECIMAL(5,2)", "DOUBLE", "DATE", "TIME", "TIMESTAMP", "BOOLEAN", "HUGEINT"]
SAFE = re.compile(
    r"NULL|TRUE|FALSE|\(?-?[0-9][0-9.]*(e[+-]?[0-9]+)?\)?|(_utf8mb4 )?X'([0-9a-f]{2})*'"
    r"|(DATE|TIME|TIMESTAMP)'[0-9:. -]*'|'([^'\\]|'')*'"
)


@given(st.text(), st.sampled_from(TYPES))
def test_no_text_makes_more_than_one_token(text: str, type_: str) -> None:
    printed = literal(text, type_)
    assert printed is None or SAFE.fullmatch(printed)
