"""The database servers that tests run against: those that the environment names, else private ones.

Never a silent skip: a piece that is missing ends the run, unless ALLOW_MISSING (a comma-separated list) names it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from server.demo import databases

MAY_BE_MISSING = frozenset({"mysql", "java"})
ADVICE = {
    "postgres": "install PostgreSQL's server (Debian, Ubuntu: apt-get install postgresql)"
    " or set WATERSMEET_TEST_POSTGRES=postgresql://superuser:password@host:port/postgres",
    "mysql": "install MariaDB's server (Debian, Ubuntu: apt-get install mariadb-server-core mariadb-client-core)"
    " or set WATERSMEET_TEST_MYSQL=mysql://root:password@host:port/, or let it be missing with ALLOW_MISSING=mysql",
    "java": "install a Java runtime, 11 or newer (Debian, Ubuntu: apt-get install default-jre-headless),"
    " or let it be missing with ALLOW_MISSING=java",
}

_POSTGRES = {"max_connections": "200", "shared_buffers": "128MB", "max_prepared_transactions": "0"}
_MARIADB = {"max-connections": "200", "innodb-buffer-pool-size": "128M", "local-infile": "1"}


def allowed_missing() -> frozenset[str]:
    """What the environment allows to be missing. Raises ValueError for a name that may not."""
    names = frozenset(filter(None, os.environ.get("ALLOW_MISSING", "").replace(",", " ").split()))
    if wrong := names - MAY_BE_MISSING:
        raise ValueError(f"ALLOW_MISSING takes {', '.join(sorted(MAY_BE_MISSING))}, not {', '.join(sorted(wrong))}")
    return names


def missing() -> frozenset[str]:
    """The pieces that this machine lacks."""
    lacking = set()
    if not os.environ.get("WATERSMEET_TEST_POSTGRES") and databases.postgres_programs() is None:
        lacking.add("postgres")
    if not os.environ.get("WATERSMEET_TEST_MYSQL") and databases.mariadb_programs() is None:
        lacking.add("mysql")
    if shutil.which("java") is None:
        lacking.add("java")
    return frozenset(lacking)


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL superuser."""
    if given := os.environ.get("WATERSMEET_TEST_POSTGRES"):
        yield given
        return
    programs = databases.postgres_programs()
    assert programs is not None, ADVICE["postgres"]
    with databases.postgres(programs, options=_POSTGRES) as server:
        yield server.url


@contextmanager
def mysql() -> Iterator[str]:
    """The URL of a MariaDB or MySQL root."""
    if given := os.environ.get("WATERSMEET_TEST_MYSQL"):
        yield given
        return
    programs = databases.mariadb_programs()
    assert programs is not None, ADVICE["mysql"]
    with databases.mariadb(programs, options=_MARIADB) as server:
        yield server.url
