"""A head: one target, its labels, calibrated probabilities, and what may be concluded from them.

Training compares several ways to score a label (``training.learning.components``) and weighs those that earn
their place. Whatever is linear in the features adds up to one row of coefficients a label, so that serving reads
only what an incident mentions; the vote of the nearest reviewed incidents, where it earned a place, comes on top.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain.catalogue import fold
from triage.errors import BundleError
from triage.prediction.columns import Columns, SparseRow
from triage.prediction.conclusion import Conclusion
from triage.prediction.features import FactScope, FeatureVector, Numbers
from triage.prediction.neighbours import Neighbours, NeighbourSettings

Probabilities = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSettings:
    """The part of a head that the manifest holds. ``labels`` is the order of the classes; ``combination`` names
    the components that earned their place; ``neighbours`` is None where the nearest ones did not."""

    target: str
    labels: tuple[str, ...]
    scope: FactScope
    conclusion: Conclusion
    combination: tuple[str, ...] = ()
    neighbours: NeighbourSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeadWeights:
    """``coef``: float32 of shape (labels, columns.total); ``intercept``: (labels,). ``settings`` and the arrays of
    ``neighbours`` are there both or not at all."""

    columns: Columns
    coef: Numbers
    intercept: Numbers
    neighbours: Neighbours | None = None

    def content(self) -> dict[str, NDArray[Any]]:
        """What the head's file holds: arrays only."""
        near = self.neighbours.content() if self.neighbours is not None else {}
        return {
            "coef": self.coef,
            "intercept": self.intercept,
            "word_ids": self.columns.word_ids,
            "rarity": self.columns.rarity,
            "fact_ids": self.columns.fact_ids,
            **near,
        }


class Head:
    """Scores with plain numpy on rows of a (columns, labels) matrix: only what an incident mentions is read."""

    def __init__(self, settings: HeadSettings, weights: HeadWeights) -> None:
        self.settings = settings
        self.columns = columns = weights.columns
        transposed = np.ascontiguousarray(weights.coef.T, dtype=np.float32)
        self._sparse: Numbers = transposed[: columns.sparse]
        self._meaning: Numbers = transposed[columns.sparse :]
        self._mean: Numbers = self._sparse.mean(axis=1)
        self._intercept = weights.intercept.astype(np.float32)
        self._neighbours = weights.neighbours
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
        scores: Probabilities = raw.astype(np.float64)
        if self._neighbours is not None:
            scores += self._neighbours.scores(row.meaning[None, :])[0]
        scores -= scores.max()
        np.exp(scores, out=scores)
        scores /= scores.sum()
        return scores

    def row(self, vector: FeatureVector) -> SparseRow:
        return self.columns.row(vector)

    def contributions(self, row: SparseRow, label: int) -> tuple[Numbers, float]:
        """By how many log-odds each of ``row.positions``, and the embedding as a whole (with the neighbours that
        it finds), speaks for ``label`` against the mean of all labels."""
        sparse = row.values * (self._sparse[row.positions, label] - self._mean[row.positions])
        by_label = row.meaning @ self._meaning
        if self._neighbours is not None:
            by_label = by_label + self._neighbours.scores(row.meaning[None, :])[0]
        return sparse, float(by_label[label] - by_label.mean())


def load_head(name: str, settings: HeadSettings, content: Mapping[str, Any], dimensions: int) -> Head:
    """The head of a file's ``content``; ``name`` is the file. Raises ``BundleError`` if its shapes disagree."""
    columns = Columns(
        word_ids=_array(name, content, "word_ids", np.uint32),
        rarity=_array(name, content, "rarity", np.float32),
        fact_ids=_array(name, content, "fact_ids", np.uint32),
        dimensions=dimensions,
    )
    coef = _array(name, content, "coef", np.float32)
    intercept = _array(name, content, "intercept", np.float32)
    expected = (len(settings.labels), columns.total)
    if coef.shape != expected or intercept.shape != expected[:1] or len(columns.rarity) != len(columns.word_ids):
        raise BundleError(name, f"coefficients of shape {expected}", f"{coef.shape}")
    neighbours = None
    if settings.neighbours is not None:
        meaning = _array(name, content, "near_meaning", np.float16)
        labels = _array(name, content, "near_labels", np.uint16)
        if meaning.shape != (len(labels), dimensions) or (len(labels) and labels.max() >= len(settings.labels)):
            raise BundleError(name, f"neighbours of {dimensions} dimensions", f"{meaning.shape}")
        neighbours = Neighbours(settings.neighbours, meaning, labels, len(settings.labels))
    weights = HeadWeights(columns=columns, coef=coef, intercept=intercept, neighbours=neighbours)
    return Head(settings, weights)


def _array(name: str, content: Mapping[str, Any], key: str, dtype: type) -> NDArray[Any]:
    found = content.get(key)
    if not isinstance(found, np.ndarray) or found.dtype != dtype:
        raise BundleError(name, f"an array {key}", type(found).__name__)
    return found
