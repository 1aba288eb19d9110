"""Unsigned integers for clients that have none: which types they become, and who asks for it."""

from __future__ import annotations

import pyarrow as pa
import pytest

from planner.errors import SettingRefused
from planner.session import check_session, session_info
from server.schemas import widened


def test_every_unsigned_type_becomes_one_that_holds_its_largest_value() -> None:
    before = pa.schema([(f"u{bits}", pa.type_for_alias(f"uint{bits}")) for bits in (8, 16, 32, 64)])
    after = widened(before)
    assert after.types == [pa.int16(), pa.int32(), pa.int64(), pa.decimal128(20, 0)]
    for field, wider, bits in zip(before, after, (8, 16, 32, 64), strict=True):
        largest = pa.array([2**bits - 1, 0, None], field.type)
        assert largest.cast(wider.type).to_pylist() == [2**bits - 1, 0, None]


def test_at_any_depth_and_nothing_else() -> None:
    byte = pa.uint8()
    nested = pa.schema(
        [
            pa.field("l", pa.list_(byte), metadata={"k": "v"}),
            pa.field("s", pa.struct([pa.field("a", pa.map_(pa.string(), byte)), pa.field("b", pa.string())])),
            pa.field("f", pa.list_(byte, 2)),
            pa.field("i", pa.int8(), nullable=False),
        ]
    )
    after = widened(nested)
    assert after.field("l").type == pa.list_(pa.int16()) and after.field("l").metadata == {b"k": b"v"}
    assert after.field("s").type == pa.struct([("a", pa.map_(pa.string(), pa.int16())), ("b", pa.string())])
    assert after.field("f").type == pa.list_(pa.int16(), 2)
    assert after.field("i") == nested.field("i")


def test_the_setting_is_keep_or_widen() -> None:
    assert session_info({}, None, None, "ana").unsigned == "keep"
    check_session(session_info({"unsigned": "widen"}, None, None, "ana"), {})
    with pytest.raises(SettingRefused, match="keep or widen"):
        check_session(session_info({"unsigned": "signed"}, None, None, "ana"), {})
