"""What binding asks DuckDB of one statement serves the next: types do not depend on the values of an operator's constants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest

from connectors.sqlgen.duckdb import DUCKDB
from connectors.sqlgen.printer import sql_of
from connectors.sqlgen.tree import Call, ColumnRef, Constant, Expr
from planner.bind.context import BY_TYPES, summed
from planner.oracle import Oracle, Rejected, placeholders

FEW_TYPES = ("INTEGER", "DECIMAL(15,2)", "VARCHAR", "DATE")
ALL_TYPES = (
    *FEW_TYPES,
    *("BOOLEAN", "TINYINT", "BIGINT", "HUGEINT", "UTINYINT", "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL(1,0)"),
    *("DECIMAL(38,10)", "BLOB", "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "INTERVAL", "UUID", "INTEGER[]"),
)
ENDS = (0, 2**7, 2**8, 2**15, 2**16, 2**31, 2**32, 2**63, 2**64, 2**127, 2**128)
TEXTS = ("", "a", "5", "5.5", "2020-01-01", "[1]", "true", "1 day")
VALUES = {
    "BOOLEAN": ("true", "false"),
    "INTEGER": ("5", "-2147483648"),
    "HUGEINT": ("5", str(2**100)),
    "DECIMAL(15,2)": ("0.01", "9999999999999.99"),
    "DOUBLE": ("1.5", "1e300"),
    "DATE": ("2020-01-01", "0044-03-15 (BC)"),
    "TIMESTAMP": ("2020-01-01 00:00:00", "infinity"),
    "INTERVAL": ("1 day", "-1 month"),
}
"""Two of each type, as constants that no literal is."""


@pytest.fixture(scope="module")
def asked() -> Iterator[Oracle]:
    made = Oracle()
    yield made
    made.close()


@pytest.mark.parametrize("name", sorted(BY_TYPES))
def test_an_operators_type_or_refusal_is_that_of_the_constants_that_stand_for_others(name: str, asked: Oracle) -> None:
    check_types(name, FEW_TYPES, asked)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(BY_TYPES))
def test_so_it_is_beside_columns_of_all_types(name: str, asked: Oracle) -> None:
    check_types(name, ALL_TYPES, asked)


def check_types(name: str, types: Sequence[str], asked: Oracle) -> None:
    """Raise AssertionError unless an operator between a column and a constant is typed as if the constant were another."""
    for type_ in types:
        column = ColumnRef("t0", "c0", type_)
        for constant in _constants():
            for args in ((column, constant), (constant, column)):
                args = (*args, args[1]) if name == "between" else args
                itself, alike = (_type(asked, name, *placeholders(args, operator=way)) for way in (False, True))
                assert itself == alike, (name, args)


def _constants() -> Iterator[Constant]:
    for low, end in pairwise(ENDS):
        for text in {str(low), str(end - 1), str(10 ** (len(str(end)) - 1))}:
            yield Constant(text, _integer(int(text)), literal=True)
    for text in TEXTS:
        yield Constant(text, "VARCHAR", literal=True)
        yield Constant(text, "VARCHAR")
    for type_, texts in VALUES.items():
        yield from (Constant(text, type_) for text in texts)


def _integer(value: int) -> str:
    return next((name for name, bits in (("INTEGER", 31), ("BIGINT", 63)) if value < 2**bits), "HUGEINT")


def _type(asked: Oracle, name: str, shown: tuple[Expr, ...], others: tuple[Expr, ...]) -> str:
    try:
        return asked.type_of(sql_of(Call(name, shown, ""), DUCKDB), others)
    except Rejected as error:
        return error.message


def test_the_second_key_of_a_statement_asks_the_binder_nothing(asked: Oracle, monkeypatch: pytest.MonkeyPatch) -> None:
    key = ColumnRef("t0", "c0", "INTEGER")

    def typed(text: str) -> str:
        return _type(asked, "=", *placeholders((key, Constant(text, "INTEGER", literal=True)), operator=True))

    typed("40000")
    monkeypatch.setattr(asked, "query_types", lambda _: pytest.fail("the binder was asked"))
    assert typed("2000000000") == "BOOLEAN"


@pytest.mark.parametrize("type_", ["INTEGER", "BIGINT"])
@pytest.mark.parametrize("name", ["+", "-"])
def test_integers_are_added_as_duckdb_adds_them(name: str, type_: str, asked: Oracle) -> None:
    end = 2**31 if type_ == "INTEGER" else 2**63
    texts = [str(value) for value in (-end, 1 - end, -1, 0, 1, 1000, end - 1001, end - 1)]
    for one in texts:
        for other in texts:
            node = Call(name, (Constant(one, type_), Constant(other, type_)), type_)
            assert summed(node) == asked.value(sql_of(node, DUCKDB)), node


@pytest.mark.parametrize(
    "args",
    [
        (Constant("5", "INTEGER"), Constant(None, "INTEGER")),
        (Constant("2020-01-01", "DATE"), Constant("5", "INTEGER")),
        (Constant("5", "INTEGER"),),
        (Constant("5", "INTEGER"), ColumnRef("t0", "c0", "INTEGER")),
    ],
)
def test_only_two_known_integers_are_added(args: tuple[Expr, ...]) -> None:
    assert summed(Call("+", args, "INTEGER")) is None
