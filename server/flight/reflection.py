"""gRPC's server reflection: tools like grpcurl ask the server for its own .proto files.

Behind the same door as every other call, and in the same gate: each stream of questions occupies a thread.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing

import grpc
from grpc_health.v1 import health
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest

from server.flight import commands
from server.flight.middleware import Door, Gate
from server.flight.patience import Patience

VERSIONS = (reflection.SERVICE_NAME, "grpc.reflection.v1.ServerReflection")
"""The protocol under both of its names: version 1 has the same messages, and clients ask for it first."""


def handlers(door: Door, patience: Patience, gate: Gate, service: str) -> list[grpc.GenericRpcHandler]:
    """Reflection on `service` and its neighbours, to be added to the server that has them."""
    servicer = reflection.ReflectionServicer((service, health.SERVICE_NAME, *VERSIONS))

    def answers(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        with door.call(context, "Reflection"), gate, closing(patience.requests(context, requests)) as received:
            for answer in servicer.ServerReflectionInfo(_parsed(received), context):
                yield answer.SerializeToString()

    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(answers)
    return [grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler}) for name in VERSIONS]


def _parsed(requests: Generator[bytes]) -> Iterator[ServerReflectionRequest]:
    for request in requests:
        yield commands.parse(ServerReflectionRequest, request)
