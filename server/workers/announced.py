"""What statements will answer, remembered in the front for a moment: a client's prepare, GetFlightInfo and GetSchema of
one text, and the queries that a pool or a dashboard sends again and again, are announced without a worker.

What is announced a moment late is refused, not wrong: the answer must have the columns that its ticket was made for.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from auth.principal import Principal
from server.requests import Described, Request

_MOMENT = 1.0
"""Seconds: little beside the age that a worker's catalogs may have."""
_STATEMENTS = 512
_LONGEST = 16 * 1024
"""Characters of a statement that is remembered, and bytes of its parameters."""


class Announced:
    """Thread-safe; holds at most _STATEMENTS, the oldest go first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, tuple[Described, float]] = OrderedDict()
        self._changes = 0

    def described(self, request: Request, principal: Principal, ask: Callable[[], Described]) -> Described:
        """What is known, or what `ask` tells. Raises what that raises, which is not remembered."""
        if len(request.sql) + len(request.parameters or b"") > _LONGEST:
            return ask()
        session = request.session
        settings = frozenset(session.settings.items())
        key = (request.sql, request.parameters, session.catalog, session.schema, settings, principal)
        began = self._clock()
        with self._lock:
            known, changes = self._known.get(key), self._changes
        if known is not None and began < known[1]:
            return known[0]
        told = ask()
        with self._lock:
            if changes == self._changes:
                self._known.pop(key, None)
                self._known[key] = (told, began + _MOMENT)
                if len(self._known) > _STATEMENTS:
                    self._known.popitem(last=False)
        return told

    def forget(self) -> None:
        """A table is not what it was: what is being told right now is not remembered either."""
        with self._lock:
            self._changes += 1
            self._known.clear()
