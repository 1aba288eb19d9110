"""A worker that ends costs its own statements only, and those with a coded error, never a short answer."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from server.execution.errors import ChangeInDoubt, NoWorkers, WorkerLost
from server.requests import Ingest
from tests.faults.pools import ANA, Pool, pool, request, until
from tests.faults.scripted import open_dying, open_failing
from watersmeet.spi import SourceChanged


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Pool]:
    with pool(tmp_path, 2) as running:
        yield running


@pytest.mark.parametrize("end", ["exit", "crash"])
def test_a_stream_that_has_begun_ends_with_an_error(two: Pool, end: str) -> None:
    stream = two.queries.stream(request(f"rows 3 then {end}"), ANA, 60)
    frames = stream.frames()
    assert len([next(frames) for _ in range(4)]) == 4
    with pytest.raises(WorkerLost):
        list(frames)
    stream.close()


def test_what_a_lost_worker_left_at_the_sources_is_stopped_by_another_one(two: Pool) -> None:
    asked = request("rows 3 then exit")
    stream = two.queries.stream(asked, ANA, 60)
    with pytest.raises(WorkerLost):
        list(stream.frames())
    stream.close()
    until(lambda: f"cancel-{asked.query_id}" in [name for name, _ in two.notes()])
    (ran, stopped) = (
        next(pid for name, pid in two.notes() if name == what) for what in ("execute", f"cancel-{asked.query_id}")
    )
    assert ran != stopped


def test_a_statement_that_delivered_nothing_runs_again_elsewhere(two: Pool) -> None:
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(two.rows("sleep 3 then rows 5")))
    thread.start()
    until(two.busy)
    (victim,) = two.busy()
    time.sleep(0.2)
    os.kill(victim.pid, signal.SIGKILL)
    thread.join()
    assert answers == [5]
    ran = [pid for name, pid in two.notes() if name == "execute"]
    assert len(ran) == 2 and ran[0] == str(victim.pid) != ran[1]


def test_a_statement_that_kills_its_workers_is_not_tried_for_ever(two: Pool) -> None:
    with pytest.raises(WorkerLost):
        two.rows("exit")
    with pytest.raises(WorkerLost):
        two.queries.describe(request("exit"), ANA)
    assert [name for name, _ in two.notes()].count("execute") == 2
    assert [name for name, _ in two.notes()].count("describe") == 2
    assert two.rows("rows 1") == 1


def test_a_lost_change_is_in_doubt_and_not_made_again(two: Pool) -> None:
    with pytest.raises(ChangeInDoubt):
        two.queries.update(request("exit"), ANA, 60)
    rows = iter([pa.record_batch({"a": [1]})])
    with pytest.raises(ChangeInDoubt):
        two.queries.ingest(ingest("exit", "create"), rows, ANA, 60)
    assert not {"updated", "ingested"} & {name for name, _ in two.notes()}


def test_all_workers_look_at_the_tables_anew_after_one_has_replaced_one(two: Pool) -> None:
    for mode, workers in (("append", set[str]()), ("replace", {str(worker.pid) for worker in two.ready()})):
        two.queries.ingest(ingest("made", mode), iter([pa.record_batch({"a": [1]})]), ANA, 60)
        assert {pid for name, pid in two.notes() if name == "refreshed"} == workers


def test_what_was_described_is_asked_again_once_a_table_has_changed(two: Pool) -> None:
    def asked() -> int:
        for _ in range(2):
            two.queries.describe(request("quick"), ANA)
        return [name for name, _ in two.notes()].count("describe")

    assert asked() == 1
    with pytest.raises(SourceChanged):
        two.rows("changed")
    assert asked() == 2
    two.queries.ingest(ingest("made", "create"), iter([pa.record_batch({"a": [1]})]), ANA, 60)
    assert asked() == 3


def ingest(table: str, mode: Any) -> Ingest:
    return Ingest(
        query_id="q",
        catalog=None,
        schema=None,
        table=table,
        mode=mode,
        now=datetime.now(UTC),
        data_schema=pa.schema({"a": pa.int64()}),
    )


@pytest.mark.parametrize("kills", [8, pytest.param(50, marks=pytest.mark.long)])
def test_killed_workers_end_their_own_streams_only(tmp_path: Path, kills: int) -> None:
    answers: list[int] = []
    lost: set[str] = set()
    killed: set[str] = set()
    over = threading.Event()

    def read(three: Pool) -> None:
        while not over.is_set():
            asked = request("rows 2 then sleep 0.05 then wide 12")
            stream = three.queries.stream(asked, ANA, 60)
            try:
                answers.append(sum(map(len, stream.frames())))
            except WorkerLost:
                lost.add(asked.query_id)
            finally:
                stream.close()

    with pool(tmp_path, 3) as three, ThreadPoolExecutor(6) as threads:
        readers = [threads.submit(read, three) for _ in range(6)]
        try:
            for _ in range(kills):
                until(lambda: len(three.ready()) == 3 and three.busy())
                victim = three.busy()[0]
                killed.add(str(victim.pid))
                os.kill(victim.pid, signal.SIGKILL)
                until(lambda gone=victim: gone not in three.supervisor.workers())
        finally:
            over.set()
        for reader in readers:
            reader.result()  # nothing but WorkerLost was raised
        until(lambda: len(three.ready()) == 3)
    ran = {name.removeprefix("ran-"): pid for name, pid in three.notes()}
    assert lost and {ran[query_id] for query_id in lost} <= killed
    assert len(answers) > kills and len(set(answers)) == 1


def test_plans_are_made_while_workers_die(tmp_path: Path) -> None:
    with pool(tmp_path, 3) as three:
        over = threading.Event()
        failures: list[Exception] = []
        made = [0] * 4

        def describe(number: int) -> None:
            while not over.is_set():
                try:
                    three.queries.describe(request(f"quick {number} {made[number]}"), ANA)  # none is remembered
                    made[number] += 1
                except Exception as error:  # noqa: BLE001
                    failures.append(error)

        threads = [threading.Thread(target=describe, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(8):
            until(lambda: len(three.ready()) == 3)
            os.kill(three.ready()[0].pid, signal.SIGKILL)
            until(lambda: len(three.ready()) < 3)
        over.set()
        for thread in threads:
            thread.join()
    assert not failures and min(made) > 10


def test_one_worker_is_enough_to_survive(tmp_path: Path) -> None:
    with pool(tmp_path, 1) as one:
        os.kill(one.ready()[0].pid, signal.SIGKILL)
        assert one.rows("rows 2") == 2


def test_what_keeps_workers_from_starting_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(NoWorkers, match="no disk"),
        pool(tmp_path, opening=open_failing, arguments=(NoWorkers("no disk"),)),
    ):
        pass
    with (
        pytest.raises(NoWorkers, match="with exit code 7 before it was ready"),
        pool(tmp_path, opening=open_dying, arguments=()),
    ):
        pass
