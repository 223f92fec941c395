"""Guarantees from held-out incidents: a bound on missed P1s, and label sets with coverage.

``training.learning.risk_limit`` holds the statistics; here they meet scores and labels. What is promised, and how
to serve it, is in ``triage.prediction.guarantees``; how it turned out, in ``training.evaluation.realised``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.learning.risk_limit import Aim, Limit, least_limit, units_of
from triage.errors import GuaranteeRefused
from triage.prediction.guarantees import Numbers, RaiseRule, SetMethod, SetRule, conformity

Labels = NDArray[np.int64]
Groups = NDArray[Any]

_PENALTY, _FREE_RANKS = 0.01, 5
"""Of RAPS. Fixed before any incident is seen: values chosen on the calibration part would break the promise."""
_ROWS_AT_ONCE = 8_192


def raise_threshold(
    scores: Numbers,
    bound: float,
    confidence: float | None = None,
    *,
    labels: Sequence[str] = ("P1",),
    groups: Groups | None = None,
) -> RaiseRule:
    """The largest threshold on the probability of ``labels`` that misses at most ``bound`` of their incidents.

    ``scores``: (m,), that probability for the m calibration incidents whose true label is one of them (most
    urgent first). ``groups``: (m,), each one's pattern; the promise is then about the average over patterns of
    each one's share of misses. A decision that is urgent without the rule can only lower the misses.
    Raises ``GuaranteeRefused`` with too few of them for the bound.
    """
    if not np.isfinite(scores).all():
        raise ValueError("scores are finite")
    aim, units = Aim(bound, confidence), units_of(groups, len(scores))
    urgent = " or ".join(labels)
    if units.count < aim.needed():
        what = f"a bound of {bound:.4g} on the share of missed {urgent}"
        raise GuaranteeRefused(
            f"{_too_few(what, aim, units.count, groups, f'whose true label is {urgent}')}, "
            f"or a bound of {aim.reachable(units.count):.4g}"
        )
    # Missed are scores below the threshold: the same question as distances beyond a limit, with the sign turned.
    limit = least_limit(-scores, units, aim)
    return RaiseRule(
        labels=tuple(labels),
        threshold=-limit.at,
        bound=bound,
        confidence=confidence,
        units=limit.units,
        allowed=limit.allowed,
        by_pattern=groups is not None,
    )


def fit_sets(
    probabilities: Numbers,
    truth: Labels,
    coverage: float,
    method: SetMethod = "lac",
    groups: Groups | None = None,
    *,
    confidence: float | None = None,
    by_class: bool = False,
) -> SetRule:
    """The least sets that hold the true label with probability ``coverage``.

    ``probabilities``: (n, k), calibrated; ``truth``: (n,), columns of it, or -1 for a label the head does not
    know, which no set covers. ``groups``: (n,), patterns. With ``by_class`` every label with enough calibration
    units has a limit of its own (Mondrian conformal prediction; Vovk, Gammerman & Shafer, 2005), the others share
    one, and unknown labels are outside the promise. Raises ``GuaranteeRefused`` with too few units, or with more
    unknown labels than the coverage leaves room for.
    """
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities are finite")
    aim = Aim(round(1 - coverage, 12), confidence)
    calibration = _Calibration(_true_distances(probabilities, truth, method), truth, groups, aim)
    calibration.refuse_few(coverage)
    if by_class:
        limits, units, allowed = calibration.limits_by_class(probabilities.shape[1])
    else:
        limit = calibration.limit(coverage)
        limits, units, allowed = (limit.at,), limit.units, limit.allowed
    return SetRule(
        method=method,
        limits=limits,
        by_class=by_class,
        penalty=_PENALTY,
        free_ranks=_FREE_RANKS,
        coverage=coverage,
        confidence=confidence,
        units=units,
        allowed=allowed,
        by_pattern=groups is not None,
    )


@dataclass(frozen=True, slots=True)
class _Calibration:
    """``distances``: (n,), the conformity score of each true label; infinite where ``truth`` is -1."""

    distances: Numbers
    truth: Labels
    groups: Groups | None
    aim: Aim

    def refuse_few(self, coverage: float) -> None:
        count = units_of(self._groups(self.truth >= 0), int((self.truth >= 0).sum())).count
        if count < self.aim.needed():
            what = f"a coverage of {coverage:.4g}"
            raise GuaranteeRefused(
                f"{_too_few(what, self.aim, count, self.groups, 'with a label of the training part')}, "
                f"or a coverage of {1 - self.aim.reachable(count):.4g}"
            )

    def limit(self, coverage: float) -> Limit:
        units = units_of(self.groups, len(self.truth))
        limit = least_limit(self.distances, units, self.aim)
        if math.isinf(limit.at):
            unknown = float(units.weights[self.truth < 0].sum()) / units.count
            raise GuaranteeRefused(
                f"a coverage of {coverage:.4g} is out of reach: {unknown:.1%} of the {units.count} calibration "
                f"{_called(self.groups)} have a label that the training part does not know; "
                f"use a longer history, or less coverage"
            )
        return limit

    def limits_by_class(self, k: int) -> tuple[tuple[float, ...], int, int]:
        """One limit a label, the units, and how many losses of one sample follow about the same law as these:
        a limit of its own costs every pool its own "+ 1", and an unknown label is always lost."""
        pool = self._pools(k)
        limits = np.empty(k)
        count, lost = 0, 0
        for at in np.unique(pool):
            members = pool == at
            rows = (self.truth >= 0) & members[self.truth]
            limit = least_limit(self.distances[rows], units_of(self._groups(rows), int(rows.sum())), self.aim)
            limits[members] = limit.at
            count, lost = count + limit.units, lost + limit.allowed + 1
        unknown = self.truth < 0
        never = units_of(self._groups(unknown), int(unknown.sum())).count
        return tuple(limits.tolist()), count + never, lost - 1 + never

    def _pools(self, k: int) -> Labels:
        """(k,): the pool of each label. Those with too few units share one, together with the smallest of the
        others until it has enough."""
        known = np.flatnonzero(self.truth >= 0)
        pattern = known if self.groups is None else np.unique(self.groups[known], return_inverse=True)[1].ravel()
        pairs = np.unique(self.truth[known] * len(self.truth) + pattern)
        label_of, pattern_of = pairs // len(self.truth), pairs % len(self.truth)
        units = np.bincount(label_of, minlength=k)
        enough = max(self.aim.needed(), math.ceil(1 / self.aim.bound - 1e-9))
        pool = np.arange(k)
        shared, found = -1, 0
        for label in np.argsort(units, kind="stable").tolist():
            if units[label] >= enough and (shared < 0 or found >= enough):
                break
            shared = label if shared < 0 else shared
            pool[label] = shared
            found = len(np.unique(pattern_of[pool[label_of] == shared]))
        return pool

    def _groups(self, rows: NDArray[np.bool_]) -> Groups | None:
        return None if self.groups is None else self.groups[rows]


def _true_distances(probabilities: Numbers, truth: Labels, method: SetMethod) -> Numbers:
    distances = np.full(len(truth), np.inf)
    for start in range(0, len(truth), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        scores = conformity(probabilities[part], method, _PENALTY, _FREE_RANKS)
        known = np.flatnonzero(truth[part] >= 0)
        distances[start + known] = scores[known, truth[part][known]]
    return distances


def _too_few(what: str, aim: Aim, found: int, groups: Groups | None, of: str) -> str:
    held = "on average" if aim.confidence is None else f"with confidence {aim.confidence:.4g}"
    return (
        f"{what}, held {held}, needs at least {aim.needed()} calibration {_called(groups)} {of}, "
        f"and there are {found}: use a longer history"
    )


def _called(groups: Groups | None) -> str:
    return "incidents" if groups is None else "patterns of incidents"
