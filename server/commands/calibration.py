"""`watersmeet check --calibrate`: measures the speeds that planning weighs, on each source's largest table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from connectors.sqlgen.dialect import family
from planner import pipeline
from planner.errors import PlanningError
from planner.plan import PlanRequest, SessionInfo, SourceInfo
from server.client.failure import CommandFailed
from server.config_text import Unplaceable, placed
from watersmeet.speed import NAMES
from watersmeet.spi import Column, Source, Table, Tag

ROWS = 200_000
"""Of one measurement, at most."""
FEWEST = 20_000
"""A smaller table says nothing: its queries end in the noise."""
_ROUNDS = 3
_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class _Run:
    seconds: float
    size: int
    """Bytes of Arrow."""


def calibrate(source: Source) -> dict[str, float]:
    """Microseconds by name, as far as they could be measured. Raises SourceError."""
    catalog = source.catalog()
    info = SourceInfo(
        name=source.name, kind=source.kind, catalog=catalog, dialect=source.dialect(catalog.facts), speed=source.speed
    )
    table = max(catalog.tables.values(), key=lambda table: table.rows or 0, default=None)
    if table is None or (table.rows or 0) < FEWEST:
        return {}
    measured = _measured(table, lambda sql: _median(source, info, sql))
    return {name: float(f"{value:.2g}") for name, value in measured.items()}


def _measured(table: Table, run: Callable[[str], _Run]) -> dict[str, float]:
    rows = min(table.rows or 0, ROWS)
    key, few, text = _columns(table)
    path = f"{_quoted(table.schema)}.{_quoted(table.name)}"

    def some(*columns: str) -> str:
        return f"(SELECT {', '.join(columns)} FROM {path} LIMIT {rows})"

    found: dict[str, float] = {}

    def note(name: str, seconds: float) -> None:
        found[name] = max(seconds / rows * 1e6, 0.001)

    base = run(f"SELECT count(*) FROM {some(key)} AS t").seconds
    plain = run(some(key).strip("()"))
    if text is not None:
        wide = run(some(key, text).strip("()"))
        if wide.size > plain.size + 4 * rows:
            found["byte"] = max((wide.seconds - plain.seconds) / (wide.size - plain.size) * 1e6, 0.0001)
    note("send", plain.seconds - base - plain.size * found.get("byte", 0.0) / 1e6)
    # What a source cannot be asked whole is not measured; the connector's default stays.
    with suppress(PlanningError):
        grouped = run(f"SELECT count(*) FROM (SELECT {few} FROM {some(few)} AS t GROUP BY {few}) AS g").seconds - base
        note("group", grouped)
        alone = run(f"SELECT count(*) FROM (SELECT {key} FROM {some(key)} AS t GROUP BY {key}) AS g").seconds - base
        note("groups", alone - max(grouped, 0.0))
    with suppress(PlanningError):
        note("join", run(f"SELECT count(*) FROM {some(key)} AS a JOIN {path} AS b ON a.{key} = b.{key}").seconds - base)
    return found


def _columns(table: Table) -> tuple[str, str, str | None]:
    """A column whose values differ, one with few values, one of texts; quoted."""
    whole = [column for column in table.columns if family(column.type) == "int"] or list(table.columns)
    texts = [column for column in table.columns if family(column.type) == "text"]

    def values(column: Column) -> float:
        return float(column.distinct if column.distinct is not None else table.rows or 0)

    key = next((c for c in table.columns if table.primary_key and c.name == table.primary_key[0]), None)
    most = key if key is not None and key in whole else max(whole, key=values)
    longest = max(texts, key=values, default=None)
    return _quoted(most.name), _quoted(min(whole, key=values).name), None if longest is None else _quoted(longest.name)


def _median(source: Source, info: SourceInfo, sql: str) -> _Run:
    plan = pipeline.plan(
        PlanRequest(sql=sql, now=datetime.now(UTC), session=SessionInfo(catalog=info.name, pushdown="require")),
        {info.name: info},
    )
    (fragment,) = plan.fragments
    runs = []
    for _ in range(_ROUNDS):
        snapshot = source.snapshot(Tag(query_id="calibration", timeout=_TIMEOUT), 1)
        try:
            began = time.perf_counter()
            size = sum(batch.nbytes for batch in snapshot.read(0, fragment.read))
            runs.append(_Run(time.perf_counter() - began, size))
        finally:
            snapshot.close()
    return _Run(statistics.median(run.seconds for run in runs), runs[0].size)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def store(file: Path, found: Mapping[str, Mapping[str, float]]) -> None:
    """Write each source's speeds into the configuration file, every other character as it was. Raises CommandFailed."""
    with file.open(encoding="utf-8", newline="") as opened:
        text = opened.read()
    for name, speeds in found.items():
        value = "{" + ", ".join(f"{key}: {number:g}" for key, number in speeds.items()) + "}"
        try:
            text = placed(text, ("sources", name), "speed", value)
        except Unplaceable as error:
            raise CommandFailed(f"{error}; write it so, or add to it: speed: {value}", 1) from None
    with file.open("w", encoding="utf-8", newline="") as opened:
        opened.write(text)


assert {"byte", "send", "group", "groups", "join"} <= NAMES
