"""LIKE patterns of the catalog commands, against a plain definition of LIKE."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from server.flight.metadata import like


def _by_regex(pattern: str, name: str) -> bool:
    """LIKE with backslash as escape, the slow way."""
    out, characters = "", iter(pattern)
    for character in characters:
        if character == "\\":
            out += re.escape(next(characters, "\\"))
        else:
            out += {"%": ".*", "_": "."}.get(character, re.escape(character))
    return re.fullmatch(out, name, re.DOTALL) is not None


@given(st.text("ab%_\\", max_size=8), st.text("ab%_\\", max_size=10))
def test_patterns_mean_what_like_means(pattern: str, name: str) -> None:
    assert like(pattern)(name) == _by_regex(pattern, name)
