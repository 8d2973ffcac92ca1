"""Small pictures as SVG inside the page: bars over time, and the way of each column. Pure: values in, markup out.

Rules:
1. A picture repeats what a table or list beside it says; its title says in words what it shows, for those who hear it.
2. Colours come from the page's style, so that a picture follows light, dark and print. Text is escaped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

_WIDTH, _HEIGHT = 720, 190
_LEFT, _TOP, _BOTTOM = 74, 14, 34
_LABELS = 12  # more would run into one another
_LANE, _BOX, _GAP = 30, 22, 60
_CHARACTER = 7.0


@dataclass(frozen=True)
class Bar:
    """One value over time; None where it is not known. `said` is the value in words."""

    label: str
    value: float | None
    said: str


@dataclass(frozen=True)
class Lane:
    """The way of one column: as it is in the source, what is done to it, as it is delivered."""

    source: str
    treatment: str
    delivered: str


def bars(title: str, values: Sequence[Bar]) -> Markup:
    """Bars from left to right, the highest as high as the picture. Empty without a known value."""
    known = [b.value for b in values if b.value is not None]
    if not known:
        return Markup("")
    top, step = max(*known, 1), (_WIDTH - _LEFT) / len(values)
    every = -(-len(values) // _LABELS)
    parts = [_axis(top, max(values, key=lambda b: b.value or 0).said)]
    for number, bar in enumerate(values):
        x = _LEFT + number * step
        parts.append(_bar(bar, x + step * 0.15, step * 0.7, top))
        if number % every == 0:
            parts.append(_text(x + step / 2, _HEIGHT - 12, bar.label, "quiet", "middle"))
    return _picture(title, _WIDTH, _HEIGHT, parts)


def lineage(title: str, lanes: Sequence[Lane]) -> Markup:
    """One lane per column: source, treatment, delivered name, joined by lines."""
    texts = [[lane.source for lane in lanes], [lane.treatment for lane in lanes], [lane.delivered for lane in lanes]]
    widths = [max((len(t) for t in column), default=0) * _CHARACTER + 20 for column in texts]
    starts = [0.5, widths[0] + _GAP, widths[0] + widths[1] + 2 * _GAP]
    width, height = starts[2] + widths[2] + 1, len(lanes) * _LANE + 24
    parts = [_text(x + 2, 14, w, "quiet") for x, w in zip(starts, ("Source", "Treatment", "Delivered"), strict=True)]
    for number, lane in enumerate(lanes):
        parts.append(_lane(lane, 22 + number * _LANE, starts, widths))
    return _picture(title, width, height, parts)


def _bar(bar: Bar, x: float, width: float, top: float) -> Markup:
    room, ground = _HEIGHT - _TOP - _BOTTOM, _HEIGHT - _BOTTOM
    if bar.value is None:
        return Markup('<path class="gone" d="M{:.1f} {}h{:.1f}"><title>{}: not recorded</title></path>').format(
            x, ground - 3, width, bar.label
        )
    high = room * bar.value / top
    return Markup(
        '<rect class="fill" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}: {}</title></rect>'
    ).format(x, ground - high, width, max(high, 1), bar.label, bar.said)


def _axis(top: float, said: str) -> Markup:
    ground = _HEIGHT - _BOTTOM
    lines = Markup('<path class="axis" d="M{0} {1}H{2}M{0} {3}H{2}"/>').format(_LEFT - 6, ground, _WIDTH, _TOP)
    return (
        lines + _text(_LEFT - 10, _TOP + 4, said, "quiet", "end") + _text(_LEFT - 10, ground + 4, "0", "quiet", "end")
    )


def _lane(lane: Lane, y: float, starts: Sequence[float], widths: Sequence[float]) -> Markup:
    found, middle = Markup(""), y + _BOX / 2
    for number, (x, text) in enumerate(zip(starts, (lane.source, lane.treatment, lane.delivered), strict=True)):
        found += Markup('<rect class="box" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{}" rx="3"/>').format(
            x, y, widths[number], _BOX
        )
        found += _text(x + 10, middle + 4, text, "name")
        if number:
            before = starts[number - 1] + widths[number - 1]
            found += Markup('<path class="line" d="M{:.1f} {:.1f}H{:.1f}m-6 -4l6 4l-6 4"/>').format(
                before + 4, middle, x - 4
            )
    return found


def _text(x: float, y: float, words: str, look: str, anchor: str = "start") -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(look, x, y, anchor, words)


def _picture(title: str, width: float, height: float, parts: Iterable[Markup]) -> Markup:
    return Markup(
        '<svg class="plot" role="img" viewBox="0 0 {0:.0f} {1:.0f}" width="{0:.0f}" aria-label="{2}">{3}</svg>'
    ).format(width, height, title, Markup("").join(parts))
