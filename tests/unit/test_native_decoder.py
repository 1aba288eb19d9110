"""The C decoders: rows cut anywhere give the same columns; what is hostile ends in an error, never in a crash."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from connectors import native

pytestmark = pytest.mark.usefixtures("decoder")

SCHEMA = pa.schema(
    [
        ("whole", pa.int32()),
        ("small", pa.uint8()),
        ("money", pa.decimal128(12, 2)),
        ("wide", pa.decimal128(38, 10)),
        ("real", pa.float64()),
        ("day", pa.date32()),
        ("moment", pa.timestamp("us")),
        ("yes", pa.bool_()),
        ("words", pa.string()),
        ("bytes", pa.binary()),
    ]
)
ROWS: list[tuple[Any, ...]] = [
    (12, 255, Decimal("-9999999999.99"), Decimal("0.0000000001"), 0.1, date(2024, 2, 29), datetime(1969, 12, 31, 23, 59, 59, 999999), True, "é\U0001f600", b"\0\xff"),
    (None,) * 10,
    (-(2**31), 0, Decimal("0.00"), Decimal("9999999999999999999999999999.9999999999"), -1e300, date(1, 1, 1), datetime(9999, 12, 31), False, "", b""),
    (2**31 - 1, 7, Decimal("1000.10"), Decimal(-10000), 5e-324, date(9999, 12, 31), datetime(2000, 1, 1), True, "x" * 300, b"y" * 70000),
]  # fmt: skip
OIDS = [23, 21, 1700, 1700, 701, 1082, 1114, 16, 25, 17]
EPOCH = datetime(2000, 1, 1)


# ---------------------------------------------------------------- what servers send


def mysql_packets(rows: list[tuple[Any, ...]], most: int = 0xFFFFFF) -> bytes:
    """Row packets and the end, by https://mariadb.com/kb/en/result-set-packets/."""
    return b"".join(map(_packet, map(_mysql_row, rows))) + _packet(b"\xfe\0\0\2\0")


def _packet(payload: bytes) -> bytes:
    parts = [payload[at : at + 0xFFFFFF] for at in range(0, len(payload) + 1, 0xFFFFFF)]
    return b"".join(len(part).to_bytes(3, "little") + b"\1" + part for part in parts)


def _mysql_row(row: tuple[Any, ...]) -> bytes:
    return b"".join(b"\xfb" if value is None else _length(text := _text(value)) + text for value in row)


