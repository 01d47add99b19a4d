"""Line charts as SVG, both axes logarithmic: panels beside each other, one legend below."""

from __future__ import annotations

import math
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 420, 300  # of a panel, with its labels
LEFT, RIGHT, TOP, BOTTOM = 58, 24, 34, 40
LEGEND_LINE = 18
COLOURS = ["#c0392b", "#2471a3", "#239b56", "#b9770e", "#7d3c98", "#117a65", "#566573", "#a04000"]

Series = dict[str, list[tuple[float, float]]]


@dataclass
class Panel:
    title: str
    x_title: str
    series: Series


def chart(panels: list[Panel]) -> str:
    names = list(dict.fromkeys(name for panel in panels for name in panel.series))
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
    columns = max(1, len(panels))
    height = HEIGHT + LEGEND_LINE * math.ceil(len(names) / 2) + 8
    width = WIDTH * columns
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for number, panel in enumerate(panels):
        parts += [f'<g transform="translate({number * WIDTH} 0)">', *draw(panel, colours), "</g>"]
    for number, name in enumerate(names):
        x = LEFT + number % 2 * width / 2
        y = HEIGHT + LEGEND_LINE * (number // 2) + 10
        parts.append(f'<line x1="{x}" y1="{y}" x2="{x + 22}" y2="{y}" stroke="{colours[name]}" stroke-width="3"/>')
        parts.append(f'<text x="{x + 28}" y="{y + 4}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def draw(panel: Panel, colours: dict[str, str]) -> list[str]:
    xs = [x for line in panel.series.values() for x, _ in line]
    ys = [y for line in panel.series.values() for _, y in line if y > 0]
    if not xs or not ys:
        return []
    across = Axis(min(xs), max(xs), LEFT, WIDTH - RIGHT)
    up = Axis(min(ys) / 1.2, max(ys) * 1.2, HEIGHT - BOTTOM, TOP)
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts = [
        f'<text x="{middle}" y="18" text-anchor="middle" font-size="13">{escape(panel.title)}</text>',
        f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(panel.x_title)}</text>',
    ]
    for y in up.ticks():
        at = up(y)
        parts.append(f'<line x1="{LEFT}" y1="{at:.1f}" x2="{WIDTH - RIGHT}" y2="{at:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{short(y)}</text>')
    for x in sorted(set(xs)):
        at = across(x)
        parts.append(f'<line x1="{at:.1f}" y1="{TOP}" x2="{at:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#eee"/>')
        label = short(x, binary=True)
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{label}</text>')
    for name, line in panel.series.items():
        dots = [(across(x), up(y)) for x, y in line if y > 0]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colours[name]}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colours[name]}"/>' for x, y in dots]
    return parts


class Axis:
    """Where a number lies, on a logarithmic scale from one end to the other."""

    def __init__(self, low: float, high: float, begin: float, end: float) -> None:
        self._low, self._high = math.log(low), math.log(max(high, low * 1.01))
        self._begin, self._end = begin, end

    def __call__(self, value: float) -> float:
        share = (math.log(value) - self._low) / (self._high - self._low)
        return self._begin + share * (self._end - self._begin)

    def ticks(self) -> list[float]:
        """1, 2 and 5 of each decade, or its 1 alone where they are many."""
        decades = range(math.floor(self._low / math.log(10)), math.ceil(self._high / math.log(10)) + 1)
        fine = [1, 2, 5] if len(decades) <= 4 else [1]
        every = [step * 10.0**decade for decade in decades for step in fine]
        return [value for value in every if self._low <= math.log(value) <= self._high]


def short(value: float, binary: bool = False) -> str:
    """1200000 is 1.2M; in binary, 65536 is 64Ki."""
    if binary and value >= 65536 and value % 1024 == 0:
        return f"{value / 1024:.0f}Ki" if value < 1 << 20 else f"{value / (1 << 20):.0f}Mi"
    if value < 10000 and value == int(value):
        return str(int(value))
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"
