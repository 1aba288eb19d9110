"""docs/performance.md: made from runs, and from nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from bench.page import PAGE, RESULTS, write


def row(query: str, seconds: float, peer: float) -> dict[str, Any]:
    return {
        "placement": "a",
        "holds": "all of it in PostgreSQL",
        "network": False,
        "query": query,
        "seconds": seconds,
        "first": seconds / 2,
        "cpu": 0.01,
        "peak": 400_000_000,
        "peer_seconds": peer,
        "peer_cpu": 0.5,
        "peer_peak": 90_000_000,
        "ratio": seconds / peer,
        "fragments": 2,
        "rows": 1234,
        "bytes": 5_600_000,
        "answers": "equal",
    }


def test_figures_are_those_of_the_run(tmp_path: Path) -> None:
    run = {
        "command": "python -m bench.federation --scale 1",
        "date": "2026-11-21",
        "minutes": 1.5,
        "scale": 1.0,
        "load": [0.25, 2.0],
        "machine": {"processor": "a fast one"},
        "rows": [row("q01", 0.5, 2.0), row("q02", 1.0, 1.0)],
    }
    (tmp_path / "federation.json").write_text(json.dumps(run))
    write(tmp_path, tmp_path / "performance.md")
    text = (tmp_path / "performance.md").read_text()
    assert "**Geometric mean of the ratios 0.50**, worst 1.00 (q02); in all 1.5 s against 3.0 s" in text
    assert "| q01 | 0.500 | 0.250 | 2.000 | 0.25 | 0.01 | 0.50 | 400 | 90 | 2 | 1,234 | 5.6 |" in text
    assert "`python -m bench.federation --scale 1` | 2026-11-21 | 1.5 | 0.25 | 2.00" in text
    picture = ElementTree.fromstring((tmp_path / "performance.svg").read_text())
    titles = [title.text for title in picture.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == ["q01, placement a: 0.25", "q02, placement a: 1.00"]


def test_the_page_is_that_of_the_runs_that_are_kept(tmp_path: Path) -> None:
    assert PAGE.exists() == RESULTS.exists()
    if RESULTS.exists():
        write(RESULTS, tmp_path / PAGE.name)
        for name in (PAGE.name, PAGE.with_suffix(".svg").name):
            assert (tmp_path / name).read_text() == (PAGE.parent / name).read_text(), "run python -m bench.page"
