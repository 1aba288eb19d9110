"""Makes a failing random statement smaller: by the choices that it was made of, not by its text.

A statement is the list of numbers that its generator chose. Fewer and smaller numbers are a plainer statement, and any
list is one: numbers that are missing count as 0, those too large as the largest that is allowed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

TRIES = 400
"""Statements to run for one failure: about half a minute."""


def smallest(seed: int, make: Callable[[Callable[[int], int]], str], fails: Callable[[str], bool]) -> str:
    """The smallest statement found that fails like the one of the seed. `make` is given the way to choose."""
    chosen: list[int] = []
    chance = random.Random(seed)

    def record(below: int) -> int:
        chosen.append(chance.randrange(below))
        return chosen[-1]

    make(record)
    tried: dict[str, bool] = {}

    def still(choices: Sequence[int]) -> bool:
        sql = make(replay(choices))
        if sql not in tried and len(tried) < TRIES:
            tried[sql] = fails(sql)
        return tried.get(sql, False)

    return make(replay(shrink(chosen, still)))


def replay(choices: Sequence[int]) -> Callable[[int], int]:
    """Chooses again what was chosen.

    >>> choose = replay([3, 1])
    >>> choose(10), choose(1), choose(5)
    (3, 0, 0)
    """
    left = iter(choices)
    return lambda below: min(next(left, 0), below - 1)


def shrink(choices: list[int], fails: Callable[[Sequence[int]], bool]) -> list[int]:
    """A list that fails, too, and from which no piece can be left out and no number lowered.

    >>> shrink([7, 7, 9, 7, 4], lambda numbers: 9 in numbers)
    [9]
    """
    before: list[int] = []
    while choices != before:
        before = choices
        for size in (64, 16, 4, 2, 1):
            start = len(choices)
            while start > 0:
                start -= size
                piece = slice(max(start, 0), max(start, 0) + size)
                for inside in ([], [0] * len(choices[piece])):
                    shorter = [*choices[: piece.start], *inside, *choices[piece.stop :]]
                    if shorter != choices and fails(shorter):
                        choices = shorter
                        break
        for place, number in enumerate(choices):
            for lower in (0, number // 2, number - 1):
                lowered = [*choices[:place], lower, *choices[place + 1 :]]
                if 0 <= lower < number and fails(lowered):
                    choices = lowered
                    break
    return choices
