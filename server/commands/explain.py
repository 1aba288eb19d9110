"""`watersmeet explain`: prints the plan of a statement."""

from __future__ import annotations

import argparse

from server.client.render import tuples
from server.client.statement import answer, text


def run(options: argparse.Namespace) -> int:
    analyze = "ANALYZE " if options.analyze else ""
    form = "(FORMAT JSON) " if options.format == "json" else ""
    with answer(options, f"EXPLAIN {analyze}{form}{text(options)}") as rows:
        for row in tuples(rows):
            print(row[-1])
    return 0
