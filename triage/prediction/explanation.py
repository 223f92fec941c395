"""Which features weighed most, in words a reader knows."""

from collections import defaultdict

import numpy as np

from triage.domain.decision import FeatureWeight
from triage.prediction.columns import SparseRow
from triage.prediction.encoder import Encoder, Pieces
from triage.prediction.features import FeatureVector, word_ids
from triage.prediction.head import Head

MEANING = "meaning of the text"
_LOOKED_AT = 8
_LEAST_WEIGHT = 0.01


class Explainer:
    """The features of one incident in words. Made for one request: hashes are read back from its own text."""

    def __init__(self, encoder: Encoder, pieces: Pieces) -> None:
        self._encoder = encoder
        self._pieces: list[int] = pieces.tolist()
        self._singles, self._pairs = word_ids(pieces)
        self._names: dict[int, str | None] = {}

    def explain(
        self, head: Head, vector: FeatureVector, row: SparseRow, label: int, most: int = 5
    ) -> tuple[FeatureWeight, ...]:
        """What spoke loudest for ``label``, heaviest first, in log-odds against the mean of the labels."""
        sparse, meaning = head.contributions(row, label)
        weights: defaultdict[str, float] = defaultdict(float)
        if meaning > 0:
            weights[MEANING] = meaning
        for at in np.argsort(-sparse, kind="stable")[:_LOOKED_AT].tolist():
            if sparse[at] <= 0:
                break
            position = int(row.positions[at])
            if at < row.words:
                name = self._word(int(head.columns.word_ids[position]))
            else:
                name = _fact(vector, int(head.columns.fact_ids[position - len(head.columns.word_ids)]))
            if name is not None:
                weights[name] += float(sparse[at])
        loudest = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:most]
        return tuple(FeatureWeight(feature=n, weight=round(w, 4)) for n, w in loudest if w >= _LEAST_WEIGHT)

    def _word(self, word_id: int) -> str | None:
        """``word: disk full``: the whole words that the feature's pieces belong to; None for mere punctuation."""
        if word_id not in self._names:
            words = self._encoder.words(self._whole_words(word_id))
            self._names[word_id] = f"word: {words}" if any(map(str.isalpha, words)) else None
        return self._names[word_id]

    def _whole_words(self, word_id: int) -> list[int]:
        single = np.flatnonzero(self._singles == word_id)
        first = last = int(single[0]) if len(single) else int(np.flatnonzero(self._pairs == word_id)[0])
        last += not len(single)
        while first > 0 and not self._encoder.starts_word(self._pieces[first]):
            first -= 1
        while last + 1 < len(self._pieces) and not self._encoder.starts_word(self._pieces[last + 1]):
            last += 1
        return self._pieces[first : last + 1]


def _fact(vector: FeatureVector, wanted: int) -> str:
    return vector.fact_names[int(np.flatnonzero(vector.facts == wanted)[0])]
