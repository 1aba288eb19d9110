"""A placement behind both ends of the server: statements in process, and the Flight SQL front on a port."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
from pydantic import SecretStr

from auth.authenticator import AuthConfig, Authenticator
from auth.principal import Principal
from auth.tokens import TokenKey, Tokens, TokensConfig
from connectors.registry import open_source
from planner import pipeline
from planner.plan import FederatedPlan, PlanRequest, SourceInfo
from server.execution.limits import LimitsConfig
from server.flight.service import FlightOptions, create_server
from server.flight.tickets import TicketsConfig
from server.query import LocalQueries
from server.requests import Request
from server.workers.inprocess import InProcess
from tests.tpch.placements import Placed

NOW = datetime(2024, 6, 15, 12, 30, tzinfo=UTC)
TOKENS = TokensConfig(
    issuer="https://issuer.example",
    audience="watersmeet",
    keys=(TokenKey(kid="k1", algorithm="HS256", secret=SecretStr("a shared secret of more than 32 bytes, for tests")),),
)


@dataclass(frozen=True, slots=True)
class Federation:
    """A running federation."""

    placement: str
    queries: LocalQueries
    infos: Mapping[str, SourceInfo]
    """What the planner knows of the sources."""
    port: int
    token: str

    def plan(self, sql: str) -> FederatedPlan:
        return pipeline.plan(PlanRequest(sql=sql, now=NOW), self.infos)

    def run(self, sql: str) -> tuple[pa.Schema, pa.Table]:
        """The schema that describe announces, and the answer."""
        request = Request(query_id=uuid.uuid4().hex, sql=sql, now=NOW)
        principal = Principal(subject="tpch")
        described = self.queries.describe(request, principal)
        answer = self.queries.execute(request, principal, math.inf)
        try:
            return described.schema, pa.Table.from_batches(list(answer.batches()), answer.schema)
        finally:
            answer.close()


@contextmanager
def federation(placed: Placed) -> Iterator[Federation]:
    """Open the sources of a placement and serve them on a free port."""
    with ExitStack() as stack:
        sources = {name: open_source(name, config) for name, config in placed.sources.items()}
        infos = {}
        for name, source in sources.items():
            stack.callback(source.close)
            catalog = source.catalog()
            infos[name] = SourceInfo(
                name=name, kind=source.kind, catalog=catalog, dialect=source.dialect(catalog.facts)
            )
        queries = LocalQueries(sources, LimitsConfig())
        stack.callback(queries.close)
        authenticator = Authenticator(AuthConfig(tokens=TOKENS))
        server = create_server(InProcess(queries), authenticator, TicketsConfig(), FlightOptions(listen="127.0.0.1:0"))
        port = server.start()
        stack.callback(server.stop)
        token = Tokens(TOKENS).sign("tpch", [], timedelta(hours=1))
        yield Federation(placed.name, queries, infos, port, token)
