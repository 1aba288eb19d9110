"""`watersmeet check --calibrate` over real servers: what it measures, and what it writes into the file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pymysql
import pytest

from server.cli import main
from server.config import load
from watersmeet.speed import NAMES

ROWS = 30_000
NAME = f"wm_calibration_{os.getpid()}"
FILE = """\
version: 1   # of the format
sources:
  # the shop
  pg:
    kind: postgres
    url: "{postgres}"
    speed: {{send: 77, join: 88}}   # from last year
    pool: 2
  my:
    kind: mysql  # or is it MariaDB?
    url: "{mysql}"
    pool: 2
  small:
    kind: duckdb
    path: "{small}"
limits: {{running: 2}}  # the end
"""


@pytest.fixture(scope="module")
def urls(postgres_url: str, mysql_url: str) -> Iterator[dict[str, str]]:
    """Of two databases with one table of so many rows, and nothing else."""
    postgres, mysql = urlsplit(postgres_url), urlsplit(mysql_url)
    with (
        psycopg.connect(postgres_url, autocommit=True) as admin,
        pymysql.connect(
            host=mysql.hostname,
            port=mysql.port or 3306,
            user=mysql.username,
            password=mysql.password or "",
            autocommit=True,
        ) as other,
        other.cursor() as cursor,
    ):
        admin.execute(f'CREATE DATABASE "{NAME}"'.encode())
        cursor.execute(f"CREATE DATABASE {NAME}")
        made = {
            "postgres": postgres._replace(path=f"/{NAME}").geturl(),
            "mysql": mysql._replace(path=f"/{NAME}").geturl(),
        }
        try:
            with psycopg.connect(made["postgres"], autocommit=True) as filled:
                filled.execute("CREATE TABLE orders (id int PRIMARY KEY, customer int, note text)")
                filled.execute(
                    f"INSERT INTO orders SELECT i, i % 50, repeat('n', 40) FROM generate_series(1, {ROWS}) AS g(i)".encode()
                )
                filled.execute("ANALYZE orders")
            cursor.execute(f"CREATE TABLE {NAME}.orders (id INT PRIMARY KEY, customer INT, note VARCHAR(60))")
            rows = [(i, i % 50, "n" * 40) for i in range(ROWS)]
            cursor.executemany(f"INSERT INTO {NAME}.orders VALUES (%s, %s, %s)", rows)
            cursor.execute(f"ANALYZE TABLE {NAME}.orders")
            yield made
        finally:
            admin.execute(f'DROP DATABASE "{NAME}" WITH (FORCE)'.encode())
            cursor.execute(f"DROP DATABASE {NAME}")


@pytest.fixture
def file(urls: dict[str, str], tmp_path: Path) -> Path:
    import duckdb

    small = tmp_path / "small.duckdb"
    with duckdb.connect(small) as made:
        made.execute("CREATE TABLE t AS SELECT 1 AS a")
    written = tmp_path / "watersmeet.yaml"
    written.write_text(FILE.format(**urls, small=small))
    written.chmod(0o600)
    return written


def test_speeds_are_measured_printed_and_stored_and_the_rest_of_the_file_stays(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = file.read_text()
    assert main(["check", "--calibrate", "-c", str(file)]) == 0
    after = file.read_text()
    printed = capsys.readouterr().out
    assert re.search(r"^small: no table of 20,000 rows to measure with; the defaults stay$", printed, re.MULTILINE)

    places = re.findall(r"speed: \{.*?\}", after)
    assert len(places) == 2 and places[0] != "speed: {send: 77, join: 88}"
    mysql_line = f"    {places[1]}\n"
    assert after.replace(places[0], "speed: {send: 77, join: 88}").replace(mysql_line, "", 1) == before
    assert file.stat().st_mode & 0o777 == 0o600

    sources = load(file).sources
    for name in ("pg", "my"):
        speeds = dict(sources[name].speed)
        assert {"send", "join"} <= speeds.keys() <= NAMES
        assert all(0 < microseconds < 1000 for microseconds in speeds.values()), speeds
        assert f"{name}: " + ", ".join(f"{key} {value:g}" for key, value in speeds.items()) in printed


def test_what_was_measured_is_what_the_next_calibration_replaces(file: Path) -> None:
    assert main(["check", "--calibrate", "-c", str(file)]) == 0
    once = file.read_text()
    assert main(["check", "--calibrate", "-c", str(file)]) == 0
    blank = r"speed: \{.*?\}"
    assert re.sub(blank, "", file.read_text()) == re.sub(blank, "", once)


def test_a_section_in_braces_is_left_alone_and_the_line_to_add_is_said(
    file: Path, capsys: pytest.CaptureFixture[str], urls: dict[str, str]
) -> None:
    text = f'version: 1\nsources:\n  pg: {{kind: postgres, url: "{urls["postgres"]}"}}\n'
    file.write_text(text)
    assert main(["check", "--calibrate", "-c", str(file)]) == 1
    assert file.read_text() == text
    assert re.search(r"sources\.pg is not a section of one key a line; .*speed: \{.*send: ", capsys.readouterr().err)
