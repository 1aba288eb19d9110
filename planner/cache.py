"""Plans of statements that were planned before: a statement, its session and the very same catalogs give the same plan.

The planner does no I/O and reads no clock, so a plan holds as long as what it was made from does. Catalogs are compared
by identity: whoever reads them anew, or cuts them for another principal, hands in another object. A plan that holds the
statement's now() serves only requests with that same now(): the GetFlightInfo and the DoGet of one statement.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from datetime import datetime

from planner import pipeline
from planner.parse import Guards
from planner.plan import FederatedPlan, PlanRequest, SourceInfo

_LONGEST = 64 * 1024
"""Characters of a statement that is remembered: a few long ones would take the memory of all others."""

_Entry = tuple[FederatedPlan, datetime, tuple[SourceInfo, ...]]
"""A plan, the now() that it was made at, and its catalogs, kept alive so that their identities stay theirs."""


class PlanCache:
    """Plans, or remembers having planned. Thread-safe; holds at most `plans`, the least recently used go first."""

    def __init__(self, limits: Guards, plans: int = 512) -> None:
        self._limits = limits
        self._plans = plans
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, _Entry] = OrderedDict()

    def plan(self, request: PlanRequest, sources: Mapping[str, SourceInfo]) -> FederatedPlan:
        """As pipeline.plan. Raises PlanningError, which is not remembered."""
        if len(request.sql) > _LONGEST:
            return pipeline.plan(request, sources, limits=self._limits)
        infos = tuple(sources.values())
        bound = None if request.parameters is None else tuple(request.parameters.items())
        key = (request.sql, request.session, bound, tuple(map(id, infos)))
        with self._lock:
            known = self._known.get(key)
            if known is not None and (not known[0].clock or known[1] == request.now):
                self._known.move_to_end(key)
                return known[0]
        made = pipeline.plan(request, sources, limits=self._limits)
        with self._lock:
            self._known[key] = (made, request.now, infos)
            self._known.move_to_end(key)
            if len(self._known) > self._plans:
                self._known.popitem(last=False)
        return made
