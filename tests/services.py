"""What tests run against: database servers, those that the environment names or else private ones, and a JDBC driver.

Never a silent skip: a piece that is missing ends the run, unless ALLOW_MISSING (a comma-separated list) names it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from connectors import native
from server.demo import databases

MAY_BE_MISSING = frozenset({"mysql", "java", "decoder"})
ADVICE = {
    "postgres": "install PostgreSQL's server (Debian, Ubuntu: apt-get install postgresql)"
    " or set WATERSMEET_TEST_POSTGRES=postgresql://superuser:password@host:port/postgres",
    "mysql": "install MariaDB's server (Debian, Ubuntu: apt-get install mariadb-server-core mariadb-client-core)"
    " or set WATERSMEET_TEST_MYSQL=mysql://root:password@host:port/, or let it be missing with ALLOW_MISSING=mysql",
    "java": "install a Java runtime, 17 or newer, and Maven, which fetches the JDBC driver"
    " (Debian, Ubuntu: apt-get install default-jre-headless maven), or let it be missing with ALLOW_MISSING=java",
    "decoder": "install a C compiler and Python's headers (Debian, Ubuntu: apt-get install gcc libc6-dev python3-dev), then"
    " pip install --editable . once more, or let the decoders be missing with ALLOW_MISSING=decoder",
}

ROOT = Path(__file__).parents[1]
POM = ROOT / "tests" / "clients" / "jdbc" / "pom.xml"
"""Names the JDBC driver and its version."""
OLDEST_JAVA = 17

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
    if java_version() < OLDEST_JAVA or not (_jars() or shutil.which("mvn")):
        lacking.add("java")
    if not native.available:
        lacking.add("decoder")
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


@cache
def java_version() -> int:
    """The major version of `java`; 0 where there is none."""
    if shutil.which("java") is None:
        return 0
    done = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(?:1\.)?(\d+)', done.stderr)
    return int(found[1]) if found else 0


def jdbc_driver() -> tuple[Path, ...]:
    """The class path of the JDBC tests. Maven fetches it when it is not here yet; afterwards no network is needed."""
    if not _jars():
        made = _folder().with_suffix(f".{os.getpid()}")
        maven = ["mvn", "--batch-mode", "--no-transfer-progress", "--quiet", "--file", str(POM)]
        subprocess.run([*maven, "dependency:copy-dependencies", f"-DoutputDirectory={made}"], check=True)
        if not _jars():  # somebody else may have been faster
            made.rename(_folder())
    return _jars()


def _folder() -> Path:
    """Where the jars are kept: another folder for another pom.xml."""
    return ROOT / "build" / f"jdbc-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"


def _jars() -> tuple[Path, ...]:
    return tuple(sorted(_folder().glob("*.jar")))
