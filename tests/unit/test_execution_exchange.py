"""A fragment's queue: bounded in memory, complete through the file, and never an end where there was an error."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from server.execution.errors import SpillExceeded
from server.execution.exchange import Abandoned, Exchange
from server.execution.spill import SpillArea

SCHEMA = pa.schema([("c0", pa.int64()), ("c1", pa.string())])


def batch(number: int, rows: int = 1000) -> pa.RecordBatch:
    return pa.record_batch([pa.array([number] * rows, pa.int64()), pa.array([f"é{number}"] * rows)], schema=SCHEMA)


@pytest.fixture
def area(tmp_path: Path) -> Iterator[SpillArea]:
    area = SpillArea(tmp_path, 10 << 20)
    yield area
    area.close()


def test_a_producer_waits_for_room_and_goes_on() -> None:
    exchange = Exchange(SCHEMA, memory=batch(0).nbytes * 2)
    produced: list[int] = []

    def produce() -> None:
        for number in range(50):
            exchange.put(batch(number))
            produced.append(number)
        exchange.finish()

    thread = threading.Thread(target=produce)
    thread.start()
    batches = exchange.batches()
    assert next(batches).column(0)[0].as_py() == 0
    thread.join(0.2)
    assert len(produced) <= 4
    assert [b.column(0)[0].as_py() for b in batches] == list(range(1, 50))
    thread.join()


def test_a_batch_larger_than_the_bound_passes() -> None:
    exchange = Exchange(SCHEMA, memory=1)
    exchange.put(batch(1))
    exchange.finish()
    assert list(exchange.batches()) == [batch(1)]


def test_with_a_file_nobody_waits_and_everything_comes_back_in_order(area: SpillArea, tmp_path: Path) -> None:
    exchange = Exchange(SCHEMA, memory=batch(0).nbytes * 3)
    exchange.overflow_to(area.file())
    for number in range(100):
        exchange.put(batch(number))
    exchange.finish()
    assert exchange.spilled == sum(batch(number).nbytes for number in range(3, 100))
    assert list(exchange.batches()) == [batch(number) for number in range(100)]
    exchange.fail(RuntimeError("over"))
    assert [path.name for path in area.folder.iterdir()] == ["lock"], "spilled files have no name"


def test_reading_while_it_is_written_keeps_the_order(area: SpillArea) -> None:
    exchange = Exchange(SCHEMA, memory=batch(0).nbytes * 2)
    exchange.overflow_to(area.file())
    batches = exchange.batches()
    seen = []
    for number in range(60):
        exchange.put(batch(number))
        if number % 3 == 2:
            seen += [next(batches), next(batches)]
    exchange.finish()
    assert seen + list(batches) == [batch(number) for number in range(60)]


def test_the_bound_of_all_files_together_holds(area: SpillArea) -> None:
    first, second = Exchange(SCHEMA, memory=1), Exchange(SCHEMA, memory=1)
    first.overflow_to(area.file())
    second.overflow_to(area.file())
    first.put(batch(0))
    second.put(batch(0))
    with pytest.raises(SpillExceeded, match="limits.spill"):
        for _ in range(10_000):
            first.put(batch(1))
            second.put(batch(1))
    first.fail(RuntimeError("over"))
    second.put(batch(1))  # the space is free again
    second.fail(RuntimeError("over"))


@pytest.mark.parametrize("finished", [True, False])
def test_an_error_is_never_taken_for_the_end(finished: bool) -> None:
    exchange = Exchange(SCHEMA, memory=1 << 20)
    exchange.put(batch(0))
    if finished:
        exchange.finish()
    exchange.fail(ValueError("lost"))
    with pytest.raises(ValueError, match="lost"):
        list(exchange.batches())
    with pytest.raises(Abandoned):
        exchange.put(batch(1))


def test_a_waiting_producer_and_a_waiting_consumer_are_both_woken() -> None:
    full, empty = Exchange(SCHEMA, memory=1), Exchange(SCHEMA, memory=1)
    full.put(batch(0))
    ended: list[type[BaseException]] = []

    def wait(what: str) -> None:
        try:
            full.put(batch(1)) if what == "put" else list(empty.batches())
        except (Abandoned, ValueError) as error:
            ended.append(type(error))

    threads = [threading.Thread(target=wait, args=(what,)) for what in ("put", "get")]
    for thread in threads:
        thread.start()
    full.fail(ValueError("x"))
    empty.fail(ValueError("x"))
    for thread in threads:
        thread.join(2)
    assert set(ended) == {Abandoned, ValueError}


def test_the_reader_gives_arrow_the_same_rows() -> None:
    exchange = Exchange(SCHEMA, memory=1 << 20)
    exchange.put(batch(1))
    exchange.finish()
    assert exchange.reader().read_all() == pa.Table.from_batches([batch(1)])


def test_a_spill_dir_that_cannot_be_made_is_an_error_that_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpillExceeded, match=r"limits\.spill_dir: Not a directory"):
        SpillArea(tmp_path / "file" / "below", 1)


def test_folders_of_dead_processes_are_swept_and_living_ones_kept(tmp_path: Path) -> None:
    dead = tmp_path / "watersmeet-spill-dead"
    dead.mkdir()
    (dead / "left.tmp").write_bytes(b"x")
    first = SpillArea(tmp_path, 1)
    assert not dead.exists()
    second = SpillArea(tmp_path, 1)
    assert first.folder.exists()
    first.close()
    second.close()
    assert not list(tmp_path.iterdir())
