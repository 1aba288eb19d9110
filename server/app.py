"""The composition root: from the configuration to a server, each room given its own section."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from auth.access import Access
from auth.authenticator import Authenticator
from auth.principal import Principal
from connectors.registry import open_source
from server.config import Config
from server.flight.service import FlightOptions, FlightServer, create_server
from server.query import LocalQueries
from server.requests import Answer, Described, Queries, Request, VisibleCatalog
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
def open_queries(config: Config, *, restricted: bool = True) -> Iterator[Queries]:
    """The server below its front. Without `restricted` the section `access` does not hold: who has the file has all."""
    access = Access(config.access if restricted else None)
    with open_sources(config) as sources:
        queries = LocalQueries(sources, config.limits, visible=access.visible)
        try:
            yield WithDefaults(queries, {"pushdown": config.planner.pushdown})
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
        yield create_server(queries, authenticator, config.tickets, options)


@dataclass(frozen=True, slots=True)
class WithDefaults:
    """Queries whose sessions begin with the settings that the configuration gives them."""

    inner: Queries
    settings: dict[str, str]

    def _begun(self, request: Request) -> Request:
        settings = {**self.settings, **request.session.settings}
        return replace(request, session=replace(request.session, settings=settings))

    def describe(self, request: Request, principal: Principal) -> Described:
        return self.inner.describe(self._begun(request), principal)

    def execute(self, request: Request, principal: Principal, timeout: float) -> Answer:
        return self.inner.execute(self._begun(request), principal, timeout)

    def catalogs(self, principal: Principal, only: str | None = None) -> tuple[VisibleCatalog, ...]:
        return self.inner.catalogs(principal, only)
