"""What the sources hold, remembered for a bounded time, read side by side, and cut to what a principal may see.

A source that is down stops nobody else. Its last known tables still take part in resolving names, so that a name never
comes to mean another source's table because of an outage; but a statement that uses them is answered with its error.
"""

from __future__ import annotations

import logging
import math
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from typing import TypeVar

from auth.principal import Principal
from planner.errors import UnknownName
from planner.plan import FederatedPlan, SourceInfo
from watersmeet.spi import Source, SourceCatalog, SourceError, SourceQueryFailed, SourceUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

Visible = Callable[[Principal, str, str, str], bool]
"""(principal, catalog, schema, table) -> whether the principal may see the table."""

_RETRY = 5.0
"""Seconds before a source that was down is asked again."""
_PATIENCE = 5.0
"""Seconds that statements wait for a catalog; after them the last known one is used, and without one the source counts as
down until it has answered."""
_TRUSTED = 300.0
"""Age in seconds up to which the last known catalog stands in for one that is late: a busy source is slow, not down."""
_AT_MOST_EVERY = 0.5
"""Seconds between two reads of a catalog for the sake of unknown names, which wait for them: misspelt statements must not
hammer sources, and a table that another worker has just made must be found."""
_REMEMBERED = 256
"""Filtered catalogs kept."""


def everything_visible(principal: Principal, catalog: str, schema: str, table: str) -> bool:
    """Without access rules every authenticated subject sees everything."""
    return True


@dataclass(frozen=True, slots=True)
class _Known:
    """What the last attempt to read a source's catalog left."""

    info: SourceInfo | None
    """The newest catalog there ever was."""
    error: SourceError | None
    """Why there is no newer one."""
    at: float
    """When the attempt began, by time.monotonic()."""

    def fresh(self, max_age: float) -> bool:
        return time.monotonic() - self.at < (max_age if self.error is None else min(max_age, _RETRY))


@dataclass(frozen=True, slots=True)
class Seen:
    """The sources as one principal sees them, at one moment."""

    sources: Mapping[str, SourceInfo]
    """For planning: also those that are down, as they were last known."""
    down: Mapping[str, SourceError] = field(default_factory=dict)

    def check(self, plan: FederatedPlan) -> None:
        """Raise the error of a source that the plan needs and that is down."""
        for fragment in plan.fragments:
            if fragment.source in self.down:
                raise self.down[fragment.source]

    def check_named(self, text: str) -> None:
        """Raise the error of a source that never answered, if a statement with an unknown name has it in its text."""
        for name, error in self.down.items():
            if name not in self.sources and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE):
                raise error


