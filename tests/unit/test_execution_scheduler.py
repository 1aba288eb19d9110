"""Running fragments: all at once, one end for all, nothing left behind, no deadlock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from server.execution.admission import Admission
from server.execution.engine import Engine
from server.execution.errors import EvaluationFailed, StatementCancelled, StatementTimeout
from server.execution.spill import SpillArea
from tests.unit.memory_source import SCHEMA, House, MemorySource, Rows, fragment, numbers, rows_of, stuck, until
from watersmeet.spi import SourceChanged, SourceQueryFailed, SourceUnavailable

MakeHouse = Callable[..., House]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[MakeHouse]:
    spill = SpillArea(tmp_path, 1 << 30)
    engine = Engine(memory=256 << 20, threads=2, spill_dir=spill.folder / "engine", spill=1 << 30)
    made: list[House] = []

    def make(*sources: MemorySource, admission: Admission | None = None) -> House:
        house = House(engine, spill, {source.name: source for source in sources}, admission or Admission(100, 0))
        made.append(house)
        return house

    before = threading.active_count()
    yield make
    for each in made:
        for source in each.sources.values():
            source.close()
        each.clock.close()
        each.threads.close()
    assert until(lambda: threading.active_count() <= before), [t.name for t in threading.enumerate()]
    engine.close()
    spill.close()
    assert not list(tmp_path.iterdir())


def failing(error: Exception, after: int = 2) -> Rows:
    def rows(cancelled: threading.Event) -> Iterator[pa.RecordBatch]:
        yield from numbers(after)(cancelled)
        raise error

    return rows


JOIN = "SELECT count(*) AS c0 FROM x0 JOIN x1 ON x0.c0 = x1.c0"


def meeting(parties: int) -> Rows:
    """A table whose rows come only once so many reads of it run at the same time."""
    barrier = threading.Barrier(parties)

    def rows(cancelled: threading.Event) -> Iterator[pa.RecordBatch]:
        barrier.wait(10)
        yield from numbers(3)(cancelled)

    return rows


def test_fragments_of_several_sources_run_at_the_same_time(house: MakeHouse) -> None:
    table = meeting(2)
    a, b = MemorySource("a", {"t": table}), MemorySource("b", {"t": table})
    assert rows_of(house(a, b).start([fragment(0, "a", "t"), fragment(1, "b", "t")], JOIN)) == [(3000,)]


def test_reads_of_one_source_run_at_the_same_time_on_its_lanes(house: MakeHouse) -> None:
    a = MemorySource("a", {"t": meeting(2)}, lanes=2)
    assert rows_of(house(a).start([fragment(0, "a", "t"), fragment(1, "a", "t")], JOIN)) == [(3000,)]


def test_a_whole_statement_streams_through_without_the_engine(house: MakeHouse) -> None:
    answer = house(MemorySource("a", {"t": numbers(3)})).start([fragment(0, "a", "t")], None)
    assert rows_of(answer) == [(n,) for n in range(3000)]


def test_the_first_row_comes_before_the_source_has_ended(house: MakeHouse) -> None:
    answer = house(MemorySource("a", {"t": stuck(after=1)})).start([fragment(0, "a", "t")], None)
    assert next(iter(answer.batches())).num_rows == 1000
    answer.close()


@pytest.mark.parametrize("local", [None, "SELECT c0 FROM x0"])
def test_rows_read_ahead_are_bounded_however_slow_the_client_is(house: MakeHouse, local: str | None) -> None:
    produced = 0

    def wide(cancelled: threading.Event) -> Iterator[pa.RecordBatch]:
        nonlocal produced
        for batch in numbers(200, rows=100_000)(cancelled):
            produced += batch.nbytes
            yield batch

    answer = house(MemorySource("a", {"t": wide})).start([fragment(0, "a", "t")], local, queue=4 << 20)
    next(iter(answer.batches()))
    time.sleep(0.5)
    assert produced < 40 << 20 < 200 * 800_000
    answer.close()


def test_the_first_error_ends_the_others_and_names_its_source(house: MakeHouse) -> None:
    a = MemorySource("a", {"t": stuck(after=1)})
    b = MemorySource("b", {"t": failing(SourceQueryFailed("b", "division by zero"))})
    started = time.monotonic()
    with pytest.raises(SourceQueryFailed, match="source b: division by zero"):
        rows_of(house(a, b).start([fragment(0, "a", "t"), fragment(1, "b", "t")], JOIN))
    assert time.monotonic() - started < 2
    assert a.open == b.open == 0


def test_a_source_that_breaks_in_the_middle_is_never_taken_for_its_end(house: MakeHouse) -> None:
    b = MemorySource("b", {"t": failing(SourceUnavailable("b", "connection lost"), after=5)})
    for local in (None, "SELECT c0 FROM x0", "SELECT c0 FROM x0 ORDER BY c0"):
        with pytest.raises(SourceUnavailable):
            rows_of(house(b).start([fragment(0, "b", "t")], local))


def test_a_connector_that_breaks_its_contract_is_an_error_of_its_source(house: MakeHouse) -> None:
    def text(cancelled: threading.Event) -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"c0": ["x"]})

    b = MemorySource("b", {"text": text, "bug": failing(ZeroDivisionError("secret"))})
    for table in ("text", "bug"):
        with pytest.raises(SourceQueryFailed, match="source b: its connector") as caught:
            rows_of(house(b).start([fragment(0, "b", table)], None))
        assert "secret" not in str(caught.value)


def test_a_changed_source_is_reported_so_that_its_catalog_is_renewed(house: MakeHouse) -> None:
    home = house(MemorySource("b", {"t": failing(SourceChanged("b", "no such column"))}))
    with pytest.raises(SourceChanged):
        rows_of(home.start([fragment(0, "b", "t")], None))
    assert home.changed == ["b"]


def test_a_snapshot_is_closed_as_soon_as_its_reads_are_through(house: MakeHouse) -> None:
    a, b = MemorySource("a", {"t": numbers(1)}), MemorySource("b", {"t": stuck()})
    answer = house(a, b).start([fragment(0, "a", "t"), fragment(1, "b", "t")], JOIN)
    assert until(lambda: b.open == 1 and a.open == 0)
    answer.close()


CPU = "SELECT count(*) AS c0 FROM range(100000000000) t(i) WHERE i % 7 = 3"


@pytest.mark.parametrize(
    ("tables", "local"),
    [
        pytest.param(["stuck"], None, id="a source that never answers"),
        pytest.param(["stuck"], "SELECT count(*) AS c0 FROM x0", id="the engine waits for its first row"),
        pytest.param(["some", "stuck"], JOIN, id="one side of a join never ends"),
        pytest.param([], CPU, id="the engine computes"),
    ],
)
@pytest.mark.parametrize("delay", [0.0, 0.002, 0.3])
def test_a_cancel_ends_a_blocked_statement_at_once(
    house: MakeHouse, tables: list[str], local: str | None, delay: float
) -> None:
    a = MemorySource("a", {"stuck": stuck(), "some": numbers(3)})
    answer = house(a).start([fragment(i, "a", table) for i, table in enumerate(tables)], local)
    timer = threading.Timer(delay, answer.cancel)
    timer.start()
    started = time.monotonic()
    with pytest.raises(StatementCancelled):
        rows_of(answer)
    assert time.monotonic() - started < delay + 1
    timer.join()


def test_a_cancel_does_not_wait_for_a_pooled_connection(house: MakeHouse) -> None:
    a = MemorySource("a", {"stuck": stuck(), "t": numbers(1)}, pool=threading.Semaphore(1))
    home = house(a, admission=Admission(2, 0))
    first = home.start([fragment(0, "a", "stuck")], None)
    assert until(lambda: a.open == 1)
    second = home.start([fragment(0, "a", "t")], None)
    timer = threading.Timer(0.1, second.cancel)
    timer.start()
    started = time.monotonic()
    with pytest.raises(StatementCancelled):
        rows_of(second)
    assert time.monotonic() - started < 4
    home.admission.enter().leave()  # its place is free again
    first.close()
    assert until(lambda: a.open == 0), "the connection that came too late went back"
    timer.join()


@pytest.mark.parametrize("local", [None, CPU, "SELECT c0 FROM x0"])
def test_the_deadline_ends_a_statement(house: MakeHouse, local: str | None) -> None:
    a = MemorySource("a", {"t": stuck(after=1)})
    answer = house(a).start([] if local is CPU else [fragment(0, "a", "t")], local, timeout=0.3)
    with pytest.raises(StatementTimeout):
        rows_of(answer)


def test_the_deadline_also_ends_a_statement_whose_client_reads_no_more(house: MakeHouse) -> None:
    a = MemorySource("a", {"t": numbers(1000, rows=100_000)})
    answer = house(a).start([fragment(0, "a", "t")], None, timeout=0.3)
    batches = answer.batches()
    next(batches)
    assert until(lambda: a.open == 0)
    with pytest.raises(StatementTimeout):
        list(batches)


def test_a_client_that_leaves_early_frees_everything(house: MakeHouse) -> None:
    a = MemorySource("a", {"t": numbers(1000, rows=100_000)})
    for local in (None, "SELECT c0 FROM x0"):
        answer = house(a).start([fragment(0, "a", "t")], local)
        batches = answer.batches()
        next(batches)
        del batches
        answer.close()
        assert a.open == 0


def test_an_answer_nobody_reads_frees_everything_on_close(house: MakeHouse) -> None:
    a = MemorySource("a", {"t": numbers(1000, rows=100_000)})
    house(a).start([fragment(0, "a", "t")], None).close()
    assert a.open == 0


def test_a_limit_in_the_engine_ends_its_input(house: MakeHouse) -> None:
    a = MemorySource("a", {"t": stuck(after=200)})
    assert len(rows_of(house(a).start([fragment(0, "a", "t")], "SELECT c0 FROM x0 LIMIT 5"))) == 5


@pytest.mark.parametrize("local", [JOIN, JOIN.replace("x0 JOIN x1", "x1 JOIN x0")])
@pytest.mark.parametrize("estimates", [(1, 1_000_000), (1_000_000, 1)])
def test_reads_that_share_a_lane_never_wait_for_each_other(
    house: MakeHouse, local: str, estimates: tuple[int, int]
) -> None:
    a = MemorySource("a", {"t": numbers(100, rows=10_000)}, lanes=1)
    fragments = [fragment(i, "a", "t", estimate) for i, estimate in enumerate(estimates)]
    answer = house(a).start(fragments, local, queue=1 << 16)
    assert rows_of(answer) == [(1_000_000,)]
    assert sum(reading.measured.spilled > 0 for reading in answer.readings) == 1


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_three_reads_on_one_lane_may_be_pulled_in_any_order(house: MakeHouse, order: tuple[int, ...]) -> None:
    a = MemorySource("a", {"t": numbers(50, rows=10_000)}, lanes=1)
    local = " UNION ALL ".join(f"(SELECT count(*) AS c0 FROM x{i})" for i in order)
    answer = house(a).start([fragment(i, "a", "t") for i in range(3)], local, queue=1 << 16)
    assert rows_of(answer) == [(500_000,)] * 3


def test_statements_over_the_same_two_pools_of_one_connection_never_deadlock(house: MakeHouse) -> None:
    a = MemorySource("a", {"t": numbers(3)}, pool=threading.Semaphore(1))
    b = MemorySource("b", {"t": numbers(3)}, pool=threading.Semaphore(1))
    home = house(a, b)
    done: list[list[tuple[object, ...]]] = []

    def run(first: str, second: str) -> None:
        for _ in range(20):
            done.append(rows_of(home.start([fragment(0, first, "t"), fragment(1, second, "t")], JOIN)))

    threads = [threading.Thread(target=run, args=pair) for pair in (("a", "b"), ("b", "a"), ("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert done == [[(3000,)]] * 80


def test_nothing_is_left_after_a_hundred_cancels_at_all_times(house: MakeHouse) -> None:
    a = MemorySource("a", {"t": numbers(20, pause=0.001)}, lanes=1)
    b = MemorySource("b", {"t": numbers(2000)})
    home = house(a, b)
    before = threading.active_count()
    for attempt in range(100):
        answer = home.start([fragment(0, "a", "t"), fragment(1, "a", "t"), fragment(2, "b", "t")], JOIN)
        timer = threading.Timer(attempt * 0.0004, answer.cancel)
        timer.start()
        with pytest.raises(StatementCancelled):
            rows_of(answer)
            raise StatementCancelled("it was through before")
        timer.join()
    home.threads.close()
    assert until(lambda: threading.active_count() <= before)
    assert a.open == b.open == 0


def test_an_error_of_the_values_is_the_statements_own(house: MakeHouse) -> None:
    a = MemorySource("a", {"t": numbers(2)})
    with pytest.raises(EvaluationFailed, match="Conversion Error"):
        rows_of(house(a).start([fragment(0, "a", "t")], "SELECT CAST(c0 AS TINYINT) AS c0 FROM x0"))
    assert a.open == 0


def test_a_statement_waits_for_its_turn_and_can_be_cancelled_there(house: MakeHouse) -> None:
    a = MemorySource("a", {"stuck": stuck(), "t": numbers(1)})
    home = house(a, admission=Admission(1, 2))
    first = home.start([fragment(0, "a", "stuck")], None)
    assert until(lambda: a.open == 1)
    second, third = home.start([fragment(0, "a", "t")], None), home.start([fragment(0, "a", "t")], None)
    second.cancel()
    with pytest.raises(StatementCancelled):
        rows_of(second)
    first.close()
    assert len(rows_of(third)) == 1000


def test_a_statement_whose_turn_never_comes_times_out(house: MakeHouse) -> None:
    a = MemorySource("a", {"stuck": stuck(), "t": numbers(1)})
    home = house(a, admission=Admission(1, 2))
    first = home.start([fragment(0, "a", "stuck")], None)
    with pytest.raises(StatementTimeout, match="waited"):
        rows_of(home.start([fragment(0, "a", "t")], None, timeout=0.2))
    first.close()


def test_batches_have_the_announced_names_and_types(house: MakeHouse) -> None:
    answer = house(MemorySource("a", {"t": numbers(1)})).start(
        [fragment(0, "a", "t")],
        "SELECT sum(c0) AS c0, CAST(max(c0) AS VARCHAR) AS c1 FROM x0",
        columns=("HUGEINT", "VARCHAR"),
    )
    (batch,) = answer.batches()
    assert batch.schema == pa.schema([("n0", pa.decimal128(38, 0)), ("n1", pa.string())])
    answer.close()
    assert SCHEMA.names == ["c0"]
