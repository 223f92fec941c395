"""From how many probability a label may act alone: thresholds from held-out probabilities."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from triage.prediction.conclusion import Probabilities, Thresholds

Labels = NDArray[np.int64]
Flags = NDArray[np.bool_]

TOLERATED = 0.05
"""By how much one label may fall short of the precision that all of them together reach."""


def choose_thresholds(
    probabilities: Probabilities,
    labels: Labels,
    names: Sequence[str],
    *,
    precision: float,
    confidence: float,
    own_rows: int,
    concluded: Labels | None = None,
) -> Thresholds:
    """The least probabilities above which so many held-out suggestions were right that ``precision`` is below
    their rate with this ``confidence`` (one-sided, Clopper & Pearson, 1934).

    One threshold is chosen on all suggestions together, so that labels with little to go by are pooled. None hides
    behind the others: a label with at least ``own_rows`` suggestions above it, which were right so rarely that
    their rate is, with the same confidence, more than ``TOLERATED`` below ``precision``, gets one that holds for
    itself alone, or none.

    ``probabilities`` of shape (n, k) and ``labels`` of shape (n,): held out; -1 is a label the head does not know.
    ``concluded`` of shape (n,): what is said instead of the most probable label, if not that; whether that was
    right is what counts. A label that no held-out row had was never put to the test, and never acts.
    """
    suggested = probabilities.argmax(axis=1)
    top = probabilities[np.arange(len(labels)), suggested]
    right = (suggested if concluded is None else concluded) == labels
    general = _least_threshold(top, right, precision, confidence) if len(labels) >= own_rows else None
    tested = np.bincount(labels[labels >= 0], minlength=len(names)) > 0
    own: dict[str, float | None] = {name: None for name, was in zip(names, tested, strict=True) if not was}
    for at in np.unique(suggested) if general is not None else ():
        ours = suggested == at
        above = ours & (top >= general)
        hits, of = int(right[above].sum()), int(above.sum())
        if of >= own_rows and hits < of and beta.ppf(confidence, hits + 1, of - hits) < precision - TOLERATED:
            own[names[at]] = _least_threshold(top[ours], right[ours], precision, confidence)
    return Thresholds(precision=precision, confidence=confidence, general=general, by_label=own)


def choose_doubt(
    probabilities: Probabilities,
    labels: Labels,
    assigned: Labels,
    *,
    precision: float,
    confidence: float,
    own_rows: int,
    newest: Flags | None = None,
) -> float | None:
    """The least improbability (1 - probability) of the team that somebody chose from which on that team was wrong
    so often that ``precision`` is below the rate with this ``confidence``. ``assigned`` of shape (n,): its number
    among the labels, -1 for a team that the head does not know, which says nothing here; else as in
    ``choose_thresholds``. ``newest`` of shape (n,): where these are enough they choose alone, since how well a
    head knows others' mistakes grows with what it has seen, and the newest part was judged by the head that saw
    most.
    """
    rows = (assigned >= 0) & (assigned != probabilities.argmax(axis=1))
    if rows.sum() < own_rows:
        return None
    if newest is not None and (rows & newest).sum() >= own_rows:
        rows &= newest
    doubt = 1.0 - probabilities[rows, assigned[rows]]
    return _least_threshold(doubt, assigned[rows] != labels[rows], precision, confidence)


def _least_threshold(top: Probabilities, right: Flags, precision: float, confidence: float) -> float | None:
    order = np.argsort(-top, kind="stable")
    certain, hits = top[order], np.cumsum(right[order])
    accepted = np.arange(1, len(order) + 1)
    lower = np.where(hits > 0, beta.ppf(1 - confidence, np.maximum(hits, 1), accepted - hits + 1), 0.0)
    # Equal probabilities stand or fall together, so only the last of each run is a place to cut.
    cut = np.append(certain[1:] < certain[:-1], True)
    good = np.flatnonzero(cut & (lower >= precision))
    if not len(good):
        return None
    limit = float(certain[good[-1]])
    # Where all of them are good, nothing was seen to go wrong below the least sure one: calibration must do.
    return min(limit, precision) if good[-1] == len(order) - 1 else limit
