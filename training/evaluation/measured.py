"""The figures of a training that a bundle takes along, so that a page can show them where no training is."""

from training.evaluation.confusion import ConfusionFigures
from training.evaluation.intervals import Interval
from training.evaluation.measures import TargetFigures
from triage.prediction.measured import (
    Confusion,
    Estimate,
    Measured,
    PeriodFigures,
    ReliabilityPoint,
)

MOST_LABELS = 200
"""Of the most frequent labels each has figures of its own; a history may have thousands."""


def measured_of(found: TargetFigures) -> Measured:
    """No text and no id of an incident is in it."""
    urgency, acting = found.urgency, found.coverage
    return Measured(
        rows=found.rows,
        patterns=found.patterns,
        unknown=found.unknown,
        accuracy=_estimate(found.accuracy),
        macro_f1=_estimate(found.macro_f1),
        majority=found.majority,
        top_3=found.top_3,
        acting=_estimate(acting.acting),
        precision_acting=_estimate(acting.precision) if acting.precision is not None else None,
        calibration_error=_estimate(found.calibration.error),
        calibration_floor=found.calibration.floor,
        most_urgent=urgency.most_urgent if urgency is not None else None,
        missed=_estimate(urgency.missed) if urgency is not None and urgency.missed is not None else None,
        reliability=tuple(
            ReliabilityPoint(one.rows, one.confidence, _estimate(one.accuracy)) for one in found.calibration.bins
        ),
        curve=acting.curve,
        confusion=_confusion(found.confusion),
        by_label=found.classes[:MOST_LABELS],
        periods=tuple(
            PeriodFigures(
                first_at=one.first_at,
                last_at=one.last_at,
                rows=one.rows,
                accuracy=_estimate(one.accuracy),
                coverage=one.coverage,
            )
            for one in found.periods
        ),
        drift=found.drift.reasons if found.drift is not None else None,
    )


def _estimate(interval: Interval) -> Estimate:
    return Estimate(interval.value, interval.low, interval.high)


def _confusion(found: ConfusionFigures) -> Confusion:
    pairs = tuple((pair.true, pair.said, pair.rows) for pair in found.pairs)
    return Confusion(true=found.true, said=found.said, matrix=found.matrix, pairs=pairs)
