"""Session options: which there are, which values they take, and what SET, RESET and USE make of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from zoneinfo import available_timezones

from planner.bind.tables import named_source
from planner.errors import SettingRefused, SyntaxRefused, UnknownName
from planner.parse import Statement
from planner.plan import SessionInfo, SourceInfo

SETTINGS = ("timezone", "pushdown", "semijoin_keys", "unsigned")
"""Names in lower case, as headers such as watersmeet-timezone carry them."""
OPTIONS = ("catalog", "schema", *SETTINGS)
"""All that a session can hold."""

_PART = re.compile(r'"((?:[^"]|"")+)"|(\w+)')


def session_info(settings: Mapping[str, str], catalog: str | None, schema: str | None, user: str) -> SessionInfo:
    """The session of a request. Raises SettingRefused for an unknown setting."""
    unknown = sorted(set(settings) - set(SETTINGS))
    if unknown:
        raise SettingRefused(f"there is no setting {unknown[0]}; there are {', '.join(SETTINGS)}")
    return SessionInfo(
        catalog=catalog,
        schema=schema,
        time_zone=settings.get("timezone", "UTC"),
        pushdown=settings.get("pushdown", "on"),
        semijoin_keys=_count(settings.get("semijoin_keys", "200000")),
        unsigned=settings.get("unsigned", "keep"),
        user=user,
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 8):
        raise SettingRefused(f"semijoin_keys is a number of keys, 0 to 9999999, not {text!r}")
    return int(text)


def check_session(session: SessionInfo, sources: Mapping[str, SourceInfo]) -> None:
    """Raise SettingRefused for a value that an option cannot have, UnknownName for what does not exist."""
    source = named_source(session.catalog, sources)
    if session.catalog and source is None:
        raise UnknownName(
            f"the session's catalog {session.catalog} does not exist; there are {', '.join(sorted(sources))}"
        )
    if session.schema and source is not None and not _has_schema(source, session.schema):
        raise UnknownName(f"the session's schema {session.schema} does not exist in the catalog {source.name}")
    if session.pushdown not in {"on", "off", "require"}:
        raise SettingRefused(f"pushdown is on, off or require, not {session.pushdown!r}")
    if session.unsigned not in {"keep", "widen"}:
        raise SettingRefused(f"unsigned is keep or widen, not {session.unsigned!r}")
    if session.time_zone not in _time_zones():
        raise SettingRefused(f"the time zone {session.time_zone!r} is not known: use a name like UTC or Europe/Berlin")


def changed_options(
    statement: Statement, session: SessionInfo, sources: Mapping[str, SourceInfo]
) -> Mapping[str, str | None]:
    """What a SET, RESET or USE makes of which options; None resets one. Raises SettingRefused, SyntaxRefused.

    `USE a` is, as in the names of tables, schema a of the session's catalog if there is one, else catalog a.
    """
    path = [quoted.replace('""', '"') or plain for quoted, plain in _PART.findall(statement.node["name"])]
    value = statement.node["value"]
    if statement.kind == "use":
        if value is not None or len(path) > 2:
            raise SyntaxRefused("write USE catalog, USE schema or USE catalog.schema")
        current = named_source(session.catalog, sources)
        if len(path) == 1 and current is not None and _has_schema(current, path[0]):
            return {"schema": path[0]}
        return {"catalog": path[0], "schema": path[1] if len(path) == 2 else None}
    name = ".".join(path).lower()
    if name == "all" and statement.kind == "reset" and value is None:
        return dict.fromkeys(OPTIONS)
    if name not in OPTIONS:
        raise SettingRefused(f"there is no option {name} of a session; there are {', '.join(OPTIONS)}")
    if (value is None) != (statement.kind == "reset"):
        raise SyntaxRefused("write SET name = value or RESET name")
    return {"catalog": value, "schema": None} if name == "catalog" else {name: value}


def _has_schema(source: SourceInfo, schema: str) -> bool:
    return schema.lower() in {name.lower() for name in source.catalog.schemas}


@cache
def _time_zones() -> set[str]:
    return available_timezones()  # reads a folder tree: 7 to 100 ms
