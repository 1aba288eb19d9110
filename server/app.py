"""The composition root: from the configuration to a server, each room given its own section."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from auth.authenticator import Authenticator
from server import logs
from server.config import Config
from server.flight.service import FlightOptions, FlightServer, create_server
from server.query import LocalQueries
from server.requests import Queries
from server.workers import sections
from server.workers.inprocess import InProcess
from server.workers.orders import Orders
from server.workers.pool import WorkerPool
from server.workers.sections import Sections
from server.workers.supervisor import Patience, Supervisor
from watersmeet.spi import Source


def open_sources(config: Config) -> AbstractContextManager[dict[str, Source]]:
    """All configured sources by name. Nothing is connected yet: a source that is down stops nobody else."""
    return sections.open_sources(config.sources)


def open_queries(config: Config, *, restricted: bool = True) -> AbstractContextManager[LocalQueries]:
    """Queries in this process. Without `restricted` the section `access` does not hold: who has the file has all."""
    return sections.open_local(_sections(config, restricted=restricted))


@contextmanager
def open_server(config: Config) -> Iterator[FlightServer]:
    """The whole server, not started yet; its workers are."""
    # First, because a weak key or a wrong hash is to be found before anything is opened.
    authenticator = Authenticator(config.auth)
    options = FlightOptions(
        listen=config.server.listen,
        tls=config.server.tls,
        streams=config.limits.running + config.limits.queued,
        statement_timeout=config.limits.statement_timeout,
        writable=any(getattr(source, "writable", False) for source in config.sources.values()),
        sql_bytes=config.limits.sql_bytes,
    )
    with _open_below(config) as queries:
        yield create_server(queries, authenticator, config.tickets, options)


@contextmanager
def _open_below(config: Config) -> Iterator[Queries]:
    """The server below its front."""
    count = config.server.workers
    if count == 0:
        with sections.open_local(_sections(config), warm=True) as queries:
            yield InProcess(queries)
        return
    whole = _sections(config)

    def orders(number: int, place: int) -> Orders:
        share = whole.share(count, place)
        return Orders(
            number=number,
            open=sections.open_local,
            arguments=(share, True),
            statements=share.limits.running,
            memory=share.memory,
            logs=logs.chosen(),
        )

    supervisor = Supervisor(count, orders, Patience(lingering=config.limits.statement_timeout))
    try:
        supervisor.start()
        yield WorkerPool(supervisor, config.limits)
    finally:
        supervisor.close()


def _sections(config: Config, *, restricted: bool = True) -> Sections:
    return Sections(
        sources=config.sources,
        limits=config.limits,
        access=config.access if restricted else None,
        settings={"pushdown": config.planner.pushdown, "semijoin_keys": str(config.planner.semijoin_keys)},
    )
