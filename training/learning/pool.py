"""How loud each component speaks, and how far each label is moved: fitted on held-out scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

Labels = NDArray[np.int64]
Scores = NDArray[np.float64]
Probabilities = NDArray[np.float64]

_BIAS_PENALTY = 1e-2
_WEIGHT_PENALTY = 1e-3
_LARGEST_LOG_WEIGHT = 4.0
_ENOUGH = {"ftol": 1e-7, "gtol": 1e-5, "maxiter": 200}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pool:
    """``weights`` by component, positive; ``bias`` of shape (k,), added to every row's scores."""

    weights: Mapping[str, float]
    bias: NDArray[np.float64]

    def probabilities(self, scores: Mapping[str, Scores]) -> Probabilities:
        """Shape (n, k), from each component's scores of that shape."""
        found: Probabilities = softmax(
            sum(w * scores[name] for name, w in self.weights.items()) + self.bias, axis=1
        )
        return found


def fit_pool(names: Sequence[str], scores: Mapping[str, Scores], labels: Labels) -> Pool:
    """The weights and biases of least log loss on held-out ``scores``.

    With one component this is temperature scaling (Guo et al., 2017, On Calibration of Modern Neural Networks)
    with a bias for each label, which follows how often labels came up lately; both are kept small by penalties,
    the more so the fewer rows there are.
    """
    every = [scores[name] for name in names]
    parts, (rows, width) = len(every), every[0].shape
    truth = np.arange(rows), labels
    bias_penalty = _BIAS_PENALTY + 0.5 / max(rows, 1)

    def loss(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, bias = np.exp(point[:parts]), point[parts:]
        found = sum(weight * one for weight, one in zip(weights, every, strict=True)) + bias
        sums = logsumexp(found, axis=1)
        gradient = np.exp(found - sums[:, None])
        gradient[truth] -= 1.0
        gradient /= max(rows, 1)
        value = float((sums - found[truth]).mean()) if rows else 0.0
        value += bias_penalty * float(bias @ bias) + _WEIGHT_PENALTY * float(point[:parts] @ point[:parts])
        by_weight = np.array([np.vdot(one, gradient) for one in every]) * weights
        by_weight += 2 * _WEIGHT_PENALTY * point[:parts]
        return value, np.concatenate((by_weight, gradient.sum(axis=0) + 2 * bias_penalty * bias))

    start = np.concatenate((np.full(parts, -np.log(parts)), np.zeros(width)))
    limits = [(-_LARGEST_LOG_WEIGHT - 3, _LARGEST_LOG_WEIGHT)] * parts + [(-10.0, 10.0)] * width
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=limits, options=_ENOUGH).x
    return Pool(weights=dict(zip(names, np.exp(best[:parts]).tolist(), strict=True)), bias=best[parts:])


def log_loss(probabilities: Probabilities, labels: Labels) -> NDArray[np.float64]:
    """Of each row; a probability of 0 counts as one in a million million."""
    loss: NDArray[np.float64] = -np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-12))
    return loss
