"""Scores as sums over rows, so that they can be resampled: F1 of each label, the rank of the truth."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from training.learning.judged import UNKNOWN, Numbers, Values

_LEAST_PROBABILITY = 1e-15
_NEVER = np.iinfo(np.int64).max


def f1_columns(truth: Numbers, chosen: Numbers, width: int) -> sparse.csr_array:
    """Shape (n, 3 × width): right, said and true for each label; the sums of these are all an F1 needs."""
    rows = np.arange(len(truth))
    known, right = truth != UNKNOWN, truth == chosen
    at = np.concatenate((rows[right], rows, rows[known]))
    column = np.concatenate((chosen[right], width + chosen, 2 * width + truth[known]))
    return sparse.csr_array((np.ones(len(at)), (at, column)), shape=(len(truth), 3 * width))


def f1_of(totals: Values) -> Values:
    """F1 of each label, shape (…, width), from sums of shape (…, 3 × width); NaN where no row has the label."""
    right, said, true = np.split(totals, 3, axis=-1)
    return np.where(true > 0, 2 * right / np.maximum(said + true, 1), np.nan)


def macro_f1_of(totals: Values) -> Values:
    """Plain mean of the F1 of the labels that occur, shape (…); 0 where none does. A label that the head does not
    know spoils the precision of what was said instead, and is no label of its own."""
    found = f1_of(totals)
    there = ~np.isnan(found)
    mean: Values = np.where(there, found, 0.0).sum(axis=-1) / np.maximum(there.sum(axis=-1), 1)
    return mean


def rank_of_truth(probabilities: Values, truth: Numbers) -> Numbers:
    """Shape (n,): how many labels are put before the true one, ties by label number as ``argmax`` breaks them;
    beyond any number of labels where the truth is unknown to the head."""
    own = _probability_of(probabilities, truth)[:, None]
    earlier = np.arange(probabilities.shape[1]) < truth[:, None]
    before: Numbers = ((probabilities > own) | ((probabilities == own) & earlier)).sum(axis=1)
    return np.where(truth == UNKNOWN, _NEVER, before)


def log_losses(probabilities: Values, truth: Numbers) -> Values:
    """Shape (n,): minus the logarithm of the probability of the truth; NaN where the head does not know it."""
    losses: Values = -np.log(np.maximum(_probability_of(probabilities, truth), _LEAST_PROBABILITY))
    return np.where(truth == UNKNOWN, np.nan, losses)


def brier_scores(probabilities: Values, truth: Numbers) -> Values:
    """Shape (n,): squared distance, 0 to 2, of the probabilities from the truth (Brier, 1950), of which a label
    the head does not know has none."""
    own = np.where(truth == UNKNOWN, 0.0, _probability_of(probabilities, truth))
    scores: Values = np.square(probabilities).sum(axis=1) - 2 * own + 1
    return scores


def _probability_of(probabilities: Values, label: Numbers) -> NDArray[np.float64]:
    found: Values = probabilities[np.arange(len(label)), label]
    return found
