"""gRPC's health service, whose watchers do not keep a server from ending."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc_health.v1 import health

Send = Callable[[Any], None]
"""Sends an answer to a watcher; None ends its stream."""


class HealthService(health.HealthServicer):
    """Watch streams wait without a thread each."""

    def __init__(self) -> None:
        threads = ThreadPoolExecutor(1, thread_name_prefix="health")
        super().__init__(experimental_non_blocking=True, experimental_thread_pool=threads)
        self._watching: dict[grpc.ServicerContext, Send] = {}

    def Watch(self, request: Any, context: Any, send_response_callback: Any = None) -> None:  # type: ignore[override]
        self._watching[context] = send_response_callback
        context.add_callback(lambda: self._watching.pop(context, None))
        super().Watch(request, context, send_response_callback)

    def end_watches(self) -> None:
        """End all streams: grpcio counts them as calls, and would wait for them as for an answer that is being read."""
        for context, send in list(self._watching.items()):
            if context.is_active():
                send(None)
