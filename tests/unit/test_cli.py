"""The command line: arguments, exit codes, what goes to stdout and what to stderr."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from server.cli import main

ENTRY = Path(__file__).parents[2] / "watersmeet" / "__main__.py"


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with one DuckDB source, in the working directory."""
    monkeypatch.chdir(tmp_path)
    make = "import duckdb; c = duckdb.connect('lake.duckdb'); c.execute('''CREATE TABLE t AS SELECT i AS n, "
    make += (
        "CASE WHEN i > 0 THEN ''a'' || i END AS s, i / 4 AS f, DATE ''2026-01-01'' + i::INT AS d FROM range(3) r(i)''')"
    )
    subprocess.run(
        [sys.executable, "-c", make.replace("''a''", "'a'").replace("''2026-01-01''", "'2026-01-01'")], check=True
    )
    config = tmp_path / "watersmeet.yaml"
    config.write_text(
        "version: 1\nserver: {listen: '127.0.0.1:0', drain: 2s}\nsources: {lake: {kind: duckdb, path: lake.duckdb}}\n"
        "auth: {tokens: {issuer: i, audience: a, keys: [{kid: k, algorithm: HS256, secret: '" + "k" * 32 + "'}]}}\n"
    )
    return config


@pytest.mark.parametrize("arguments", [[], ["fly"], ["query"], ["query", "x", "-c", "a", "--url", "b"], ["token"]])
def test_bad_usage_exits_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_init_writes_a_file_that_check_accepts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "w.yaml"
    assert main(["init", str(file)]) == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert main(["check", "--offline", "-c", str(file)]) == 0
    assert main(["init", str(file)]) == 1
    assert "is there already" in capsys.readouterr().err


def test_check_reports_what_is_wrong_with_its_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "w.yaml"
    file.write_text("version: 1\nsorces: {}\n")
    assert main(["check", "-c", str(file)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "WM-1002: sorces: no such key; did you mean sources?\n"


def test_check_connects_to_each_source(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert "lake: ok (duckdb, " in capsys.readouterr().out


def test_check_fails_when_a_source_does_not_answer(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("lake.duckdb").unlink()
    assert main(["check"]) == 1
    assert capsys.readouterr().err.startswith("lake: WM-3001: ")


def test_the_schema_is_json_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out)["properties"]["sources"]


def test_sources_lists_tables(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sources"]) == 0
    assert capsys.readouterr().out.splitlines()[2].split(" | ")[0].strip() == "lake"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (
            "table",
            "n | s    | f    | d\n--+------+------+-----------\n0 | NULL |  0.0 | 2026-01-01\n1 | a1   | 0.25 | 2026-01-02\n(2 rows)\n",
        ),
        ("csv", "n,s,f,d\n0,,0.0,2026-01-01\n1,a1,0.25,2026-01-02\n"),
        (
            "json",
            '{"n": 0, "s": null, "f": 0.0, "d": "2026-01-01"}\n{"n": 1, "s": "a1", "f": 0.25, "d": "2026-01-02"}\n',
        ),
    ],
)
def test_query_prints_rows_in_its_formats(
    lake: Path, capsys: pytest.CaptureFixture[str], form: str, expected: str
) -> None:
    sql = "SELECT * FROM lake.t WHERE n < 2 ORDER BY n"
    assert main(["query", sql, "-c", str(lake), "--format", form]) == 0
    assert capsys.readouterr().out == expected


def test_query_writes_an_arrow_stream(lake: Path) -> None:
    import pyarrow as pa

    done = subprocess.run(
        [sys.executable, ENTRY, "query", "SELECT n FROM lake.t", "-c", lake, "--format", "arrow"],
        capture_output=True,
        check=True,
    )
    assert sorted(pa.ipc.open_stream(done.stdout).read_all()["n"].to_pylist()) == [0, 1, 2]


def test_a_failing_query_exits_1_with_its_code(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "SELECT * FROM nowhere", "-c", str(lake)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("WM-2003: ")
    assert "Traceback" not in captured.err


def test_explain_prints_the_plan(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "SELECT n FROM lake.t", "-c", str(lake)]) == 0
    assert "lake" in capsys.readouterr().out
    assert main(["explain", "--format", "json", "SELECT n FROM lake.t", "-c", str(lake)]) == 0
    assert json.loads(capsys.readouterr().out)["fragments"][0]["source"] == "lake"


@pytest.mark.parametrize("sql", ["", " \n"])
def test_a_statement_that_is_empty_is_bad_usage(sql: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", sql]) == main(["explain", sql]) == 2
    assert "the statement is empty" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--subject", ""], ["--subject", "ana", "--ttl", "0"]])
def test_a_token_that_nobody_could_use_is_bad_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "create", *arguments]) == 2
    assert capsys.readouterr().out == ""


def test_no_server_exits_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "SELECT 1", "--url", "grpc://127.0.0.1:1"]) == 3
    assert capsys.readouterr().err.startswith("cannot reach a server at grpc://127.0.0.1:1")


def test_serve_answers_a_token_and_drains_on_sigterm(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, ENTRY, "serve"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert ready.startswith("watersmeet ready on grpc://127.0.0.1:")
        url = ready.split()[-1]
        assert main(["token", "create", "--subject", "ana", "--ttl", "5m"]) == 0
        token = capsys.readouterr().out.strip()
        assert main(["query", "SELECT max(n) AS m FROM lake.t", "--url", url, "--token", token, "--format", "csv"]) == 0
        assert capsys.readouterr().out == "m\n2\n"
        assert main(["query", "SELECT 1", "--url", url, "--token", "wrong"]) == 1
        assert capsys.readouterr().err.startswith("WM-4002: ")
        assert main(["query", "SELECT nothing FROM lake.t", "--url", url, "--token", token]) == 1
        assert capsys.readouterr().err.startswith("WM-2003: ")
        probe = subprocess.run(
            [sys.executable, ENTRY.parents[1] / "deploy" / "healthcheck.py"],
            env={**os.environ, "WATERSMEET_HEALTH_ADDRESS": url.removeprefix("grpc://")},
            check=False,
        )
        assert probe.returncode == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_second_signal_ends_at_once(lake: Path) -> None:
    lake.write_text(lake.read_text().replace("drain: 2s", "drain: 60s").replace("auth: {", "auth: {anonymous: true, "))
    process = subprocess.Popen(
        [sys.executable, ENTRY, "serve"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    slow: subprocess.Popen[bytes] | None = None
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        sql = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = 1"
        slow = subprocess.Popen([sys.executable, ENTRY, "query", sql, "--url", url], stderr=subprocess.DEVNULL)
        time.sleep(3)
        process.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.terminate()
        assert process.wait(2) == -signal.SIGTERM
        assert slow.wait(10) == 3
    finally:
        process.kill()
        process.communicate()
        if slow is not None:
            slow.kill()
            slow.wait()


def test_a_port_in_use_is_said(lake: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        lake.write_text(f"version: 1\nserver: {{listen: '127.0.0.1:{port}'}}\n")
        done = subprocess.run([sys.executable, ENTRY, "serve"], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert "WM-1003: cannot listen" in done.stderr


def test_a_reader_that_goes_away_ends_quietly(lake: Path) -> None:
    command = f"{sys.executable} {ENTRY} query 'SELECT range FROM range(1000000)' -c {lake} | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
