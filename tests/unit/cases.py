"""Cases in SQL files that a person can read: `-- case: name`, SQL, and sections that a marker line opens."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

FIXTURES = Path(__file__).parent.parent / "fixtures"


@dataclass
class Case:
    """One case of a file: the SQL, and what stands under each marker ('becomes', 'unchanged' …)."""

    file: Path
    name: str
    notes: list[str] = field(default_factory=list)
    sql: str = ""
    sections: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.file.stem}: {self.name}"


def read_cases(file: Path, markers: frozenset[str] = frozenset()) -> list[Case]:
    """The cases of a file in order."""
    cases: list[Case] = []
    section = ""
    for line in file.read_text().splitlines():
        word = line.removeprefix("-- ").strip() if line.startswith("-- ") else None
        if word is not None and word.startswith("case: "):
            cases.append(Case(file, word.removeprefix("case: ")))
            section = ""
        elif word is not None and word.startswith("note: "):
            cases[-1].notes.append(word.removeprefix("note: "))
        elif word is not None and word in markers:
            section = word
            cases[-1].sections[section] = ""
        elif section:
            cases[-1].sections[section] += line + "\n"
        elif cases:
            cases[-1].sql += line + "\n"
    for case in cases:
        case.sql = case.sql.strip()
        case.sections = {name: text.strip() for name, text in case.sections.items()}
    return cases


def write_cases(file: Path, cases: list[Case]) -> None:
    """The file again, with the sections as they now are."""
    parts = []
    for case in cases:
        lines = [f"-- case: {case.name}", *(f"-- note: {note}" for note in case.notes), case.sql]
        for name, text in case.sections.items():
            lines += [f"-- {name}", *([text] if text else [])]
        parts.append("\n".join(lines) + "\n")
    file.write_text("\n".join(parts))
