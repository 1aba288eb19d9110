"""Who may import whom: the contracts of ARCHITECTURE.md, as pyproject.toml states them."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def contracts() -> dict[str, object]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        section: dict[str, object] = tomllib.load(file)["tool"]["importlinter"]
    return section


def test_the_import_contracts_are_kept() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_room_at_the_root_is_under_contract() -> None:
    rooms = {file.parent.name for file in ROOT.glob("*/__init__.py") if not file.parent.name.startswith(".")}
    assert rooms - {"bench", "docs", "tests"} == set(contracts()["root_packages"])  # type: ignore[call-overload]


def test_rooms_import_each_other_by_absolute_names() -> None:
    relative = [
        f"{file.relative_to(ROOT)}:{number}"
        for room in contracts()["root_packages"]  # type: ignore[attr-defined]
        for file in (ROOT / room).rglob("*.py")
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if line.lstrip().startswith("from ..")
    ]
    assert relative == []
