"""Which features a head has learnt to listen to."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.prediction.features import FeatureVector, Ids, Numbers

Positions = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseRow:
    """One incident in a head's own columns; the embedding's columns follow the sparse ones.

    ``words`` of the ``positions`` came from words (they are first), the others from facts.
    """

    positions: Positions
    values: Numbers
    words: int
    meaning: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns in order: words (``word_ids`` ascending), facts (``fact_ids`` ascending), the embedding.

    ``rarity`` is the inverse document frequency of each word column, ln((1 + n) / (1 + df)) + 1. A row's words
    are weighted (1 + ln count) · rarity and brought to length 1; each known fact counts 1.
    """

    word_ids: Ids
    rarity: Numbers
    fact_ids: Ids
    dimensions: int

    @property
    def sparse(self) -> int:
        return len(self.word_ids) + len(self.fact_ids)

    @property
    def total(self) -> int:
        return self.sparse + self.dimensions

    def row(self, vector: FeatureVector) -> SparseRow:
        word_at, known_words = _find(self.word_ids, vector.words.ids)
        weights = (1.0 + np.log(vector.words.counts[known_words])) * self.rarity[word_at]
        length = float(np.sqrt(weights @ weights))
        if length > 0.0:
            weights /= length
        # Two labels may fold to one fact, which counts once all the same.
        fact_at, _ = _find(self.fact_ids, np.unique(vector.facts))
        facts = np.ones(len(fact_at), dtype=np.float32)
        return SparseRow(
            positions=np.concatenate((word_at, fact_at + len(self.word_ids))),
            values=np.concatenate((weights, facts)).astype(np.float32, copy=False),
            words=len(word_at),
            meaning=vector.meaning,
        )


def _find(known: Ids, wanted: Ids) -> tuple[Positions, NDArray[np.bool_]]:
    """Positions in ``known`` (ascending) of those of ``wanted`` that are there, and which of ``wanted`` were."""
    if not len(known):
        return np.empty(0, dtype=np.intp), np.zeros(len(wanted), dtype=np.bool_)
    at = np.searchsorted(known, wanted)
    np.minimum(at, len(known) - 1, out=at)
    present = known[at] == wanted
    return at[present], present
