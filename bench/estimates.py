"""How far the planner's estimates are from the truth: `python -m bench.estimates --scale 0.1`.

Plans TPC-H over its placements, and queries of the Join Order Benchmark's shapes over a small film database with skew
and correlations (bench/films.py), runs each fragment's query at its source, and prints for each the q-error: estimate
by truth or truth by estimate, whichever is above 1. Both count as at least 1 row. Semi-joins are left out: they reduce
a fragment by what only the run knows.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import films, report
from bench.setting import databases
from connectors.registry import open_source
from planner.pipeline import plan
from planner.plan import Fragment, PlanRequest, SessionInfo, SourceInfo
from tests.tpch import data
from tests.tpch.placements import Placed
from watersmeet.spi import Source, Tag

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS = 300.0
"""For one fragment."""
Opened = Mapping[str, tuple[Source, SourceInfo]]


def main() -> None:
    """Print a line for each fragment, then the median, the 90th percentile and the most."""
    parser = report.options("estimates", __doc__)
    parser.add_argument("--placements", nargs="*", default=["a", "b"])
    given = parser.parse_args()
    with report.reported("estimates", given) as out, databases(given.scale) as servers:
        for placement in given.placements:
            with servers.placed(placement) as (sources, _), opened(sources) as known:
                queries = {file.stem: file.read_text() for file in data.QUERIES}
                summarized(f"TPC-H, placement {placement}", [*errors(queries, known)], out)
        with (
            tempfile.TemporaryDirectory() as folder,
            films.placed(servers, Path(folder)) as sources,
            opened(sources) as known,
        ):
            summarized("Join Order Benchmark's shapes", [*errors(films.QUERIES, known)], out)


@contextmanager
def opened(placed: Placed) -> Iterator[Opened]:
    """The sources of a placement, and what planning knows of them."""
    sources = {name: open_source(name, config) for name, config in placed.sources.items()}
    try:
        known = {}
        for name, source in sources.items():
            catalog = source.catalog()
            dialect = source.dialect(catalog.facts)
            known[name] = (
                source,
                SourceInfo(name=name, kind=source.kind, catalog=catalog, dialect=dialect, speed=source.speed),
            )
        yield known
    finally:
        for source in sources.values():
            source.close()


def errors(queries: Mapping[str, str], known: Opened) -> Iterator[dict[str, Any]]:
    """A line for each fragment of each query."""
    infos = {name: info for name, (_, info) in known.items()}
    for name, sql in queries.items():
        request = PlanRequest(sql=sql, now=NOW, session=SessionInfo(semijoin_keys=0))
        for fragment in plan(request, infos).fragments:
            if fragment.estimate is None:
                continue
            truth = counted(known[fragment.source][0], fragment)
            error = q_error(fragment.estimate, truth)
            print(
                f"{name:<6} x{fragment.id:<3} {fragment.source:<5} about {fragment.estimate:>12,} truth {truth:>12,}"
                f" q-error {error:>10.1f}",
                flush=True,
            )
            yield {"query": name, "fragment": fragment.id, "estimate": fragment.estimate, "rows": truth, "error": error}


def counted(source: Source, fragment: Fragment) -> int:
    """The rows that a fragment really has."""
    snapshot = source.snapshot(Tag(query_id="estimates", timeout=SECONDS), 1)
    try:
        return sum(batch.num_rows for batch in snapshot.read(0, fragment.read))
    finally:
        snapshot.close()


def q_error(estimate: float, truth: float) -> float:
    """How many times too many or too few.

    >>> q_error(10, 100), q_error(100, 10), q_error(0, 0)
    (10.0, 10.0, 1.0)
    """
    one, other = max(estimate, 1.0), max(truth, 1.0)
    return max(one, other) / min(one, other)


def summarized(title: str, lines: list[dict[str, Any]], out: Any) -> None:
    """Print what the lines have in common."""
    found = sorted(line["error"] for line in lines)
    tenths = statistics.quantiles(found, n=10, method="inclusive")
    print(
        f"{title}: {len(found)} fragments, q-error median {statistics.median(found):.2f}, 90th {tenths[-1]:.1f},"
        f" max {found[-1]:.1f}\n",
        flush=True,
    )
    for line in lines:
        out.add(workload=title, **line)


if __name__ == "__main__":
    main()
