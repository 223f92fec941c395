"""The few shapes our plots are drawn of: SVG text, coloured by the classes of the page's style sheet.

Every string that comes from outside goes through ``Markup.format``, which escapes it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

Point = tuple[float, float]

_LARGEST = 1.2
"""How far a drawing is blown up on a wide page, so that its letters stay about as large as those around it."""

_CHARACTER = 6.4
"""Mean width of a character of 12 units, near enough to place a legend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Where data stand: the domain ``x0`` … ``x1``, ``y0`` … ``y1`` in the box of given edges, y upwards."""

    left: float
    right: float
    top: float
    bottom: float
    x0: float = 0.0
    x1: float = 1.0
    y0: float = 0.0
    y1: float = 1.0

    def x(self, value: float) -> float:
        return self.left + (value - self.x0) / (self.x1 - self.x0) * (self.right - self.left)

    def y(self, value: float) -> float:
        return self.bottom - (value - self.y0) / (self.y1 - self.y0) * (self.bottom - self.top)


def figure(name: str, title: str, description: str, size: tuple[float, float], body: Iterable[Markup]) -> Markup:
    """A drawing that a screen reader reads ``title`` and ``description`` of. ``name`` is unique in the page."""
    return Markup(
        '<svg viewBox="0 0 {:.0f} {:.0f}" style="max-width: {:.0f}px" role="img" '
        'aria-labelledby="{n}-title {n}-text">'
        '<title id="{n}-title">{}</title><desc id="{n}-text">{}</desc>{}</svg>'
    ).format(*size, size[0] * _LARGEST, title, description, join(body), n=name)


def join(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)


def text(at: Point, content: str, style: str = "", *, anchor: str = "start", turn: float = 0.0) -> Markup:
    """``turn`` in degrees, about the point."""
    x, y = at
    turned = Markup(' transform="rotate({:.0f} {:.1f} {:.1f})"').format(turn, x, y) if turn else Markup("")
    return Markup('<text x="{:.1f}" y="{:.1f}" class="{}" text-anchor="{}"{}>{}</text>').format(
        x, y, style, anchor, turned, content
    )


def line(start: Point, end: Point, style: str) -> Markup:
    return Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="{}"/>').format(*start, *end, style)


def path(points: Iterable[Point], style: str) -> Markup:
    return Markup('<polyline points="{}" class="{}"/>').format(_points(points), style)


def area(points: Iterable[Point], style: str) -> Markup:
    return Markup('<polygon points="{}" class="{}"/>').format(_points(points), style)


def dot(at: Point, style: str, title: str = "", radius: float = 3.5) -> Markup:
    return Markup('<circle cx="{:.1f}" cy="{:.1f}" r="{}" class="{}">{}</circle>').format(
        *at, radius, style, _hint(title)
    )


def box(corner: Point, size: tuple[float, float], style: str, title: str = "", strength: float = 1.0) -> Markup:
    """``strength``: 0 to 1, how opaque its colour is."""
    return Markup(
        '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" class="{}" fill-opacity="{:.2f}">{}</rect>'
    ).format(*corner, max(0.0, size[0]), max(0.0, size[1]), style, strength, _hint(title))


def axes(
    frame: Frame, x_ticks: Sequence[tuple[float, str]], y_ticks: Sequence[tuple[float, str]], titles: Sequence[str]
) -> Markup:
    """Grid lines for ``y_ticks``, marks for ``x_ticks``, and the titles of x and y."""
    parts = []
    for value, label in y_ticks:
        y = frame.y(value)
        parts.append(line((frame.left, y), (frame.right, y), "grid"))
        parts.append(text((frame.left - 7, y + 4), label, "tick", anchor="end"))
    for value, label in x_ticks:
        x = frame.x(value)
        parts.append(line((x, frame.bottom), (x, frame.bottom + 4), "axis"))
        parts.append(text((x, frame.bottom + 17), label, "tick", anchor="middle"))
    parts.append(line((frame.left, frame.bottom), (frame.right, frame.bottom), "axis"))
    middle = (frame.left + frame.right) / 2
    parts.append(text((middle, frame.bottom + 35), titles[0], "axis-title", anchor="middle"))
    parts.append(text((frame.left - 7, frame.top - 11), titles[1], "axis-title", anchor="start"))
    return join(parts)


def legend(entries: Sequence[tuple[str, str]], corner: Point, right: float) -> Markup:
    """``entries``: (style of a short line, words), beside each other from ``corner`` and on further lines
    below."""
    parts, (x, y) = [], corner
    for style, words in entries:
        width = 30 + len(words) * _CHARACTER
        if x + width > right and x > corner[0]:
            x, y = corner[0], y + 17
        parts.append(line((x, y - 4), (x + 20, y - 4), style))
        parts.append(text((x + 25, y), words, "legend"))
        x += width + 10
    return join(parts)


def shorten(label: str, most: int) -> str:
    """To ``most`` characters, from its middle: names of one family begin alike and differ at their ends."""
    if len(label) <= most:
        return label
    tail = (most - 1) * 3 // 5
    return f"{label[: most - 1 - tail].rstrip()}…{label[-tail:].lstrip()}"


def share_ticks(low: float = 0.0, high: float = 1.0, steps: int = 5) -> list[tuple[float, str]]:
    """Marks for shares from ``low`` to ``high``, up to ``steps`` apart."""
    step = next((step for step in (0.02, 0.05, 0.1, 0.2) if (high - low) / step <= steps + 0.001), 0.5)
    first = round(low / step + 0.4999)
    return [(at * step, f"{at * step:.0%}") for at in range(first, int(high / step + 1e-6) + 1)]


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _hint(title: str) -> Markup:
    return Markup("<title>{}</title>").format(title) if title else Markup("")
