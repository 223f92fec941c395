"""Which features weighed most, in words a reader knows."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import numpy as np

from triage.domain.decision import FeatureWeight
from triage.prediction.columns import SparseRow
from triage.prediction.encoder import Encoder, Pieces
from triage.prediction.features import FeatureVector, word_ids
from triage.prediction.head import Head

MEANING = "meaning of the text"
_LOOKED_AT = 8
_LEAST_WEIGHT = 0.01
_REMEMBERED_NAMES = 16_384


class Spelling:
    """How an encoder spells its pieces, remembered from text to text: words recur, and asking costs more."""

    def __init__(self, encoder: Encoder) -> None:
        self.starts_word = lru_cache(maxsize=None)(encoder.starts_word)  # at most one a piece of the vocabulary
        # Not of a bound method: a circle would keep the encoder of a bundle that nobody uses any more.
        self.name = lru_cache(maxsize=_REMEMBERED_NAMES)(partial(_name, encoder.words))


def _name(words_of: Callable[[Sequence[int]], str], pieces: tuple[int, ...]) -> str | None:
    """``word: disk full``; None for mere punctuation."""
    words = words_of(pieces)
    return f"word: {words}" if any(map(str.isalpha, words)) else None


class Explainer:
    """The features of one incident in words. Made for one request: hashes are read back from its own text."""

    def __init__(self, spelling: Spelling, pieces: Pieces) -> None:
        self._spelling = spelling
        self._pieces: list[int] = pieces.tolist()
        # Where each feature stands first; set from the end, so that the first place stays.
        singles, pairs = (ids.tolist() for ids in word_ids(pieces))
        self._single_at = dict(zip(reversed(singles), range(len(singles) - 1, -1, -1), strict=True))
        self._pair_at = dict(zip(reversed(pairs), range(len(pairs) - 1, -1, -1), strict=True))

    def explain(
        self, head: Head, vector: FeatureVector, row: SparseRow, label: int, most: int = 5
    ) -> tuple[FeatureWeight, ...]:
        """What spoke loudest for ``label``, heaviest first, in log-odds against the mean of the labels."""
        sparse, meaning = head.contributions(row, label)
        weights: defaultdict[str, float] = defaultdict(float)
        if meaning > 0:
            weights[MEANING] = meaning
        loud = np.argsort(-sparse, kind="stable")[:_LOOKED_AT]
        looked_at = zip(loud.tolist(), sparse[loud].tolist(), row.positions[loud].tolist(), strict=True)
        for at, weight, position in looked_at:
            if weight <= 0:
                break
            if at < row.words:
                name = self._word(int(head.columns.word_ids[position]))
            else:
                name = _fact(vector, int(head.columns.fact_ids[position - len(head.columns.word_ids)]))
            if name is not None:
                weights[name] += weight
        loudest = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:most]
        return tuple(FeatureWeight(feature=n, weight=round(w, 4)) for n, w in loudest if w >= _LEAST_WEIGHT)

    def _word(self, word_id: int) -> str | None:
        """The name of the whole words that the feature's pieces belong to."""
        single = self._single_at.get(word_id)
        first = last = self._pair_at[word_id] if single is None else single
        last += single is None
        pieces, starts_word = self._pieces, self._spelling.starts_word
        while first > 0 and not starts_word(pieces[first]):
            first -= 1
        while last + 1 < len(pieces) and not starts_word(pieces[last + 1]):
            last += 1
        return self._spelling.name(tuple(pieces[first : last + 1]))


def _fact(vector: FeatureVector, wanted: int) -> str:
    facts: list[int] = vector.facts.tolist()
    return vector.fact_names[facts.index(wanted)]
