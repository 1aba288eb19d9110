"""`watersmeet serve`: runs the server until a signal."""

from __future__ import annotations

import argparse
import logging
import signal
import sys

from server import logs
from server.app import open_server
from server.client.failure import CommandFailed
from server.commands import signals
from server.config import Config, load

log = logging.getLogger(__name__)


def run(options: argparse.Namespace) -> int:
    logs.set_up(options.log_format, options.log_level)
    config = load(options.config)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    with signals.listening() as told, open_server(config) as server:
        try:
            port = server.start()
        except OSError:
            raise CommandFailed(f"WM-1003: cannot listen on {config.server.listen}: is the port in use?") from None
        _warn(config)
        scheme = "grpc+tls" if config.server.tls else "grpc"
        host = config.server.listen.rpartition(":")[0]
        print(f"watersmeet ready on {scheme}://{host}:{port}", flush=True)
        told.recv(1)
        # From here on a second signal ends the process at once.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        log.info("draining", extra={"seconds": config.server.drain})
        sys.stdout.flush()
        server.drain(config.server.drain)
    log.info("stopped")
    return 0


def _warn(config: Config) -> None:
    """What starts, and is likely not meant."""
    auth = config.auth
    if not (auth.anonymous or auth.users or auth.tokens):
        log.warning("nobody can log in: the section auth has no tokens and no users, and anonymous is false")
    local = config.server.listen.startswith(("127.", "localhost:", "[::1]:"))
    if not local and config.server.tls is None:
        log.warning("tokens and data cross the network in plain text: there is no server.tls")
    if not local and auth.anonymous and config.access is None:
        log.warning("anybody who can reach the port reads everything: anonymous is true and there is no access section")
    if not config.sources:
        log.warning("there are no sources")
