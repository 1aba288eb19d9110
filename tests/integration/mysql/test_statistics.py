"""What the server's optimizer knows of columns, read with the catalog; and MySQL's own form of it, as its manual has it."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest

from connectors.mysql.figures import Figures, of_mariadb, of_mysql
from connectors.mysql.source import MysqlSource
from planner.distributions import distribution, key_of
from tests.integration.mysql.conftest import MakeSource, Run
from watersmeet.spi import Column


@pytest.fixture(scope="module")
def columns(admin: Run, source: MysqlSource, database: str) -> dict[str, Column]:
    admin(
        "CREATE TABLE t (id INT PRIMARY KEY, day DATE NOT NULL, moment DATETIME, price DECIMAL(8,2), word VARCHAR(20),"
        " flag TINYINT(1), part INT, KEY (part))"
    )
    admin(
        "INSERT INTO t SELECT seq, DATE '2020-01-01' + INTERVAL seq % 1000 DAY, '2020-01-01 00:00:00' + INTERVAL seq HOUR,"
        " seq % 100, IF(seq % 4 = 0, NULL, CONCAT('w', seq % 50)), seq % 2, seq % 20 FROM seq_1_to_5000"
    )
    admin("ANALYZE TABLE t PERSISTENT FOR ALL")
    admin("CREATE TABLE j (id INT, word VARCHAR(20))")
    admin("INSERT INTO j SELECT seq, IF(seq % 2 = 0, 'often', CONCAT('w', seq)) FROM seq_1_to_1000")
    admin("SET SESSION histogram_type = 'JSON_HB'")
    admin("ANALYZE TABLE j PERSISTENT FOR ALL")
    return {column.name: column for column in source.catalog().tables[database, "t"].columns}


def test_ranges_nulls_and_distinct_values_are_read(columns: dict[str, Column]) -> None:
    assert (columns["id"].minimum, columns["id"].maximum) == ("1", "5000")
    assert (columns["flag"].minimum, columns["flag"].maximum) == ("0", "1")
    assert columns["word"].null_fraction == pytest.approx(0.25)
    assert columns["price"].distinct == pytest.approx(100, rel=0.05)
    assert columns["part"].indexed


def test_histograms_of_numbers_and_dates_are_near_the_truth(columns: dict[str, Column]) -> None:
    for name, value, truth in (
        ("id", 1000.0, 0.2),
        ("price", 25.0, 0.25),
        ("day", key_of("2020-07-19", "DATE"), 0.2),
        ("moment", key_of("2020-02-11 16:00:00", "TIMESTAMP"), 0.2),
    ):
        known = distribution(columns[name])
        assert known is not None
        assert known.below(value, inclusive=False) == pytest.approx(truth, abs=0.03), name


def test_histograms_in_json_have_common_values(columns: dict[str, Column], source: MysqlSource, database: str) -> None:
    word = next(column for column in source.catalog().tables[database, "j"].columns if column.name == "word")
    assert dict(word.common)["often"] == pytest.approx(0.5, abs=0.02)
    assert len(word.bounds) > 20


def test_a_user_who_may_not_read_the_statistics_still_has_the_catalog(
    columns: dict[str, Column], admin: Run, make_source: MakeSource, database: str, mysql_url: str
) -> None:
    admin("CREATE USER 'wm_blind'@'%' IDENTIFIED BY 'blind'")
    admin(f"GRANT SELECT ON {database}.* TO 'wm_blind'@'%'")
    parts = urlsplit(mysql_url)
    try:
        source = make_source(url=f"mysql://wm_blind:blind@{parts.hostname}:{parts.port or 3306}/{database}")
        known = {column.name: column for column in source.catalog().tables[database, "t"].columns}
    finally:
        admin("DROP USER 'wm_blind'@'%'")
    assert known["id"].minimum is None
    assert known["part"].distinct is not None


def histogram(**parts: object) -> tuple[str, str, str, str]:
    return "d", "t", "c", json.dumps({"null-values": 0.2, "collation-id": 8, **parts})


def test_mysqls_singleton_histogram_is_common_values() -> None:
    key, values = of_mysql(histogram(**{"histogram-type": "singleton", "buckets": [[1, 0.3], [2, 0.7], [3, 0.8]]}))
    assert key == ("d", "t", "c")
    assert dict(values.common) == pytest.approx({"1": 0.3, "2": 0.4, "3": 0.1})
    assert (values.nulls, values.distinct) == (0.2, 3)


def test_mysqls_equi_height_histogram_is_bounds_and_its_texts_are_decoded() -> None:
    buckets = [
        ["base64:type254:YWE=", "base64:type254:Y2M=", 0.3, 10],
        ["base64:type254:ZGQ=", "base64:type254:ZGQ=", 0.6, 1],
        ["base64:type254:ZWU=", "base64:type254:eno=", 0.8, 9],
    ]
    _, values = of_mysql(histogram(**{"histogram-type": "equi-height", "buckets": buckets}))
    assert values.bounds == ("aa", "cc", "zz")
    assert dict(values.common) == pytest.approx({"dd": 0.3})
    assert values.distinct == 20


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"buckets": 7}', '{"buckets": [[1], 2, [1, "x", 3]]}'])
def test_a_broken_histogram_is_none(text: str) -> None:
    assert of_mysql(("d", "t", "c", text))[1].bounds == ()
    low_high = b"1", b"5", 0.0, 4.0, 1.0
    assert of_mariadb(("d", "t", "c", *low_high, "JSON_HB", text))[1].bounds == ()
    assert of_mariadb(("d", "t", "c", *low_high, "DOUBLE_PREC_HB", text or "x"))[1].bounds == ()


def test_a_column_that_was_all_null_has_no_values() -> None:
    key, values = of_mariadb(("d", "t", "c", None, None, 1.0, 0.0, 0.0, None, None))
    known = Figures(columns={key: values}).known(("d", "t"), Column(name="c", type="INTEGER"), 10)
    assert (known.null_fraction, known.distinct, known.minimum) == (1.0, None, None)
