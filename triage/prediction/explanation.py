"""Which features weighed most, in words a reader knows."""

from collections import defaultdict

import numpy as np

from triage.domain.decision import FeatureWeight
from triage.prediction.columns import SparseRow
from triage.prediction.encoder import Encoder, Pieces
from triage.prediction.features import FeatureVector, word_ids
from triage.prediction.head import Head

MEANING = "meaning of the text"
_LOOKED_AT = 12
_LEAST_WEIGHT = 0.01


def explain(
    encoder: Encoder, head: Head, vector: FeatureVector, row: SparseRow, label: int, most: int = 5
) -> tuple[FeatureWeight, ...]:
    """The features that spoke loudest for ``label``, heaviest first, in log-odds against the labels' mean."""
    sparse, meaning = head.contributions(row, label)
    weights: defaultdict[str, float] = defaultdict(float)
    if meaning > 0:
        weights[MEANING] = meaning
    words = _Words(encoder, vector.pieces)
    for at in np.argsort(-sparse, kind="stable")[:_LOOKED_AT]:
        if sparse[at] <= 0:
            break
        position = int(row.positions[at])
        if at < row.words:
            name = words.name(int(head.columns.word_ids[position]))
        else:
            name = _fact(vector, int(head.columns.fact_ids[position - len(head.columns.word_ids)]))
        weights[name] += float(sparse[at])
    loudest = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:most]
    return tuple(FeatureWeight(feature=n, weight=round(w, 4)) for n, w in loudest if w >= _LEAST_WEIGHT)


def _fact(vector: FeatureVector, wanted: int) -> str:
    return next(n for n, i in zip(vector.fact_names, vector.facts, strict=True) if int(i) == wanted)


class _Words:
    """From a hashed word feature back to the words of this very text; the map lives for one explanation."""

    def __init__(self, encoder: Encoder, pieces: Pieces) -> None:
        self._encoder = encoder
        self._pieces = [int(number) for number in pieces]
        singles, pairs = word_ids(pieces)
        self._spans = {int(i): (at, at + 1) for at, i in reversed(list(enumerate(pairs)))}
        self._spans.update((int(i), (at, at)) for at, i in reversed(list(enumerate(singles))))

    def name(self, word_id: int) -> str:
        """``word: disk full``: the whole words that the feature's pieces belong to."""
        first, last = self._spans[word_id]
        while first > 0 and not self._starts_word(first):
            first -= 1
        while last + 1 < len(self._pieces) and not self._starts_word(last + 1):
            last += 1
        return f"word: {self._encoder.words(self._pieces[first : last + 1])}"

    def _starts_word(self, at: int) -> bool:
        return self._encoder.starts_word(self._pieces[at])
