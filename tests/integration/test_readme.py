"""README's commands, query, plan and Python run as they stand there; those of the guide and of docs/clients.md, too."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.test_docs import fenced

ROOT = Path(__file__).parents[2]
ENTRY = ROOT / "watersmeet" / "__main__.py"
README = ROOT / "README.md"
CLIENTS = ROOT / "docs" / "clients.md"
LONG = frozenset({"make demo", "make test", "make test-long", "make check", "make venv"})
"""What other tests run, or what runs these."""


@dataclass(frozen=True)
class Demo:
    """The demo, waiting for Ctrl-C."""

    port: int
    token: str

    def run(self, *command: str | Path, given: str = "") -> str:
        """A command's stdout, with the demo's server in reach. It must end with 0 and say nothing on stderr."""
        done = subprocess.run(
            [sys.executable, *command],
            input=given,
            env={**os.environ, "WATERSMEET_TOKEN": self.token},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


@pytest.fixture(scope="module")
def demo(postgres_url: str) -> Iterator[Demo]:
    """The demo that README's examples speak of. It starts servers of its own; `postgres_url` says that it needs one."""
    process = subprocess.Popen([sys.executable, ENTRY, "demo", "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("Ctrl-C ends the demo"):
            break
    port, token = re.search(r"to localhost:(\d+)", said), re.search(r"^  (eyJ\S+)$", said, re.MULTILINE)
    assert port is not None and token is not None, said
    yield Demo(int(port[1]), token[1])
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


def _shown() -> tuple[str, str, str]:
    """README's query, its answer and its plan."""
    (sql,) = fenced(README, "sql")
    answer, plan = fenced(README, "text")
    return sql, answer, plan


def test_the_query_answers_as_shown(demo: Demo) -> None:
    sql, answer, _ = _shown()
    assert demo.run(ENTRY, "query", "--url", f"grpc://localhost:{demo.port}", "-", given=sql) == answer


def test_the_plan_is_as_shown(demo: Demo) -> None:
    sql, _, plan = _shown()
    printed = demo.run(ENTRY, "explain", "--url", f"grpc://localhost:{demo.port}", "-", given=sql)
    assert _without_estimates(printed.strip()) == _without_estimates(plan.strip())


def _without_estimates(plan: str) -> str:
    return re.sub(r"(about|at most) [\d,]+", r"\1 N", plan)


SNIPPETS = [
    pytest.param(block, id=f"{page.name} {number}")
    for page in (README, CLIENTS)
    for number, block in enumerate(fenced(page, "python"), 1)
]


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_python_example_runs(demo: Demo, snippet: str) -> None:
    assert demo.run("-c", snippet.replace("localhost:32010", f"localhost:{demo.port}")) != ""


def test_the_java_example_runs(demo: Demo, java: str, jdbc_driver: tuple[Path, ...], tmp_path: Path) -> None:
    (code,) = fenced(CLIENTS, "java")
    file = tmp_path / "Example.java"
    file.write_text(code.replace("localhost:32010", f"localhost:{demo.port}"))
    command = [java, "--add-opens=java.base/java.nio=ALL-UNNAMED", "-cp", ":".join(map(str, jdbc_driver)), str(file)]
    said = subprocess.run(
        command, env={**os.environ, "WATERSMEET_TOKEN": demo.token}, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    assert re.search(r"^\w+: \d+$", said, re.MULTILINE)


@pytest.mark.parametrize("page", [README, ROOT / "docs" / "guide.md"], ids=lambda page: str(page.name))
def test_the_shell_commands_run_one_after_another(page: Path, tmp_path: Path) -> None:
    commands = [line for block in fenced(page, "sh") for line in block.splitlines() if line not in LONG]
    assert "watersmeet init" in commands
    for command in commands:
        program, *arguments = command.split()
        assert program.endswith("watersmeet"), command
        _run(arguments, tmp_path)
        if arguments == ["init"]:  # somebody may be using the port
            file = tmp_path / "watersmeet.yaml"
            file.write_text(file.read_text().replace(":32010", ":0"))


def _run(arguments: list[str], folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, ENTRY, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    if arguments == ["serve"]:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("watersmeet ready on grpc://")
        process.send_signal(signal.SIGTERM)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    assert out or arguments == ["serve"]


def test_make_help_lists_readmes_targets() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [target for target in ("make demo", "make test") if target not in listed] == []


def test_readmes_configuration_is_accepted_by_check(tmp_path: Path) -> None:
    (configuration,) = fenced(README, "yaml")
    (tmp_path / "watersmeet.yaml").write_text(configuration)
    names = re.findall(r"\$\{ENV:(\w+)\}", configuration)
    done = subprocess.run(
        [sys.executable, ENTRY, "check", "--offline"],
        cwd=tmp_path,
        env={**os.environ, **dict.fromkeys(names, "k" * 32)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "watersmeet.yaml: ok\n", "")
