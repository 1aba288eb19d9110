"""Bars on a logarithmic scale as SVG: one bar for each figure, a line at 1, groups beside each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_COLOURS = ("#3b6ea5", "#d98c3f", "#5f9e6e", "#8c6bb1")
_BAR, _GAP, _HEIGHT = 8, 6, 260
_LEFT, _TOP, _BOTTOM = 52, 44, 30


@dataclass(frozen=True, slots=True)
class Series:
    """Bars of one colour."""

    name: str
    values: Mapping[str, float]
    """By the label of the group; none where it was not measured."""


def bars(title: str, labels: Sequence[str], series: Sequence[Series]) -> str:
    """An SVG picture. Bars go from 1 upwards (slower) or downwards (faster)."""
    values = [value for each in series for value in each.values.values()]
    low, high = math.floor(min(map(math.log10, [*values, 0.1]))), math.ceil(max(map(math.log10, [*values, 2])))
    group = _BAR * len(series) + _GAP
    width = _LEFT + group * len(labels) + _GAP

    def y(value: float) -> float:
        return round(_TOP + _HEIGHT * (high - math.log10(value)) / (high - low), 1)

    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_TOP + _HEIGHT + _BOTTOM}"'
            ' font-family="sans-serif" font-size="10">'
        ),
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_LEFT}" y="14" font-size="12">{escape(title)}</text>',
    ]
    for number, each in enumerate(series):
        x = _LEFT + number * (width - _LEFT) / len(series)
        parts.append(f'<rect x="{x:.0f}" y="22" width="9" height="9" fill="{_COLOURS[number]}"/>')
        parts.append(f'<text x="{x + 13:.0f}" y="30">{escape(each.name)}</text>')
    for power in range(low, high + 1):
        for step in (1, 2, 5) if power < high else (1,):
            value = step * 10.0**power
            strong = value == 1
            parts.append(
                f'<line x1="{_LEFT}" x2="{width}" y1="{y(value)}" y2="{y(value)}"'
                f' stroke="{"#333" if strong else "#ddd"}" stroke-width="{1.2 if strong else 0.6}"/>'
            )
            parts.append(f'<text x="{_LEFT - 6}" y="{y(value) + 3:.1f}" text-anchor="end">{value:g}</text>')
    for place, label in enumerate(labels):
        left = _LEFT + _GAP + place * group
        for number, each in enumerate(series):
            if (found := each.values.get(label)) is not None:
                top, bottom = sorted((y(found), y(1)))
                parts.append(
                    f'<rect x="{left + number * _BAR}" y="{top}" width="{_BAR - 1}" height="{max(bottom - top, 1):.1f}"'
                    f' fill="{_COLOURS[number]}"><title>{escape(f"{label}, {each.name}: {found:.2f}")}</title></rect>'
                )
        middle = left + _BAR * len(series) / 2
        parts.append(f'<text x="{middle}" y="{_TOP + _HEIGHT + 14}" text-anchor="middle">{escape(label)}</text>')
    return "\n".join([*parts, "</svg>", ""])
