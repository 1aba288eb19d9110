"""Errors as gRPC statuses: none missing, none too long, nothing in them that has no place there."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from google.rpc.error_details_pb2 import ErrorInfo

from planner.errors import UnknownName
from server.flight.statuses import MAX_MESSAGE, ROOTS, STATUSES, status
from watersmeet.spi import SourceQueryFailed, SourceUnavailable


def _tree(root: type[Exception]) -> Iterator[type[Exception]]:
    yield root
    for kind in root.__subclasses__():
        yield from _tree(kind)


def test_every_error_of_every_room_has_a_status() -> None:
    every = {kind for root in ROOTS for kind in _tree(root) if not kind.__module__.startswith("tests.")}
    assert every == STATUSES.keys()


def test_codes_are_unique_over_all_rooms() -> None:
    codes = [kind.__dict__["code"] for kind in STATUSES]
    assert len(set(codes)) == len(codes)


def test_words_on_retrying_are_the_settled_ones() -> None:
    assert {retry for _, retry in STATUSES.values()} == {"no", "same", "elsewhere", "replan"}


def _facts(error: Exception) -> dict[str, str]:
    info = ErrorInfo()
    status(error, "abc").details[0].Unpack(info)
    return {"reason": info.reason, "domain": info.domain, **info.metadata}


def test_details_say_what_programs_need() -> None:
    error = SourceQueryFailed("sales", "division by zero", sqlstate="22012")
    assert _facts(error) == {
        "reason": "SourceQueryFailed",
        "domain": "watersmeet",
        "code": "WM-3003",
        "query_id": "abc",
        "source": "sales",
        "sqlstate": "22012",
        "retry": "no",
    }
    assert _facts(SourceUnavailable("sales", "gone"))["retry"] == "same"


@pytest.mark.parametrize("text", ["x" * 100_000, "ß" * 100_000, "%" * 100_000, "😀" * 100_000, "a" * 3000 + "😀" * 100])
def test_messages_fit_into_a_header_and_keep_the_query_id(text: str) -> None:
    message = status(UnknownName(text), "0123456789abcdef").message
    assert message.endswith("(query 0123456789abcdef)") and message.startswith("WM-2003: ")
    encoded = quote(message, safe="".join(map(chr, range(0x20, 0x7F))).replace("%", ""))
    assert 1000 < len(encoded) <= MAX_MESSAGE
    assert len(message.encode()) < 4096


def test_control_characters_become_blanks() -> None:
    assert status(UnknownName("a\nb\0c\x1b[31md\u202ee"), "q").message == "WM-2003: a b c [31md e (query q)"


def test_a_short_message_is_left_as_it_is() -> None:
    assert status(UnknownName("no table ünïcode"), "q").message == "WM-2003: no table ünïcode (query q)"


def test_an_unforeseen_error_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    error = RuntimeError("password=hunter2 at db.internal")
    assert "hunter2" not in str(status(error, "q"))
    assert _facts(error)["code"] == "WM-9001"
    assert "hunter2" in caplog.text  # the log is where it belongs
