"""Run all benchmarks: `make bench`. Each one also runs alone, with options: `python -m bench.federation --help`."""

from __future__ import annotations

from bench import federation, planning, reads

if __name__ == "__main__":
    planning.main()
    reads.main()
    federation.main()