def _text(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return b"1" if value else b"0"
    return (f"{value:f}" if isinstance(value, Decimal) else str(value)).encode()


def _length(text: bytes) -> bytes:
    size = len(text)
    if size < 0xFB:
        return bytes([size])
    if size < 1 << 16:
        return b"\xfc" + struct.pack("<H", size)
    return b"\xfd" + size.to_bytes(3, "little") if size < 1 << 24 else b"\xfe" + struct.pack("<Q", size)


def data_rows(rows: list[tuple[Any, ...]]) -> bytes:
    """What follows a RowDescription, by https://www.postgresql.org/docs/current/protocol-flow.html, and a notice."""
    first, *more = [_message(b"D", _data_row(row)) for row in rows]
    return b"".join([first, _message(b"N", b"\0"), *more, _message(b"C", b"SELECT\0"), _message(b"Z", b"T")])


def _data_row(row: tuple[Any, ...]) -> bytes:
    return struct.pack(">h", len(row)) + b"".join(map(_field, OIDS, row))


def _message(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack(">I", len(payload) + 4) + payload


def _field(oid: int, value: Any) -> bytes:
    if value is None:
        return struct.pack(">i", -1)
    made: dict[int, Callable[[], bytes]] = {
        16: lambda: bytes([value]),
        17: lambda: value,
        21: lambda: struct.pack(">h", value),
        23: lambda: struct.pack(">i", value),
        25: lambda: value.encode(),
        701: lambda: struct.pack(">d", value),
        1082: lambda: struct.pack(">i", (value - EPOCH.date()).days),
        1114: lambda: struct.pack(">q", (value - EPOCH) // (datetime.resolution)),
        1700: lambda: numeric(value),
    }
    data = made[oid]()
    return struct.pack(">i", len(data)) + data


def numeric(value: Decimal) -> bytes:
    """numeric_send: groups of four digits, without those of zeros at either end."""
    text = f"{value:f}"
    sign = text.startswith("-")
    text, _, fractional = text.removeprefix("-").partition(".")
    scale = len(fractional)
    text = text.zfill(-(-len(text) // 4) * 4)
    groups = [int(text[at : at + 4]) for at in range(0, len(text), 4)]
    weight = len(groups) - 1
    fractional = fractional.ljust(-(-len(fractional) // 4) * 4, "0")
    groups += [int(fractional[at : at + 4]) for at in range(0, len(fractional), 4)]
    while groups and groups[0] == 0:
        groups, weight = groups[1:], weight - 1
    while groups and groups[-1] == 0:
        groups.pop()
    head = struct.pack(">HhHH", len(groups), weight if groups else 0, 0x4000 if sign else 0, scale)
    return head + struct.pack(f">{len(groups)}H", *groups)


# ---------------------------------------------------------------- decoding

PROTOCOLS = ["mysql", "postgres"]


def decoder(protocol: str, schema: pa.Schema = SCHEMA) -> native.Decoder:
    formats = native.formats(schema)
    assert formats is not None
    made = native.Decoder(protocol, formats)
    if protocol == "postgres":
        assert made.expect(OIDS) is None
    return made


def stream(protocol: str, rows: list[tuple[Any, ...]]) -> bytes:
    return mysql_packets(rows) if protocol == "mysql" else data_rows(rows)


def fed(made: native.Decoder, data: bytes, sizes: Iterator[int]) -> list[int]:
    """Feed data in pieces; the kinds of the messages on the way."""
    kinds, at = [], 0
    while at < len(data):
        size = next(sizes)
        piece, at = data[at : at + size], at + size
        while (message := made.feed(piece)) is not None:
            kinds.append(message[0])
            piece = b""
    return kinds


def forever(size: int) -> Iterator[int]:
    while True:
        yield size


@pytest.mark.parametrize("size", [1, 3, 7, 64, 1 << 20])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_rows_cut_anywhere_give_the_same_columns(protocol: str, size: int) -> None:
    made = decoder(protocol)
    kinds = fed(made, stream(protocol, ROWS), forever(size))
    batch = native.batch(made, SCHEMA)
    batch.validate(full=True)
    assert [tuple(row.values()) for row in batch.to_pylist()] == ROWS
    assert kinds == ([0xFE] if protocol == "mysql" else list(b"NCZ"))
    assert (made.rows, made.size, made.pending) == (0, 0, 0)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_batches_taken_on_the_way_hold_all_rows_in_order(protocol: str) -> None:
    rows = [(i, i % 256, Decimal(i), None, float(i), None, None, i % 3 == 0, str(i), None) for i in range(3000)]
    rows = [tuple(None if number % 7 == 3 else value for value in row) for number, row in enumerate(rows)]
    made, found = decoder(protocol), []
    data = stream(protocol, rows)
    for at in range(0, len(data), 1000):
        while made.feed(data[at : at + 1000] if at >= 0 else b"") is not None:
            at = -1000
        found += native.batch(made, SCHEMA).to_pylist()
    assert [tuple(row.values()) for row in found] == rows


def test_a_row_of_several_packets_is_one_row() -> None:
    schema = pa.schema([("a", pa.binary()), ("b", pa.int64())])
    for size in (0xFFFFFF - 30, 0xFFFFFF - 5, 0xFFFFFF, 2 * 0xFFFFFF + 11):
        made = decoder("mysql", schema)
        assert fed(made, mysql_packets([(b"z" * size, 5), (b"", 6)]), forever(1 << 20)) == [0xFE]
        assert [len(a) for a in native.batch(made, schema)["a"].to_pylist()] == [size, 0]


MISFITS = [
    (pa.int8(), b"128"), (pa.int8(), b"-129"), (pa.uint64(), b"-1"), (pa.uint64(), b"18446744073709551616"),
    (pa.int32(), b"1.5"), (pa.int32(), b""), (pa.int32(), b"-"), (pa.int32(), b"1e3"), (pa.int32(), b" 1"),
    (pa.int64(), b"9" * 60), (pa.decimal128(4, 2), b"100.00"), (pa.decimal128(4, 2), b"1.005"),
    (pa.decimal128(38, 0), b"1" + b"0" * 38), (pa.decimal128(38, 38), b"1"), (pa.bool_(), b"2"), (pa.bool_(), b""),
    (pa.float32(), b"1e39"), (pa.float64(), b"1e309"), (pa.float64(), b"nan"), (pa.float64(), b"0x1p3"),
    (pa.float64(), b"1" * 600), (pa.date32(), b"0000-00-00"), (pa.date32(), b"2023-02-29"), (pa.date32(), b"1900-02-29"),
    (pa.date32(), b"2023-1-01"), (pa.date32(), b"2023-01-01x"), (pa.timestamp("us"), b"2020-01-01 24:00:00"),
    (pa.timestamp("us"), b"2020-01-01 10:00"), (pa.timestamp("us"), b"2020-01-01T10:00:00"),
    (pa.time64("us"), b"-01:00:00"), (pa.time64("us"), b"838:59:59"), (pa.time64("us"), b"10:00:00.1234567"),
    (pa.string(), b"\xff"), (pa.string(), b"\xed\xa0\x80"), (pa.string(), b"\xc0\x80"), (pa.string(), b"abcdefgh\xe2\x82"),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "text"), MISFITS)
def test_a_text_without_a_place_in_the_type_is_told_with_its_column(type_: pa.DataType, text: bytes) -> None:
    schema = pa.schema([("a", pa.string()), ("b", type_)])
    made = decoder("mysql", schema)
    with pytest.raises(OverflowError) as caught:
        made.feed(mysql_packets([(b"fine", text)]))
    assert caught.value.args == (1, 0, text)
    made.discard()
    assert made.feed(b"") == (0xFE, b"\xfe\0\0\2\0"), "the connection can be read to its end"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_stream_that_ends_anywhere_waits_for_more(protocol: str) -> None:
    data = stream(protocol, ROWS[:3])
    for end in range(len(data) - 5):
        made = decoder(protocol)
        kinds = fed(made, data[:end], forever(1 << 20))
        assert 0xFE not in kinds and ord("Z") not in kinds
        native.batch(made, SCHEMA).validate(full=True)


def test_a_row_with_more_or_less_than_its_columns_is_refused() -> None:
    row = _data_row(ROWS[0])
    counts = (struct.pack(">h", count) + row[2:] for count in (-1, 0, 9, 11))
    for payload in (*(row[:end] for end in range(len(row))), row + b"\0", *counts):
        with pytest.raises(ValueError, match="does not follow the protocol"):
            decoder("postgres").feed(_message(b"D", payload))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_flipped_and_random_bytes_end_in_an_error_or_in_valid_columns(protocol: str) -> None:
    chance = random.Random(20)
    whole = stream(protocol, ROWS[:3] * 3)
    endings = set()
    for _ in range(6000):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if chance.random() < 0.2:
            data = bytearray(chance.randbytes(chance.randrange(1, 300)))
        made = decoder(protocol)
        try:
            fed(made, bytes(data), iter(lambda: chance.randrange(1, 400), None))
        except OverflowError:
            endings.add("misfit")
        except ValueError as error:
            assert "does not follow the protocol" in str(error)
            endings.add("malformed")
        else:
            native.batch(made, SCHEMA).validate(full=True)
            endings.add("valid")
    assert endings == {"misfit", "malformed", "valid"}


def test_a_decoder_refuses_what_it_does_not_know() -> None:
    for arguments in (
        ("oracle", ["i"]),
        ("mysql", []),
        ("mysql", ["d:39,0"]),
        ("mysql", ["+l+li"]),
        ("mysql", ["nope"]),
    ):
        with pytest.raises(ValueError):
            native.Decoder(*arguments)
    assert native.formats(pa.schema([("a", pa.list_(pa.list_(pa.int32())))])) is None
    assert native.formats(pa.schema([("a", pa.large_string())])) is None
