"""Plots as inline SVG: bars with their numbers written at them, told apart by filling and never by colour alone.

Every plot stands beside a table with the same numbers; its picture has a name and a description for who cannot see it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 760, 230, 44, 30, 26
_ROW, _LABEL = 30, 210


@dataclass(frozen=True)
class Series:
    """Bars of one kind, one value per label; None where there is nothing to say."""

    name: str
    values: tuple[int | None, ...]


def bars(name: str, labels: Sequence[str], series: Sequence[Series], unit: str) -> Markup:
    """Upright bars: at most two kinds beside each other, the second one hatched."""
    top = _rounded_up(max((v or 0 for s in series for v in s.values), default=0))
    plane = _HEIGHT - _TOP - _BOTTOM
    room = (_WIDTH - _LEFT) / max(1, len(labels))
    wide = room * 0.76 / len(series)
    parts = [_grid(top, plane)]
    for at, label in enumerate(labels):
        left = _LEFT + at * room
        parts.append(_text(left + room / 2, _HEIGHT - 8, label, "middle"))
        for number, one in enumerate(series):
            parts.append(_bar(left + room * 0.12 + number * wide, wide, one.values[at], top, plane, number))
    legend = "".join(_key(number, one.name) for number, one in enumerate(series)) if len(series) > 1 else ""
    return _svg(name, f"{_described(labels, series)} Unit: {unit}.", _HEIGHT, "".join(parts) + legend)


def lines(name: str, rows: Sequence[tuple[str, int]], unit: str) -> Markup:
    """Lying bars, one per row, with its word before and its number behind."""
    top = max((n for _, n in rows), default=0) or 1
    parts = []
    for at, (word, number) in enumerate(rows):
        y = at * _ROW + 6
        long = (_WIDTH - _LABEL - 70) * number / top
        parts.append(_text(_LABEL - 10, y + 15, word, "end"))
        parts.append(f'<rect class="fill" x="{_LABEL}" y="{y}" width="{max(long, 1):.1f}" height="{_ROW - 10}"/>')
        parts.append(_text(_LABEL + long + 8, y + 15, f"{number:,}", "start"))
    told = ", ".join(f"{word} {number}" for word, number in rows)
    return _svg(name, f"{told}. Unit: {unit}.", len(rows) * _ROW + 8, "".join(parts))


def _svg(name: str, description: str, height: int, inner: str) -> Markup:
    head = (
        f'<svg class="plot" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(name)}. '
        f'{escape(description)}">'
    )
    # An id is one of a whole page, on which several plots stand.
    own = re.sub(r"\W+", "-", name.lower())
    drawn = head + _HATCH + inner + "</svg>"
    for mark in ('id="hatch', "url(#hatch"):
        drawn = drawn.replace(mark, f"{mark}-{own}")
    return Markup(drawn)  # noqa: S704 (numbers, and texts that are escaped)


_HATCH = (
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="ground" width="6" height="6"/><rect class="fill second" width="3" height="6"/></pattern></defs>'
)


def _grid(top: int, plane: float) -> str:
    found = []
    for share in (0, 0.5, 1):
        y = _TOP + plane * (1 - share)
        found.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        value = top * share
        if value == int(value):
            found.append(_text(_LEFT - 8, y + 4, f"{int(value):,}", "end"))
    return "".join(found)


def _bar(x: float, wide: float, value: int | None, top: int, plane: float, number: int) -> str:
    middle = x + wide / 2
    if value is None:
        return _text(middle, _TOP + plane - 5, "–", "middle")
    high = plane * value / top
    y = _TOP + plane - high
    style = 'class="outline" fill="url(#hatch)"' if number else 'class="fill"'
    drawn = f'<rect {style} x="{x:.1f}" y="{y:.1f}" width="{wide - 2:.1f}" height="{high:.1f}"/>' if value else ""
    return drawn + _text(middle - 1, y - 5, _short(value), "middle")


def _key(number: int, name: str) -> str:
    x = _LEFT + number * 190
    style = 'class="outline" fill="url(#hatch)"' if number else 'class="fill"'
    return f'<rect {style} x="{x}" y="2" width="14" height="12"/>' + _text(x + 20, 13, name, "start")


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _short(value: int) -> str:
    return f"{value / 1000:.1f}k" if value >= 10_000 else f"{value:,}"


def _described(labels: Sequence[str], series: Sequence[Series]) -> str:
    def told(one: Series) -> str:
        return ", ".join(f"{la} {'none' if v is None else v}" for la, v in zip(labels, one.values, strict=True))

    return " ".join(f"{one.name}: {told(one)}." for one in series)


def _rounded_up(value: int) -> int:
    """A round number that is not below: 1, 2, 5, 10, 20, 50 and so on."""
    if value <= 1:
        return 1
    size: int = 10 ** math.floor(math.log10(value))
    return next(n for n in (size, 2 * size, 5 * size, 10 * size) if n >= value)
