"""The curves of `bench.loop`, week by week, as an SVG file that stands alone."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from training.evaluation.svg import Frame, area, axes, dot, figure, legend, path, share_ticks
from triage.domain.estimate import Estimate

STYLE = """
svg { font: 12px system-ui, sans-serif; background: #fff; fill: #222 }
.grid { stroke: #e3e3e3 } .axis { stroke: #777 } .tick, .legend, .axis-title { fill: #444 }
polyline, line { fill: none; stroke-width: 2 } .grid, .axis { stroke-width: 1 }
.series-0 { stroke: #777; stroke-dasharray: 5 4 } .series-1 { stroke: #0b62a4 } .series-2 { stroke: #c2571a }
.band-0 { fill: #777; fill-opacity: .10 } .band-1 { fill: #0b62a4; fill-opacity: .12 }
.band-2 { fill: #c2571a; fill-opacity: .12 }
.dot-0 { fill: #777 } .dot-1 { fill: #0b62a4 } .dot-2 { fill: #c2571a }
"""
WIDTH, HEIGHT = 560.0, 340.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """``points``: a week and its share."""

    words: str
    points: Sequence[tuple[int, Estimate]]


def drawing(title: str, measure: str, curves: Sequence[Curve]) -> str:
    """Each curve in a band of its interval; at most three."""
    every = [(week, one) for curve in curves for week, one in curve.points]
    low = math.floor(min(one.low for _, one in every) * 20) / 20
    high = math.ceil(max(one.high for _, one in every) * 20) / 20
    weeks = sorted({week for week, _ in every})
    frame = Frame(
        left=52,
        right=WIDTH - 16,
        top=28,
        bottom=HEIGHT - 88,
        x0=weeks[0] - 0.3,
        x1=weeks[-1] + 0.3,
        y0=low,
        y1=high,
    )
    parts = [axes(frame, [(float(week), str(week)) for week in weeks], share_ticks(low, high), ("week", measure))]
    for at, curve in enumerate(curves):
        upper = [(frame.x(week), frame.y(one.high)) for week, one in curve.points]
        lower = [(frame.x(week), frame.y(one.low)) for week, one in curve.points]
        parts.append(area([*upper, *lower[::-1]], f"band-{at}"))
    for at, curve in enumerate(curves):
        found = [(week, one, one.value) for week, one in curve.points if one.value is not None]
        parts.append(path([(frame.x(week), frame.y(value)) for week, _, value in found], f"series-{at}"))
        for week, one, value in found:
            hint = f"{curve.words}, week {week}: {value:.1%} of {one.n:,}"
            parts.append(dot((frame.x(week), frame.y(value)), f"dot-{at}", hint))
    entries = [(f"series-{at}", curve.words) for at, curve in enumerate(curves)]
    parts.append(legend(entries, (8, HEIGHT - 28), WIDTH))
    drawn = figure("loop", title, _described(curves), (WIDTH, HEIGHT), parts)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH:.0f}" height="{HEIGHT:.0f}" '
    return str(drawn).replace("<svg ", head, 1).replace("</title>", f"</title><style>{STYLE}</style>", 1)


def _described(curves: Sequence[Curve]) -> str:
    told: Mapping[str, str] = {
        curve.words: ", ".join(f"{one.value:.0%}" for _, one in curve.points if one.value is not None)
        for curve in curves
    }
    return str(Markup("; ").join(f"{words}: {shares}" for words, shares in told.items()))
