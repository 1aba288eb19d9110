"""The process of a server of `bench.in_memory`, apart from it: a worker must find its executor under that name."""

from __future__ import annotations

import sys

from bench import in_memory

if __name__ == "__main__":
    in_memory.serve(sys.argv[1:])
