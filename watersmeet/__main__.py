"""The entry of `watersmeet` and `python -m watersmeet`: finds the rooms, then hands over to server.cli."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    """Run the command line; the exit code."""
    here = Path(__file__).resolve().parent
    # Inside a wheel the rooms lie in this package; in a checkout and an editable install they stand beside it.
    rooms = here if (here / "server").is_dir() else here.parent
    sys.path.insert(0, str(rooms))

    from server.cli import main as command_line

    return command_line()


if __name__ == "__main__":
    sys.exit(main())
