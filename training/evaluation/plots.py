"""The plots of a report, as SVG text.

Drawn by ourselves: eight plain plots do not pay for a plotting library of tens of megabytes, and text in a page is
crisp, follows light and dark, prints, and can be read aloud and searched.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from training.evaluation.confusion import OTHERS, ConfusionFigures
from training.evaluation.coverage import PRECISIONS
from training.evaluation.intervals import Interval
from training.evaluation.measures import TargetFigures
from training.evaluation.periods import Period
from training.evaluation.reliability import CalibrationFigures
from training.evaluation.svg import (
    Frame,
    area,
    axes,
    box,
    dot,
    figure,
    join,
    legend,
    line,
    path,
    share_ticks,
    shorten,
    text,
)
from triage.prediction.measured import LabelFigures

_WIDTH, _HEIGHT = 480.0, 330.0
_STRONG = 0.55
"""A cell more opaque than this needs the light text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningPoint:
    """A score, with its 95% interval, of a head that learnt from ``rows`` rows only."""

    rows: int
    score: float
    low: float
    high: float


def reliability_plot(name: str, found: CalibrationFigures) -> Markup:
    """Accuracy against confidence for each bin, above the number of rows at each confidence."""
    frame = Frame(left=48, right=_WIDTH - 20, top=28, bottom=228)
    parts = [
        axes(frame, share_ticks(), share_ticks(), ("", "accuracy")),
        line((frame.x(0), frame.y(0)), (frame.x(1), frame.y(1)), "perfect"),
        path([(frame.x(one.confidence), frame.y(one.accuracy.value)) for one in found.bins], "series-0"),
    ]
    for one in found.bins:
        said = f"{one.rows:,} rows: said {one.confidence:.1%}, right in {one.accuracy.value:.1%}"
        parts.append(_whisker(frame, one.confidence, one.accuracy, "whisker-thin"))
        parts.append(dot((frame.x(one.confidence), frame.y(one.accuracy.value)), "dot-0", said))
    most = max(*found.histogram, 1)
    wide = (frame.right - frame.left) / len(found.histogram)
    for at, rows in enumerate(found.histogram):
        high = 44 * rows / most
        corner = (frame.left + at * wide + 1, 298 - high)
        parts.append(box(corner, (wide - 2, high), "bar-quiet", f"{rows:,} rows"))
    parts.append(line((frame.left, 298), (frame.right, 298), "axis"))
    parts.append(text((frame.left - 7, 298), "rows", "tick", anchor="end"))
    parts.append(text(((frame.left + frame.right) / 2, 318), "confidence", "axis-title", anchor="middle"))
    description = "; ".join(f"{one.confidence:.0%} said, {one.accuracy.value:.0%} right" for one in found.bins)
    return figure(name, "Accuracy at each confidence", description, (_WIDTH, _HEIGHT), parts)


def coverage_plot(name: str, models: Mapping[str, TargetFigures]) -> Markup:
    """Precision against the share covered, of each model, ours first; a mark where ours acts."""
    lowest = min((point[1] for found in models.values() for point in found.coverage.curve), default=0.0)
    frame = Frame(left=48, right=_WIDTH - 20, top=28, bottom=246, y0=max(0.0, math.floor(lowest * 5) / 5 - 0.001))
    parts = [axes(frame, share_ticks(), share_ticks(frame.y0), ("share of incidents covered", "precision"))]
    parts += [line((frame.x(0), frame.y(p)), (frame.x(1), frame.y(p)), "target") for p in PRECISIONS]
    entries = []
    for at, (model, found) in reversed(list(enumerate(models.items()))):
        curve = [(frame.x(share), frame.y(precision)) for share, precision in found.coverage.curve]
        style = f"series-{min(at, 5)}"
        parts.append(path(curve, style) if len(curve) > 1 else dot(curve[0], f"dot-{min(at, 5)}", model))
        entries.append((style, shorten(model, 30)))
    ours = next(iter(models.values())).coverage
    if ours.precision is not None:
        at_x, at_y = frame.x(ours.acting.value), frame.y(max(frame.y0, ours.precision.value))
        parts.append(_whisker(frame, ours.acting.value, ours.precision, "whisker-0"))
        parts.append(dot((at_x, at_y), "dot-acting", f"acts on {ours.acting.value:.1%}", radius=5))
    parts.append(legend(entries[::-1], (8, 300), _WIDTH))
    described = "; ".join(f"{at.coverage:.0%} at {at.precision:.0%} precision" for at in ours.at)
    return figure(name, "Precision as more is covered", f"Ours: {described}", (_WIDTH, _HEIGHT), parts)


