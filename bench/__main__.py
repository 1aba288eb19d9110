"""Run what docs/performance.md shows and write it anew: `make bench`. Hours at scale 1; nothing else may run meanwhile.

Each benchmark also runs alone, with options: `python -m bench.federation --help`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from bench import page

RUNS = {
    "federation-small": ("bench.federation", "--scale", "{small:g}"),
    "federation": ("bench.federation", "--scale", "{scale:g}"),
    "federation-network": ("bench.federation", "--scale", "{scale:g}", "--network"),
    "overhead": ("bench.overhead", "--scale", "{scale:g}"),
    "export": ("bench.export", "--scale", "{scale:g}"),
    "clients": ("bench.clients", "--scale", "{small:g}"),
    "flight": ("bench.flight",),
}
"""By the name of the file in bench/results."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--scale", type=float, default=1.0, help="of TPC-H; the small runs have a tenth of it")
    parser.add_argument("--only", nargs="+", choices=RUNS, default=list(RUNS), help="keep the other runs' results")
    given = parser.parse_args()
    for name in given.only:
        module, *words = (word.format(scale=given.scale, small=given.scale / 10) for word in RUNS[name])
        file = (page.RESULTS / f"{name}.json").relative_to(page.ROOT)
        print(f"\n{name}", flush=True)
        subprocess.run([sys.executable, "-m", module, *words, "--json", str(file)], check=True, cwd=page.ROOT)
    subprocess.run([sys.executable, "-m", "bench.page"], check=True, cwd=page.ROOT)


if __name__ == "__main__":
    main()
