"""The JDBC driver comes in: by password, by token, with a catalog, and with what else its URL can say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.clients.conftest import until
from tests.clients.jdbc.bridge import JavaError, Remote
from tests.clients.served import PASSWORD, USER, Served

Connect = Callable[..., Remote]


def _one(connection: Remote, sql: str) -> object:
    statement = connection.createStatement()
    ((value,),) = statement.executeQuery(sql).rows()
    statement.close()
    return value


def test_a_user_and_a_password_log_in(jdbc_connect: Connect) -> None:
    connection = jdbc_connect(user=USER, password=PASSWORD)
    assert _one(connection, "SELECT 42") == 42
    assert connection.getMetaData().getUserName() == USER


def test_a_token_logs_in(jdbc_connect: Connect, served: Served) -> None:
    assert _one(jdbc_connect(token=served.token), "SELECT 42") == 42


@pytest.mark.parametrize(
    ("credentials", "code"),
    [({"user": USER, "password": "wrong horse"}, "WM-4004"), ({"token": "no.token.atall"}, "WM-4002")],
    ids=["password", "token"],
)
def test_wrong_credentials_are_refused_at_once(jdbc_connect: Connect, credentials: dict[str, str], code: str) -> None:
    with pytest.raises(JavaError, match=code) as caught:
        jdbc_connect(**credentials)
    assert caught.value.kind == "java.sql.SQLException"


def test_without_credentials_the_first_statement_is_refused(jdbc_connect: Connect) -> None:
    connection = jdbc_connect(useEncryption="false")
    with pytest.raises(JavaError, match="WM-4001"):
        _one(connection, "SELECT 1")


def test_the_urls_catalog_is_the_sessions(jdbc_connect: Connect) -> None:
    connection = jdbc_connect("&catalog=lake")
    assert _one(connection, "SELECT max(id) FROM customers") == 3
    assert _one(jdbc_connect("&catalog=pg"), "SELECT max(id) FROM customers") == 10
    assert _one(jdbc_connect("&catalog=pg&schema=archive"), "SELECT count(*) = 0 FROM orders_2020") is True


def test_closing_with_the_urls_catalog_fails_in_the_driver_once_the_session_has_ended(
    jdbc_connect: Connect, served: Served
) -> None:
    """Driver 18.3 closes its client twice, and the second time it has no channel left to say CloseSession on
    (apache/arrow-java issue 863). When a newer one closes, docs/clients.md and CLOSING are to be changed."""
    connection = jdbc_connect("&catalog=lake", token=served.sign("closer"))
    with pytest.raises(JavaError, match="Channel shutdown invoked"):
        connection.close()
    expected = [("Handshake", "OK"), ("DoAction", "OK"), ("DoAction", "OK")]  # SetSessionOptions, CloseSession
    until(lambda: [(call["rpc"], call["status"]) for call in served.calls("closer")] == expected)


def test_an_unknown_catalog_is_refused_by_name_with_the_first_statement_at_the_latest(jdbc_connect: Connect) -> None:
    with pytest.raises(JavaError, match="nowhere"):
        _one(jdbc_connect("&catalog=nowhere"), "SELECT max(id) FROM customers")


def test_options_that_the_driver_does_not_know_go_as_headers(jdbc_connect: Connect) -> None:
    """So the schema and every setting of the session can be said in the URL."""
    connection = jdbc_connect("&schema=archive&watersmeet-timezone=Asia/Tokyo")
    assert _one(connection, "SELECT TIMESTAMPTZ '2024-01-01 00:00:00+00'::VARCHAR") == "2024-01-01 09:00:00+09"
    assert _one(connection, "SELECT count(*) = 0 FROM orders_2020") is True


def test_set_catalog_is_the_drivers_own_and_asks_the_server_nothing(jdbc_connect: Connect, served: Served) -> None:
    """Driver 18.3 keeps it to itself: names are resolved as before. The URL's `catalog` is the way."""
    connection = jdbc_connect(token=served.sign("setter"))
    connection.setCatalog("lake")
    assert connection.getCatalog() == "lake"
    assert [call["rpc"] for call in served.calls("setter")] == ["Handshake"]
    with pytest.raises(JavaError, match="WM-2004: table customers is ambiguous"):
        _one(connection, "SELECT count(*) FROM customers")


def test_the_calls_of_a_statement_are_those_that_the_documentation_says(jdbc_connect: Connect, served: Served) -> None:
    connection = jdbc_connect(token=served.sign("caller"))
    assert _one(connection, "SELECT 1") == 1
    expected = ["Handshake", "DoAction", "GetFlightInfo", "DoGet", "DoAction"]
    until(lambda: [call["rpc"] for call in served.calls("caller")] == expected)


def test_there_are_no_transactions_and_asking_for_them_is_harmless(jdbc: Remote) -> None:
    assert jdbc.getAutoCommit() is True
    assert jdbc.getTransactionIsolation() == 0
    jdbc.commit()
    jdbc.rollback()
    assert jdbc.isReadOnly() is True


def test_a_connection_is_valid_until_it_is_closed(jdbc_connect: Connect) -> None:
    connection = jdbc_connect()
    assert connection.isValid(5) is True and connection.isClosed() is False
    connection.close()
    assert connection.isClosed() is True
    connection.close()
