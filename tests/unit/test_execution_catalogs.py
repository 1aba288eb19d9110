"""The cache of catalogs: read once for many, side by side, renewed in time, and never stopped by one source."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from auth.principal import Principal
from planner.errors import UnknownName
from server import catalogs
from server.catalogs import Catalogs, everything_visible
from tests.unit.memory_source import MemorySource, until
from watersmeet.spi import Column, SourceCatalog, SourceError, SourceUnavailable, Table

ANA = Principal(subject="ana")


class Counting(MemorySource):
    """Counts how often its catalog is read; `before` runs each time."""

    reads = 0
    before: Callable[[], object] = staticmethod(lambda: None)

    def catalog(self) -> SourceCatalog:
        self.reads += 1
        self.before()
        column = Column(name="c0", type="BIGINT")
        tables = {("main", "t"): Table(schema="main", name="t", columns=(column,))}
        return SourceCatalog(default_schema="main", tables=tables, schemas=("main",))


def counting(name: str, before: Callable[[], object] = lambda: None) -> Counting:
    source = Counting(name, {})
    source.before = before
    return source


def cache(*sources: Counting, max_age: float = 60.0) -> Catalogs:
    return Catalogs({source.name: source for source in sources}, everything_visible, max_age)


def down() -> None:
    raise SourceUnavailable("x", "cannot connect")


def test_many_statements_at_once_read_a_catalog_once() -> None:
    source = counting("a", lambda: time.sleep(0.1))
    cached = cache(source)
    threads = [threading.Thread(target=cached.seen_by, args=(ANA,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert source.reads == 1
    assert list(cached.seen_by(ANA).sources) == ["a"]


def test_catalogs_are_read_side_by_side() -> None:
    barrier = threading.Barrier(3)
    cached = cache(*(counting(name, lambda: barrier.wait(5)) for name in "abc"))
    assert list(cached.seen_by(ANA).sources) == ["a", "b", "c"]
    assert not cached.seen_by(ANA).down


def test_a_catalog_is_renewed_ahead_of_its_end_without_anybody_waiting() -> None:
    slow = threading.Event()
    source = counting("a")
    cached = cache(source, max_age=0.4)
    cached.seen_by(ANA)
    source.before = lambda: slow.wait(5)
    time.sleep(0.25)
    started = time.monotonic()
    assert list(cached.seen_by(ANA).sources) == ["a"]
    assert time.monotonic() - started < 0.2
    slow.set()
    assert until(lambda: source.reads == 2)


def test_a_catalog_beyond_its_age_is_waited_for() -> None:
    source = counting("a")
    cached = cache(source, max_age=0.05)
    first = cached.seen_by(ANA).sources["a"].catalog
    time.sleep(0.06)
    assert cached.seen_by(ANA).sources["a"].catalog is not first


def test_a_forgotten_catalog_is_read_again_at_once() -> None:
    source = counting("a")
    cached = cache(source)
    cached.seen_by(ANA)
    cached.seen_by(ANA)
    cached.forget("a")
    cached.forget("unknown")
    cached.seen_by(ANA)
    assert source.reads == 2


def test_misspelt_names_do_not_hammer_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogs, "_AT_MOST_EVERY", 0.1)
    source = counting("a")
    cached = cache(source)
    started = time.monotonic()
    with ThreadPoolExecutor(20) as threads:
        list(threads.map(lambda _: cached.seen_by(ANA, renew=True), range(100)))
    assert source.reads <= 2 + (time.monotonic() - started) / 0.1


def test_what_was_made_a_moment_ago_is_found() -> None:
    source = counting("a")
    cached = cache(source)
    cached.seen_by(ANA)
    cached.seen_by(ANA, renew=True)
    assert source.reads == 2
    assert cached.place(ANA, "a", "new", None) is not None
    assert source.reads == 3


def test_a_source_that_never_answers_delays_the_others_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogs, "_PATIENCE", 0.3)
    answer = threading.Event()
    cached = cache(counting("hangs", lambda: answer.wait(10)), counting("works"))
    started = time.monotonic()
    seen = cached.seen_by(ANA)
    assert time.monotonic() - started < 1
    assert list(seen.sources) == ["works"]
    assert isinstance(seen.down["hangs"], SourceUnavailable)
    started = time.monotonic()
    for _ in range(50):
        cached.seen_by(ANA)
    assert time.monotonic() - started < 0.2
    answer.set()
    assert until(lambda: not cached.seen_by(ANA).down)


def test_a_source_that_is_slow_to_tell_its_catalog_anew_is_not_down_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(catalogs, "_PATIENCE", 0.1)
    answer = threading.Event()
    source = counting("a")
    cached = cache(source, max_age=0.0)
    cached.seen_by(ANA)
    source.before = lambda: answer.wait(10)
    seen = cached.seen_by(ANA)
    assert list(seen.sources) == ["a"] and not seen.down
    monkeypatch.setattr(catalogs, "_TRUSTED", 0.0)
    assert isinstance(cached.seen_by(ANA).down["a"], SourceUnavailable)
    answer.set()


def test_the_last_known_tables_of_a_source_that_is_down_keep_their_names() -> None:
    source = counting("a")
    cached = cache(source, max_age=0.05)
    cached.seen_by(ANA)
    source.before = down
    time.sleep(0.06)
    seen = cached.seen_by(ANA)
    assert list(seen.sources) == ["a"], "or its name would come to mean another source's table"
    assert isinstance(seen.down["a"], SourceUnavailable)


def test_a_source_that_never_was_up_is_named_by_statements_that_name_it() -> None:
    seen = cache(counting("lake", down), counting("b")).seen_by(ANA)
    with pytest.raises(SourceUnavailable):
        seen.check_named("SELECT * FROM Lake.main.t")
    seen.check_named("SELECT * FROM lakeside.main.t")


def test_a_connector_that_fails_otherwise_is_a_source_that_is_down() -> None:
    def bug() -> None:
        raise KeyError("secret")

    error = cache(counting("a", bug)).seen_by(ANA).down["a"]
    assert isinstance(error, SourceError)
    assert not isinstance(error, UnknownName)
    assert "secret" not in str(error)


def test_what_each_principal_may_see_is_remembered_by_principal() -> None:
    asked: list[str] = []

    def visible(principal: Principal, catalog: str, schema: str, table: str) -> bool:
        asked.append(principal.subject)
        return principal.subject == "ana"

    cached = Catalogs({"a": counting("a")}, visible, 60.0)
    for _ in range(3):
        assert list(cached.seen_by(ANA).sources) == ["a"]
        assert not cached.seen_by(Principal(subject="bob")).sources
    assert asked == ["ana", "bob"]
