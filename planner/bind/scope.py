"""Which names are visible where, and what they mean: resolution is ours, not the engine's (which folds case)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from connectors.sqlgen.tree import Expr
from planner.errors import AmbiguousName


class NotUnderstood(Exception):
    """A construct that bind leaves to DuckDB: the smallest query around it is kept as text and runs locally."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Visible:
    """A column that can be named."""

    name: str
    expr: Expr
    origin: tuple[str, str, str, str] | None = None
    """(catalog, schema, table, column) of a table's column unchanged."""


@dataclass(slots=True)
class Named:
    """A relation in FROM under the names that qualify its columns."""

    names: tuple[str, ...]
    """('catalog', 'schema', 'table') for a table, ('alias',) for what has an alias."""
    columns: list[Visible]


@dataclass(slots=True)
class Scope:
    """The names of one FROM clause, inside those of the query around it."""

    relations: list[Named] = field(default_factory=list)
    star: list[Visible] = field(default_factory=list)
    """What * stands for: all columns, those merged by USING once."""
    parent: Scope | None = None
    aliases: dict[str, Expr] = field(default_factory=dict)
    """Select-list aliases, in lower case, that expressions after them may use."""
    preferred: dict[str, Expr] = field(default_factory=dict)
    """Aliases that win over columns: in HAVING, where a column that is no group key means nothing."""
    loose: bool = False
    """Whether a table function is among the relations: DuckDB knows more names for its column."""
    depends_on_parent: bool = False
    """Whether some name was found in `parent`: the query is correlated."""

    def find(self, path: tuple[str, ...]) -> Visible | None:
        """A column by its (qualified) name here or outside; None if there is none. Raises AmbiguousName."""
        if len(path) == 1 and path[0].lower() in self.preferred:
            return Visible(path[0], self.preferred[path[0].lower()])
        found = self._find_here(path)
        if found is None and len(path) == 1 and path[0].lower() in self.aliases:
            return Visible(path[0], self.aliases[path[0].lower()])
        if found is None and self.parent is not None:
            found = self.parent.find(path)
            if found is not None:
                self.depends_on_parent = True
        return found

    @contextmanager
    def columns_first(self) -> Iterator[None]:
        """Columns win over aliases inside: below the grouping all of them mean something."""
        before, self.preferred = self.preferred, {}
        try:
            yield
        finally:
            self.preferred = before

    def _find_here(self, path: tuple[str, ...]) -> Visible | None:
        if len(path) == 1:
            return pick(path[0], self.star, ".".join(path))
        matches = [named for named in self.relations if qualifies(path[:-1], named.names)]
        found = [column for named in matches if (column := pick(path[-1], named.columns, ".".join(path)))]
        if len(found) > 1:
            raise AmbiguousName(f"{'.'.join(path)} is ambiguous: several relations have that name; give them aliases")
        return found[0] if found else None

    def relation(self, path: tuple[str, ...]) -> Named | None:
        """The relation that `path` names: for path.*"""
        matches = [named for named in self.relations if qualifies(path, named.names)]
        if len(matches) > 1:
            raise AmbiguousName(f"{'.'.join(path)} is ambiguous: several relations have that name; give them aliases")
        return matches[0] if matches else None

    def candidates(self) -> list[str]:
        """Names for the message of an unknown column."""
        return [column.name for column in self.star]


def qualifies(path: tuple[str, ...], names: tuple[str, ...]) -> bool:
    """Whether a qualifier names a relation: its last parts, or its catalog and table, in any case.

    >>> qualifies(("S", "t"), ("c", "s", "t")), qualifies(("c", "t"), ("c", "s", "t")), qualifies(("u",), ("c", "s", "t"))
    (True, True, False)
    """
    if len(path) == 2 and len(names) == 3 and path[0].lower() == names[0].lower():
        names = (names[0], names[2])
    tail = names[-len(path) :] if path else ()
    return len(tail) == len(path) and all(a.lower() == b.lower() for a, b in zip(path, tail, strict=True))


def pick(name: str, columns: Iterable[Visible], shown: str) -> Visible | None:
    """The column of that name; exact case wins over another case. Raises AmbiguousName."""
    lower = name.lower()
    folded = [column for column in columns if column.name.lower() == lower]
    if len(folded) > 1:
        exact = [column for column in folded if column.name == name]
        if len(exact) != 1:
            raise AmbiguousName(f"column {shown} is ambiguous: qualify it with its table's name or alias")
        return exact[0]
    return folded[0] if folded else None


def unique_names(names: Iterable[str]) -> list[str]:
    """Column names of a derived table, repeated ones numbered as DuckDB does.

    >>> unique_names(["a", "A", "a"])
    ['a', 'A_1', 'a_2']
    """
    seen: dict[str, int] = {}
    made: list[str] = []
    for name in names:
        count = seen.get(name.lower(), 0)
        unique = name if not count else f"{name}_{count}"
        while unique.lower() in seen and count:
            count += 1
            unique = f"{name}_{count}"
        seen[name.lower()] = count + 1
        seen.setdefault(unique.lower(), 1)
        made.append(unique)
    return made
