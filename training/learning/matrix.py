"""From feature vectors to the matrix a classifier is fitted on, by the very rows that serving makes."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from training.recipes import Recipe
from triage.prediction.columns import Columns
from triage.prediction.features import FeatureVector, Ids


def learn_columns(vectors: Sequence[FeatureVector], recipe: Recipe, left_out: frozenset[int]) -> Columns:
    """The words and facts that enough of ``vectors`` hold; ``left_out`` are ids of facts that spell the answer."""
    word_ids, word_rows = _counted([vector.words.ids for vector in vectors])
    kept = word_rows >= _least(recipe.min_word_rows, len(vectors))
    word_ids, word_rows = word_ids[kept], word_rows[kept]
    if len(word_ids) > recipe.max_words:
        most_seen = np.sort(np.argsort(-word_rows, kind="stable")[: recipe.max_words])
        word_ids, word_rows = word_ids[most_seen], word_rows[most_seen]
    fact_rows = Counter(int(i) for vector in vectors for i in set(vector.facts.tolist()))
    least = _least(recipe.min_fact_rows, len(vectors))
    facts = sorted(i for i, rows in fact_rows.items() if rows >= least and i not in left_out)
    return Columns(
        word_ids=word_ids,
        rarity=(np.log((1 + len(vectors)) / (1 + word_rows)) + 1).astype(np.float32),
        fact_ids=np.array(facts, dtype=np.uint32),
        dimensions=len(vectors[0].meaning),
        word_weight=recipe.word_weight,
        fact_weight=recipe.fact_weight,
        meaning_weight=recipe.meaning_weight,
    )


def build_matrix(vectors: Sequence[FeatureVector], columns: Columns) -> csr_matrix:
    """Shape (rows, columns.total), float32."""
    rows = [columns.row(vector) for vector in vectors]
    meaning_at = np.arange(columns.sparse, columns.total)
    values = [part for row in rows for part in (row.values, row.meaning)]
    positions = [part for row in rows for part in (row.positions, meaning_at)]
    ends = np.cumsum([0, *(len(row.values) + columns.dimensions for row in rows)])
    data = (np.concatenate(values), np.concatenate(positions).astype(np.int32), ends.astype(np.int32))
    return csr_matrix(data, shape=(len(rows), columns.total))


def _counted(ids: Sequence[Ids]) -> tuple[Ids, NDArray[np.int64]]:
    found, rows = np.unique(np.concatenate(ids), return_counts=True)
    return found, rows.astype(np.int64)


def _least(wanted: int, rows: int) -> int:
    """In a small history a word seen once is all there is to go by."""
    return wanted if rows >= 100 else 1
