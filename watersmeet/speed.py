"""How fast a source works and sends, in microseconds a row: what planning weighs. Measured, or a connector's default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Annotated

from pydantic import AfterValidator, Field


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Microseconds, of one stream of a source's."""

    send: float = 0.5
    """To send a row, and to take it over here."""
    byte: float = 0.003
    """For each byte of it."""
    meet: float = 0.3
    """For each row that goes into a join."""
    join: float = 0.3
    """For each row that comes out of one."""
    pair: float = 0.0
    """For each pair of rows that a join compares where no index leads to the matching ones. 0: it hashes."""
    again: float = 0.1
    """For each row that a correlated subquery reads for each row around it. 0: it is made a join."""
    group: float = 0.4
    """For each row that goes into a grouping."""
    groups: float = 1.0
    """For each group that it makes."""
    text: float = 0.5
    """For each text that such a group has among its keys."""
    decimal: float = 0.0
    """For each operation on decimals, or aggregate of some, of a row. 0: they are as quick as integers."""
    sort: float = 1.0
    """For each row that is sorted."""


LAN = 0.008
"""What a byte takes through 1 Gbit/s, beside the rest."""
NAMES = frozenset(field.name for field in fields(Speed))


def _known(given: Mapping[str, float]) -> Mapping[str, float]:
    if unknown := sorted(given.keys() - NAMES):
        raise ValueError(f"{unknown[0]} is none of {', '.join(sorted(NAMES))}")
    return given


Measured = Annotated[Mapping[str, Annotated[float, Field(ge=0, le=1e6)]], AfterValidator(_known)]
"""The speeds that a configuration states: microseconds by name."""


def speed(default: Speed, host: str | None, measured: Mapping[str, float]) -> Speed:
    """A connector's default, as it is over a network where the host is another machine, with what was measured in its place.

    >>> speed(Speed(), "db.example", {"send": 2.0}).send, speed(Speed(), "127.0.0.1", {}) == Speed()
    (2.0, True)
    """
    near = host is None or host.startswith(("/", "127.")) or host in ("", "localhost", "::1")
    reached = default if near else replace(default, byte=default.byte + LAN)
    return replace(reached, **measured)


def shown(speed: Speed) -> dict[str, float]:
    """Names and microseconds, as a configuration holds them."""
    return {name: float(f"{value:.3g}") for name, value in asdict(speed).items()}
