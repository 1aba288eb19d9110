"""What benchmarks run against: a placement of TPC-H, our server in its own processes, the peer, and a network between."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import adbc_driver_flightsql.dbapi as flightsql
import pyarrow as pa
from pydantic import SecretStr

from bench import measure
from bench.network import proxied
from bench.peer.environment import Peer, peer
from connectors import duckdb as lake
from connectors import mysql, postgres
from connectors.registry import SourceConfig
from tests import services
from tests.clients.served import Served, serving
from tests.tpch import data
from tests.tpch.placements import PLACEMENTS, Placed, placed


@dataclass(frozen=True, slots=True)
class Databases:
    """Servers without data, and TPC-H's rows as files."""

    postgres: str
    mysql: str
    rows: Path
    folder: Path

    @contextmanager
    def placed(self, name: str) -> Iterator[tuple[Placed, Path]]:
        """Load a placement; with a folder that is gone afterwards."""
        with (
            tempfile.TemporaryDirectory(dir=self.folder) as made,
            placed(name, self.postgres, self.mysql, self.rows, Path(made)) as sources,
        ):
            yield sources, Path(made)


@contextmanager
def databases(scale: float) -> Iterator[Databases]:
    """Both database servers, ended at the end."""
    with tempfile.TemporaryDirectory() as name, services.postgres() as pg, services.mysql() as my:
        folder = Path(name)
        yield Databases(pg, my, data.generate(folder, scale), folder)


@dataclass(frozen=True, slots=True)
class Ours:
    """A running server of ours."""

    connection: flightsql.Connection
    pid: int
    served: Served

    def run(self, sql: str) -> tuple[pa.Table, float, float]:
        """The answer, the seconds until its first batch, and until its end."""
        began = time.perf_counter()
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            reader = cursor.fetch_record_batch()
            batches = [batch] if (batch := next(reader, None)) is not None else []
            first = time.perf_counter() - began
            batches += reader
            # Before the cursor closes: ADBC's driver then collects its garbage (1.7 ms) and tells the server.
            last = time.perf_counter() - began
        return pa.Table.from_batches(batches, reader.schema), first, last


@contextmanager
def ours(sources: Placed, folder: Path, workers: int | None = None) -> Iterator[Ours]:
    """Our server over a placement, and a connection to it. `workers`: None for the server's own default."""
    server: dict[str, Any] = {"listen": "127.0.0.1:0", "drain": "5s"}
    if workers is not None:
        server["workers"] = workers
    sections = {name: _section(config) for name, config in sources.sources.items()}
    with serving(folder, sections, server=server) as served, served.connect() as connection:
        (pid,) = measure.servers(os.getpid())
        yield Ours(connection, pid, served)


@contextmanager
def behind_network(sources: Placed, wanted: bool) -> Iterator[Placed]:
    """The placement with a wire before each database server; DuckDB's file has none."""
    if not wanted:
        yield sources
        return
    with ExitStack() as stack:
        moved: dict[str, SourceConfig] = {}
        for name, config in sources.sources.items():
            if isinstance(config, (postgres.Config, mysql.Config)):
                url = config.url.get_secret_value()
                address = urlsplit(url)
                assert address.hostname and address.port
                port = stack.enter_context(proxied(address.hostname, address.port))
                config = config.model_copy(update={"url": SecretStr(url.replace(f":{address.port}/", f":{port}/", 1))})
            moved[name] = config
        yield Placed(sources.name, moved)


@contextmanager
def theirs(sources: Placed, rows: Path) -> Iterator[Peer]:
    """The peer over the same placement."""
    settings: dict[str, Any] = {}
    places: dict[str, str] = {}
    files: dict[str, str] = {}
    for name, config in sources.sources.items():
        if isinstance(config, postgres.Config):
            settings["postgres"] = config.url.get_secret_value()
            schema = "public"
        elif isinstance(config, mysql.Config):
            address = mysql.config.address(config.url)
            schema = mysql_database(sources)
            settings["mysql"] = (
                f"host={address.host} port={address.port} user={address.user}"
                f" password={address.password.decode()} database={schema}"
            )
        else:
            files = {table: str(rows / f"{table}.parquet") for table in PLACEMENTS[sources.name][name]}
            continue
        places |= {table: f"{name}.{schema}.{table}" for table in PLACEMENTS[sources.name][name]}
    with peer(settings | {"tables": places, "files": files}) as running:
        yield running


def described(placement: str) -> str:
    """A placement in words."""
    kinds: Mapping[str, str] = {"pg": "PostgreSQL", "my": "MariaDB", "lake": "DuckDB"}
    return ", ".join(f"{' '.join(tables)} in {kinds[name]}" for name, tables in PLACEMENTS[placement].items())


def url(sources: Placed, name: str) -> str:
    """Of a placement's database server."""
    config = sources.sources[name]
    assert isinstance(config, (postgres.Config, mysql.Config))
    return config.url.get_secret_value()


def mysql_database(sources: Placed) -> str:
    """The one that holds a placement's tables at MariaDB."""
    config = sources.sources["my"]
    assert isinstance(config, mysql.Config)
    (schema,) = config.schemas or ()
    return schema


def _section(config: object) -> dict[str, Any]:
    if isinstance(config, postgres.Config):
        return {"kind": "postgres", "url": config.url.get_secret_value()}
    if isinstance(config, mysql.Config):
        return {"kind": "mysql", "url": config.url.get_secret_value(), "schemas": list(config.schemas or ())}
    assert isinstance(config, lake.Config)
    return {"kind": "duckdb", "path": str(config.path)}
