"""The optimizer's rules in words, from their modules' docstrings: a part of docs/pushdown-rules.md."""

from __future__ import annotations

import inspect

from planner.optimize import RULES


def rules() -> str:
    """A section for each rule, in the order in which they first run."""
    sections = (_section(rule.__name__, inspect.getdoc(inspect.getmodule(rule)) or "") for rule in dict.fromkeys(RULES))
    return "\n".join(sections)


def _section(name: str, words: str) -> str:
    what, _, guards = words.partition("Guards:\n")
    first, *rest = what.strip().split("\n\n")
    shown = f"```text\n{first}\n```" if "  ->  " in first else first
    runs = sum(rule.__name__ == name for rule in RULES)
    again = [f"Runs {'twice' if runs == 2 else f'{runs} times'}."] if runs > 1 else []
    parts = [f"## {name}", shown, *rest, *again, f"Left as it is:\n\n{guards.strip()}"]
    return "\n\n".join(parts) + f"\n\nCases: `tests/fixtures/rules/{name}.sql`\n"