def confusion_plot(name: str, found: ConfusionFigures) -> Markup:
    """True labels down, said ones across; darker where more of the true label's rows are."""
    rows, columns = len(found.true), len(found.said)
    left, top = 164.0, 26 + 4.6 * max(min(16, len(label)) for label in found.said)
    wide = max(33.0, min(70.0, (_WIDTH - left) / columns))
    high = max(22.0, min(30.0, wide))
    parts = [text((left - 7, top - 8), "true ↓   said →", "axis-title", anchor="end")]
    for column, label in enumerate(found.said):
        at = (left + (column + 0.5) * wide + 3, top - 8)
        parts.append(text(at, shorten(label, 16), "tick", turn=-42))
    for row, (label, counts) in enumerate(zip(found.true, found.matrix, strict=True)):
        y = top + row * high
        parts.append(text((left - 7, y + high / 2 + 4), shorten(label, 22), "tick", anchor="end"))
        for column, count in enumerate(counts):
            share = count / max(1, sum(counts))
            hint = f"{label} said to be {found.said[column]}: {count:,} ({share:.0%})"
            style = "cell-right" if label == found.said[column] else "cell-wrong"
            if label == found.said[column] == OTHERS:
                style = "cell-both"
            corner = (left + column * wide, y)
            parts.append(box(corner, (wide - 1.5, high - 1.5), "cell", hint))
            if count:
                parts.append(box(corner, (wide - 1.5, high - 1.5), style, hint, max(0.08, share)))
                ink = "count on-strong" if share > _STRONG else "count"
                middle = (corner[0] + wide / 2 - 1, y + high / 2 + 3.5)
                parts.append(text(middle, _short_count(count), ink, anchor="middle"))
    size = (left + columns * wide + 56, top + rows * high + 6)
    pairs = "; ".join(f"{pair.true} as {pair.said} {pair.rows:,} times" for pair in found.pairs[:5])
    return figure(name, "Which label is taken for which", f"Most often: {pairs or 'none'}", size, parts)


def class_plot(name: str, classes: Sequence[LabelFigures], most: int = 14) -> Markup:
    """Recall and precision of the most frequent labels."""
    shown = [one for one in classes if one.rows][:most]
    left, high = 194.0, 25.0
    bottom = 26 + len(shown) * high
    frame = Frame(left=left, right=_WIDTH - 20, top=26, bottom=bottom)
    parts = []
    for value, label in share_ticks():
        parts.append(line((frame.x(value), frame.top), (frame.x(value), bottom), "grid"))
        parts.append(text((frame.x(value), bottom + 16), label, "tick", anchor="middle"))
    for at, one in enumerate(shown):
        y = frame.top + at * high
        parts.append(text((left - 46, y + 17), shorten(one.label, 20), "tick", anchor="end"))
        parts.append(text((left - 7, y + 17), f"{one.rows:,}", "tick quiet", anchor="end"))
        for offset, share, style, word in (
            (4, one.recall, "bar-0", "found"),
            (13, one.precision, "bar-1", "right"),
        ):
            if share is not None:
                size = (frame.x(share) - frame.left, 8.0)
                parts.append(box((frame.left, y + offset), size, style, f"{one.label}: {share:.0%} {word}"))
    parts.append(text((left - 7, 18), "rows", "tick quiet", anchor="end"))
    entries = (("swatch-0", "found (recall)"), ("swatch-1", "right when said (precision)"))
    parts.append(legend(entries, (left - 46, bottom + 40), _WIDTH))
    described = "; ".join(f"{one.label}: recall {one.recall or 0:.0%}" for one in shown)
    return figure(name, "Recall and precision of each label", described, (_WIDTH, bottom + 50), parts)


def time_plot(name: str, found: Sequence[Period]) -> Markup:
    """Accuracy with its interval, mean confidence, and the share acted on, one period after another."""
    frame = Frame(left=48, right=_WIDTH - 20, top=28, bottom=246, x0=-0.2, x1=len(found) - 0.8)
    every = math.ceil(len(found) / 5)
    ticks = [(float(at), f"{one.first_at:%b %Y}") for at, one in enumerate(found) if at % every == 0]
    parts = [axes(frame, ticks, share_ticks(), ("", "share"))]

    def points(values: Sequence[float]) -> list[tuple[float, float]]:
        return [(frame.x(at), frame.y(value)) for at, value in enumerate(values)]

    upper, lower = points([one.accuracy.high for one in found]), points([one.accuracy.low for one in found])
    parts.append(area([*upper, *lower[::-1]], "band-0"))
    parts.append(path(points([one.coverage for one in found]), "series-2"))
    parts.append(path(points([one.confidence for one in found]), "series-1"))
    parts.append(path(points([one.accuracy.value for one in found]), "series-0"))
    for at, one in enumerate(found):
        hint = f"{one.first_at:%Y-%m-%d} to {one.last_at:%Y-%m-%d}: {one.accuracy.value:.1%} of {one.rows:,} rows"
        parts.append(dot((frame.x(at), frame.y(one.accuracy.value)), "dot-0", hint))
    entries = (
        ("series-0", "accuracy, 95% interval"),
        ("series-1", "mean confidence"),
        ("series-2", "share acted on"),
    )
    parts.append(legend(entries, (8, 300), _WIDTH))
    described = "; ".join(f"{one.first_at:%Y-%m}: {one.accuracy.value:.0%}" for one in found)
    return figure(name, "Accuracy over time", described, (_WIDTH, _HEIGHT), parts)


