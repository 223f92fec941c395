"""From how many probability a label may act alone: thresholds from held-out probabilities."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from triage.prediction.conclusion import Probabilities, Thresholds

Labels = NDArray[np.int64]
Flags = NDArray[np.bool_]


def choose_thresholds(
    probabilities: Probabilities,
    labels: Labels,
    names: Sequence[str],
    *,
    precision: float,
    confidence: float,
    own_rows: int,
    periods: Labels | None = None,
) -> Thresholds:
    """For each label with at least ``own_rows`` held-out suggestions the least probability above which so many of
    them were right that ``precision`` is below their rate with this ``confidence`` (one-sided, Clopper & Pearson,
    1934). Labels with fewer are pooled: they share one threshold, chosen on their suggestions together, and none
    where those are fewer than ``own_rows`` too.

    ``probabilities`` of shape (n, k) and ``labels`` of shape (n,): held out; -1 is a label the head does not know.
    ``periods`` of shape (n,) numbers consecutive times, in each of which ``precision`` must have been reached too
    (if it has ``own_rows`` of the suggestions): what held on average only may not hold next.
    """
    suggested = probabilities.argmax(axis=1)
    top = probabilities[np.arange(len(labels)), suggested]
    right = suggested == labels
    counts = np.bincount(suggested, minlength=len(names))
    own = counts >= own_rows

    def least(rows: Flags) -> float | None:
        when = np.zeros(int(rows.sum()), dtype=np.int64) if periods is None else periods[rows]
        return _least_threshold(top[rows], right[rows], when, precision, confidence, own_rows)

    by_label = {names[at]: least(suggested == at) for at in np.flatnonzero(own).tolist()}
    pooled = ~own[suggested]
    general = None
    if pooled.sum() >= own_rows:
        general = least(pooled)
    return Thresholds(precision=precision, confidence=confidence, general=general, by_label=by_label)


def choose_doubt(
    probabilities: Probabilities,
    labels: Labels,
    assigned: Labels,
    *,
    precision: float,
    confidence: float,
    own_rows: int,
    periods: Labels | None = None,
) -> float | None:
    """The least improbability (1 - probability) of the team that somebody chose from which on that team was wrong
    so often that ``precision`` is below the rate with this ``confidence``. ``assigned`` of shape (n,): its number
    among the labels, -1 for a team that the head does not know, which says nothing here; else as in
    ``choose_thresholds``."""
    rows = (assigned >= 0) & (assigned != probabilities.argmax(axis=1))
    if rows.sum() < own_rows:
        return None
    doubt = 1.0 - probabilities[rows, assigned[rows]]
    when = np.zeros(len(doubt), dtype=np.int64) if periods is None else periods[rows]
    return _least_threshold(doubt, assigned[rows] != labels[rows], when, precision, confidence, own_rows)


def _least_threshold(
    top: Probabilities, right: Flags, periods: Labels, precision: float, confidence: float, enough: int
) -> float | None:
    order = np.argsort(-top, kind="stable")
    certain, hits = top[order], np.cumsum(right[order])
    accepted = np.arange(1, len(order) + 1)
    lower = np.where(hits > 0, beta.ppf(1 - confidence, np.maximum(hits, 1), accepted - hits + 1), 0.0)
    # Equal probabilities stand or fall together, so only the last of each run is a place to cut.
    cut = np.append(certain[1:] < certain[:-1], True)
    held = cut & (lower >= precision)
    for period in np.unique(periods):
        inside = periods[order] == period
        ours, ours_hit = np.cumsum(inside), np.cumsum(inside & right[order])
        held &= (ours_hit >= precision * ours) | (ours < enough)
    good = np.flatnonzero(held)
    return float(certain[good[-1]]) if len(good) else None
