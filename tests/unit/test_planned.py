"""Who planned a text is remembered, for a while."""

from __future__ import annotations

from server.workers.planned import TEXTS, Planned


def test_all_workers_that_planned_a_text_are_known_and_no_others() -> None:
    planned = Planned()
    planned.add("SELECT 1", 7)
    planned.add("SELECT 1", 9)
    planned.add("SELECT 2", 8)
    assert planned.by("SELECT 1") == {7, 9} and planned.by("SELECT 2") == {8} and not planned.by("SELECT 3")


def test_the_text_that_was_planned_longest_ago_is_forgotten_first() -> None:
    planned = Planned()
    for i in range(TEXTS):
        planned.add(f"SELECT {i}", 1)
    planned.add("SELECT 0", 1)
    planned.add("another", 1)
    assert planned.by("SELECT 0") and planned.by("another") and not planned.by("SELECT 1")
