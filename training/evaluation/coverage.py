"""On how many incidents a head could act alone, and does, at what precision."""

from dataclasses import dataclass

import numpy as np

from training.evaluation.intervals import Interval, clopper_pearson
from training.learning.judged import Judged

PRECISIONS = (0.80, 0.90, 0.95)
_CURVE_POINTS = 160
_LEAST_ON_CURVE = 20
"""The precision of fewer rows than this jumps about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageAt:
    """The largest share of rows that a single threshold, chosen with hindsight, lets act at ``precision`` or
    better; ``threshold`` is None where none does."""

    precision: float
    coverage: float
    threshold: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageFigures:
    """``at``: with hindsight, so an upper end. ``acting``: the share on which the head does act, by thresholds
    chosen beforehand, and ``precision`` of that, None where it never acts; their intervals take rows for
    independent. ``curve``: (coverage, precision) as the threshold falls, from 20 rows on."""

    at: tuple[CoverageAt, ...]
    acting: Interval
    acting_rows: int
    precision: Interval | None
    curve: tuple[tuple[float, float], ...]


def coverage(judged: Judged) -> CoverageFigures:
    confidence, right = judged.confidence, judged.right
    n = len(right)
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    # Equal confidences stand or fall together, so only the last of each run is a place to cut.
    cuts = np.flatnonzero(np.append(ranked[1:] < ranked[:-1], True))
    precision = (np.cumsum(right[order]) / np.arange(1, n + 1))[cuts]
    share, threshold = (cuts + 1) / n, ranked[cuts]
    at = []
    for wanted in PRECISIONS:
        good = np.flatnonzero(precision >= wanted)
        found = int(good[-1]) if len(good) else None
        at.append(
            CoverageAt(
                precision=wanted,
                coverage=0.0 if found is None else float(share[found]),
                threshold=None if found is None else float(threshold[found]),
            )
        )
    acting = int(judged.acting.sum())
    told = np.flatnonzero(cuts >= min(_LEAST_ON_CURVE, n) - 1)
    shown = told[np.unique(np.linspace(0, len(told) - 1, min(_CURVE_POINTS, len(told))).astype(np.int64))]
    return CoverageFigures(
        at=tuple(at),
        acting=clopper_pearson(acting, n) or Interval(0.0, 0.0, 0.0),
        acting_rows=acting,
        precision=clopper_pearson(int((judged.acting & right).sum()), acting),
        curve=tuple(zip(share[shown].tolist(), precision[shown].tolist(), strict=True)),
    )
