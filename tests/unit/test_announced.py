"""What the front remembers of statements that were described: for whom, for how long, and what ends it."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from auth.principal import Principal
from server.requests import Described, Request, Session
from server.workers import announced
from server.workers.announced import Announced

ALICE, BOB = Principal(subject="alice"), Principal(subject="bob")


class Worker:
    """Describes, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> Described:
        self.asked += 1
        return Described(schema=pa.schema([(f"a{self.asked}", pa.int64())]), parameters=pa.schema([]))


def request(sql: str = "SELECT 1", **fields: object) -> Request:
    return Request(query_id="q", sql=sql, now=datetime.now(UTC), **fields)  # type: ignore[arg-type]


def test_a_statement_is_described_once_a_moment() -> None:
    now = 100.0
    known, worker = Announced(lambda: now), Worker()
    first = known.described(request(), ALICE, worker)
    now += announced._MOMENT / 2
    assert known.described(request(), ALICE, worker) is first
    now += announced._MOMENT / 2
    assert known.described(request(), ALICE, worker) is not first
    assert worker.asked == 2


@pytest.mark.parametrize(
    "other",
    [
        (request("SELECT 2"), ALICE),
        (request(), BOB),
        (request(), Principal(subject="alice", roles=frozenset({"admin"}))),
        (request(parameters=b"bound"), ALICE),
        (request(session=Session(catalog="pg")), ALICE),
        (request(session=Session(schema="s")), ALICE),
        (request(session=Session(settings={"timezone": "Europe/Rome"})), ALICE),
    ],
    ids=["text", "subject", "roles", "parameters", "catalog", "schema", "settings"],
)
def test_what_a_description_depends_on_keeps_two_apart(other: tuple[Request, Principal]) -> None:
    known, worker = Announced(), Worker()
    known.described(request(), ALICE, worker)
    known.described(*other, worker)
    assert worker.asked == 2


def test_a_table_that_changed_ends_what_is_known_and_what_is_being_told() -> None:
    known, worker = Announced(), Worker()
    known.described(request(), ALICE, worker)
    known.forget()

    def meanwhile() -> Described:
        known.forget()
        return worker()

    known.described(request(), ALICE, meanwhile)
    known.described(request(), ALICE, worker)
    assert worker.asked == 3


def test_an_error_is_not_remembered() -> None:
    known, worker = Announced(), Worker()

    def fails() -> Described:
        raise ValueError("no such table")

    with pytest.raises(ValueError, match="no such table"):
        known.described(request(), ALICE, fails)
    known.described(request(), ALICE, worker)
    assert worker.asked == 1


def test_long_statements_are_not_kept_and_the_oldest_goes_first() -> None:
    known, worker = Announced(), Worker()
    for _ in range(2):
        known.described(request("x" * (announced._LONGEST + 1)), ALICE, worker)
    assert worker.asked == 2
    for number in range(announced._STATEMENTS + 1):
        known.described(request(str(number)), ALICE, worker)
    assert len(known._known) == announced._STATEMENTS
    asked = worker.asked
    known.described(request("1"), ALICE, worker)
    assert worker.asked == asked
    known.described(request("0"), ALICE, worker)
    assert worker.asked == asked + 1
