"""What is written into a configuration file changes nothing else of it."""

from __future__ import annotations

import pytest

from server.config_text import Unplaceable, data, placed

FILE = """\
# Ours, with a list: "ä", '{'
sources:
  pg:
    # where it is
    kind: postgres   # two spaces
    url: "postgresql://h/d"

  my: {kind: mysql, url: "mysql://h/"}
  lake:
      kind: duckdb
      speed:
        send: 1  # old
        join: 2

      # of the file
      path: lake.duckdb
  flow:
    speed: {send: 1,
            join: 2}   # measured
    kind: mysql
  last:
    kind: mysql
    speed: {}

# the rest
version: 1
"""


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("pg", "    # where it is\n    kind: postgres", "    # where it is\n    speed: {a: 1}\n    kind: postgres"),
        ("lake", "speed:\n        send: 1  # old\n        join: 2\n", "speed: {a: 1}\n"),
        ("flow", "speed: {send: 1,\n            join: 2}", "speed: {a: 1}"),
        ("last", "speed: {}", "speed: {a: 1}"),
    ],
)
def test_a_value_takes_its_place_and_every_other_character_stays(name: str, old: str, new: str) -> None:
    assert FILE.count(old) == 1
    found = placed(FILE, ("sources", name), "speed", "{a: 1}")
    assert found == FILE.replace(old, new)
    wanted = data(FILE)
    wanted["sources"][name]["speed"] = {"a": 1}
    assert data(found) == wanted


def test_a_second_writing_replaces_the_first() -> None:
    once = placed(FILE, ("sources", "pg"), "speed", "{a: 1}")
    assert placed(once, ("sources", "pg"), "speed", "{a: 1}") == once


def test_windows_line_ends_stay() -> None:
    text = FILE.replace("\n", "\r\n")
    found = placed(text, ("sources", "flow"), "speed", "{a: 1}")
    assert found == text.replace("{send: 1,\r\n            join: 2}", "{a: 1}")


@pytest.mark.parametrize("name", ["my", "nowhere"])
def test_a_section_in_braces_and_one_that_is_not_there_are_refused(name: str) -> None:
    with pytest.raises(Unplaceable, match=f"sources.{name}"):
        placed(FILE, ("sources", name), "speed", "{a: 1}")
