"""The world that all oracle tests share: filled once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.oracle.world import World, world


@pytest.fixture(scope="session")
def oracle(postgres_url: str, mysql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(postgres_url, mysql_url, tmp_path_factory.mktemp("oracle")) as made:
        yield made
