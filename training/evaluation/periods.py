"""Accuracy and confidence over time, and an alarm where they drift."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from training.evaluation.intervals import Interval, clopper_pearson
from training.learning.judged import Judged, Numbers, Values

_MOST_PERIODS = 10
_LEAST_IN_PERIOD = 30
_SURE = 0.01
_WORTH_SAYING = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Consecutive rows. ``coverage``: the share on which the head acts."""

    first_at: datetime
    last_at: datetime
    rows: int
    accuracy: Interval
    confidence: float
    coverage: float
    unknown: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """``accuracy_change`` and ``gap_change``: from the first period to the last by a straight line, of the
    accuracy and of accuracy less confidence, with two-sided p. ``reasons``: why it is an alarm; empty where it
    is none."""

    accuracy_change: float
    accuracy_p: float
    gap_change: float
    gap_p: float
    reasons: tuple[str, ...]

    @property
    def alarm(self) -> bool:
        return bool(self.reasons)


def periods(judged: Judged) -> tuple[tuple[Period, ...], Drift | None]:
    """Up to 10 periods of equally many dated rows, each of 30 or more; none, and no drift, for under 60."""
    if judged.moments is None:
        return (), None
    dated = np.flatnonzero(~np.isnat(judged.moments))
    wanted = min(_MOST_PERIODS, len(dated) // _LEAST_IN_PERIOD)
    if wanted < 2:
        return (), None
    order = dated[np.argsort(judged.moments[dated], kind="stable")]
    parts = np.array_split(order, wanted)
    number = np.repeat(np.arange(wanted), [len(part) for part in parts])
    found = tuple(_period(judged, judged.moments, part) for part in parts)
    return found, _drift(judged, order, number)


def _period(judged: Judged, moments: NDArray[np.datetime64], rows: Numbers) -> Period:
    right = judged.right[rows]
    return Period(
        first_at=_as_datetime(moments[rows[0]]),
        last_at=_as_datetime(moments[rows[-1]]),
        rows=len(rows),
        accuracy=clopper_pearson(int(right.sum()), len(rows)) or Interval(0.0, 0.0, 0.0),
        confidence=float(judged.confidence[rows].mean()),
        coverage=float(judged.acting[rows].mean()),
        unknown=float((~judged.known[rows]).mean()),
    )


def _drift(judged: Judged, rows: Numbers, number: Numbers) -> Drift:
    right = judged.right[rows].astype(np.float64)
    gap = right - judged.confidence[rows]
    groups = judged.groups[rows]
    last = number == number[-1]
    accuracy_change, accuracy_p = _change(right, number, groups)
    gap_change, gap_p = _change(gap, number, groups)
    reasons = []
    if accuracy_p < _SURE and accuracy_change < -_WORTH_SAYING:
        reasons.append(
            f"accuracy falls by about {-100 * accuracy_change:.0f} points from the first period to the last"
        )
    if gap_p < _SURE and gap_change < -_WORTH_SAYING:
        reasons.append(
            f"confidence runs ahead of accuracy by about {-100 * gap_change:.0f} points more than at first"
        )
    late = float(gap[last].mean())
    if late < -_WORTH_SAYING and _mean_p(gap[last], groups[last]) < _SURE:
        reasons.append(f"in the last period confidence is {-100 * late:.0f} points above accuracy")
    return Drift(
        accuracy_change=accuracy_change,
        accuracy_p=accuracy_p,
        gap_change=gap_change,
        gap_p=gap_p,
        reasons=tuple(reasons),
    )


def _change(scores: Values, number: Numbers, groups: Numbers) -> tuple[float, float]:
    """Fitted change of a score from the first period to the last, with p from the normal distribution and a
    variance that lets rows of one pattern depend on each other (Liang and Zeger, 1986)."""
    apart = number - number.mean()
    spread = float((apart * apart).sum())
    slope = float((apart * scores).sum()) / spread
    residuals = scores - scores.mean() - slope * apart
    error = _clustered(apart * residuals, groups) / spread
    change = slope * float(number.max() - number.min())
    return change, _two_sided(slope, error)


def _mean_p(scores: Values, groups: Numbers) -> float:
    mean = float(scores.mean())
    return _two_sided(mean, _clustered(scores - mean, groups) / len(scores))


def _clustered(terms: Values, groups: Numbers) -> float:
    """Standard error of the sum of ``terms``, shape (n,), of mean zero."""
    _, numbers = np.unique(groups, return_inverse=True)
    return math.sqrt(float(np.square(np.bincount(numbers, weights=terms)).sum()))


def _two_sided(value: float, error: float) -> float:
    if error <= 0.0:
        return 1.0 if abs(value) < 1e-12 else 0.0
    return math.erfc(abs(value) / error / math.sqrt(2))


def _as_datetime(moment: np.datetime64) -> datetime:
    return datetime.fromtimestamp(int(moment.astype("datetime64[s]").astype(np.int64)), UTC)
