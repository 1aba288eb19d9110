"""Log lines on stderr: the rooms use the standard library's loggers, here their records get their form.

One line an event, as key=value pairs for people or as JSON for programs. Passwords in URLs are struck out whoever logs
them; that is a second net, rooms log no secrets.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, Literal

Form = Literal["text", "json"]
LEVELS = ("debug", "info", "warning", "error")

_PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
"""What every record has; anything else was given as `extra` and is shown as a pair."""
_JSON = json.JSONEncoder(default=str, ensure_ascii=False)
"""One for all lines: json.dumps() makes one for each call with such options, a third of a line's time."""
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+(?=@)")


_chosen: tuple[Form, str] = ("text", "warning")


def set_up(form: Form = "text", level: str = "info", **always: object) -> None:
    """Send the records of every logger to stderr, each with the facts `always`. Called once, by the process's own entry."""
    global _chosen
    _chosen = form, level
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(lambda record: record.__dict__.update(always) is None)
    handler.setFormatter(JsonLines() if form == "json" else Pairs())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)


def chosen() -> tuple[Form, str]:
    """Form and level, for other processes of this server."""
    return _chosen


def _facts(record: logging.LogRecord, formatter: logging.Formatter) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
    }
    facts |= {name: value for name, value in record.__dict__.items() if name not in _PLAIN}
    if record.exc_info:
        facts["traceback"] = formatter.formatException(record.exc_info)
    return facts


def _clean(text: str) -> str:
    return _CREDENTIALS.sub("***", text)


class JsonLines(logging.Formatter):
    """A record as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        return _clean(_JSON.encode(_facts(record, self)))


class Pairs(logging.Formatter):
    """A record as `time level logger: message key=value …` on one line; a traceback follows on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        facts = _facts(record, self)
        traceback = facts.pop("traceback", None)
        head = f"{facts.pop('time')} {facts.pop('level').upper()} {facts.pop('logger')}: {facts.pop('message')}"
        pairs = "".join(f" {name}={_quoted(value)}" for name, value in facts.items())
        line = _clean(head + pairs).replace("\r", "\\r").replace("\n", "\\n")
        return line if traceback is None else f"{line}\n{_clean(traceback)}"


def _quoted(value: object) -> str:
    text = str(value)
    return text if re.fullmatch(r"[\w.:/+-]+", text) else json.dumps(text, ensure_ascii=False)
