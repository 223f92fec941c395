"""Everything that is measured of one head on one part of the rows, with how sure it is."""

from dataclasses import dataclass

import numpy as np

from training.evaluation.confusion import ConfusionFigures, Mistake, confusion, worst_mistakes
from training.evaluation.coverage import CoverageFigures, coverage
from training.evaluation.intervals import Interval, mean_interval, percentile_interval
from training.evaluation.periods import Drift, Period, periods
from training.evaluation.reliability import CalibrationFigures, calibration
from training.evaluation.resampling import Resamples
from training.evaluation.scores import (
    brier_scores,
    f1_columns,
    f1_of,
    log_losses,
    macro_f1_of,
    rank_of_truth,
)
from training.evaluation.urgency import CostFigures, UrgencyFigures, cost, urgency
from training.learning.judged import Judged, Values
from triage.prediction.measured import LabelFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFigures:
    """Of one head on ``rows`` rows of ``patterns`` patterns.

    ``unknown``: rows whose label the head does not know; they count as wrong, but have no part in ``log_loss``
    (None where there are only such) and no F1 of their own. ``accuracy``, F1: of what was concluded. ``top_1`` …
    : the truth is among the most probable 1, 3, 5. ``majority``: the share of the most frequent label.
    ``weighted_f1``: by rows of the label. ``classes``: most frequent first, labels without a row or a conclusion
    left out.
    """

    target: str
    rows: int
    patterns: int
    unknown: int
    labels: int
    accuracy: Interval
    majority: float
    macro_f1: Interval
    weighted_f1: float
    top_1: float
    top_3: float
    top_5: float
    log_loss: float | None
    brier: float
    classes: tuple[LabelFigures, ...]
    calibration: CalibrationFigures
    coverage: CoverageFigures
    confusion: ConfusionFigures
    urgency: UrgencyFigures | None
    cost: CostFigures | None
    periods: tuple[Period, ...]
    drift: Drift | None
    mistakes: tuple[Mistake, ...]


def measure(judged: Judged, *, seed: int, repetitions: int = 1000) -> TargetFigures:
    """``repetitions`` of the bootstrap and of the simulated calibration floor; the same seed gives the same
    figures. 200,000 rows of 50 labels take seconds."""
    resamples = Resamples(judged.groups, seed=seed, repetitions=repetitions)
    rank = rank_of_truth(judged.probabilities, judged.truth)
    width = len(judged.labels)
    known = judged.truth[judged.known]
    losses = log_losses(judged.probabilities, judged.truth)
    columns = f1_columns(judged.truth, judged.chosen, width)
    sums = np.asarray(columns.sum(axis=0), dtype=np.float64)
    f1 = f1_of(sums)
    found, drift = periods(judged)
    return TargetFigures(
        target=judged.target,
        rows=len(judged.ids),
        patterns=resamples.groups,
        unknown=int((~judged.known).sum()),
        labels=len(np.unique(known)),
        accuracy=mean_interval(judged.right, resamples),
        majority=float(np.bincount(known).max() / len(judged.ids)) if len(known) else 0.0,
        macro_f1=percentile_interval(float(macro_f1_of(sums)), macro_f1_of(resamples.totals(columns))),
        weighted_f1=float(np.nansum(f1 * sums[2 * width :]) / max(1, len(known))),
        top_1=float((rank < 1).mean()),
        top_3=float((rank < 3).mean()),
        top_5=float((rank < 5).mean()),
        log_loss=float(np.nanmean(losses)) if len(known) else None,
        brier=float(brier_scores(judged.probabilities, judged.truth).mean()),
        classes=_classes(judged, f1),
        calibration=calibration(judged, resamples, seed=seed, repetitions=repetitions),
        coverage=coverage(judged),
        confusion=confusion(judged),
        urgency=urgency(judged, seed=seed, repetitions=repetitions),
        cost=cost(judged, seed=seed, repetitions=repetitions),
        periods=found,
        drift=drift,
        mistakes=worst_mistakes(judged),
    )


def _classes(judged: Judged, f1: Values) -> tuple[LabelFigures, ...]:
    width, right = len(judged.labels), judged.right
    rows = np.bincount(judged.truth[judged.known], minlength=width)
    said = np.bincount(judged.chosen, minlength=width)
    hits = np.bincount(judged.chosen[right], minlength=width)
    acting = np.bincount(judged.chosen[judged.acting], minlength=width)
    acting_hits = np.bincount(judged.chosen[judged.acting & right], minlength=width)
    return tuple(
        LabelFigures(
            label=judged.labels[at],
            rows=int(rows[at]),
            said=int(said[at]),
            precision=_share(hits[at], said[at]),
            recall=_share(hits[at], rows[at]),
            f1=float(f1[at]) if rows[at] else None,
            acting=int(acting[at]),
            precision_acting=_share(acting_hits[at], acting[at]),
        )
        for at in np.argsort(-rows, kind="stable").tolist()
        if rows[at] or said[at]
    )


def _share(part: np.int64, whole: np.int64) -> float | None:
    return float(part / whole) if whole else None
