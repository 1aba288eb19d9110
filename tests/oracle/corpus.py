"""Reads the oracle's corpus: queries in SQL files, each with a name and what is to be known for comparing its answers.

    -- case: a filter on the nullable side of a LEFT JOIN
    -- note: why the case is here
    SELECT …
    -- reference
    SELECT …        what the one DuckDB runs instead, where it cannot read the text itself

Directives, each a comment line between the name and the query:
    -- unordered            rows compare as a multiset, whatever ORDER BY says (it leaves ties open)
    -- order: 1, 3          only these output positions are compared in order
    -- count only           the rows themselves are left open (samples, LIMIT over ties): names, types and count compare
    -- raises               every way of running it must end in an error, no answer
    -- set: name = value    a session setting
    -- with: 1::INTEGER, …  values of $1, $2 … as DuckDB expressions
    -- lacks: whose, what   known to fail; the suite says when it no longer does

A query over @wide and @deep, tables that every source has, stands for a case at each source and, if it reads several
tables, one across the sources.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path

from tests.oracle import kinds
from tests.oracle.generator import placed

FOLDER = Path(__file__).parent / "corpus"
_DIRECTIVE = re.compile(r"-- (?P<word>note|unordered|order|count only|raises|set|with|lacks)\b:?\s*(?P<rest>.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One query of the corpus."""

    name: str
    topic: str
    """The file's name without its ending."""
    sql: str
    reference: str
    """What the one DuckDB runs; mostly `sql`."""
    order: tuple[int, ...] | None = None
    """Output positions (from 0) to compare in order; None: those that the ORDER BY names."""
    count_only: bool = False
    raises: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    lacks: str | None = None
    """Whose lack makes the case fail, and what it is."""
    parameters: str | None = None
    """DuckDB expressions for $1, $2 …, separated by commas."""


def read(path: Path) -> list[Case]:
    """The cases of one file. Raises ValueError for a line before the first case or a name that repeats."""
    blocks = re.split(r"^-- case: *", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if any(line and not line.startswith("--") for line in blocks[0].splitlines()):
        raise ValueError(f"{path.name}: text before the first '-- case:'")
    cases = [case for block in blocks[1:] for case in _placed(_case(path.stem, block))]
    names = [case.name for case in cases]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{path.name}: several cases called {', '.join(sorted(twice))}")
    return cases


def read_all() -> list[Case]:
    """All cases, by file."""
    return [case for path in sorted(FOLDER.glob("*.sql")) for case in read(path)]


def _placed(case: Case) -> Iterator[Case]:
    """The case at each source and across them, if its tables are everywhere; or just itself."""
    tables = len(re.findall("@(?:wide|deep)", case.sql))
    places = {name: (name,) for name in kinds.WHERE} | ({"across": tuple(kinds.WHERE)} if tables > 1 else {})
    if not tables:
        yield case
        return
    for place, sources in places.items():
        texts = [placed(text, cycle(sources).__next__) for text in (case.sql, case.reference)]
        yield replace(case, name=f"{case.name}, {place}", sql=texts[0], reference=texts[1])


def _case(topic: str, block: str) -> Case:
    name, _, rest = block.partition("\n")
    text, _, reference = rest.partition("\n-- reference\n")
    settings: dict[str, str] = {}
    order: tuple[int, ...] | None = None
    count_only = raises = False
    parameters = lacks = None
    lines = text.splitlines()
    while lines and (match := _DIRECTIVE.fullmatch(lines[0].rstrip())):
        lines.pop(0)
        match match["word"]:
            case "unordered":
                order = ()
            case "order":
                order = tuple(int(position) - 1 for position in match["rest"].split(","))
            case "count only":
                count_only = True
            case "raises":
                raises = True
            case "set":
                key, _, value = match["rest"].partition("=")
                settings[key.strip().lower()] = value.strip()
            case "with":
                parameters = match["rest"]
            case "lacks":
                lacks = match["rest"]
    sql = "\n".join(lines).strip()
    if not sql:
        raise ValueError(f"{topic}: the case {name} has no query")
    return Case(
        name=name.strip(),
        topic=topic,
        sql=sql,
        reference=reference.strip() or sql,
        order=order,
        count_only=count_only,
        raises=raises,
        settings=settings,
        lacks=lacks,
        parameters=parameters,
    )
