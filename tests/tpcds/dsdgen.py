"""Writes TPC-DS's tables as Parquet and its 99 queries as text: DuckDB's own generator, in an environment of its own.

Runs under the Python of build/tpcds/env (build/tpcds/env in the Makefile), where a DuckDB of the extension's version is: the
extension comes in a package from PyPI, and none does for the version that the project has. Usage: dsdgen.py FOLDER SCALE
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import duckdb_extension_tpcds  # type: ignore[import-not-found]


def main(folder: Path, scale: str) -> None:
    """Write FOLDER/<table>.parquet and FOLDER/q01.sql …"""
    folder.mkdir(parents=True, exist_ok=True)
    extension = next(Path(duckdb_extension_tpcds.__file__).parent.rglob("*.duckdb_extension"))
    with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as con:
        con.execute(f"LOAD '{extension}'")
        con.execute(f"CALL dsdgen(sf={float(scale)})")
        for (table,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            con.execute(f"COPY {table} TO '{folder / table}.parquet' (FORMAT parquet)")
        for number, text in con.execute("SELECT query_nr, query FROM tpcds_queries()").fetchall():
            (folder / f"q{number:02}.sql").write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