class Catalogs:
    """The cache. Thread-safe."""

    def __init__(self, sources: Mapping[str, Source], visible: Visible, max_age: float) -> None:
        self._sources = dict(sources)
        self._visible = visible
        self._max_age = max_age
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._flights: dict[str, tuple[Future[None], float]] = {}
        """Reads under way, and when each began."""
        self._filtered: OrderedDict[tuple[str, str, frozenset[str]], tuple[SourceCatalog, SourceInfo | None]]
        self._filtered = OrderedDict()

    def seen_by(self, principal: Principal, *, only: str | None = None, renew: bool = False) -> Seen:
        """The sources for a principal; all of them, or the one called `only`. `renew`: as they are now."""
        names = [name for name in sorted(self._sources) if only is None or name == only]
        if renew:
            self._renew(names)
        else:
            self._refresh(names, self._max_age)
        sources: dict[str, SourceInfo] = {}
        down: dict[str, SourceError] = {}
        for name in names:
            known = self._state(name)
            info = self._cut(principal, known.info) if known.info else None
            if info is not None:
                sources[name] = info
            if known.error is not None and (info is not None or known.info is None):
                down[name] = known.error
        return Seen(sources, down)

    def planned(self, principal: Principal, text: str, plan: Callable[[Seen], T]) -> T:
        """`plan` over what the principal sees; once more with fresh catalogs if a name was unknown to it."""
        seen = self.seen_by(principal)
        try:
            return plan(seen)
        except UnknownName:
            seen.check_named(text)
            return plan(self.seen_by(principal, renew=True))

    def place(self, principal: Principal, source: str, table: str, schema: str | None) -> tuple[SourceInfo, str] | None:
        """A source as it is now, and the schema, by default its own, where the principal may make a table of this name.

        None if there is none such for the principal. Raises the error of a source that is down.
        """
        name = (
            source if source in self._sources else next((n for n in self._sources if n.lower() == source.lower()), "")
        )
        if not name:
            return None
        self._renew([name])
        known = self._state(name)
        if known.info is None or known.error is not None:
            raise known.error or SourceUnavailable(name, "its catalog was never read")
        schema = schema or known.info.catalog.default_schema
        return (known.info, schema) if self._visible(principal, name, schema, table) else None

    def forget(self, name: str) -> None:
        """The source's catalog is out of date: read it again before it is used."""
        with self._lock:
            if (known := self._known.get(name)) is not None:
                self._known[name] = replace(known, at=-math.inf)

    # ------------------------------------------------------------ reading

    def _renew(self, names: Sequence[str]) -> None:
        """Read the sources as they are now, or at most _AT_MOST_EVERY from now."""
        with self._lock:
            known = [self._known[name] for name in names if name in self._known]
        last = max((state.at for state in known if state.error is None), default=-math.inf)
        time.sleep(max(0.0, last + _AT_MOST_EVERY - time.monotonic()))
        self._refresh(names, _AT_MOST_EVERY)

    def _refresh(self, names: Iterable[str], max_age: float) -> None:
        """Read what is too old, side by side, each by one reader; renew ahead of time without waiting for it."""
        started = time.monotonic()
        awaited = []
        with self._lock:
            for name in names:
                known = self._known.get(name)
                if known is not None and known.fresh(max_age / 2):
                    continue
                if name not in self._flights:
                    self._take_off(name)
                flight, since = self._flights[name]
                if not (known and known.fresh(max_age)) and started - since < _PATIENCE:
                    awaited.append(flight)
        wait(awaited, timeout=_PATIENCE)

    def _take_off(self, name: str) -> None:
        flight: Future[None] = Future()
        self._flights[name] = (flight, time.monotonic())
        # A daemon: a source that never answers must not keep the process from ending.
        threading.Thread(target=self._read, args=(name, flight), name=f"catalog {name}", daemon=True).start()

    def _read(self, name: str, flight: Future[None]) -> None:
        began = time.monotonic()
        source = self._sources[name]
        info, problem = None, None
        try:
            catalog = source.catalog()
            info = SourceInfo(
                name=name,
                kind=source.kind,
                catalog=catalog,
                dialect=source.dialect(catalog.facts),
                writable=getattr(source, "writable", False),
                speed=source.speed,
                export_keys=source.export_keys,
                splits=source.splits,
                partitions=source.partitions,
            )
        except SourceError as error:
            problem = error
        except Exception as error:
            log.exception("a connector failed to read its catalog", extra={"source": name})
            problem = SourceQueryFailed(name, f"its catalog cannot be read: {type(error).__name__}, see the log")
        with self._lock:
            if problem is not None:
                log.warning("a source is down: %s", problem, extra={"source": name})
                info = self._known[name].info if name in self._known else None
            self._known[name] = _Known(info, problem, began)
            del self._flights[name]
        flight.set_result(None)

    def _state(self, name: str) -> _Known:
        with self._lock:
            known = self._known.get(name, _Known(None, None, -math.inf))
            flight = self._flights.get(name)
        late = flight is not None and time.monotonic() - flight[1] >= _PATIENCE
        if known.error is None and (known.info is None or (late and not known.fresh(_TRUSTED))):
            error = SourceUnavailable(name, f"its catalog did not come within {_PATIENCE:.0f} s")
            return replace(known, error=error)
        return known

    # ------------------------------------------------------------ visibility

    def _cut(self, principal: Principal, info: SourceInfo) -> SourceInfo | None:
        """The source without what the principal may not see; None when nothing is left."""
        key = (info.name, principal.subject, principal.roles)
        with self._lock:
            remembered = self._filtered.get(key)
            if remembered is not None and remembered[0] is info.catalog:
                self._filtered.move_to_end(key)
                return remembered[1]
        catalog = _restricted(info.catalog, lambda schema, table: self._visible(principal, info.name, schema, table))
        cut = info if catalog is info.catalog else replace(info, catalog=catalog) if catalog else None
        with self._lock:
            self._filtered[key] = (info.catalog, cut)
            if len(self._filtered) > _REMEMBERED:
                self._filtered.popitem(last=False)
        return cut


def _restricted(catalog: SourceCatalog, visible: Callable[[str, str], bool]) -> SourceCatalog | None:
    """The visible tables and their schemas; the very same catalog when all are, None when none is.

    A foreign key to a hidden table goes, too: its name would tell of the table.
    """
    kept = {name: table for name, table in catalog.tables.items() if visible(*name)}
    if len(kept) == len(catalog.tables):
        return catalog
    if not kept:
        return None
    tables = {
        name: replace(table, foreign_keys=tuple(key for key in table.foreign_keys if (key.schema, key.table) in kept))
        for name, table in kept.items()
    }
    return replace(catalog, tables=tables, schemas=tuple(s for s in catalog.schemas if any(n[0] == s for n in kept)))
