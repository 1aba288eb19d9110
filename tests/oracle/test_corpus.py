"""Every query of the corpus answers the same with pushdown, without, and in one DuckDB over the same rows."""

from __future__ import annotations

import pytest

from tests.oracle import corpus
from tests.oracle.tables import TABLES
from tests.oracle.world import NOBODY, World

CASES = [
    pytest.param(
        case,
        id=f"{case.topic}: {case.name}",
        marks=[pytest.mark.xfail(reason=case.lacks, strict=True)] if case.lacks else [],
    )
    for case in corpus.read_all()
]


@pytest.mark.parametrize("case", CASES)
def test_the_answer_does_not_depend_on_where_the_work_ran(oracle: World, case: corpus.Case) -> None:
    oracle.check(
        case.sql,
        reference=case.reference,
        settings=case.settings,
        parameters=case.parameters,
        order=case.order,
        count_only=case.count_only,
        raises=case.raises,
    )


def test_the_sources_announce_the_types_of_the_world(oracle: World) -> None:
    announced = {
        (catalog.name, table.schema, table.name): [(column.name, column.type) for column in table.columns]
        for catalog in oracle.queries.catalogs(NOBODY)
        for table in catalog.tables
    }
    for table in TABLES:
        wanted = [(name, type_) for name, _, type_ in table.columns]
        assert announced[table.source, table.schema, table.name] == wanted
