"""Which workers have planned a text: they may have the plan still, and to plan it anew costs as much as a short statement."""

from __future__ import annotations

from collections import OrderedDict

TEXTS = 1024
"""Texts that are remembered: as many plans as two workers do."""


class Planned:
    """A hint: texts are told apart by their hashes. Its owner guards it."""

    def __init__(self) -> None:
        self._by: OrderedDict[int, set[int]] = OrderedDict()

    def add(self, text: str, worker: int) -> None:
        """A worker, by its number, plans the text."""
        key = hash(text)
        self._by.setdefault(key, set()).add(worker)
        self._by.move_to_end(key)
        if len(self._by) > TEXTS:
            self._by.popitem(last=False)

    def by(self, text: str) -> frozenset[int]:
        """The numbers of the workers that have."""
        return frozenset(self._by.get(hash(text), ()))
