"""Temperature and thresholds from held-out scores."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from triage.prediction.head import Probabilities, Thresholds

Scores = NDArray[np.float64]
Labels = NDArray[np.int64]

_LEAST_OWN = 20
"""Fewer held-out suggestions of a label than this say too little for a threshold of its own."""


def softmax(scores: Scores, temperature: float) -> Probabilities:
    """Rows of probabilities from rows of scores of shape (n, labels)."""
    scaled = scores / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities: Probabilities = scaled / scaled.sum(axis=1, keepdims=True)
    return probabilities


def fit_temperature(scores: Scores, labels: Labels) -> float:
    """The temperature of least negative log-likelihood (Guo et al., 2017); between 1/50 and 50."""
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        probabilities = softmax(scores, float(np.exp(log_temperature)))
        return float(-np.log(np.maximum(probabilities[rows, labels], 1e-12)).mean())

    best = minimize_scalar(loss, bounds=(-np.log(50), np.log(50)), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(best.x))


def choose_thresholds(
    probabilities: Probabilities, labels: Labels, names: Sequence[str], precision: float
) -> Thresholds:
    """For the head and for each label with enough held-out suggestions: the least probability above which
    ``precision`` of them were right, each count judged as if one more had been wrong."""
    suggested = probabilities.argmax(axis=1)
    top = probabilities[np.arange(len(labels)), suggested]
    right = suggested == labels
    own = {}
    for label, name in enumerate(names):
        of_label = suggested == label
        if int(of_label.sum()) >= _LEAST_OWN:
            own[name] = _least_threshold(top[of_label], right[of_label], precision)
    return Thresholds(precision=precision, general=_least_threshold(top, right, precision), by_label=own)


def abstains(probabilities: Probabilities, names: Sequence[str], thresholds: Thresholds) -> NDArray[np.bool_]:
    """Which rows' top label is below its threshold."""
    limits = np.array([np.inf if (t := thresholds.of(name)) is None else t for name in names])
    suggested = probabilities.argmax(axis=1)
    below: NDArray[np.bool_] = probabilities.max(axis=1) < limits[suggested]
    return below


def calibration_error(probabilities: Probabilities, labels: Labels, bins: int = 10) -> float:
    """Expected calibration error of the top label: mean gap of confidence and accuracy, bins equally filled."""
    top, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    parts = np.array_split(np.argsort(top, kind="stable"), min(bins, len(top)))
    return float(sum(len(part) * abs(top[part].mean() - right[part].mean()) for part in parts) / len(top))


def _least_threshold(top: Probabilities, right: NDArray[np.bool_], precision: float) -> float | None:
    order = np.argsort(-top, kind="stable")
    confidence, hits = top[order], np.cumsum(right[order])
    accepted = np.arange(1, len(order) + 1)
    # Equal probabilities stand or fall together, so only the last of each run is a place to cut.
    cut = np.append(confidence[1:] < confidence[:-1], True)
    good = np.flatnonzero(cut & (hits / (accepted + 1) >= precision))
    return float(confidence[good[-1]]) if len(good) else None
