"""Measures of an ordered target: how far off, in which direction, and what it costs."""

from dataclasses import dataclass

import numpy as np

from training.evaluation.intervals import Interval, clopper_pearson, mean_interval, percentile_interval
from training.evaluation.resampling import Resamples
from training.learning.judged import UNKNOWN, Flags, Judged, Numbers, Values


@dataclass(frozen=True, slots=True, kw_only=True)
class UrgencyFigures:
    """On rows whose label is known and has a place in the order.

    ``kappa``: quadratic-weighted, 1 for agreement, 0 for what chance gives (Cohen, 1968). ``under`` and ``over``:
    shares concluded to be less and more urgent than they were. ``missed``: of the most urgent rows, the share
    concluded to be less urgent; None where there is no such row. Shares take rows for independent.
    """

    rows: int
    kappa: Interval
    under: Interval
    over: Interval
    most_urgent: str
    most_urgent_rows: int
    missed: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CostFigures:
    """Mean cost a row of what was concluded, of always concluding the most probable label, and ``saved``: the
    second less the first, paired. On rows whose label is known."""

    concluded: Interval
    most_probable: float
    saved: Interval


def urgency(judged: Judged, *, seed: int, repetitions: int) -> UrgencyFigures | None:
    """None where the target has no order or no row has a place in it."""
    if judged.order is None or not judged.order:
        return None
    place = np.full(len(judged.labels) + 1, -1, dtype=np.int64)
    place[np.array(judged.order)] = np.arange(len(judged.order))
    truth, said = place[judged.truth], place[judged.chosen]
    placed = (judged.truth != UNKNOWN) & (truth >= 0) & (said >= 0)
    if not placed.any():
        return None
    truth, said = truth[placed], said[placed]
    resamples = Resamples(judged.groups[placed], seed=seed, repetitions=repetitions)
    urgent = truth == 0
    return UrgencyFigures(
        rows=len(truth),
        kappa=_kappa(truth, said, len(judged.order), resamples),
        under=_share(said > truth),
        over=_share(said < truth),
        most_urgent=judged.labels[judged.order[0]],
        most_urgent_rows=int(urgent.sum()),
        missed=_share(said[urgent] > 0) if urgent.any() else None,
    )


def cost(judged: Judged, *, seed: int, repetitions: int) -> CostFigures | None:
    """None where the target has no costs or no row's label is known."""
    known = judged.known
    if judged.costs is None or not known.any():
        return None
    truth = judged.truth[known]
    concluded, probable = judged.costs[truth, judged.chosen[known]], judged.costs[truth, judged.top[known]]
    resamples = Resamples(judged.groups[known], seed=seed, repetitions=repetitions)
    return CostFigures(
        concluded=mean_interval(concluded, resamples),
        most_probable=float(probable.mean()),
        saved=mean_interval(probable - concluded, resamples),
    )


def _kappa(truth: Numbers, said: Numbers, width: int, resamples: Resamples) -> Interval:
    """The mean squared distance, beside what it would be if conclusions and truths had nothing to do with each
    other: 1 − E(t − s)² / (var t + var s + (E t − E s)²), which needs five sums only."""
    scale = max(1, width - 1)
    t, s = truth / scale, said / scale
    columns = np.stack((np.ones(len(t)), t, s, t * t, s * s, t * s), axis=1)

    def kappa(totals: Values) -> Values:
        n, sum_t, sum_s, squares_t, squares_s, products = np.moveaxis(totals, -1, 0)
        observed = squares_t + squares_s - 2 * products
        by_chance = squares_t + squares_s - 2 * sum_t * sum_s / n
        # Where all is one label there is nothing to disagree on.
        return np.where(by_chance > 1e-9, 1 - observed / np.maximum(by_chance, 1e-9), 1.0)

    return percentile_interval(float(kappa(columns.sum(axis=0))), kappa(resamples.totals(columns)))


def _share(flags: Flags) -> Interval:
    return clopper_pearson(int(flags.sum()), len(flags)) or Interval(0.0, 0.0, 0.0)
