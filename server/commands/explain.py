"""`watersmeet explain`: prints the plan of a statement, the stages on the way to it, or draws it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from planner import picture
from server.client.failure import CommandFailed
from server.client.render import tuples
from server.client.statement import answer, text

_PICTURES = {".svg": picture.svg, ".mmd": picture.mermaid}


def run(options: argparse.Namespace) -> int:
    if options.stages and options.analyze:
        raise CommandFailed("--stages shows how a plan is made, --analyze how it runs: ask for one of them", 2)
    if options.graph is not None and options.graph.suffix not in _PICTURES:
        raise CommandFailed(f"--graph writes {' and '.join(_PICTURES)} files: give FILE one of these endings", 2)
    form = "STAGES" if options.stages else "JSON" if options.graph or options.format == "json" else "TEXT"
    analyze = "ANALYZE " if options.analyze else ""
    with answer(options, f"EXPLAIN {analyze}(FORMAT {form}) {text(options)}") as rows:
        (shown,) = (row[-1] for row in tuples(rows))
    if options.graph is None:
        print(shown)
    else:
        _write(options.graph, _PICTURES[options.graph.suffix](json.loads(shown)))
    return 0


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise CommandFailed(f"cannot write {path}: {error.strerror}", 1) from None
