"""The composition root: from the configuration to a server, each room given its own section."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from auth.access import Access
from auth.authenticator import Authenticator
from connectors.registry import open_source
from server.config import Config
from server.flight.service import FlightOptions, FlightServer, create_server
from server.query import LocalQueries
from server.workers.inprocess import InProcess
from watersmeet.spi import Source


@contextmanager
def open_sources(config: Config) -> Iterator[dict[str, Source]]:
    """All configured sources by name. Nothing is connected yet: a source that is down stops nobody else."""
    sources: dict[str, Source] = {}
    try:
        for name, section in config.sources.items():
            sources[name] = open_source(name, section)
        yield sources
    finally:
        for source in sources.values():
            source.close()


@contextmanager
def open_queries(config: Config, *, restricted: bool = True) -> Iterator[LocalQueries]:
    """The server below its front. Without `restricted` the section `access` does not hold: who has the file has all."""
    access = Access(config.access if restricted else None)
    with open_sources(config) as sources:
        settings = {"pushdown": config.planner.pushdown}
        queries = LocalQueries(sources, config.limits, visible=access.visible, settings=settings)
        try:
            yield queries
        finally:
            queries.close()


@contextmanager
def open_server(config: Config) -> Iterator[FlightServer]:
    """The whole server, not started yet."""
    # First, because a weak key or a wrong hash is to be found before anything is opened.
    authenticator = Authenticator(config.auth)
    options = FlightOptions(
        listen=config.server.listen,
        tls=config.server.tls,
        streams=config.limits.running + config.limits.queued,
        statement_timeout=config.limits.statement_timeout,
    )
    with open_queries(config) as queries:
        yield create_server(InProcess(queries), authenticator, config.tickets, options)
