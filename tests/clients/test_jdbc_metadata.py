"""JDBC's DatabaseMetaData: every method of it, and the values of those that tools build their menus from."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients import shop
from tests.clients.jdbc.bridge import Java, JavaError, Jvm, Remote

ARGUMENTS: dict[str, object] = {
    "java.lang.String": None,
    "[Ljava.lang.String;": None,
    "[I": None,
    "boolean": False,
    "int": 1003,  # TYPE_FORWARD_ONLY, where it means anything
    "java.lang.Class": Java("java.lang.Class", "java.sql.DatabaseMetaData"),
}
"""What a method is called with, by the type of its parameter."""
KEYS_OF = {
    "getPrimaryKeys": ("pg", "public", "orders"),
    "getImportedKeys": ("pg", "public", "orders"),
    "getExportedKeys": ("pg", "public", "customers"),
    "getCrossReference": ("pg", "public", "customers", "pg", "public", "orders"),
}
"""Methods that need the name of a table."""
NOT_IN_THE_DRIVER = {
    "supportsResultSetHoldability", "supportsTransactionIsolationLevel", "ownUpdatesAreVisible", "ownDeletesAreVisible",
    "ownInsertsAreVisible", "othersUpdatesAreVisible", "othersDeletesAreVisible", "othersInsertsAreVisible",
    "updatesAreDetected", "deletesAreDetected", "insertsAreDetected",
}  # fmt: skip
"""The driver throws `todo: implement this method` for these, or refuses the argument, whatever the server says."""


@pytest.fixture
def about(jdbc: Remote) -> Remote:
    made: Remote = jdbc.getMetaData()
    return made


def _rows(result: Remote) -> list[dict[str, Any]]:
    about = result.getMetaData()
    labels = [about.getColumnLabel(i + 1) for i in range(about.getColumnCount())]
    return [dict(zip(labels, row, strict=True)) for row in result.rows()]


def _number(value: object) -> int | None:
    """An integer of whatever size."""
    return int(value.text) if isinstance(value, Java) else value if isinstance(value, int) else None


def test_every_method_answers(about: Remote, jvm: Jvm) -> None:
    """By reflection, so that none is left out."""
    failed = {}
    called = 0
    for name, types in jvm.methods("java.sql.DatabaseMetaData"):
        arguments = KEYS_OF.get(name, tuple(ARGUMENTS[kind] for kind in types))
        called += 1
        try:
            answer = getattr(about, name)(*arguments)
            if isinstance(answer, Remote) and "ResultSet" in answer.kind:
                answer.rows()
        except JavaError as error:
            allowed = error.kind == "java.sql.SQLFeatureNotSupportedException" or name in NOT_IN_THE_DRIVER
            if not allowed:
                failed[name] = str(error)
    assert failed == {}
    assert called > 170


# ---------------------------------------------------------------- what there is


def test_catalogs_are_the_sources(about: Remote) -> None:
    assert about.getCatalogs().rows() == [("lake",), ("pg",)]


def test_schemas(about: Remote) -> None:
    every = [("main", "lake"), ("archive", "pg"), ("public", "pg")]
    assert about.getSchemas().rows() == every
    assert about.getSchemas("pg", "arch%").rows() == [("archive", "pg")]
    assert about.getSchemas("lake", None).rows() == [("main", "lake")]


def test_table_types(about: Remote) -> None:
    assert about.getTableTypes().rows() == [("TABLE",), ("VIEW",)]


def _tables(about: Remote, *arguments: object) -> list[str]:
    return [
        f"{row['TABLE_CAT']}.{row['TABLE_SCHEM']}.{row['TABLE_NAME']} {row['TABLE_TYPE']}"
        for row in _rows(about.getTables(*arguments))
    ]


def test_tables_by_catalog_schema_pattern_and_type(about: Remote) -> None:
    tables = [f"pg.public.{name} TABLE" for name in shop.TABLES]
    assert _tables(about, "pg", "public", None, ["TABLE"]) == tables
    assert _tables(about, "pg", "public", None, ["BASE TABLE"]) == tables
    assert _tables(about, "pg", "public", "big%", ["VIEW"]) == ["pg.public.big_orders VIEW"]
    assert _tables(about, None, None, "customers", None) == ["lake.main.customers TABLE", "pg.public.customers TABLE"]
    assert _tables(about, "nowhere", None, None, None) == []


def test_patterns_have_an_escape(about: Remote) -> None:
    escape = about.getSearchStringEscape()
    assert _tables(about, "pg", None, "orders_2020", None) == ["pg.archive.orders_2020 TABLE"]
    assert _tables(about, "pg", None, f"orders{escape}_2020", None) == ["pg.archive.orders_2020 TABLE"]
    assert _tables(about, "pg", None, f"customer{escape}_", None) == []
    assert _tables(about, "pg", None, "customer_", None) == ["pg.public.customers TABLE"]


def test_columns_have_types_sizes_nullability_and_remarks(about: Remote) -> None:
    told = [
        (
            row["COLUMN_NAME"], row["DATA_TYPE"], row["TYPE_NAME"], row["COLUMN_SIZE"], row["DECIMAL_DIGITS"],
            row["NULLABLE"], row["IS_NULLABLE"], row["REMARKS"], row["ORDINAL_POSITION"],
        )
        for row in _rows(about.getColumns("pg", "public", "orders", None))
    ]  # fmt: skip
    assert told[:3] == [
        ("id", -5, "bigint", 19, 0, 0, "NO", None, 1),
        ("customer", 4, "integer", 10, 0, 0, "NO", None, 2),
        ("amount", 3, "numeric(12,2)", 12, 2, 1, "YES", "in euros", 3),
    ]
    assert [row[:3] for row in told[3:]] == [("placed", 2014, "timestamp with time zone"), ("note", 12, "text")]


def test_columns_by_pattern(about: Remote) -> None:
    named = [row["COLUMN_NAME"] for row in _rows(about.getColumns("pg", "public", "orders", "%o%"))]
    assert named == ["customer", "amount", "note"]
    of_views = [row["COLUMN_NAME"] for row in _rows(about.getColumns("pg", "public", "big\\_orders", None))]
    assert of_views == ["id", "amount"]


# ---------------------------------------------------------------- keys


def test_primary_keys_in_their_order(about: Remote) -> None:
    told = [
        (row["TABLE_CAT"], row["TABLE_SCHEM"], row["TABLE_NAME"], row["COLUMN_NAME"], row["KEY_SEQ"], row["PK_NAME"])
        for row in _rows(about.getPrimaryKeys("pg", "public", "lines"))
    ]
    assert told == [
        ("pg", "public", "lines", "order_id", 1, "lines_pkey"),
        ("pg", "public", "lines", "line", 2, "lines_pkey"),
    ]


def test_a_view_has_no_primary_key(about: Remote) -> None:
    assert _rows(about.getPrimaryKeys("pg", "public", "big_orders")) == []
    assert _rows(about.getPrimaryKeys("pg", "public", "nowhere")) == []


def _keys(rows: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    return [
        (
            f"{row['PKTABLE_CAT']}.{row['PKTABLE_SCHEM']}.{row['PKTABLE_NAME']}.{row['PKCOLUMN_NAME']}",
            f"{row['FKTABLE_CAT']}.{row['FKTABLE_SCHEM']}.{row['FKTABLE_NAME']}.{row['FKCOLUMN_NAME']}",
            row["KEY_SEQ"], row["FK_NAME"], row["PK_NAME"], _number(row["UPDATE_RULE"]), _number(row["DELETE_RULE"]),
        )
        for row in rows
    ]  # fmt: skip


ORDERS = ("pg.public.customers.id", "pg.public.orders.customer", 1, "orders_customer_fkey", "customers_pkey", 1, 0)
"""customers ← orders: restricted on update, cascading on delete, as java.sql.DatabaseMetaData numbers them."""
LINES = ("pg.public.orders.id", "pg.public.lines.order_id", 1, "lines_order_fkey", "orders_pkey", 3, 3)


def test_imported_keys(about: Remote) -> None:
    assert _keys(_rows(about.getImportedKeys("pg", "public", "orders"))) == [ORDERS]
    assert _keys(_rows(about.getImportedKeys("pg", "public", "lines"))) == [LINES]
    assert _rows(about.getImportedKeys("pg", "public", "customers")) == []


def test_exported_keys(about: Remote) -> None:
    assert _keys(_rows(about.getExportedKeys("pg", "public", "customers"))) == [ORDERS]
    assert _keys(_rows(about.getExportedKeys("pg", "public", "orders"))) == [LINES]
    assert _rows(about.getExportedKeys("pg", "public", "lines")) == []


def test_cross_references(about: Remote) -> None:
    customers, orders, lines = (("pg", "public", name) for name in ("customers", "orders", "lines"))
    assert _keys(_rows(about.getCrossReference(*customers, *orders))) == [ORDERS]
    assert _rows(about.getCrossReference(*customers, *lines)) == []


# ---------------------------------------------------------------- types and abilities


def test_type_info_can_be_asked_for(about: Remote) -> None:
    """The driver answers it itself, with nothing: it never asks the server (CommandGetXdbcTypeInfo)."""
    assert _rows(about.getTypeInfo()) == []


def test_who_answers(about: Remote) -> None:
    assert about.getDatabaseProductName() == "watersmeet"
    assert about.getDatabaseProductVersion() != ""
    assert about.getDriverName() == "Arrow Flight SQL JDBC Driver Core"
    assert about.isReadOnly() is True


def test_how_names_are_written(about: Remote) -> None:
    assert about.getIdentifierQuoteString() == '"'
    assert about.getCatalogSeparator() == "."
    assert about.isCatalogAtStart() is True
    assert about.supportsMixedCaseQuotedIdentifiers() is True
    assert (about.getCatalogTerm(), about.getSchemaTerm()) == ("catalog", "schema")
    assert about.supportsCatalogsInDataManipulation() and about.supportsSchemasInDataManipulation()


ABLE = [
    "allTablesAreSelectable", "supportsColumnAliasing", "supportsTableCorrelationNames", "supportsExpressionsInOrderBy",
    "supportsOrderByUnrelated", "supportsGroupBy", "supportsGroupByUnrelated", "supportsLikeEscapeClause",
    "supportsNonNullableColumns", "supportsOuterJoins", "supportsFullOuterJoins", "supportsLimitedOuterJoins",
    "supportsSubqueriesInComparisons", "supportsSubqueriesInExists", "supportsSubqueriesInIns",
    "supportsSubqueriesInQuantifieds", "supportsCorrelatedSubqueries", "supportsUnion", "supportsUnionAll",
    "supportsConvert", "supportsCoreSQLGrammar", "supportsANSI92EntryLevelSQL", "nullPlusNonNullIsNull",
    "nullsAreSortedAtEnd",
]  # fmt: skip
NOT_ABLE = [
    "supportsTransactions", "supportsMultipleTransactions", "supportsBatchUpdates", "supportsStoredProcedures",
    "supportsSavepoints", "supportsSelectForUpdate", "supportsPositionedDelete", "supportsPositionedUpdate",
    "supportsGetGeneratedKeys", "supportsNamedParameters", "nullsAreSortedHigh", "nullsAreSortedLow",
    "nullsAreSortedAtStart", "supportsStoredFunctionsUsingCallSyntax", "dataDefinitionCausesTransactionCommit",
]  # fmt: skip


def test_what_the_server_says_that_it_can(about: Remote) -> None:
    said = {name: getattr(about, name)() for name in (*ABLE, *NOT_ABLE)}
    assert said == {**dict.fromkeys(ABLE, True), **dict.fromkeys(NOT_ABLE, False)}


def test_what_the_server_says_that_it_can_is_true(about: Remote, jdbc: Remote) -> None:
    """A tool that believes a word writes SQL with it."""
    statement = jdbc.createStatement()
    for sql in (
        "SELECT a.id FROM lake.main.customers a FULL OUTER JOIN pg.public.customers b ON a.id = b.id ORDER BY a.name || 'x'",
        "SELECT count(*) FROM pg.public.orders GROUP BY customer",
        "SELECT id FROM pg.public.orders o WHERE EXISTS (SELECT 1 FROM pg.public.lines l WHERE l.order_id = o.id)",
        "SELECT id FROM pg.public.orders WHERE amount > ALL (SELECT amount FROM lake.main.orders)",
        "SELECT 1 WHERE 'a_b' LIKE 'a\\_b' ESCAPE '\\'",
        "SELECT 1 UNION SELECT 2 UNION ALL SELECT 3",
    ):
        statement.executeQuery(sql).rows()
    nulls_last = statement.executeQuery("SELECT a FROM (VALUES (1), (NULL)) AS v(a) ORDER BY a DESC").rows()
    assert nulls_last == [(1,), (None,)]
    statement.close()


@pytest.mark.parametrize(
    ("method", "function"),
    [
        ("getNumericFunctions", "{}(0.5)"),
        ("getStringFunctions", "{}('a')"),
        ("getTimeDateFunctions", "{}(TIMESTAMP '2024-01-02 03:04:05')"),
        ("getSystemFunctions", "{}(1)"),
    ],
)
def test_the_functions_that_are_listed_exist(about: Remote, jdbc: Remote, method: str, function: str) -> None:
    """Called with one argument: where that is the wrong number, the answer is not that there is no such function."""
    listed = getattr(about, method)().split(", ")
    assert len(listed) > 3 and not _known(jdbc, "no_such_function(1)")
    # current_date and its like have no parentheses
    unknown = [name for name in listed if not (_known(jdbc, function.format(name)) or _known(jdbc, name))]
    assert unknown == []


def _known(jdbc: Remote, expression: str) -> bool:
    """Whether the server can plan it, or refuses it for something else than its name."""
    try:
        jdbc.prepareStatement(f"SELECT {expression}").close()
    except JavaError as error:
        assert error.cause is not None  # the driver's own message only says what it did
        return "does not exist" not in error.cause.message
    return True


def test_limits_are_whole_numbers_and_never_negative(about: Remote, jvm: Jvm) -> None:
    limits = {
        name: _number(getattr(about, name)())
        for name, types in jvm.methods("java.sql.DatabaseMetaData")
        if name.startswith("getMax") and not types
    }
    assert len(limits) > 20
    assert {name: limit for name, limit in limits.items() if limit is None or limit < 0} == {}


def test_what_can_be_converted(about: Remote) -> None:
    integer, varchar, date, boolean = 4, 12, 91, -7
    assert about.supportsConvert(integer, varchar) is True
    assert about.supportsConvert(varchar, integer) is True
    assert about.supportsConvert(varchar, date) is True
    assert about.supportsConvert(date, boolean) is False
