"""Connections through long silences."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest

from server.flight.proto import flight_sql_pb2 as sql
from tests.clients.conftest import Front, bearer
from tests.clients.rpc import Rpc

_PINGING = (("grpc.keepalive_time_ms", 10_000), ("grpc.http2.max_pings_without_data", 0))
SILENT = "SELECT count(*) FROM range(1000000000000) AS a(i) WHERE hash(i) = 1"


def test_pings_through_a_silence_end_no_connection(serve: Callable[..., Front]) -> None:
    """The same in short: gRPC's own default ends a connection at the third ping that comes within five minutes."""
    front = serve()
    often = (("grpc.keepalive_time_ms", 300), ("grpc.http2.max_pings_without_data", 0))
    with grpc.insecure_channel(f"127.0.0.1:{front.port}", often) as channel:
        rpc = Rpc(channel, (("authorization", f"Bearer {bearer()}"),))
        with pytest.raises(grpc.RpcError) as caught:
            list(rpc.frames(rpc.query(SILENT), timeout=4))
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert rpc.fetch(sql.CommandStatementQuery(query="SELECT 1")).num_rows == 1


@pytest.mark.long
def test_a_client_that_pings_every_ten_seconds_stays_connected_through_seventy_silent_ones(
    serve: Callable[..., Front],
) -> None:
    front = serve(statement_timeout=300)
    headers = (("authorization", f"Bearer {bearer()}"),)
    with grpc.insecure_channel(f"127.0.0.1:{front.port}", _PINGING) as channel:
        rpc = Rpc(channel, headers)
        with pytest.raises(grpc.RpcError) as caught:
            list(rpc.frames(rpc.query(SILENT), timeout=70))
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED  # and not a connection closed for its pings
        assert rpc.fetch(sql.CommandStatementQuery(query="SELECT 1")).num_rows == 1
