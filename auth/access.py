"""Who may see which table: allow-lists of patterns by role.

With an `access` section everything that no pattern of the caller's roles covers is denied; without one every
authenticated subject sees everything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from auth.principal import Principal

_END = "\0"
"""What ends a part in the text to match: no source has it in a name, so parts cannot run into each other."""
_ANY = f"[^{_END}]*"
_PART = r'(?:"((?:[^"]|"")+)"|([^".]+))'
_PATTERN = re.compile(rf"{_PART}\.{_PART}\.{_PART}")


def _regex(pattern: str) -> str:
    """A pattern as a regular expression over the three names, each but the last followed by `_END`. Raises ValueError."""
    match = _PATTERN.fullmatch(pattern)
    if match is None:
        raise ValueError(
            "this is no access pattern: write catalog.schema.table, with * for any, names with dots quoted"
        )
    parts = zip(match.groups()[::2], match.groups()[1::2], strict=True)
    return _END.join(
        re.escape(quoted.replace('""', '"')) if quoted else _ANY.join(map(re.escape, plain.split("*")))
        for quoted, plain in parts
    )


def _checked(pattern: str) -> str:
    _regex(pattern)
    return pattern


class RoleConfig(BaseModel):
    """One of the section `access.roles`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    allow: tuple[Annotated[str, AfterValidator(_checked)], ...] = ()
    """Tables that the role may see, as `catalog.schema.table`; `*` stands for any characters of one part. A part in
    double quotes is taken literally. Names are the sources' own, and case counts."""


class AccessConfig(BaseModel):
    """Section `access`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    roles: Mapping[str, RoleConfig] = {}
    """By role. A role of a token that is not named here allows nothing."""


class Access:
    """Decides by the configuration. Thread-safe, immutable."""

    def __init__(self, config: AccessConfig | None) -> None:
        self._roles = None if config is None else {name: role.allow for name, role in config.roles.items()}
        self._allowed = lru_cache(maxsize=1024)(self._pattern)

    def visible(self, principal: Principal, catalog: str, schema: str, table: str) -> bool:
        """Whether the principal may see the table: its data, and that it exists."""
        if self._roles is None:
            return True
        return self._allowed(principal.roles).fullmatch(_END.join((catalog, schema, table))) is not None

    def _pattern(self, roles: frozenset[str]) -> re.Pattern[str]:
        """All patterns of some roles as one; it matches nothing where there are none."""
        assert self._roles is not None
        patterns = sorted({pattern for role in roles for pattern in self._roles.get(role, ())})
        return re.compile("|".join(map(_regex, patterns)) or "(?!)")
