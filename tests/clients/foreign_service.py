"""A service of somebody else, in another process: it knows the two .proto files of Arrow, gRPC and Arrow's IPC format.

Nothing of this repository is imported. Usage: foreign_service.py FOLDER HOST:PORT TOKEN, requests as JSON lines on stdin
({"sql": …, "parameters": [[type, value], …]}), answers as JSON lines on stdout ({"rows": …} or {"error": …}).
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from typing import Any

import grpc
import pyarrow as pa
from google.protobuf.any_pb2 import Any as Packed
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

sys.path.insert(0, sys.argv[1])
import flight_pb2 as flight  # type: ignore[import-not-found]  # these three are made by grpcio-tools, in FOLDER
import flight_pb2_grpc as flight_grpc  # type: ignore[import-not-found]
import flight_sql_pb2 as sql  # type: ignore[import-not-found]


def packed(message: Any) -> bytes:
    """A command or a request as Flight SQL carries it."""
    box = Packed()
    box.Pack(message)
    return box.SerializeToString()


def descriptor(command: Any) -> Any:
    return flight.FlightDescriptor(type=flight.FlightDescriptor.CMD, cmd=packed(command))


def stream(frames: Iterator[Any]) -> pa.Table:
    """FlightData back to an IPC stream: each header gets its continuation marker and length."""
    parts = []
    for frame in frames:
        padding = -len(frame.data_header) % 8
        parts += [struct.pack("<II", 0xFFFFFFFF, len(frame.data_header) + padding), frame.data_header, bytes(padding)]
        parts.append(frame.data_body)
    return pa.ipc.open_stream(b"".join(parts)).read_all()


def frames(table: pa.Table, command: Any) -> Iterator[Any]:
    """A table as FlightData: the schema, then its batches."""
    messages = [table.schema.serialize(), *(batch.serialize() for batch in table.to_batches())]
    for number, message in enumerate(messages):
        (length,) = struct.unpack_from("<i", message, 4)
        data = message.to_pybytes()
        yield flight.FlightData(
            flight_descriptor=descriptor(command) if number == 0 else None,
            data_header=data[8 : 8 + length],
            data_body=data[8 + length :],
        )


class Client:
    """Flight SQL, as far as this service needs it."""

    def __init__(self, address: str, token: str) -> None:
        self.stub = flight_grpc.FlightServiceStub(grpc.insecure_channel(address))
        self.headers = (("authorization", f"Bearer {token}"),)

    def query(self, text: str) -> pa.Table:
        return self._fetch(sql.CommandStatementQuery(query=text))

    def prepared(self, text: str, values: pa.Table) -> pa.Table:
        """Prepare, bind one row of values, run, close."""
        action = flight.Action(
            type="CreatePreparedStatement", body=packed(sql.ActionCreatePreparedStatementRequest(query=text))
        )
        (result,) = self.stub.DoAction(action, metadata=self.headers)
        made = sql.ActionCreatePreparedStatementResult()
        assert Packed.FromString(result.body).Unpack(made)
        command = sql.CommandPreparedStatementQuery(prepared_statement_handle=made.prepared_statement_handle)
        (put,) = self.stub.DoPut(frames(values, command), metadata=self.headers)
        bound = sql.DoPutPreparedStatementResult.FromString(put.app_metadata)
        # The handle to go on with is the answer's, where there is one.
        command.prepared_statement_handle = bound.prepared_statement_handle or made.prepared_statement_handle
        table = self._fetch(command)
        close = sql.ActionClosePreparedStatementRequest(prepared_statement_handle=made.prepared_statement_handle)
        list(
            self.stub.DoAction(flight.Action(type="ClosePreparedStatement", body=packed(close)), metadata=self.headers)
        )
        return table

    def _fetch(self, command: Any) -> pa.Table:
        info = self.stub.GetFlightInfo(descriptor(command), metadata=self.headers)
        (endpoint,) = info.endpoint
        return stream(self.stub.DoGet(endpoint.ticket, metadata=self.headers, timeout=30))


def told(error: Any) -> dict[str, object]:
    """What a program can learn of an error: the status, and google.rpc.ErrorInfo from its details."""
    status = rpc_status.from_call(error)
    info = ErrorInfo()
    assert status is not None and status.details[0].Unpack(info)
    return {"status": error.code().name, "message": status.message, "reason": info.reason, **info.metadata}


def main() -> None:
    client = Client(sys.argv[2], sys.argv[3])
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request.get("parameters"):
                columns = [pa.array([value], getattr(pa, kind)()) for kind, value in request["parameters"]]
                table = client.prepared(request["sql"], pa.table(columns, [f"p{i}" for i in range(len(columns))]))
            else:
                table = client.query(request["sql"])
            answer: dict[str, object] = {"types": list(map(str, table.schema.types)), "rows": table.to_pylist()}
        except grpc.RpcError as error:
            answer = {"error": told(error)}
        print(json.dumps(answer, default=str), flush=True)


if __name__ == "__main__":
    main()
