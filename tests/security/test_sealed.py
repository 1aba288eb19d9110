"""S3: a ticket or handle that is altered, foreign, expired, of another kind or another subject is refused, and all alike.

What it stands for is checked again when it is used: whoever may no longer see a table does not read it with a ticket.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pyarrow as pa
import pytest
from grpc import StatusCode

from server.flight.proto import flight_pb2 as flight
from server.flight.proto import flight_sql_pb2 as sql
from tests.clients.rpc import Rpc, descriptor, details, facts
from tests.security import errors
from tests.security.conftest import SECRETS, TICKETS, Calling, bearer

OTHER_KEY = {"keys": [{"kid": "t1", "secret": "another canary of the same name, 32 bytes"}]}
OTHER_NAME = {"keys": [{"kid": "t2", "secret": TICKETS["keys"][0]["secret"]}]}


def _ticket(rpc: Rpc) -> bytes:
    return rpc.query("SELECT name FROM lake.main.customers").endpoint[0].ticket.ticket


def _catalog_ticket(rpc: Rpc) -> bytes:
    return rpc.info(sql.CommandGetCatalogs()).endpoint[0].ticket.ticket


def _handle(rpc: Rpc) -> bytes:
    return rpc.prepare("SELECT name FROM lake.main.customers").prepared_statement_handle


def _open_handle(rpc: Rpc) -> bytes:
    return rpc.prepare("SELECT name FROM lake.main.customers WHERE id = ?::INTEGER").prepared_statement_handle


def _fetch(rpc: Rpc, token: bytes) -> object:
    return rpc.raw("DoGet", flight.Ticket(ticket=token).SerializeToString())


def _inform(method: str) -> Callable[[Rpc, bytes], object]:
    def use(rpc: Rpc, token: bytes) -> object:
        return rpc.raw(method, descriptor(sql.CommandPreparedStatementQuery(prepared_statement_handle=token)))

    return use


def _bind(rpc: Rpc, token: bytes) -> object:
    return rpc.bind(token, pa.table({"1": [2]}))


USES: dict[str, tuple[Callable[[Rpc], bytes], Callable[[Rpc, bytes], object]]] = {
    "a ticket that is fetched": (_ticket, _fetch),
    "a catalog ticket that is fetched": (_catalog_ticket, _fetch),
    "a handle that is planned": (_handle, _inform("GetFlightInfo")),
    "a handle that is polled": (_handle, _inform("PollFlightInfo")),
    "a handle whose schema is asked for": (_handle, _inform("GetSchema")),
    "a handle that is bound": (_open_handle, _bind),
}


def _altered(token: bytes) -> Iterator[bytes]:
    yield from (token[:i] + bytes((token[i] ^ 1 << i % 8,)) + token[i + 1 :] for i in range(len(token)))
    yield from (token[:-1], token[1:], token + b"\0", token * 2, b"", b"WM", token[:52], os.urandom(len(token)))


def _refusal(use: Callable[[Rpc, bytes], object], rpc: Rpc, token: bytes) -> tuple[Any, ...]:
    """What is told about a token: status, code, words but for the query's id."""
    with pytest.raises(grpc.RpcError) as caught:
        use(rpc, token)
    told = facts(caught.value)
    words = details(caught.value).replace(told["query_id"], "")
    return errors.check(caught.value, SECRETS), told["code"], told["retry"], words


@pytest.mark.parametrize(("make", "use"), USES.values(), ids=USES.keys())
def test_whatever_is_wrong_with_a_token_is_refused_alike(
    plain: Calling,
    serve: Callable[..., Calling],
    make: Callable[[Rpc], bytes],
    use: Callable[[Rpc, bytes], object],
) -> None:
    foreign = []
    for section in (OTHER_KEY, OTHER_NAME, {**TICKETS, "ticket_ttl": "1ms", "handle_ttl": "1ms"}):
        with serve(tickets=section)(bearer()) as elsewhere:
            foreign.append(make(elsewhere))
    with plain(bearer()) as mine, plain(bearer("eve")) as hers:
        good = make(mine)
        others = [_handle(mine) if use is _fetch else _ticket(mine)]  # another kind
        told = {_refusal(use, mine, token) for token in (*_altered(good), *foreign, *others)}
        told.add(_refusal(use, hers, good))
        assert {(status, code, retry) for status, code, retry, _ in told} == {
            (StatusCode.FAILED_PRECONDITION, "WM-2104", "replan")
        }
        assert len(told) == 1
        assert use(mine, good)


def test_what_a_subject_may_see_is_asked_again_when_its_token_is_used(serve: Callable[..., Calling]) -> None:
    roles = {"analyst": {"allow": ["lake.*.*"]}, "clerk": {"allow": ["lake.main.customers"]}}
    calling = serve(access={"roles": roles})
    with calling(bearer("ana", "analyst")) as before, calling(bearer("ana", "clerk")) as after:
        ticket = before.query("SELECT salary FROM lake.main.salaries").endpoint[0].ticket.ticket
        handle = before.prepare("SELECT salary FROM lake.main.salaries").prepared_statement_handle
        assert _fetch(before, ticket)
        for use, token in ((_fetch, ticket), (_inform("GetFlightInfo"), handle), (_inform("GetSchema"), handle)):
            with pytest.raises(grpc.RpcError) as caught:
                use(after, token)
            assert errors.check(caught.value, SECRETS) is StatusCode.NOT_FOUND
            assert facts(caught.value)["code"] == "WM-2003"
        tables = sql.CommandGetTables()
        names = {rpc: rpc.table(before.info(tables)).column("table_name").to_pylist() for rpc in (before, after)}
    assert names == {before: ["customers", "salaries"], after: ["customers"]}


def test_a_table_that_is_absent_and_one_that_is_forbidden_are_the_same_bytes(serve: Callable[..., Calling]) -> None:
    """S13: but for the name that was asked for and the query's id."""
    calling = serve(access={"roles": {"clerk": {"allow": ["lake.main.customers"]}}})
    told = set()
    with calling(bearer("ana", "clerk")) as rpc:
        for table in ("salaries", "absentee"):
            with pytest.raises(grpc.RpcError) as caught:
                rpc.query(f"SELECT * FROM lake.main.{table}")
            words = details(caught.value).replace(facts(caught.value)["query_id"], "").replace(table, "")
            told.add((errors.check(caught.value), words))
    assert len(told) == 1
