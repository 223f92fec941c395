"""A history as sparse matrices, and the columns that a head learns from some of its rows.

Everything is read from the incidents once. A fold then takes rows and columns out of the same matrices, so that
memory and time grow with the number of words in the history and not with the number of folds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from training.recipes import Recipe
from triage.domain.incident import Incident
from triage.prediction.columns import Columns
from triage.prediction.encoder import Embeddings, Encoder
from triage.prediction.features import FeatureVector, Ids, Numbers, fact_ids, fact_names, word_features

Rows = NDArray[np.int64]
"""Numbers of rows of a matrix."""

_PROGRESS_EVERY = 1_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HistoryMatrix:
    """``words``: how often each of ``word_ids`` occurs, shape (n, words); ``facts``: 1 where a fact is stated,
    shape (n, facts), and the ``fact_keys`` that they are values of; ``meaning``: float16 of shape (n,
    dimensions)."""

    word_ids: Ids
    words: csr_matrix
    fact_ids: Ids
    fact_keys: tuple[str, ...]
    facts: csr_matrix
    meaning: Embeddings

    def __len__(self) -> int:
        return len(self.meaning)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blocks:
    """Rows in a head's own columns, as ``Columns.row`` weighs them: words and facts sparse, meaning float32."""

    words: csr_matrix
    facts: csr_matrix
    meaning: Numbers

    def take(self, rows: Rows) -> "Blocks":
        return Blocks(words=self.words[rows], facts=self.facts[rows], meaning=self.meaning[rows])

    def __len__(self) -> int:
        return len(self.meaning)


def read_matrix(
    incidents: Sequence[Incident],
    texts: Sequence[str],
    embeddings: Embeddings,
    encoder: Encoder,
    progress: Callable[[int], None] = lambda _: None,
) -> HistoryMatrix:
    """``texts`` and ``embeddings`` are of the incidents, in their order. All facts are read, the team that
    somebody chose among them: a head leaves out the keys that it must not see. ``progress`` is told how many
    further rows are done."""
    word_parts: list[Ids] = []
    count_parts: list[Numbers] = []
    fact_parts: list[Ids] = []
    key_of: dict[int, str] = {}
    ids_of: dict[str, int] = {}
    for at, (incident, text) in enumerate(zip(incidents, texts, strict=True), 1):
        found = word_features(encoder.pieces_of(text))
        word_parts.append(found.ids)
        count_parts.append(found.counts)
        names = fact_names(incident, "assigned")
        unseen = tuple(name for name in names if name not in ids_of)
        if unseen:
            ids_of.update(zip(unseen, fact_ids(unseen).tolist(), strict=True))
            key_of.update((ids_of[name], name.split("=", 1)[0]) for name in unseen)
        fact_parts.append(np.unique(np.array([ids_of[name] for name in names], dtype=np.uint32)))
        if at % _PROGRESS_EVERY == 0 or at == len(incidents):
            progress(at % _PROGRESS_EVERY or _PROGRESS_EVERY)
    word_ids, words = _sparse(word_parts, np.concatenate(count_parts))
    known_facts, facts = _sparse(fact_parts, None)
    return HistoryMatrix(
        word_ids=word_ids,
        words=words,
        fact_ids=known_facts,
        fact_keys=tuple(key_of[fact] for fact in known_facts.tolist()),
        facts=facts,
        meaning=embeddings,
    )


class LearntColumns:
    """The words and facts that enough of ``rows`` hold, without the facts of the keys ``without``."""

    def __init__(self, matrix: HistoryMatrix, rows: Rows, recipe: Recipe, without: frozenset[str]) -> None:
        self._matrix = matrix
        words, facts = matrix.words[rows], matrix.facts[rows]
        word_rows = np.bincount(words.indices, minlength=words.shape[1])
        self._words = np.flatnonzero(word_rows >= _least(recipe.min_word_rows, len(rows)))
        if len(self._words) > recipe.max_words:
            most_seen = np.argsort(-word_rows[self._words], kind="stable")[: recipe.max_words]
            self._words = np.sort(self._words[most_seen])
        fact_rows = np.bincount(facts.indices, minlength=facts.shape[1])
        allowed = np.array([key not in without for key in matrix.fact_keys], dtype=np.bool_)
        self._facts = np.flatnonzero((fact_rows >= _least(recipe.min_fact_rows, len(rows))) & allowed)
        rarity = np.log((1 + len(rows)) / (1 + word_rows[self._words])) + 1
        self.columns = Columns(
            word_ids=matrix.word_ids[self._words],
            rarity=rarity.astype(np.float32),
            fact_ids=matrix.fact_ids[self._facts],
            dimensions=matrix.meaning.shape[1],
        )

    def blocks(self, rows: Rows) -> Blocks:
        """``rows`` of the matrix in these columns, the very values that ``Columns.row`` gives serving."""
        words = self._matrix.words[rows][:, self._words].astype(np.float32)
        words.data = (1.0 + np.log(words.data)) * self.columns.rarity[words.indices]
        squares = np.add.reduceat(np.append(words.data**2, 0.0), words.indptr[:-1]) * (np.diff(words.indptr) > 0)
        lengths = np.sqrt(squares, dtype=np.float32)
        words.data /= np.repeat(np.where(lengths > 0, lengths, 1), np.diff(words.indptr))
        return Blocks(
            words=words,
            facts=self._matrix.facts[rows][:, self._facts],
            meaning=self._matrix.meaning[rows].astype(np.float32),
        )


def blocks_of(vectors: Sequence[FeatureVector], columns: Columns) -> Blocks:
    """Incidents that are not of the history (the names of labels, say) in a head's columns."""
    rows = [columns.row(vector) for vector in vectors]
    ends = np.cumsum([0, *(len(row.values) for row in rows)])
    values, positions = (np.concatenate([getattr(row, name) for row in rows]) for name in ("values", "positions"))
    sparse = csr_matrix((values, positions, ends), shape=(len(rows), columns.sparse))
    split = len(columns.word_ids)
    return Blocks(
        words=sparse[:, :split], facts=sparse[:, split:], meaning=np.stack([row.meaning for row in rows])
    )


def _sparse(parts: Sequence[Ids], values: Numbers | None) -> tuple[Ids, csr_matrix]:
    """The distinct ids, ascending, and a matrix with a column for each; ``values`` None: ones."""
    known, positions = np.unique(np.concatenate(parts), return_inverse=True)
    ends = np.cumsum([0, *map(len, parts)])
    data = np.ones(len(positions), dtype=np.float32) if values is None else values
    return known, csr_matrix((data, positions.astype(np.int32), ends), shape=(len(parts), len(known)))


def _least(wanted: int, rows: int) -> int:
    """In a small history a word seen once is all there is to go by."""
    return wanted if rows >= 100 else 1
