"""Show a plan: as text for people, as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from planner.plan import FederatedPlan, Fragment, SemiJoin, Split

SEMANTICS = "duckdb-2.0"
Statement = Callable[[Fragment], str]
"""Gives the exact SQL that a fragment's source is sent."""


def default_statement(fragment: Fragment) -> str:
    """The fragment's SQL without what its connector's way to Arrow adds."""
    read = fragment.read
    expressions = ", ".join(
        f"{expression} AS {column.name}" for expression, column in zip(read.expressions, read.columns, strict=True)
    )
    return " ".join(part for part in (read.prefix, f"SELECT {expressions}", read.body) if part)


def text(
    plan: FederatedPlan,
    statement: Statement = default_statement,
    measured: Mapping[int, Mapping[str, Any]] | None = None,
) -> str:
    """The plan for people. `measured` has rows, bytes and milliseconds by fragment id (EXPLAIN ANALYZE)."""
    lines = []
    if plan.local_sql is None:
        parts = f", announced in {len(plan.parts)} parts" if plan.parts else ""
        lines += [f"whole statement on {plan.fragments[0].source}{parts}", ""]
    else:
        lines += ["local (DuckDB)", *_indented(plan.local_sql), ""]
    for fragment in plan.fragments:
        rows = "" if fragment.estimate is None else f", about {fragment.estimate:,} rows"
        lines.append(f"fragment x{fragment.id} on {fragment.source}{rows}")
        lines += _indented(statement(fragment))
        lines += [f"  {_parts(fragment.split)}"] if fragment.split else []
        lines += [f"  waits: {_waits(fragment, join)}" for join in fragment.semijoins]
        if measured and fragment.id in measured:
            shown = ", ".join(f"{name} {_number(value)}" for name, value in measured[fragment.id].items())
            lines.append(f"  measured: {shown}")
        lines.append("")
    if plan.stays:
        lines.append("not pushed")
        for stay in plan.stays:
            where = f" to {stay.source}" if stay.source else ""
            lines.append(f"  {stay.what}")
            lines.append(f"    not{where}: {stay.reason} [{stay.code}]")
        lines.append("")
    if not plan.deterministic:
        lines.append("the answer may depend on an order or a chance that the statement leaves open")
    return "\n".join(lines).rstrip() + "\n"


def staged(plan: FederatedPlan, statement: Statement = default_statement) -> str:
    """The way to the plan, stage by stage, and the plan."""
    lines = []
    for name, sql in plan.stages:
        lines += [f"-- {name}", sql, ""]
    return "\n".join([*lines, "-- cut", text(plan, statement)])


def as_json(
    plan: FederatedPlan,
    statement: Statement = default_statement,
    measured: Mapping[int, Mapping[str, Any]] | None = None,
) -> str:
    """The plan for programs: only ever added to."""
    fragments = []
    for fragment in plan.fragments:
        entry: dict[str, Any] = {
            "id": fragment.id,
            "source": fragment.source,
            "sql": statement(fragment),
            "columns": [{"name": column.name, "type": column.type} for column in fragment.read.columns],
            "estimate": fragment.estimate,
            "snapshot_group": fragment.source,
            "splits": 1 + len(fragment.split.cuts) if fragment.split else 1,
            "split_by": fragment.split.by if fragment.split else None,
            "order": [],
            "waits_for": sorted({join.keys_of for join in fragment.semijoins}),
            "semijoins": [_join(join) for join in fragment.semijoins],
        }
        if measured and fragment.id in measured:
            entry["measured"] = dict(measured[fragment.id])
        fragments.append(entry)
    document = {
        "version": 1,
        "semantics": SEMANTICS,
        "deterministic": plan.deterministic,
        "columns": [{"name": column.name, "type": column.type} for column in plan.columns],
        "fragments": fragments,
        "partitions": max(1, len(plan.parts)),
        "local": plan.local_sql,
        "stays": [
            {"position": stay.what, "source": stay.source, "reason_code": stay.code, "text": stay.reason}
            for stay in plan.stays
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _join(join: SemiJoin) -> dict[str, Any]:
    return {
        "column": join.columns[0],
        "keys_of": join.keys_of,
        "key": join.keys[0],
        "most": join.most,
        "columns": list(join.columns),
        "keys": list(join.keys),
    }


def _parts(split: Split) -> str:
    """How a fragment is read in parts, in words."""
    return f"in {1 + len(split.cuts)} parts by {split.by}, cut at {', '.join(map(str, split.cuts))}"


def _waits(fragment: Fragment, join: SemiJoin) -> str:
    """A semi-join in words."""
    columns = (fragment.read.columns[number] for number in join.columns)
    reduced = ", ".join(str(column.origin or column.name) for column in columns)
    keys = ", ".join(f"x{join.keys_of}.c{key}" for key in join.keys)
    if len(join.columns) > 1:
        reduced, keys = f"({reduced})", f"({keys})"
    beyond = ", else between the ends" if join.span else ""
    return f"{reduced} among the values of {keys}, if at most {join.most:,}{beyond}"


def _indented(sql: str) -> list[str]:
    return [f"  {line}" for line in sql.splitlines()]


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}" if isinstance(value, float) else str(value)
