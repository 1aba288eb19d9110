"""A plan as a picture: sources, the fragments they run, what flows between them, and the local engine.

Two forms of one graph: Mermaid, which code hosts and editors draw, and SVG, which needs nobody. Both are made from the
document of EXPLAIN (FORMAT JSON), so a client draws the plan of any server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap
from typing import Any

_SHOWN = 240
"""Characters of a query in its box."""
_WIDTH = 44
"""Characters of a line in a box."""


@dataclass(frozen=True, slots=True)
class _Box:
    name: str
    column: int
    """0 sources, 1 fragments, 2 the engine, 3 the answer."""
    title: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Flow:
    start: str
    end: str
    label: str


def mermaid(document: Mapping[str, Any]) -> str:
    """The plan as a Mermaid flowchart."""
    boxes, flows = _graph(document)
    out = ["flowchart LR"]
    for box in boxes:
        text = "<br/>".join(_quoted(line) for line in (box.title, *box.lines))
        shape = ("[(", ")]") if box.column == 0 else ("([", "])") if box.column == 3 else ("[", "]")
        out.append(f'  {box.name}{shape[0]}"{text}"{shape[1]}')
    for flow in flows:
        out.append(
            f'  {flow.start} -->|"{_quoted(flow.label)}"| {flow.end}'
            if flow.label
            else f"  {flow.start} --> {flow.end}"
        )
    return "\n".join(out) + "\n"


def svg(document: Mapping[str, Any]) -> str:
    """The plan as an SVG of its own, without scripts or fonts from elsewhere."""
    boxes, flows = _graph(document)
    places, width, height = _placed(boxes)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
            ' font-family="monospace" font-size="12">'
        ),
        (
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
            '<path d="M0 0 8 4 0 8z" fill="#456"/></marker></defs>'
        ),
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for flow in flows:
        (x1, y1, w1, h1), (x2, y2, _, h2) = places[flow.start], places[flow.end]
        start, end, middle = (x1 + w1, y1 + h1 // 2), (x2, y2 + h2 // 2), (x1 + w1 + x2) // 2
        parts.append(
            f'<path d="M{start[0]} {start[1]} C{middle} {start[1]} {middle} {end[1]} {end[0]} {end[1]}" fill="none"'
            ' stroke="#456" marker-end="url(#tip)"/>'
            f'<text x="{middle}" y="{(start[1] + end[1]) // 2 - 4}" text-anchor="middle" fill="#456">'
            f"{escape(flow.label)}</text>"
        )
    for box in boxes:
        x, y, w, h = places[box.name]
        parts.append(
            f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="6" fill="{_FILL[box.column]}" stroke="#456"/>'
        )
        for number, line in enumerate((box.title, *box.lines)):
            weight = ' font-weight="bold"' if number == 0 else ""
            parts.append(f'<text x="{x + 10}" y="{y + 20 + number * _LINE}"{weight}>{escape(line)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


_LINE = 16
_FILL = ("#e8f0e4", "#e6eef8", "#fdf3dc", "#f4e8f4")


def _graph(document: Mapping[str, Any]) -> tuple[list[_Box], list[_Flow]]:
    fragments: Sequence[Mapping[str, Any]] = document["fragments"]
    boxes, flows = [], []
    names = {source: f"s{number}" for number, source in enumerate(dict.fromkeys(f["source"] for f in fragments))}
    boxes += [_Box(name, 0, source) for source, name in names.items()]
    local = document["local"]
    for fragment in fragments:
        name = f"x{fragment['id']}"
        boxes.append(_Box(name, 1, f"fragment {name}", _lines(fragment["sql"])))
        flows.append(_Flow(names[fragment["source"]], name, ""))
        flows.append(_Flow(name, "answer" if local is None else "local", _rows(fragment)))
        flows += [_Flow(f"x{other}", name, "keys") for other in fragment["waits_for"]]
    if local is not None:
        boxes.append(_Box("local", 2, "local (DuckDB)", _lines(local)))
        flows.append(_Flow("local", "answer", ""))
    columns = ", ".join(f"{column['name']} {column['type']}" for column in document["columns"])
    boxes.append(_Box("answer", 3, "answer", _lines(columns)))
    return boxes, flows


def _rows(fragment: Mapping[str, Any]) -> str:
    measured = fragment.get("measured")
    if measured:
        return f"{measured['rows']:,} rows"
    return "" if fragment["estimate"] is None else f"about {fragment['estimate']:,} rows"


def _lines(text: str) -> tuple[str, ...]:
    short = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return tuple(wrap(short, _WIDTH))


def _quoted(text: str) -> str:
    """Text in a Mermaid label: its own entities for what would end it."""
    return text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")


def _placed(boxes: Sequence[_Box]) -> tuple[dict[str, tuple[int, int, int, int]], int, int]:
    """(x, y, width, height) of each box, in columns from left to right, and the size of the whole."""
    gap, margin = 120, 20
    places: dict[str, tuple[int, int, int, int]] = {}
    x = margin
    lowest = 0
    for column in sorted({box.column for box in boxes}):
        inside = [box for box in boxes if box.column == column]
        width = 20 + 8 * max(len(line) for box in inside for line in (box.title, *box.lines))
        y = margin
        for box in inside:
            height = 14 + _LINE * (1 + len(box.lines))
            places[box.name] = (x, y, width, height)
            y += height + margin
        lowest = max(lowest, y)
        x += width + gap
    return places, x - gap + margin, lowest
