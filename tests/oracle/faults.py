"""The faults that are planted to see whether the oracles notice: in dialects, in catalogs and in the planner's code.

Dialects: each template without its collation, guard, widening, escape or order of arguments; each fact turned round.
Catalogs: columns that are said to be other than they are. Code: see tests/oracle/mutation.py.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import pytest

from connectors.sqlgen.dialect import Dialect, Entry
from tests.oracle.mutation import Mutant, mutants
from tests.oracle.world import World
from watersmeet.spi import Column, SourceCatalog

MODULES = (
    *("planner.rules.factor_or", "planner.rules.merge_derived", "planner.rules.prune", "planner.rules.push_filters"),
    *("planner.rules.semi_to_exists", "planner.rules.transitive", "planner.rules.algebra"),
    *("planner.clusters", "planner.fragment", "planner.placement"),
    *("connectors.sqlgen.printer", "connectors.sqlgen.aggregates", "connectors.sqlgen.scalars"),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One planted fault."""

    name: str
    source: str | None = None
    """The source whose dialect or catalog is wrong; None for a fault in code."""
    dialect: Callable[[Dialect], Dialect] | None = None
    catalog: Callable[[SourceCatalog], SourceCatalog] | None = None
    mutant: Mutant | None = None
    patch: Callable[[pytest.MonkeyPatch], None] | None = None
    entry: tuple[str, Entry] | None = None
    """(kind, entry) that is wrong, to be exercised first."""

    @contextmanager
    def planted(self) -> Iterator[None]:
        """The code is wrong inside."""
        with pytest.MonkeyPatch.context() as patch, self.mutant.planted() if self.mutant else nullcontext():
            if self.patch is not None:
                self.patch(patch)
            yield


def all_faults(oracle: World, *, code: bool = True) -> list[Fault]:
    """Every fault there is to plant, in a fixed order; those in code are slow to make."""
    made: list[Fault] = []
    for name in ("pg", "my"):
        dialect = oracle.infos[name].dialect
        made += _entry_faults(name, dialect)
        made += _dialect_faults(name, dialect)
    made += _catalog_faults(oracle)
    for module in MODULES if code else ():
        made += [Fault(mutant.name, mutant=mutant) for mutant in mutants(importlib.import_module(module))]
    return made


# ---------------------------------------------------------------- dialects

_OPERATORS = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "=": "<>",
    "<>": "=",
    "+": "-",
    "-": "+",
    "*": "+",
    "AND": "OR",
}


_SYMMETRIC = frozenset({"=", "<>", "is distinct from", "is not distinct from", "+", "*", "greatest", "least"})
"""Functions that do not tell their arguments apart."""


def _templates(entry: Entry) -> Iterator[tuple[str, Entry]]:
    """(what is wrong, the entry with it)"""
    sql = entry.sql
    if ":eq}" in sql or ":ord}" in sql:
        yield "without its byte-wise form", replace(entry, sql=re.sub(r":(eq|ord)\}", "}", sql))
    if 'COLLATE "C"' in sql:
        yield 'without COLLATE "C"', replace(entry, sql=sql.replace('COLLATE "C"', ""))
    for operator, other in _OPERATORS.items():
        if f" {operator} " in sql:
            yield f"with {other} for {operator}", replace(entry, sql=sql.replace(f" {operator} ", f" {other} ", 1))
    if entry.check is not None or entry.constants:
        yield "without its conditions", replace(entry, check=None, constants=frozenset())
    if "ESCAPE" in sql:
        yield "without ESCAPE", replace(entry, sql=re.sub(r" ESCAPE (''|X'01')", "", sql))
    if match := re.search(r"CAST\((\{\d\}) AS [^()]*(\([^()]*\))?\)", sql):
        yield "without its cast", replace(entry, sql=sql.replace(match[0], match[1]))
    if " * 1e0)" in sql:
        yield "without going to DOUBLE", replace(entry, sql=re.sub(r"\((\{\d\}) \* 1e0\)", r"\1", sql))
    if re.match(r"COALESCE\(", sql):
        yield "without passing over NULLs", replace(entry, sql=sql[len("COALESCE(") : sql.index("),") + 1])
    if "{0" in sql and "{1" in sql and entry.name not in _SYMMETRIC:
        swapped = sql.replace("{0", "{§").replace("{1", "{0").replace("{§", "{1")
        yield "with its arguments swapped", replace(entry, sql=swapped)
    if re.fullmatch(r"[A-Za-z]+\(.*\)", sql) and entry.name in ("min", "max", "floor", "ceil", "greatest", "least"):
        other = {"min": "max", "max": "min", "floor": "ceil", "ceil": "floor", "greatest": "least", "least": "greatest"}
        yield f"for {other[entry.name]}", replace(entry, sql=re.sub(r"^\w+", other[entry.name].upper(), sql))
    if entry.superset:
        yield "said to be exact", replace(entry, superset=False)


def _shown(entry: Entry, dialect: Dialect) -> tuple[str, Any, Any, bool]:
    """What an entry comes to: two of the same show no fault."""
    sql = entry.sql
    for form, template in (("eq", dialect.text_equal), ("ord", dialect.text_order)):
        sql = re.sub(rf"\{{(\d):{form}\}}", lambda match, t=template: t.replace("{0}", f"{{{match[1]}}}"), sql)
    return re.sub(r"\s+", " ", sql), entry.check, entry.constants, entry.superset


