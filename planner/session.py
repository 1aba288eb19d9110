"""Session properties: which there are, and which values they take."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from zoneinfo import available_timezones

from planner.errors import SettingRefused, UnknownName
from planner.plan import SessionInfo

SETTINGS = ("timezone", "pushdown")
"""Names in lower case, as the headers watersmeet-timezone and watersmeet-pushdown carry them."""


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
        user=user,
    )


def check_session(session: SessionInfo, catalogs: Collection[str]) -> None:
    """Raise SettingRefused for a value that a setting cannot have, UnknownName for a catalog that does not exist."""
    if session.catalog and session.catalog.lower() not in {name.lower() for name in catalogs}:
        raise UnknownName(
            f"the session's catalog {session.catalog} does not exist; there are {', '.join(sorted(catalogs))}"
        )
    if session.pushdown not in {"on", "off", "require"}:
        raise SettingRefused(f"pushdown is on, off or require, not {session.pushdown!r}")
    if session.time_zone not in _time_zones():
        raise SettingRefused(f"the time zone {session.time_zone!r} is not known: use a name like UTC or Europe/Berlin")


@cache
def _time_zones() -> set[str]:
    return available_timezones()  # reads a folder tree: 7 to 100 ms
