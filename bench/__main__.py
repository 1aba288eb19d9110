"""Run all benchmarks: `make bench`."""

from __future__ import annotations

from bench.planning import main

if __name__ == "__main__":
    main()