def _entry_faults(source: str, dialect: Dialect) -> Iterator[Fault]:
    for kind in ("scalars", "aggregates", "windows"):
        for entries in getattr(dialect, kind).values():
            for entry in entries:
                for what, wrong in _templates(entry):
                    if _shown(wrong, dialect) == _shown(entry, dialect):
                        continue
                    name = f"{source}.{kind}: {entry.name}({', '.join(entry.args)}) {what}"
                    yield Fault(name, source, _with_entry(kind, entry, wrong), entry=(kind.rstrip("s"), wrong))


def _with_entry(kind: str, entry: Entry, wrong: Entry) -> Callable[[Dialect], Dialect]:
    def change(dialect: Dialect) -> Dialect:
        table: Mapping[str, tuple[Entry, ...]] = getattr(dialect, kind)
        own = tuple(wrong if one == entry else one for one in table[entry.name])
        return replace(dialect, **{kind: {**table, entry.name: own}})  # type: ignore[arg-type]

    return change


def _dialect_faults(source: str, dialect: Dialect) -> Iterator[Fault]:
    changes: dict[str, dict[str, Any]] = {
        "text_equal plain": {"text_equal": "{0}"},
        "text_order plain": {"text_order": "{0}"},
        "group_text plain": {"group_text": "{0}"},
        "every join": {"joins": frozenset({"inner", "left", "right", "full"}), "full_join_needs_equality": False},
        "HAVING by any key": {"having_by_key": True},
        "grouping sets": {"grouping_sets": True},
        "every DISTINCT aggregate": {"aggregate_distinct": frozenset({"count", "sum", "avg", "min", "max"})},
        "OFFSET lost": {"offset_without_limit": ""},
        "lateral": {"lateral": True},
    }
    for what, fields in changes.items():
        if all(getattr(dialect, field) == value for field, value in fields.items()):
            continue
        yield Fault(f"{source}.dialect: {what}", source, lambda d, fields=fields: replace(d, **fields))
    for pair, entry in dialect.casts.items():
        if entry.sql != "{0}":
            casts = {**dialect.casts, pair: replace(entry, sql="{0}")}
            yield Fault(
                f"{source}.casts: {pair[0]} to {pair[1]} not at all",
                source,
                lambda d, casts=casts: replace(d, casts=casts),
                entry=("cast", replace(entry, args=(pair[0],), result=pair[1])),
            )


# ---------------------------------------------------------------- catalogs


def _catalog_faults(oracle: World) -> Iterator[Fault]:
    columns: dict[str, Callable[[Column], Column]] = {
        "every column is NOT NULL": lambda column: replace(column, nullable=False),
        "columns are read as they are": lambda column: replace(column, read="{0}"),
        "no column has a collation": lambda column: replace(column, collation=None),
        "DATE announced as TIMESTAMP": lambda column: _retyped(column, "DATE", "TIMESTAMP"),
        "INTEGER announced as SMALLINT": lambda column: _retyped(column, "INTEGER", "SMALLINT"),
        "DECIMAL(12,2) announced as DECIMAL(12,1)": lambda column: _retyped(column, "DECIMAL(12,2)", "DECIMAL(12,1)"),
        "TIMESTAMP announced as DATE": lambda column: _retyped(column, "TIMESTAMP", "DATE"),
        "DOUBLE announced as FLOAT": lambda column: _retyped(column, "DOUBLE", "FLOAT"),
    }
    for source in ("pg", "my"):
        for what, change in columns.items():
            yield Fault(f"{source}.catalog: {what}", source, catalog=lambda c, change=change: _each_column(c, change))
        yield Fault(f"{source}.catalog: the second column is the key", source, catalog=_wrong_keys)


def _retyped(column: Column, was: str, is_: str) -> Column:
    return replace(column, type=is_) if column.type == was else column


def _each_column(catalog: SourceCatalog, change: Callable[[Column], Column]) -> SourceCatalog:
    tables = {
        key: replace(table, columns=tuple(change(column) for column in table.columns))
        for key, table in catalog.tables.items()
    }
    return replace(catalog, tables=tables)


def _wrong_keys(catalog: SourceCatalog) -> SourceCatalog:
    tables = {
        key: replace(table, primary_key=(table.columns[1].name,)) if len(table.columns) > 1 else table
        for key, table in catalog.tables.items()
    }
    return replace(catalog, tables=tables)


@contextmanager
def planted(fault: Fault, oracle: World) -> Iterator[World]:
    """A world with the fault in it."""
    from server.execution.limits import LimitsConfig
    from server.query import LocalQueries

    infos = dict(oracle.infos)
    if fault.source is not None:
        info = infos[fault.source]
        catalog = fault.catalog(info.catalog) if fault.catalog else info.catalog
        infos[fault.source] = replace(
            info, catalog=catalog, dialect=fault.dialect(info.dialect) if fault.dialect else info.dialect
        )
    sources = {name: _As(source, infos[name]) for name, source in oracle.sources.items()}
    with fault.planted():
        queries = LocalQueries(sources, LimitsConfig())  # type: ignore[arg-type]
        try:
            yield World(queries, infos, oracle.local, oracle.sources)
        finally:
            queries.close()


class _As:
    """A source that says of itself what a SourceInfo says."""

    def __init__(self, source: Any, info: Any) -> None:
        self._source = source
        self._info = info

    def catalog(self) -> SourceCatalog:
        return self._info.catalog  # type: ignore[no-any-return]

    def dialect(self, facts: Mapping[str, str]) -> Dialect:
        return self._info.dialect  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)
