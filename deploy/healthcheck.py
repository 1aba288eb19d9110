"""Exit 0 while the server in this container serves: asks gRPC's health service.

WATERSMEET_HEALTH_ADDRESS: where (localhost:32010). WATERSMEET_HEALTH_CA: a PEM file, where the port speaks TLS; the
certificate must then be good for the address's name.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc


def main() -> int:
    address, authority = (
        os.environ.get("WATERSMEET_HEALTH_ADDRESS", "localhost:32010"),
        os.environ.get("WATERSMEET_HEALTH_CA"),
    )
    if authority:
        channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(Path(authority).read_bytes()))
    else:
        channel = grpc.insecure_channel(address)
    with channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=4)
        except grpc.RpcError as error:
            print(f"no answer from {address}: {error.code().name}", file=sys.stderr)
            return 1
    return 0 if answer.status == health_pb2.HealthCheckResponse.SERVING else 1


if __name__ == "__main__":
    sys.exit(main())
