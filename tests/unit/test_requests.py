"""Values that cross to a worker arrive as they were sent."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from planner.plan import Part
from server.requests import Described, Request, Session

SESSION = Session(catalog="a", settings={"timezone": "Asia/Tokyo"})
SCHEMA = pa.schema([pa.field("a", pa.int32(), metadata={b"k": b"v"})])


@pytest.mark.parametrize(
    "value",
    [
        SESSION,
        Request(query_id="q", sql="SELECT 1", now=datetime.now(UTC), session=SESSION, parameters=b"p", announced=b"a"),
        Request(query_id="q", sql="", now=datetime(1969, 7, 20, tzinfo=UTC), part=Part(column="id", start=None, end=7)),
        Described(schema=SCHEMA, parameters=pa.schema([]), session=SESSION),
        Described(schema=pa.schema([]), parameters=SCHEMA, is_update=True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_that_crosses_is_the_same_on_the_other_side(value: object) -> None:
    assert pickle.loads(pickle.dumps(value, pickle.HIGHEST_PROTOCOL)) == value
