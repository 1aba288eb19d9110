"""The documentation is true: keys, codes, commands, reasons, links and examples are those of the code."""

from __future__ import annotations

import argparse
import ast
import doctest
import importlib
import importlib.metadata
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docs.__main__ import filled
from server.cli import _parser
from server.config import parse, schema
from server.config_errors import ConfigError
from server.flight.statuses import ROOTS
from tests.clients.certificates import Authority

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
ROOMS = ("auth", "connectors", "planner", "server", "watersmeet")
CODE = re.compile(r"WM-(\d{4})")

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def fenced(page: Path, language: str) -> list[str]:
    """The blocks of a language in a page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def sources() -> Iterator[Path]:
    for room in ROOMS:
        yield from (ROOT / room).rglob("*.py")


# ---------------------------------------------------------------- the reference


@pages
def test_the_parts_made_from_the_code_are_up_to_date(page: Path) -> None:
    assert page.read_text() == filled(page.read_text()), "run make docs"


def test_every_configuration_key_is_documented_and_no_other() -> None:
    documented = re.findall(
        r"^\| `([\w.\[\]]+)` \|", (DOCS / "reference" / "configuration.md").read_text(), re.MULTILINE
    )
    assert set(documented) == set(_keys(schema(), schema(), ""))


def _keys(whole: dict[str, Any], node: dict[str, Any], path: str) -> Iterator[str]:
    """The paths of all keys, from the JSON Schema: another way than the page's."""
    if reference := node.get("$ref"):
        yield from _keys(whole, whole["$defs"][reference.rpartition("/")[2]], path)
    for key in ("anyOf", "oneOf"):
        for option in node.get(key, ()):
            yield from _keys(whole, option, path)
    if isinstance(items := node.get("items"), dict):
        yield from _keys(whole, items, f"{path}[]")
    for values in (node.get("additionalProperties"), *node.get("patternProperties", {}).values()):
        if isinstance(values, dict):
            yield from _keys(whole, values, f"{path}.NAME")
    for name, value in node.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here
        yield from _keys(whole, value, here)


def test_every_error_code_is_documented_and_no_other() -> None:
    made = {kind.code for root in (*ROOTS, ConfigError) for kind in _tree(root)}
    printed = {int(code) for file in sources() for code in CODE.findall(file.read_text())}
    table = re.findall(r"^\| `WM-(\d{4})` \|", (DOCS / "reference" / "errors.md").read_text(), re.MULTILINE)
    assert {int(code) for code in table} == made | printed
    assert len(table) == len(set(table))


def _tree(root: type[Any]) -> Iterator[type[Any]]:
    yield root
    for kind in root.__subclasses__():
        if kind.__module__.split(".")[0] in ROOMS:
            yield from _tree(kind)


@pages
def test_a_code_that_a_page_names_exists(page: Path) -> None:
    assert set(CODE.findall(page.read_text())) <= set(CODE.findall((DOCS / "reference" / "errors.md").read_text()))


def test_every_reason_code_is_documented_and_no_other() -> None:
    section = (DOCS / "semantics.md").read_text().partition("## Why something is not pushed")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE)) == set(_reasons())


def _reasons() -> Iterator[str]:
    """The codes in Refused(node, code, reason) and stay(source, what, code, reason)."""
    for file in sources():
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                position = {"Refused": 1, "stay": 2}.get(name)
                if position is not None and len(node.args) > position:
                    argument = node.args[position]
                    if isinstance(argument, ast.Constant):
                        yield str(argument.value)


def test_every_command_and_option_is_documented_and_no_other() -> None:
    text = (DOCS / "reference" / "command-line.md").read_text()
    commands = dict(_commands(_parser(), ""))
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) == set(commands)
    for name, parser in commands.items():
        section = text.partition(f"### {name}\n")[2].partition("\n## ")[0].partition("\n### ")[0]
        usage = " ".join(re.findall(r"`([^`]+)`", section))
        wanted = {option for action in parser._actions for option in action.option_strings if option != "--help"}
        short = {option for option in wanted if not option.startswith("--")}
        missing = {option for option in wanted - short - {"--config"} if option not in usage}
        assert missing == set(), name
        known = wanted | {"-c", "--config"}
        assert set(re.findall(r"(?<![\w-])--[a-z-]+", usage)) <= known, name


