"""A service that has Arrow's .proto files and nothing of ours: compiled here by grpcio-tools, run as its own process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.served import Served

ROOT = Path(__file__).parents[2]
PROTOS = ROOT / "server" / "flight" / "proto"
PROGRAM = Path(__file__).with_name("foreign_service.py")
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The modules that grpcio-tools makes of the two files."""
    folder = tmp_path_factory.mktemp("generated")
    compiler = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTOS}", f"--python_out={folder}"]
    subprocess.run([*compiler, f"--grpc_python_out={folder}", "flight.proto", "flight_sql.proto"], check=True)
    return folder


@pytest.fixture
def ask(generated: Path, served: Served) -> Iterator[Ask]:
    """Has the service run a statement: ask(sql, [type, value], …)."""
    process = subprocess.Popen(
        [sys.executable, PROGRAM, generated, f"127.0.0.1:{served.port}", served.token],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    written, read = process.stdin, process.stdout

    def run(sql: str, *parameters: list[object]) -> dict[str, Any]:
        written.write(json.dumps({"sql": sql, "parameters": parameters}) + "\n")
        written.flush()
        answer: dict[str, Any] = json.loads(read.readline())
        return answer

    yield run
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_it_imports_nothing_of_ours() -> None:
    rooms = r"(?:auth|connectors|planner|server|tests|watersmeet)"
    assert re.findall(rf"^\s*(?:from|import) {rooms}\b", PROGRAM.read_text(), re.MULTILINE) == []


def test_a_query_over_two_sources(ask: Ask) -> None:
    answer = ask(
        "SELECT p.name, count(*) AS n FROM pg.public.orders o JOIN lake.main.customers l ON l.id = o.customer"
        " JOIN pg.public.customers p ON p.id = l.id GROUP BY p.name ORDER BY p.name"
    )
    assert answer == {
        "types": ["string", "int64"],
        "rows": [{"name": "customer 1", "n": 100}, {"name": "customer 3", "n": 100}],
    }


def test_a_prepared_statement_with_parameters(ask: Ask) -> None:
    sql = "SELECT id, note FROM pg.public.orders WHERE id BETWEEN ? AND ? AND note = ?"
    first = ask(sql, ["int64", 1], ["int64", 5], ["string", "it's number 3"])
    again = ask(sql, ["int64", 6], ["int64", 9], ["string", "it's number 9"])
    assert first["rows"] == [{"id": 3, "note": "it's number 3"}]
    assert again["rows"] == [{"id": 9, "note": "it's number 9"}]


def test_a_null_parameter(ask: Ask) -> None:
    assert ask("SELECT ?::INTEGER IS NULL AS a", ["int32", None])["rows"] == [{"a": True}]


@pytest.mark.parametrize(
    ("sql", "status", "code", "reason"),
    [
        ("SELECT * FROM nowhere", "NOT_FOUND", "WM-2003", "UnknownName"),
        ("DROP TABLE pg.public.orders", "INVALID_ARGUMENT", "WM-2002", "StatementRefused"),
        ("SELECT CAST('x' AS INTEGER)", "INVALID_ARGUMENT", "WM-2050", "EvaluationFailed"),
    ],
)
def test_an_error_can_be_handled_by_a_program(ask: Ask, sql: str, status: str, code: str, reason: str) -> None:
    error = ask(sql)["error"]
    assert (error["status"], error["code"], error["reason"], error["retry"]) == (status, code, reason, "no")
    assert error["message"].startswith(f"{code}: ") and error["query_id"] in error["message"]


def test_it_goes_on_after_an_error(ask: Ask) -> None:
    assert "error" in ask("SELECT * FROM nowhere")
    assert ask("SELECT 1 AS a")["rows"] == [{"a": 1}]


def test_a_large_answer_comes_in_messages_that_grpc_takes_by_default(ask: Ask) -> None:
    (row,) = ask("SELECT count(*) AS n, max(length(s)) AS m FROM (SELECT repeat('x', 100000) AS s FROM range(100))")[
        "rows"
    ]
    assert row == {"n": 100, "m": 100_000}
    assert len(ask("SELECT i, repeat('x', 1000) AS s FROM range(20000) AS r(i)")["rows"]) == 20_000
