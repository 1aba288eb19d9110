"""Table names -> tables of the sources: `catalog.schema.table`, `a.b`, `table`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from planner.errors import AmbiguousName, UnknownName
from planner.plan import SessionInfo, SourceInfo
from watersmeet.spi import Table


def resolve(path: tuple[str, ...], sources: Mapping[str, SourceInfo], session: SessionInfo) -> tuple[SourceInfo, Table]:
    """The table that a name means. Raises UnknownName, AmbiguousName.

    `a.b` is schema a of the session's catalog if it exists there, else table b in the default schema of catalog a, else
    schema a of the one catalog that has such a table. `b` is looked up under the session's catalog and schema, else
    wherever exactly one source has it.
    """
    shown = ".".join(path)
    if len(path) == 3:
        source = named_source(path[0], sources)
        if source is not None and (table := _table(source, path[1], path[2])) is not None:
            return source, table
        raise _unknown(shown, path[-1], sources)
    current = named_source(session.catalog, sources) if session.catalog else None
    if len(path) == 2:
        if current is not None and (table := _table(current, path[0], path[1])) is not None:
            return current, table
        source = named_source(path[0], sources)
        if source is not None and (table := _table(source, source.catalog.default_schema, path[1])) is not None:
            return source, table
        found = [(s, t) for s in sources.values() if (t := _table(s, path[0], path[1])) is not None]
    elif len(path) == 1:
        if current is not None:
            schema = session.schema or current.catalog.default_schema
            if (table := _table(current, schema, path[0])) is not None:
                return current, table
        found = [(s, t) for s in sources.values() for t in _anywhere(s, path[0])]
        defaults = [(s, t) for s, t in found if t.schema == s.catalog.default_schema]
        if len(found) > 1 and len(defaults) == 1 and len({s.name for s, _ in found}) == 1:
            found = defaults
    else:
        raise UnknownName(f"{shown}: a table has at most three names, catalog.schema.table")
    if len(found) > 1:
        names = ", ".join(sorted(f"{s.name}.{t.schema}.{t.name}" for s, t in found)[:10])
        raise AmbiguousName(f"table {shown} is ambiguous: write one of {names}")
    if not found:
        raise _unknown(shown, path[-1], sources)
    return found[0]


def named_source(name: str | None, sources: Mapping[str, SourceInfo]) -> SourceInfo | None:
    """The source of that name; exact case wins."""
    if name is None:
        return None
    return sources.get(name) or next((s for key, s in sources.items() if key.lower() == name.lower()), None)


def _table(source: SourceInfo, schema: str, name: str) -> Table | None:
    exact = source.catalog.tables.get((schema, name))
    if exact is not None:
        return exact
    found = [t for t in _anywhere(source, name) if t.schema.lower() == schema.lower()]
    if len(found) > 1:
        options = ", ".join(f'"{t.schema}"."{t.name}"' for t in found)
        raise AmbiguousName(f"{schema}.{name} is ambiguous in {source.name}: write one of {options}")
    return found[0] if found else None


def _anywhere(source: SourceInfo, name: str) -> list[Table]:
    lower = name.lower()
    folded = [t for t in source.catalog.tables.values() if t.name.lower() == lower]
    exact = [t for t in folded if t.name == name]
    return exact or folded


def _unknown(shown: str, name: str, sources: Mapping[str, SourceInfo]) -> UnknownName:
    paths = [f"{s.name}.{t.schema}.{t.name}" for s in sources.values() for t in s.catalog.tables.values()]
    near = nearest(shown, paths)
    if near is None:
        by_name = {path.rpartition(".")[2]: path for path in paths}
        found = nearest(name, by_name)
        near = by_name[found] if found else None
    hint = f"; did you mean {near}?" if near else ""
    return UnknownName(f"table {shown} does not exist (or you may not see it){hint}")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that a typing error most likely meant."""
    folded = {k.lower(): k for k in known}
    found = difflib.get_close_matches(name.lower(), folded, 1, 0.7)
    return folded[found[0]] if found else None
