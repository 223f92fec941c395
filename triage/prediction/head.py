"""A linear head: one target, its labels, calibrated probabilities, and a threshold below which it abstains."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain.catalogue import fold
from triage.errors import BundleError
from triage.prediction.columns import Columns, SparseRow
from triage.prediction.features import FactScope, FeatureVector, Numbers
from triage.prediction.head_file import SavedEstimator

Probabilities = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The least probability at which a label may act alone, chosen for ``precision`` on held-out predictions.
    ``by_label`` where a label has enough of them, else ``general``; None: no threshold was good enough."""

    precision: float
    general: float | None
    by_label: Mapping[str, float | None] = field(default_factory=dict)

    def of(self, label: str) -> float | None:
        return self.by_label.get(label, self.general)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSettings:
    """The part of a head that the manifest holds. ``temperature`` divides the scores before the softmax
    (Guo et al., 2017, On Calibration of Modern Neural Networks); ``labels`` is the order of the classes."""

    target: str
    labels: tuple[str, ...]
    scope: FactScope
    temperature: float
    thresholds: Thresholds
    word_weight: float
    fact_weight: float
    meaning_weight: float


class Head:
    """Scores with plain numpy on rows of a (columns, labels) matrix: only what an incident mentions is read."""

    def __init__(self, settings: HeadSettings, columns: Columns, coef: Numbers, intercept: Numbers) -> None:
        self.settings = settings
        self.columns = columns
        weights = np.ascontiguousarray(coef.T, dtype=np.float32)
        self._sparse: Numbers = weights[: columns.sparse]
        self._meaning: Numbers = weights[columns.sparse :]
        self._mean: Numbers = self._sparse.mean(axis=1)
        self._intercept = intercept.astype(np.float32)
        self._label_at = {fold(label): at for at, label in enumerate(settings.labels)}

    @property
    def labels(self) -> tuple[str, ...]:
        return self.settings.labels

    def find_label(self, word: str) -> int | None:
        """The position of the label that ``word`` spells, case and punctuation aside."""
        return self._label_at.get(fold(word))

    def probabilities(self, row: SparseRow) -> Probabilities:
        """One for each of ``labels``, summing to 1."""
        raw = row.values @ self._sparse[row.positions] + row.meaning @ self._meaning + self._intercept
        scores: Probabilities = raw.astype(np.float64) / self.settings.temperature
        scores -= scores.max()
        np.exp(scores, out=scores)
        scores /= scores.sum()
        return scores

    def row(self, vector: FeatureVector) -> SparseRow:
        return self.columns.row(vector)

    def contributions(self, row: SparseRow, label: int) -> tuple[Numbers, float]:
        """By how many log-odds each of ``row.positions``, and the embedding as a whole, speaks for ``label``
        against the mean of all labels."""
        sparse = row.values * (self._sparse[row.positions, label] - self._mean[row.positions])
        by_label = row.meaning @ self._meaning
        meaning = float(by_label[label] - by_label.mean())
        return sparse / np.float32(self.settings.temperature), meaning / self.settings.temperature


def load_head(name: str, settings: HeadSettings, content: Mapping[str, Any], dimensions: int) -> Head:
    """The head of a file's ``content``; ``name`` is the file. Raises ``BundleError`` if its shapes disagree."""
    columns = Columns(
        word_ids=_array(name, content, "word_ids", np.uint32),
        rarity=_array(name, content, "rarity", np.float32),
        fact_ids=_array(name, content, "fact_ids", np.uint32),
        dimensions=dimensions,
        word_weight=settings.word_weight,
        fact_weight=settings.fact_weight,
        meaning_weight=settings.meaning_weight,
    )
    classifier = content.get("classifier")
    if not isinstance(classifier, SavedEstimator):
        raise BundleError(name, "a linear classifier", type(classifier).__name__)
    coef = _array(name, classifier.fitted, "coef_", None)
    intercept = _array(name, classifier.fitted, "intercept_", None)
    if len(settings.labels) == 2 and coef.shape[0] == 1:
        # Two labels share one score; half of it for the one and against the other is the same softmax.
        coef, intercept = np.concatenate((-coef, coef)) / 2, np.concatenate((-intercept, intercept)) / 2
    expected = (len(settings.labels), columns.total)
    if coef.shape != expected or intercept.shape != expected[:1] or len(columns.rarity) != len(columns.word_ids):
        raise BundleError(name, f"coefficients of shape {expected}", f"{coef.shape}")
    return Head(settings, columns, coef, intercept)


def _array(name: str, content: Mapping[str, Any], key: str, dtype: type | None) -> NDArray[Any]:
    found = content.get(key)
    if not isinstance(found, np.ndarray) or (dtype is not None and found.dtype != dtype):
        raise BundleError(name, f"an array {key}", type(found).__name__)
    return found
