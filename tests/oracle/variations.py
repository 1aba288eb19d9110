"""Other ways to run a statement than the one that its estimates choose; none may change its answer.

Semi-joins wherever one is legal and nowhere, sources whose work is free and whose work is dear, every form that may ship
fewer rows, joins that the cost guard would cut, rows that arrive in small batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from connectors.sqlgen.tree import Query
from planner import covering, factored, lookups, pipeline, semijoins, splits
from planner.cost import Costs
from planner.fragment import Cutter
from planner.placement import Placement
from planner.plan import Fragment, Split
from server.execution import keys, lanes
from server.execution.exchange import Exchange

Plant = Callable[[pytest.MonkeyPatch], None]


def _every_semijoin(most: int, *, together: bool = False) -> Plant:
    """At most so many keys, else the range that they are of. `together`: of several columns together where there are
    several, in the form that an index can serve, however small the tables."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        def reduced(*given: Any, **more: Any) -> tuple[Fragment, ...]:
            return tuple(
                replace(fragment, semijoins=tuple(replace(join, most=most) for join in fragment.semijoins))
                for fragment in semijoins.reduced(*given, **more)
            )

        patch.setattr(semijoins, "_worth", lambda *given: True)
        patch.setattr(pipeline, "reduced", reduced)
        patch.setattr(keys, "_CUTS", 1.0)
        if together:
            patch.setattr(semijoins, "closer", lambda *given: True)
            patch.setattr(keys, "closer", lambda *given: True)
            patch.setattr(keys, "_FEW", 1.0)

    return plant


def _no_semijoin(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pipeline, "reduced", lambda plan, sources, most: plan.fragments)


def _work(*, free: bool) -> Plant:
    """Sources whose work costs nothing, or is dearer than sending all rows: small tables never reach either threshold."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(Costs, "dear", lambda *given: None if free else "dear")
        patch.setattr(Costs, "joins", lambda *given: free)
        patch.setattr(Costs, "groups", lambda *given: free)
        patch.setattr(Costs, "factors", lambda *given: free)

    return plant


def _fewest_rows(patch: pytest.MonkeyPatch) -> None:
    """Sources whose work is free, and every form that may ship less: rows of one fragment computed of another's, conditions
    as keys of a grouping, rows beside what looks them up. Whatever keys could leave away."""
    _work(free=True)(patch)
    _no_semijoin(patch)
    patch.setattr(covering, "_saved", lambda *given, **more: 1.0)
    patch.setattr(covering, "pairs", lambda local: frozenset())
    patch.setattr(Cutter, "grouped", lambda cutter, rows, split, *given: -sum(k.type == "BOOLEAN" for k in split.keys))
    patch.setattr(lookups, "cheaper", lambda cutter, forms, cut: cut(forms[-1]))


def _whatever_it_costs(patch: pytest.MonkeyPatch) -> None:
    def cutter(placement: Placement, **options: Any) -> Cutter:
        return Cutter(placement, **{**options, "costs": False})

    patch.setattr(pipeline, "Cutter", cutter)


def _in_parts(patch: pytest.MonkeyPatch) -> None:
    """Every scan that can be read in parts, however small."""
    patch.setattr(splits, "_worth", lambda *given: 4)
    patch.setattr(lanes, "scans", lambda share: True)


def _batches_of(rows: int) -> Plant:
    def plant(patch: pytest.MonkeyPatch) -> None:
        whole = Exchange.put

        def put(self: Exchange, batch: pa.RecordBatch) -> None:
            for start in range(0, max(batch.num_rows, 1), rows):
                whole(self, batch.slice(start, rows))

        patch.setattr(Exchange, "put", put)

    return plant


VARIATIONS: Mapping[str, Plant] = {
    "every semi-join": _every_semijoin(100_000),
    "every semi-join of several columns": _every_semijoin(100_000, together=True),
    "every semi-join of at most two keys": _every_semijoin(2),
    "no semi-join": _no_semijoin,
    "work that is free": _work(free=True),
    "work that is dear": _work(free=False),
    "fewest rows": _fewest_rows,
    "joins pushed whatever they cost": _whatever_it_costs,
    "scans in parts": _in_parts,
    "batches of one row": _batches_of(1),
    "batches of seven rows": _batches_of(7),
}


@contextmanager
def varied(name: str) -> Iterator[Callable[[str], str]]:
    """Run everything inside the other way. Gives what makes a statement another one to the cache of plans."""
    with pytest.MonkeyPatch.context() as patch:
        VARIATIONS[name](patch)
        yield lambda sql: f"{sql}\n-- {name}"


@contextmanager
def keys_handed_on() -> Iterator[list[int]]:
    """A list of how many keys each restricted read had, as runs inside go."""
    handed: list[int] = []

    def counting(*given: Any) -> list[keys.Restriction]:
        found = keys.restrictions(*given)
        handed.extend(restriction.count for restriction in found)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanes, "restrictions", counting)
        yield handed


@contextmanager
def factored_to() -> Iterator[list[Query]]:
    """A list of what is left of blocks whose sums were factored, as statements inside are planned."""
    made: list[Query] = []
    cut = factored.cut

    def kept(cutter: Cutter, block: Query) -> Query | None:
        found = cut(cutter, block)
        made.extend([] if found is None else [found])
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(factored, "cut", kept)
        yield made


@contextmanager
def parts_read() -> Iterator[list[int]]:
    """A list of the numbers of the parts that were read, as runs inside go."""
    read: list[int] = []

    def counting(query: Query, split: Split, number: int) -> Query:
        read.append(number)
        return splits.part(query, split, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanes, "part", counting)
        yield read
