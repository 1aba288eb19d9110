"""Run all benchmarks: `make bench`."""

from __future__ import annotations

from bench import federation, planning

if __name__ == "__main__":
    planning.main()
    federation.main()
