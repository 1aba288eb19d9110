"""The wheel, the image and the scripts around them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from watersmeet import __version__

ROOT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel, and our own one's packages in reach for what it depends on."""
    folder = tmp_path_factory.mktemp("wheel")
    # A copy, because a build leaves its traces in the folder that it runs in.
    source = folder / "source"
    for package in ROOT.glob("*/__init__.py"):
        shutil.copytree(package.parent, source / package.parent.name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("LICENSE", "README.md", "pyproject.toml", "setup.py"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index"]
    run(*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", folder, source)
    (wheel,) = folder.glob("*.whl")
    place = folder / "venv"
    venv.create(place, with_pip=False)
    site = next(place.glob("lib/python*/site-packages"))
    run(*pip, "--python", place / "bin" / "python", "install", *offline, wheel)
    ours = next(TOOLS.parent.glob("lib/python*/site-packages"))
    (site / "dependencies.pth").write_text(f"{ours}\n")
    return place


def test_the_wheel_adds_one_name(installed: Path) -> None:
    site = next(installed.glob("lib/python*/site-packages"))
    names = {path.name for path in site.iterdir() if path.name != "dependencies.pth"}
    assert names == {"watersmeet", f"watersmeet-{__version__}.dist-info"}


def test_the_wheel_holds_the_rooms_and_nothing_else(installed: Path) -> None:
    package = next(installed.glob("lib/python*/site-packages")) / "watersmeet"
    folders = {path.name for path in package.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == {"auth", "connectors", "planner", "server"}
    assert (package / "py.typed").exists()
    lacking = [
        file.relative_to(ROOT)
        for room in folders
        for file in (ROOT / room).rglob("*.py")
        if not (package / file.relative_to(ROOT)).exists()
    ]
    assert lacking == []


def test_the_installed_command_runs_from_anywhere(installed: Path, tmp_path: Path) -> None:
    assert run(installed / "bin" / "watersmeet", "--version", cwd=tmp_path) == f"watersmeet {__version__}\n"
    assert run(installed / "bin" / "python", "-m", "watersmeet", "--version", cwd=tmp_path).split()[1] == __version__


def test_the_installed_rooms_are_those_of_the_wheel(installed: Path, tmp_path: Path) -> None:
    run(installed / "bin" / "watersmeet", "init", cwd=tmp_path)
    assert run(installed / "bin" / "watersmeet", "check", "--offline", cwd=tmp_path) == "watersmeet.yaml: ok\n"


def test_the_checkout_runs_as_a_module(tmp_path: Path) -> None:
    assert run(sys.executable, ROOT / "watersmeet" / "__main__.py", "--version", cwd=tmp_path).split()[1] == __version__


def test_the_image_holds_every_room() -> None:
    copied = {line.split()[1] for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("COPY ")}
    rooms = {file.parent.name for file in ROOT.glob("*/__init__.py")} - {"bench", "docs", "tests"}
    assert rooms <= copied


def test_the_compose_file_is_valid() -> None:
    run(TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "deploy/compose.yaml")


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = makefile.split(".PHONY:")[1].splitlines()[0].split()
    assert [target for target in targets if f"make {target}" not in run("make", "help")] == []
