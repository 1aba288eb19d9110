"""What all tests share: the database servers, the marker of tests that need them, and --update-fixtures."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import services

NEEDS = {"postgres_url": "postgres", "mysql_url": "mysql", "java": "java", "decoder": "decoder"}
"""Fixture -> the piece that it needs."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-fixtures", action="store_true", help="rewrite expected results; read them in the diff")


@pytest.fixture
def update_fixtures(request: pytest.FixtureRequest) -> bool:
    """Whether expected results are to be rewritten instead of compared."""
    return bool(request.config.getoption("--update-fixtures"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that use a service, before -m selects by marks."""
    for item in items:
        if NEEDS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker("service")


def pytest_collection_finish(session: pytest.Session) -> None:
    """End the run when the tests selected need a piece that is neither here nor allowed to be missing."""
    needed = {NEEDS[name] for item in session.items for name in getattr(item, "fixturenames", ()) if name in NEEDS}
    try:
        lacking = sorted(needed & services.missing() - services.allowed_missing())
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    if lacking and not session.config.option.collectonly:
        advice = "".join(f"\n  {piece}: {services.ADVICE[piece]}" for piece in lacking)
        pytest.exit(f"the tests selected need what is missing here:{advice}", returncode=1)


def _skip_without(piece: str) -> None:
    """Skip when the piece is missing and may be; a fixture asked for by name (getfixturevalue) comes past here only."""
    if piece in services.missing():
        if piece not in services.allowed_missing():
            pytest.exit(f"missing: {services.ADVICE[piece]}", returncode=1)
        pytest.skip(f"{piece} is missing, as ALLOW_MISSING allows")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """postgresql://superuser:password@127.0.0.1:port/postgres"""
    with services.postgres() as url:
        yield url


@pytest.fixture(scope="session")
def mysql_url() -> Iterator[str]:
    """mysql://root:password@127.0.0.1:port/"""
    _skip_without("mysql")
    with services.mysql() as url:
        yield url


@pytest.fixture(scope="session")
def decoder() -> None:
    """The C decoders are there."""
    _skip_without("decoder")


@pytest.fixture(scope="session")
def java() -> str:
    """The `java` program."""
    _skip_without("java")
    return "java"


@pytest.fixture(scope="session")
def jdbc_driver(java: str) -> tuple[Path, ...]:
    """The class path of the JDBC driver."""
    try:
        return services.jdbc_driver()
    except subprocess.CalledProcessError:
        if "java" in services.allowed_missing():
            pytest.skip("Maven could not fetch the JDBC driver, as ALLOW_MISSING allows")
        raise