def _commands(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for group in groups:
        for word, inner in group.choices.items():
            yield from _commands(inner, f"{name} {word}".strip())
    if not groups:
        yield name, parser


# ---------------------------------------------------------------- links and paths


@pages
def test_links_resolve(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            broken.append(target)
    assert broken == []


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pages
def test_files_that_a_page_names_exist(page: Path) -> None:
    names = re.findall(
        r"`((?:auth|connectors|deploy|docs|planner|scripts|server|tests|watersmeet)/[\w./-]+)`", page.read_text()
    )
    assert [name for name in names if not (ROOT / name).exists()] == []


@pages
def test_make_targets_that_a_page_names_exist(page: Path) -> None:
    targets = (ROOT / "Makefile").read_text().split(".PHONY:")[1].splitlines()[0].split()
    named = re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE)
    assert set(named) <= set(targets)


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text()
    linked = {(DOCS / target).resolve() for target in re.findall(r"\]\(([^)#\s]+)\)", index)}
    assert {page for page in PAGES if page not in (DOCS / "README.md", ROOT / "README.md")} <= linked


@pages
def test_pages_stand_alone(page: Path) -> None:
    """Nothing outside of the repository is needed to read them."""
    assert not re.search(r"\.\./shared|SEMANTICS\.md|INTERFACE\.md", page.read_text())


# ---------------------------------------------------------------- examples


def modules() -> Iterator[str]:
    for room in ROOMS:
        package = importlib.import_module(room)
        yield room
        for found in pkgutil.walk_packages(package.__path__, f"{room}."):
            if not found.name.endswith("__main__"):
                yield found.name


@pytest.mark.parametrize("name", sorted(modules()))
def test_the_examples_of_docstrings_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pages
def test_the_examples_of_a_page_run(page: Path) -> None:
    assert doctest.testfile(str(page), module_relative=False).failed == 0


@pages
def test_the_configurations_of_a_page_are_valid(page: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    server = Authority().signs()
    for name, content in {"cert.pem": server.cert, "key.pem": server.key, "crm.password": b"secret"}.items():
        (tmp_path / name).write_bytes(content)
    for block in fenced(page, "yaml"):
        for name in re.findall(r"\$\{ENV:(\w+)\}", block):
            known = {"WM_CERT": "cert.pem", "WM_KEY_FILE": "key.pem"}
            monkeypatch.setenv(name, known.get(name, "k" * 32))
        parse(block)


# ---------------------------------------------------------------- dependencies


def test_every_dependency_is_documented_with_its_range_and_licence() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    wanted = {}
    for requirement in (line for group in groups for line in group):
        name, bounds = re.fullmatch(r"([\w-]+(?:\[\w+\])?)(.*)", requirement).groups()  # type: ignore[union-attr]
        if not name.startswith("watersmeet"):
            wanted[name] = bounds
    table = re.findall(
        r"^\| ([\w,\[\] -]+) \| (any|`[^`]+`) \| ([^|]+) \|",
        (DOCS / "adr" / "0008-dependencies.md").read_text(),
        re.MULTILINE,
    )
    documented = {name: (bounds.strip("`"), licence) for names, bounds, licence in table for name in names.split(", ")}
    assert documented == {name: (bounds or "any", _licence(name)) for name, bounds in wanted.items()}


def _licence(requirement: str) -> str:
    """The licence in the installed package's metadata: an expression, a short text, or a classifier."""
    facts = importlib.metadata.metadata(requirement.partition("[")[0]).json
    text = str(facts.get("license_expression") or facts.get("license") or "")
    if not text or len(text) > 40:
        text = next(line for line in facts["classifier"] if line.startswith("License :: OSI")).rpartition(" :: ")[2]
    return text
