"""From the sections of the configuration to what plans and runs queries, in one process or shared by several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from auth.access import Access, AccessConfig
from connectors.registry import SourceConfig, open_source
from server.execution.limits import LimitsConfig
from server.query import LocalQueries
from watersmeet.spi import Source

_ROOM = 512 << 20
"""Bytes for what no limit names: plans, catalogs, messages, and the address space of threads' stacks (8 MiB each)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """What of the configuration is needed below the front."""

    sources: Mapping[str, SourceConfig]
    limits: LimitsConfig
    access: AccessConfig | None
    settings: Mapping[str, str]
    """Those that sessions begin with."""

    def share(self, parts: int, place: int) -> Sections:
        """What one of `parts` processes may use of it all."""
        sources = {name: source.share(parts, place) for name, source in self.sources.items()}
        return replace(self, sources=sources, limits=self.limits.share(parts, place))

    @property
    def memory(self) -> int:
        """Bytes that a process may need beyond what it starts with."""
        return self.limits.memory + sum(source.footprint for source in self.sources.values()) + _ROOM


@contextmanager
def open_sources(sections: Mapping[str, SourceConfig]) -> Iterator[dict[str, Source]]:
    """All configured sources by name. Nothing is connected yet: a source that is down stops nobody else."""
    sources: dict[str, Source] = {}
    try:
        for name, section in sections.items():
            sources[name] = open_source(name, section)
        yield sources
    finally:
        for source in sources.values():
            source.close()


@contextmanager
def open_local(sections: Sections, warm: bool = False) -> Iterator[LocalQueries]:
    """Queries in this process. `warm`: many will come, so connections are opened ahead."""
    access = Access(sections.access)
    with open_sources(sections.sources) as sources:
        queries = LocalQueries(sources, sections.limits, visible=access.visible, settings=sections.settings)
        try:
            for source in sources.values() if warm else ():
                source.warm()
            yield queries
        finally:
            queries.close()
