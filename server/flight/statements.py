"""Statements between their two forms: the Request that the server below runs, and what a sealed token holds of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from planner.plan import Part
from server.flight.proto.sealed_pb2 import Part as SealedPart
from server.flight.proto.sealed_pb2 import Statement
from server.flight.session import thawed
from server.requests import Request

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def freeze(request: Request) -> Statement:
    """A request as a token holds it. now() with it: a ticket's answer is the same whenever it is fetched."""
    return Statement(
        query_id=request.query_id,
        sql=request.sql,
        catalog=request.session.catalog,
        schema=request.session.schema,
        settings=dict(request.session.settings),
        now=(request.now - _EPOCH) // _MICROSECOND,
        parameters=request.parameters,
        schema_hash=request.announced or b"",
        part=None if request.part is None else _frozen(request.part),
    )


def thaw(statement: Statement) -> Request:
    """The request that a token holds."""
    return Request(
        query_id=statement.query_id,
        sql=statement.sql,
        now=_EPOCH + statement.now * _MICROSECOND,
        session=thawed(statement),
        parameters=statement.parameters if statement.HasField("parameters") else None,
        announced=statement.schema_hash or None,
        part=_thawed(statement.part) if statement.HasField("part") else None,
    )


def _frozen(part: Part) -> SealedPart:
    ends = {"start": part.start, "end": part.end}
    return SealedPart(column=part.column, **{name: str(end) for name, end in ends.items() if end is not None})


def _thawed(part: SealedPart) -> Part:
    return Part(
        column=part.column if part.HasField("column") else None,
        start=int(part.start) if part.HasField("start") else None,
        end=int(part.end) if part.HasField("end") else None,
    )