def learning_plot(name: str, points: Sequence[LearningPoint]) -> Markup:
    """Score against the number of rows learnt from, on a logarithmic scale."""
    low, high = min(one.low for one in points), max(one.high for one in points)
    y0, y1 = max(0.0, math.floor(low * 10 - 0.01) / 10), min(1.0, math.ceil(high * 10 + 0.01) / 10)
    at = [math.log10(max(1, one.rows)) for one in points]
    room = 0.05 * (max(at) - min(at)) or 0.5
    frame = Frame(
        left=48, right=_WIDTH - 20, top=28, bottom=246, x0=min(at) - room, x1=max(at) + room, y0=y0, y1=y1
    )

    def line_of(values: Sequence[float]) -> list[tuple[float, float]]:
        return [(frame.x(x), frame.y(value)) for x, value in zip(at, values, strict=True)]

    upper, lower = line_of([one.high for one in points]), line_of([one.low for one in points])
    scores = line_of([one.score for one in points])
    ticks = [(x, _short_count(one.rows)) for x, one in zip(at, points, strict=True)]
    parts = [
        axes(frame, ticks, share_ticks(y0, y1), ("rows learnt from (logarithmic)", "accuracy")),
        area([*upper, *lower[::-1]], "band-0"),
        path(scores, "series-0"),
    ]
    for spot, one in zip(scores, points, strict=True):
        parts.append(dot(spot, "dot-0", f"{one.rows:,} rows: {one.score:.1%}"))
    described = "; ".join(f"{one.rows:,} rows: {one.score:.0%}" for one in points)
    return figure(name, "What more rows would bring", described, (_WIDTH, 300), parts)


def model_plot(name: str, models: Mapping[str, TargetFigures]) -> Markup:
    """Accuracy and macro-F1 of every model with their intervals, ours first."""
    left, high, gap = 178.0, 27.0, 40.0
    half = (_WIDTH - left - gap - 20) / 2
    bottom = 34 + len(models) * high
    panels = [
        ("accuracy", left, [found.accuracy for found in models.values()]),
        ("macro-F1", left + half + gap, [found.macro_f1 for found in models.values()]),
    ]
    parts = []
    for at, model in enumerate(models):
        style = "tick strong" if at == 0 else "tick"
        parts.append(text((left - 12, 34 + (at + 0.5) * high + 4), shorten(model, 26), style, anchor="end"))
    for title, start, scores in panels:
        parts.append(_forest(title, Frame(left=start, right=start + half, top=34, bottom=bottom), scores, high))
    described = "; ".join(f"{model}: {found.accuracy.value:.1%}" for model, found in models.items())
    return figure(name, "All models on the same rows", described, (_WIDTH, bottom + 28), parts)


def _forest(title: str, frame: Frame, scores: Sequence[Interval], high: float) -> Markup:
    low = math.floor(min(one.low for one in scores) * 10) / 10
    upper = max(low + 0.1, math.ceil(max(one.high for one in scores) * 10) / 10)
    frame = Frame(left=frame.left, right=frame.right, top=frame.top, bottom=frame.bottom, x0=low, x1=upper)
    parts = [text((frame.left, 18), title, "axis-title")]
    ours = frame.x(scores[0].value)
    for value, label in share_ticks(low, upper, 3):
        parts.append(line((frame.x(value), frame.top), (frame.x(value), frame.bottom), "grid"))
        parts.append(text((frame.x(value), frame.bottom + 17), label, "tick", anchor="middle"))
    parts.append(line((ours, frame.top), (ours, frame.bottom), "target"))
    for at, one in enumerate(scores):
        y, kind = frame.top + (at + 0.5) * high, 0 if at == 0 else "other"
        parts.append(line((frame.x(one.low), y), (frame.x(one.high), y), f"whisker-{kind}"))
        hint = f"{one.value:.1%} [{one.low:.1%}–{one.high:.1%}]"
        parts.append(dot((frame.x(one.value), y), f"dot-{kind}", hint, radius=4.5))
    return join(parts)


def _whisker(frame: Frame, at: float, share: Interval, style: str) -> Markup:
    ends = [frame.y(min(frame.y1, max(frame.y0, end))) for end in (share.low, share.high)]
    return line((frame.x(at), ends[0]), (frame.x(at), ends[1]), style)


def _short_count(count: int) -> str:
    if count < 10_000:
        return f"{count:,}" if count >= 1_000 else str(count)
    return f"{count / 1_000:.0f}k"
