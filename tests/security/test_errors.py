"""G6: what errors tell. Under 4 KB, in one line, and nothing of the server's insides, whatever the client sent."""

from __future__ import annotations

import grpc
import pytest

from server.flight.proto import flight_pb2 as flight
from server.flight.proto import flight_sql_pb2 as sql
from tests.clients.rpc import Rpc, facts
from tests.security import errors
from tests.security.conftest import SECRETS

LONG = "x" * 200_000
STATEMENTS = {
    "syntax": "SELEC 1",
    "two statements": "SELECT 1; SELECT 2",
    "a name of 200,000 characters": f'SELECT * FROM "{LONG}"',
    "a string that does not end": f"SELECT '{LONG}",
    "a value of 200,000 characters": f"SELECT CAST('{LONG}' AS INTEGER)",
    "four-byte characters": f"SELECT CAST('{'🐋' * 50_000}' AS INTEGER)",
    "control characters": "SELECT CAST('\r\n\x1b[31mred\x07' AS INTEGER)",
    "an unknown column": f"SELECT {LONG} FROM lake.main.customers",
    "a file": "SELECT * FROM read_csv('/etc/passwd')",
    "a file as a table": "SELECT * FROM '/etc/passwd'",
    "a setting": "SELECT current_setting('temp_directory')",
    "settings": "SELECT * FROM duckdb_settings()",
    "secrets": "SELECT * FROM duckdb_secrets()",
    "an environment variable": "SELECT getenv('HOME')",
    "attaching": "ATTACH '/tmp/x.duckdb'",
    "an error of the engine": "SELECT error('Traceback (most recent call last)')",
    "a division in the middle": "SELECT 1 % (id - 5)::TINYINT, CAST('x' || id AS INTEGER) FROM lake.main.customers",
    "deep nesting": f"SELECT {'(' * 5000}1{')' * 5000}",
}


@pytest.mark.parametrize("text", STATEMENTS.values(), ids=STATEMENTS.keys())
def test_errors_of_statements_are_short_and_tell_nothing_of_the_inside(rpc: Rpc, text: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        rpc.fetch(sql.CommandStatementQuery(query=text))
    if "Traceback" not in text:  # which is then the client's own word
        errors.check(caught.value, SECRETS)
    assert facts(caught.value)["code"] != "WM-9001"
    assert facts(caught.value)["query_id"]


@pytest.mark.parametrize("name", ["catalog", "schema", "watersmeet-timezone", "watersmeet-compression", "watersmeet-x"])
@pytest.mark.parametrize("value", ["x" * 50_000, "'; DROP TABLE customers; --", "../../etc/passwd", "%s%n{0}"])
def test_errors_about_headers_are_short_too(rpc: Rpc, name: str, value: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        rpc.with_headers(*rpc.headers, (name, value)).query("SELECT count(*) FROM main.nothing")
    errors.check(caught.value, SECRETS)
    assert facts(caught.value)["code"] != "WM-9001"


def test_an_action_that_does_not_exist_is_not_repeated(rpc: Rpc) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        rpc.raw("DoAction", flight.Action(type="\r\nset-cookie: a" + LONG).SerializeToString())
    assert errors.check(caught.value, ("set-cookie",)) is grpc.StatusCode.UNIMPLEMENTED
