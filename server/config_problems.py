"""What is wrong with a configuration, in words: pydantic's findings by the paths of the file's keys.

Values are never shown: they may be secrets.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError


def problems(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Each finding about data for `model` as 'path of the key: what is wrong'."""
    return [
        _problem(model, e["loc"], e["type"], e["msg"]) for e in error.errors(include_url=False, include_input=False)
    ]


def _problem(model: type[BaseModel], location: Sequence[int | str], kind: str, message: str) -> str:
    """One problem of pydantic's as 'path of the key: what is wrong'.

    `location` holds the tags of unions (sources.sales.postgres.url): they are no keys of the file.
    """
    path, known = "", _known_names(model)
    current: Any = model
    if location[-1] == "[key]":
        location = [*map(str, location[:-1])]  # a key that YAML takes for a number is no position
        message = "a name is text: write it in quotes" if kind == "string_type" else f"as a name: {message}"
    for part in location:
        options = list(_options(current))
        if isinstance(part, str) and (tagged := _tagged(options, part)) is not None:
            current = tagged
            known = _known_names(current)
            continue
        known = [name for option in options for name in _known_names(option)]
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
        current = next((inner for option in options if (inner := _inside(option, part)) is not None), None)
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(location[-1]), known, 1, 0.5)
        return f"{path}: no such key" + (f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known)}")
    if kind == "missing":
        return f"{path}: this key is needed"
    if kind in _NO_KIND:
        return f"{path}.kind: {_NO_KIND[kind]} {', '.join(_tags(current))}"
    if kind in _NO_SECTION:
        return f"{path}: this is a section: its keys follow, indented"
    return f"{path}: {message.removeprefix('Value error, ')}"


_NO_KIND = {"union_tag_not_found": "this key is needed: one of", "union_tag_invalid": "no such kind; known:"}
_NO_SECTION = {"dict_type", "mapping_type", "model_type", "model_attributes_type"}


def _options(annotation: Any) -> Iterator[Any]:
    """A type without Annotated, as its alternatives without None."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        for option in get_args(annotation):
            yield from _options(option)
    elif annotation is not type(None):
        yield annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _known_names(annotation: Any) -> list[str]:
    return list(annotation.model_fields) if _is_model(annotation) else []


def _tags(annotation: Any) -> list[str]:
    """The tags of a discriminated union."""
    return [tag for option in _options(annotation) for tag in get_args(option.model_fields["kind"].annotation)]


def _tagged(options: Sequence[Any], part: str) -> Any:
    """The member of a discriminated union whose tag `part` is."""
    for option in options:
        kind = option.model_fields.get("kind") if _is_model(option) and len(options) > 1 else None
        if kind is not None and part in get_args(kind.annotation):
            return option
    return None


def _inside(annotation: Any, part: int | str) -> Any:
    """The type of what lies at a key or position inside a type; None when that is unknown."""
    if _is_model(annotation):
        field = annotation.model_fields.get(part)
        return None if field is None else field.annotation
    arguments = get_args(annotation)
    return arguments[-1 if isinstance(part, str) else 0] if arguments else None
