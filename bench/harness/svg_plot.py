"""Lines over time as an SVG of one or more panels, one above the other."""

import dataclasses
import math
from xml.sax.saxutils import escape

WIDTH = 960
PANEL_HEIGHT = 220
LEFT, RIGHT, TOP, BOTTOM = 76, 24, 64, 52
GAP = 56  # between panels
TICKS = 6

# Colours that those with colour blindness tell apart (Okabe and Ito), for light and dark.
STYLE = """
svg { font: 13px sans-serif; background: #fff; }
text { fill: #222; } .title { font-size: 17px; font-weight: bold; }
.grid { stroke: #ddd; } .axis { stroke: #888; }
.line { fill: none; stroke-width: 1.6; }
.c0 { stroke: #0072b2; } .c1 { stroke: #d55e00; } .c2 { stroke: #009e73; }
@media (prefers-color-scheme: dark) {
  svg { background: #161616; } text { fill: #ddd; }
  .grid { stroke: #333; } .axis { stroke: #777; }
  .c0 { stroke: #56b4e9; } .c1 { stroke: #e69f00; } .c2 { stroke: #33c79a; }
}
"""


@dataclasses.dataclass(frozen=True)
class Panel:
    """One panel: its unit and at most three lines, each [(x, y)]."""

    label: str
    lines: dict  # name -> points


def ticks(low, high, about=TICKS):
    """Round numbers from low to beyond high: steps of 1, 2 or 5 times a power of ten."""
    if high <= low:
        high = low + 1
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= raw * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


def number(value):
    return f"{value:,.10g}"


class _Scale:
    """From values to places."""

    def __init__(self, low, high, begin, end):
        self._low, self._high, self._begin, self._end = low, high, begin, end

    def __call__(self, value):
        part = (value - self._low) / (self._high - self._low)
        return self._begin + part * (self._end - self._begin)


def _text(x, y, words, anchor="start", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(words)}</text>'


def _line(css, x1, y1, x2, y2):
    return f'<line class="{css}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _panel(panel, top, x_ticks, x_scale):
    bottom = top + PANEL_HEIGHT
    values = [y for points in panel.lines.values() for _, y in points]
    y_ticks = ticks(0, max(values, default=1))
    y_scale = _Scale(y_ticks[0], y_ticks[-1], bottom, top)
    parts = []
    for tick in y_ticks:
        parts.append(_line("grid", LEFT, y_scale(tick), WIDTH - RIGHT, y_scale(tick)))
        parts.append(_text(LEFT - 8, y_scale(tick) + 4, number(tick), "end"))
    for tick in x_ticks:
        parts.append(_line("grid", x_scale(tick), top, x_scale(tick), bottom))
    parts.append(_line("axis", LEFT, bottom, WIDTH - RIGHT, bottom))
    parts.append(_line("axis", LEFT, top, LEFT, bottom))
    parts.append(_text(LEFT, top - 10, panel.label))
    for i, (name, points) in enumerate(panel.lines.items()):
        places = " ".join(f"{x_scale(x):.1f},{y_scale(y):.1f}" for x, y in points)
        parts.append(f'<polyline class="line c{i}" points="{places}"/>')
        x = WIDTH - RIGHT - 190 * (len(panel.lines) - i)
        parts.append(_line(f"line c{i}", x, top - 14, x + 24, top - 14))
        parts.append(_text(x + 30, top - 10, name))
    return parts


def render(title, x_label, panels):
    """Returns the SVG's text. All panels share the x axis, which begins at 0."""
    height = TOP + len(panels) * PANEL_HEIGHT + (len(panels) - 1) * GAP + BOTTOM
    last_x = max((x for p in panels for line in p.lines.values() for x, _ in line), default=1)
    x_ticks = ticks(0, last_x, 10)
    x_scale = _Scale(0, x_ticks[-1], LEFT, WIDTH - RIGHT)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}">',
        f"<style>{STYLE}</style>", _text(LEFT, 28, title, extra=' class="title"')]
    for i, panel in enumerate(panels):
        parts += _panel(panel, TOP + i * (PANEL_HEIGHT + GAP), x_ticks, x_scale)
    bottom = height - BOTTOM
    parts += [_text(x_scale(tick), bottom + 18, number(tick), "middle") for tick in x_ticks]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, bottom + 40, x_label, "middle"))
    return "\n".join(parts + ["</svg>", ""])
