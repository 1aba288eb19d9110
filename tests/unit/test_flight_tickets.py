"""Sealed tokens: format, keys, rotation."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from planner.plan import Part
from server.flight import tickets
from server.flight.errors import TokenRefused
from server.flight.proto.sealed_pb2 import Sealed, Statement
from server.flight.statements import freeze, thaw
from server.flight.tickets import Kind, Sealer, TicketsConfig
from server.requests import Request

OLD = {"kid": "old", "secret": "o" * 32}
NEW = {"kid": "new", "secret": "n" * 32}


def _sealer(*keys: Mapping[str, object], **settings: object) -> Sealer:
    return Sealer(TicketsConfig.model_validate({"keys": keys or (OLD,), **settings}))


def _seal(sealer: Sealer, sql: str = "SELECT 'a literal'") -> bytes:
    return sealer.seal(Kind.TICKET, "ana", Sealed(statement=Statement(sql=sql)))


def test_a_token_opens_to_what_was_sealed() -> None:
    content = _sealer().open(Kind.TICKET, "ana", _seal(_sealer()))
    assert content.statement.sql == "SELECT 'a literal'" and content.subject == "ana"
    assert content.expires == pytest.approx(time.time() + 900, abs=2)


def test_the_format_is_the_settled_one_and_hides_the_text() -> None:
    token = _seal(_sealer())
    assert token[:4] == b"WM\x01\x01"
    assert token[4:12] == _seal(_sealer())[4:12] != _seal(_sealer(NEW))[4:12]
    assert token[12:40] != _seal(_sealer())[12:40]
    assert b"literal" not in token and b"ana" not in token


def test_every_flipped_bit_is_noticed() -> None:
    sealer = _sealer()
    token = _seal(sealer)
    for position in range(len(token)):
        for bit in range(8):
            altered = bytearray(token)
            altered[position] ^= 1 << bit
            with pytest.raises(TokenRefused):
                sealer.open(Kind.TICKET, "ana", bytes(altered))


def test_everything_wrong_is_refused_in_the_same_words() -> None:
    sealer = _sealer()
    token = _seal(sealer)
    tries = [
        (sealer, Kind.TICKET, "eve", token),
        (_sealer(deployment="other"), Kind.TICKET, "ana", token),
        (_sealer(NEW), Kind.TICKET, "ana", token),
        (_sealer({"kid": "old", "secret": "x" * 32}), Kind.TICKET, "ana", token),
        (sealer, Kind.TICKET, "ana", sealer.seal(Kind.HANDLE, "ana", Sealed())),
        (sealer, Kind.TICKET, "ana", b"WM\x02" + token[3:]),
        (sealer, Kind.TICKET, "ana", token[:50]),
        (sealer, Kind.TICKET, "ana", b""),
    ]
    words = set()
    for opener, kind, subject, tried in tries:
        with pytest.raises(TokenRefused) as caught:
            opener.open(kind, subject, tried)
        words.add(str(caught.value))
    assert len(words) == 1


def test_a_token_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    sealer = _sealer(ticket_ttl="2m")
    token = _seal(sealer)
    later = time.time() + 121
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(TokenRefused):
        sealer.open(Kind.TICKET, "ana", token)


def test_rotation_needs_no_moment_at_which_all_replicas_change(monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime.now(UTC) + timedelta(hours=1)
    both = _sealer(OLD, {**NEW, "use_from": start})
    only_old = _sealer(OLD)
    before = _seal(both)
    assert only_old.open(Kind.TICKET, "ana", before)  # a replica without the new key reads it
    later = time.time() + 3601
    monkeypatch.setattr(time, "time", lambda: later)
    after = _seal(both)
    assert _sealer(NEW).open(Kind.TICKET, "ana", after)  # sealed with the new key by now
    assert both.open(Kind.TICKET, "ana", _seal(only_old))  # and the old one is still read


def test_without_keys_one_is_made_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        one, two = Sealer(TicketsConfig()), Sealer(TicketsConfig())
    assert "on this process only" in caplog.text
    assert one.open(Kind.TICKET, "ana", _seal(one))
    with pytest.raises(TokenRefused):
        two.open(Kind.TICKET, "ana", _seal(one))


@pytest.mark.parametrize(
    "section",
    [
        {"keys": [{"kid": "a", "secret": "short"}]},
        {"keys": [OLD, OLD]},
        {"keys": [{**OLD, "use_from": "2999-01-01"}]},
        {"keys": [{**OLD, "algorithm": "x"}]},
        {"ticket_ttl": 0},
        {"ticket_ttl": "soon"},
        {"cookie": 1},
    ],
)
def test_sections_that_cannot_work_are_refused_at_start(section: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TicketsConfig.model_validate(section)


PARTS = (
    Part(column=None, start=None, end=7),
    Part(column='the "id', start=-(2**63), end=2**64 - 1),
    Part(column="id", start=0, end=None),
)


@pytest.mark.parametrize("part", [None, *PARTS])
def test_a_ticket_holds_the_part_that_it_is_for(part: Part | None) -> None:
    sealer = _sealer()
    request = Request(query_id="q", sql="SELECT 1", now=datetime(2024, 6, 15, tzinfo=UTC), part=part)
    token = sealer.seal(Kind.TICKET, "ana", Sealed(statement=freeze(request)))
    assert thaw(sealer.open(Kind.TICKET, "ana", token).statement) == request


def test_the_version_before_reads_what_it_serves_right_and_refuses_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    sealer = _sealer()
    request = Request(query_id="q", sql="SELECT 1", now=datetime(2024, 6, 15, tzinfo=UTC))
    whole = sealer.seal(Kind.TICKET, "ana", Sealed(statement=freeze(request)))
    part = sealer.seal(Kind.TICKET, "ana", Sealed(statement=freeze(replace(request, part=PARTS[0]))))
    assert (whole[2], part[2]) == (1, 2)
    monkeypatch.setattr(tickets, "READABLE", frozenset({1}))
    assert sealer.open(Kind.TICKET, "ana", whole)
    with pytest.raises(TokenRefused, match="plan the statement again"):
        sealer.open(Kind.TICKET, "ana", part)


def test_secrets_are_not_shown() -> None:
    assert "oooo" not in repr(TicketsConfig.model_validate({"keys": [OLD]}))
