"""The catalog, the log-in and what an administrator is told."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import pytest

from connectors.mysql import Config, open_source
from connectors.mysql.source import MysqlSource
from tests.integration.mysql.conftest import MakeSource, Run
from tests.integration.mysql.reading import column_of
from watersmeet.spi import ForeignKey, SourceCatalog, SourceRefused, SourceUnavailable


def configured(url: str, **settings: str) -> Config:
    return Config.model_validate({"url": url, **settings})


SECRET = "p@ss/w:rd?#é"


@pytest.fixture(scope="module")
def catalog(admin: Run, source: MysqlSource, database: str) -> SourceCatalog:
    admin("SET SESSION sql_mode = 'STRICT_ALL_TABLES'")
    admin("CREATE TABLE parent (a INT, b VARCHAR(10), PRIMARY KEY (b, a)) ENGINE = InnoDB COMMENT 'the parents'")
    admin(
        "CREATE TABLE child (id INT AUTO_INCREMENT PRIMARY KEY COMMENT 'number', pa INT NOT NULL, pb VARCHAR(10),"
        " secret INT INVISIBLE DEFAULT 1, latin VARCHAR(9) CHARACTER SET latin1, kind ENUM('x'),"
        " CONSTRAINT to_parent FOREIGN KEY (pb, pa) REFERENCES parent (b, a) ON DELETE CASCADE ON UPDATE RESTRICT)"
        " ENGINE = InnoDB"
    )
    admin('CREATE VIEW seen AS SELECT id, pb AS `we"ird` FROM child')
    admin("CREATE TABLE lost (a INT)")
    admin("CREATE VIEW broken AS SELECT a FROM lost")
    admin("DROP TABLE lost")
    admin("CREATE TABLE half (a INT PRIMARY KEY) ENGINE = MyISAM")
    admin("CREATE TABLE both_halves (a INT PRIMARY KEY) ENGINE = MERGE UNION = (half)")
    admin("INSERT INTO parent VALUES (1, 'x'), (2, 'y')")
    admin("ANALYZE TABLE parent")
    return source.catalog()


def test_tables_and_views_are_listed_and_broken_views_are_not(catalog: SourceCatalog, database: str) -> None:
    assert set(catalog.tables) == {(database, name) for name in ("parent", "child", "seen", "half", "both_halves")}
    assert catalog.tables[database, "seen"].view
    assert not catalog.tables[database, "child"].view
    assert catalog.default_schema == database
    assert catalog.schemas == (database,)


def test_several_tables_shown_as_one_have_no_key(catalog: SourceCatalog, database: str) -> None:
    assert catalog.tables[database, "half"].primary_key == ("a",)
    assert catalog.tables[database, "both_halves"].primary_key == ()


def test_keys_rows_and_remarks_are_known(catalog: SourceCatalog, database: str) -> None:
    parent, child = catalog.tables[database, "parent"], catalog.tables[database, "child"]
    assert parent.primary_key == ("b", "a")
    assert parent.primary_key_name == "PRIMARY"
    assert parent.rows == 2
    assert parent.remarks == "the parents"
    assert child.foreign_keys == (
        ForeignKey(
            name="to_parent",
            columns=("pb", "pa"),
            schema=database,
            table="parent",
            references=("b", "a"),
            on_update=1,
            on_delete=0,
        ),
    )
    assert column_of(catalog, database, "child", "id").remarks == "number"


def test_columns_have_native_types_nullability_and_collations(catalog: SourceCatalog, database: str) -> None:
    latin = column_of(catalog, database, "child", "latin")
    assert (latin.type, latin.native, latin.nullable, latin.collation) == (
        "VARCHAR", "varchar(9)", True, "latin1_swedish_ci",
    )  # fmt: skip
    assert latin.read == "CONVERT({0} USING utf8mb4)"
    assert not column_of(catalog, database, "child", "pa").nullable
    assert column_of(catalog, database, "child", "kind").collation is None
    names = [column.name for column in catalog.tables[database, "child"].columns]
    assert names == ["id", "pa", "pb", "latin", "kind"]
    assert [column.name for column in catalog.tables[database, "seen"].columns] == ["id", 'we"ird']


def test_facts_decide_the_dialect(catalog: SourceCatalog, source: MysqlSource) -> None:
    assert catalog.facts["product"] in ("mariadb", "mysql")
    assert {"version", "sql_mode", "lower_case_table_names", "collation", "text"} <= set(catalog.facts)
    assert source.dialect(catalog.facts).name == catalog.facts["product"]


def test_system_schemas_are_not_shown(make_source: MakeSource, catalog: SourceCatalog, database: str) -> None:
    shown = make_source(schemas=None).catalog().schemas
    assert database in shown
    assert not set(shown) & {"information_schema", "mysql", "performance_schema", "sys"}


def test_a_hundred_tables_take_no_more_queries_than_one(make_source: MakeSource, admin: Run, database: str) -> None:
    for i in range(100):
        admin(f"CREATE TABLE many_{i} (a INT PRIMARY KEY)")
    source = make_source()
    source.probe()
    before = int(admin("SHOW GLOBAL STATUS LIKE 'Questions'")[0][1])
    assert len(source.catalog().tables) >= 100
    after = int(admin("SHOW GLOBAL STATUS LIKE 'Questions'")[0][1])
    for i in range(100):
        admin(f"DROP TABLE many_{i}")
    assert after - before < 12


@pytest.fixture(scope="module")
def reader_url(admin: Run, mysql_url: str, database: str, catalog: SourceCatalog) -> str:
    admin("CREATE OR REPLACE USER wm_reader@'127.0.0.1' IDENTIFIED BY %s", SECRET)
    admin(f"GRANT SELECT, SHOW VIEW ON {database}.* TO wm_reader@'127.0.0.1'")
    parts = urlsplit(mysql_url)
    return f"mysql://wm_reader:p%40ss%2Fw%3Ard%3F%23%C3%A9@{parts.hostname}:{parts.port}/{database}"


def test_a_password_of_any_characters_logs_in(reader_url: str) -> None:
    source = open_source("crm", configured(reader_url, tls="disabled"))
    assert source.probe() < 1
    wide = [text for text in source.warnings() if "encrypted" not in text]
    assert not any("wm_" in text for text in wide)
    source.close()


def test_a_wide_user_is_warned_of(source: MysqlSource) -> None:
    assert any("all privileges" in text for text in source.warnings())


def test_a_wrong_password_is_refused_without_host_user_or_secret(reader_url: str) -> None:
    url = reader_url.replace("p%40ss", "wr0ng")
    source = open_source("crm", configured(url, tls="disabled"))
    with pytest.raises(SourceRefused, match="password is wrong") as caught:
        source.probe()
    assert_keeps_secrets(caught.value, "wr0ng")
    assert caught.value.__cause__ is None


def test_a_table_without_a_grant_is_refused_without_naming_the_account(reader_url: str) -> None:
    source = open_source("crm", configured(reader_url.rpartition("/")[0] + "/mysql", tls="disabled"))
    with pytest.raises(SourceRefused) as caught:
        source.catalog()
    assert_keeps_secrets(caught.value, SECRET)


def test_an_unreachable_server_is_unavailable_within_its_time(database: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        source = open_source("crm", configured(f"mysql://u:hunter2@127.0.0.1:{port}/", tls="disabled"))
        with pytest.raises(SourceUnavailable, match="cannot connect") as caught:
            source.probe()
    assert_keeps_secrets(caught.value, "hunter2")


def test_a_server_that_never_answers_is_given_up(database: str) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        url = f"mysql://u:hunter2@127.0.0.1:{mute.getsockname()[1]}/"
        source = open_source("crm", configured(url, tls="disabled", connect_timeout="300ms"))
        begin = time.monotonic()
        with pytest.raises(SourceUnavailable, match="no answer in time"):
            source.probe()
        assert time.monotonic() - begin < 3


def test_a_server_without_tls_is_refused_where_tls_is_required(mysql_url: str) -> None:
    source = open_source("crm", configured(mysql_url, tls="required"))
    with pytest.raises(SourceUnavailable, match="setting tls"):
        source.probe()


def assert_keeps_secrets(error: BaseException, secret: str) -> None:
    for text in (str(error), repr(error)):
        assert secret not in text
        assert "127.0.0.1" not in text
        assert "wm_reader" not in text
