"""A configuration file's text as plain data: YAML as people mean it, and values that stand elsewhere.

Apart from config because it knows nothing of keys: any value may be `${ENV:NAME}` or `${FILE:path}`, or hold some.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from server.config_errors import Invalid, Unreadable

MAX_BYTES = 16 * 2**20
"""Of a configuration file, and of a file that it takes a value from."""


def read(path: Path) -> str:
    """A file's text. Raises Unreadable."""
    try:
        return _text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"cannot read {path}: {_why(error)}") from None


def data(text: str) -> dict[str, Any]:
    """The mapping that a YAML text holds, its references replaced. Raises ConfigError."""
    try:
        content = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        place = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise Unreadable(f"not YAML: {place}{error.problem}") from None
    except yaml.YAMLError:
        raise Unreadable("not YAML: a character that YAML does not allow") from None
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    if not isinstance(content, dict):
        raise Unreadable("the file is empty or not a mapping: it begins with version: 1")
    problems: list[str] = []
    try:
        filled: dict[str, Any] = _filled(content, "", problems)
    except RecursionError:
        raise Unreadable("an alias that contains itself") from None
    if problems:
        raise Invalid("\n".join(problems))
    return filled


class Unplaceable(Exception):
    """A text in which nothing can be put at that place."""


def placed(text: str, path: Sequence[str], key: str, value: str) -> str:
    """The text with `key: value` in the section at a path, in place of an older value; every other character stays.

    Raises Unplaceable where there is no such section, or one in braces.

    >>> print(placed("sources:\\n  pg:\\n    kind: postgres  # ours\\n", ["sources", "pg"], "pool", "4"), end="")
    sources:
      pg:
        pool: 4
        kind: postgres  # ours
    """
    section: yaml.Node | None = yaml.compose(text, yaml.SafeLoader)
    for name in path:
        section = next((inner for outer, inner in _pairs(section) if outer.value == name), None)
    if not isinstance(section, yaml.MappingNode) or section.flow_style:
        raise Unplaceable(f"{'.'.join(path)} is not a section of one key a line")
    line = f"{key}: {value}"
    for outer, inner in section.value:
        if outer.value == key:
            return text[: outer.start_mark.index] + line + text[_end(inner) :]
    first = section.value[0][0].start_mark
    return f"{text[: first.index]}{line}\n{' ' * first.column}{text[first.index :]}"


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _end(node: yaml.Node) -> int:
    """Where a value ends. YAML's own mark of a section of several lines is at what follows, behind the comments there."""
    if not isinstance(node, yaml.CollectionNode) or node.flow_style:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last)


class _Loader(yaml.SafeLoader):
    """YAML in which on, off, yes and no are words (as in YAML 1.2), and a key that is given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                problem = f"the key {key.value} is given twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


_REFERENCE = re.compile(r"\$\{([^}]*)\}")


def _filled(value: Any, path: str, problems: list[str]) -> Any:
    """The data with ${ENV:NAME} and ${FILE:path} replaced in every string; what cannot be is added to `problems`."""
    if isinstance(value, dict):
        return {key: _filled(item, f"{path}.{key}" if path else str(key), problems) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, f"{path}[{position}]", problems) for position, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replaced(match: re.Match[str]) -> str:
        kind, _, name = match[1].partition(":")
        look_up = _REFERENCES.get(kind)
        try:
            if look_up is None:
                raise _Missing(f"${{{match[1]}}} is neither ${{ENV:NAME}} nor ${{FILE:path}}")
            return look_up(name)
        except _Missing as error:
            problems.append(f"{path}: {error}")
            return ""

    return _REFERENCE.sub(replaced, value)


class _Missing(Exception):
    """What a reference means is not there."""


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise _Missing(f"the environment variable {name} is not set")
    return value


def _content(name: str) -> str:
    """A file's text without the line end that editors and `echo` leave."""
    try:
        return _text(Path(name)).removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise _Missing(f"cannot read the file {name}: {_why(error)}") from None


def _text(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.read(MAX_BYTES)


_REFERENCES: Mapping[str, Callable[[str], str]] = {"ENV": _variable, "FILE": _content}


def _why(error: Exception) -> str:
    return (error.strerror or "failed").lower() if isinstance(error, OSError) else "not UTF-8"
