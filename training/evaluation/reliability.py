"""Whether probabilities mean what they say: the calibration error, and what chance alone would make of it."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from training.evaluation.intervals import LEVEL, Interval, clopper_pearson, percentile_interval
from training.evaluation.resampling import Resamples
from training.learning.judged import Flags, Judged, Numbers, Values

MOST_BINS = 15
_LEAST_IN_BIN = 20
_HISTOGRAM_BINS = 20
_CHUNK = 4_000_000
_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Rows of neighbouring confidence: its mean, and the share of them that was right."""

    rows: int
    confidence: float
    accuracy: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationFigures:
    """Of the most probable label.

    ``error``: expected calibration error, the mean gap of confidence and accuracy over equally filled bins
    (``bins_of``). Its interval says what another sample as large would show; chance raises the error of resamples
    once more, so their spread is laid around the error itself. ``floor``: of a perfect model with these very
    confidences on as many rows, 95 % show no more than this. ``confidence``: the mean. ``histogram``: rows in 20
    equally wide bins of confidence from 0 to 1.
    """

    error: Interval
    floor: float
    confidence: float
    accuracy: float
    bins: tuple[ReliabilityBin, ...]
    histogram: tuple[int, ...]

    @property
    def near_floor(self) -> bool:
        """Chance explains the error, up to 0.01."""
        return self.error.value <= self.floor + _TOLERANCE


def bins_of(confidence: Values) -> Numbers:
    """The bin of each row, 0 for the least confident: up to 15 bins of equally many rows, fewer where a bin would
    have under 20, and equal confidences in one bin, so that the order of the rows does not matter."""
    n = len(confidence)
    wanted = max(1, min(MOST_BINS, n // _LEAST_IN_BIN))
    order = np.argsort(confidence, kind="stable")
    ranked = confidence[order]
    # As np.array_split cuts: the first n % wanted bins have one row more.
    sizes = np.full(wanted, n // wanted) + (np.arange(wanted) < n % wanted)
    by_rank = np.repeat(np.arange(wanted), sizes)
    first_of_run = np.flatnonzero(np.append(True, ranked[1:] > ranked[:-1]))
    lengths = np.diff(np.append(first_of_run, n))
    _, tidy = np.unique(np.repeat(by_rank[first_of_run], lengths), return_inverse=True)
    bins = np.empty(n, dtype=np.int64)
    bins[order] = tidy
    return bins


def calibration(judged: Judged, resamples: Resamples, *, seed: int, repetitions: int) -> CalibrationFigures:
    confidence = judged.probabilities.max(axis=1)
    right = judged.top == judged.truth
    bins = bins_of(confidence)
    return CalibrationFigures(
        error=_error(confidence, right, bins, resamples),
        floor=perfect_floor(confidence, bins, seed=seed, repetitions=repetitions),
        confidence=float(confidence.mean()),
        accuracy=float(right.mean()),
        bins=_bins(confidence, right, bins),
        histogram=tuple(np.histogram(confidence, bins=_HISTOGRAM_BINS, range=(0.0, 1.0))[0].tolist()),
    )


def perfect_floor(confidence: Values, bins: Numbers, *, seed: int, repetitions: int = 1000) -> float:
    """The 95th percentile of the calibration error where every row is right with just its confidence."""
    order = np.argsort(bins, kind="stable")
    sure = confidence[order].astype(np.float32)
    starts = np.searchsorted(bins[order], np.arange(int(bins.max()) + 1))
    expected = np.add.reduceat(confidence[order], starts)
    chance = np.random.default_rng(seed)
    step = max(1, _CHUNK // len(sure))
    errors = []
    for done in range(0, repetitions, step):
        drawn = chance.random((min(step, repetitions - done), len(sure)), dtype=np.float32) < sure
        hits = np.add.reduceat(drawn, starts, axis=1, dtype=np.int64)
        errors.append(np.abs(hits - expected).sum(axis=1) / len(sure))
    return float(np.quantile(np.concatenate(errors), LEVEL))


def _error(confidence: Values, right: Flags, bins: Numbers, resamples: Resamples) -> Interval:
    """Bins stay where they are, so the error of a resample is a function of sums in them."""
    n, width = len(bins), int(bins.max()) + 1
    rows = np.arange(n)
    gaps = sparse.csr_array((confidence - right, (rows, bins)), shape=(n, width))
    columns = sparse.hstack((gaps, np.ones((n, 1))), format="csr")

    def error(totals: Values) -> Values:
        found: Values = np.abs(totals[..., :-1]).sum(axis=-1) / totals[..., -1]
        return found

    value = float(error(np.asarray(columns.sum(axis=0), dtype=np.float64)))
    around = percentile_interval(value, error(resamples.totals(columns)), centred=True)
    return Interval(value, max(0.0, around.low), min(1.0, around.high))


def _bins(confidence: Values, right: Flags, bins: Numbers) -> tuple[ReliabilityBin, ...]:
    rows = np.bincount(bins)
    mean = np.bincount(bins, weights=confidence) / rows
    hits = np.bincount(bins, weights=right)
    found = []
    for at, n in enumerate(rows.tolist()):
        share = clopper_pearson(int(hits[at]), n)
        if share is not None:
            found.append(ReliabilityBin(rows=n, confidence=float(mean[at]), accuracy=share))
    return tuple(found)
