"""The wrong answers that other federations are known for are cases of the corpus, as docs/correctness.md lists them."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from tests.oracle import corpus

PAGE = Path(__file__).parents[2] / "docs" / "correctness.md"
ROW = re.compile(r"^\| (?P<subject>[^|]+) \| (?P<forms>[^|]+) \| (?P<only>[^|]*) \|$", re.MULTILINE)
CASES = corpus.read(corpus.FOLDER / "elsewhere_wrong.sql")
EVERYWHERE = {"pg", "my", "lake", "across"}


def _listed() -> dict[str, tuple[set[str], set[str]]]:
    """Subject -> (its forms, the places where alone it can be asked), by the page."""
    section = PAGE.read_text().partition("## Wrong answers that others give")[2].partition("\n## ")[0]
    rows = [match for match in ROW.finditer(section) if match["subject"] not in ("subject", "---")]
    return {row["subject"]: (set(row["forms"].split("; ")), set(row["only"].split(", ")) - {""}) for row in rows}


def _place(case: corpus.Case) -> str:
    sources = set(re.findall(r"\b(pg|my|lake)\.\w+\.", case.sql))
    return sources.pop() if len(sources) == 1 else "across"


def test_every_form_that_the_page_lists_is_a_case_and_every_case_is_listed() -> None:
    forms = defaultdict(set)
    for case in CASES:
        subject, _, form = case.name.partition(": ")
        forms[subject].add(re.sub(", (pg|my|lake|across)$", "", form))
    assert forms == {subject: listed for subject, (listed, _) in _listed().items()}


def test_every_subject_is_asked_at_each_source_and_across_sources() -> None:
    places = defaultdict(set)
    for case in CASES:
        places[case.name.partition(": ")[0]].add(_place(case))
    assert places == {subject: only or EVERYWHERE for subject, (_, only) in _listed().items()}


def test_none_of_them_is_known_to_fail_or_compared_by_its_count_alone() -> None:
    assert [case.name for case in CASES if case.lacks or case.count_only or case.raises] == []
