"""Log lines: one an event, for people or programs, without passwords."""

from __future__ import annotations

import json
import logging

from server.logs import JsonLines, Pairs


def record(message: str, *arguments: object, **facts: object) -> logging.LogRecord:
    return logging.getLogger("room").makeRecord("room", logging.INFO, "f", 1, message, arguments, None, extra=facts)


def test_facts_become_pairs() -> None:
    line = Pairs().format(record("done %d", 3, query_id="a1", text='two "words"'))
    assert line.endswith('INFO room: done 3 query_id=a1 text="two \\"words\\""')


def test_facts_become_json() -> None:
    facts = json.loads(JsonLines().format(record("done", rows=3)))
    assert (facts["message"], facts["rows"], facts["level"], facts["logger"]) == ("done", 3, "info", "room")


def test_nobody_can_forge_a_line() -> None:
    for formatter in (Pairs(), JsonLines()):
        assert "\n" not in formatter.format(record("a\nERROR room: b", who="x\ny"))


def test_a_password_in_a_url_is_struck_out() -> None:
    for formatter in (Pairs(), JsonLines()):
        line = formatter.format(record("cannot open postgresql://ana:canary@db/sales", url="mysql://b:canary@h/"))
        assert "canary" not in line
        assert "postgresql://***@db/sales" in line


def test_a_traceback_is_kept() -> None:
    try:
        raise ValueError("boom")
    except ValueError as error:
        failed = logging.getLogger("room").makeRecord(
            "room", logging.ERROR, "f", 1, "bad", (), (type(error), error, error.__traceback__)
        )
    assert "ValueError: boom" in Pairs().format(failed)
    assert "ValueError: boom" in json.loads(JsonLines().format(failed))["traceback"]
