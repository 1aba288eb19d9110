"""A service that is missing ends the run, unless ALLOW_MISSING names it: never a silent skip."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def needy(tmp_path: Path) -> Path:
    """A test that needs Java, and an empty PATH to find it on."""
    test = tmp_path / "test_needy.py"
    test.write_text("def test_java(java):\n    assert java\n")
    return test


def run(test: Path, *arguments: str, allow: str = "") -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "-p", "tests.conftest", test, *arguments],
        cwd=ROOT,
        env={**os.environ, "PATH": str(test.parent), "ALLOW_MISSING": allow},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_missing_piece_ends_the_run_with_what_to_install(needy: Path) -> None:
    code, text = run(needy)
    assert code == 1
    assert "default-jre-headless" in text


def test_a_piece_that_may_be_missing_is_skipped_and_said(needy: Path) -> None:
    code, text = run(needy, allow="mysql,java")
    assert code == 0
    assert "java is missing, as ALLOW_MISSING allows" in text


def test_nothing_else_may_be_missing(needy: Path) -> None:
    code, text = run(needy, allow="postgres")
    assert code != 0
    assert "ALLOW_MISSING takes decoder, java, mysql, not postgres" in text


def test_tests_that_use_a_service_are_marked(needy: Path) -> None:
    code, text = run(needy, "-m", "not service and not long")
    assert code == 5
    assert "1 deselected" in text
