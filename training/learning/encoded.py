"""A history made ready to learn from: cleaned, told apart by pattern, embedded, and read into matrices."""

from collections.abc import Callable, Sequence
from pathlib import Path

from training.embedding import EmbeddingCache
from training.history.cleaning import clean
from training.history.facts import FactTable
from training.history.mentions import find_mentions, without_notes
from training.history.patterns import pattern_groups
from training.history.teams import KnownTeams
from training.learning.heads import TARGETS, EncodedHistory, name_vectors
from training.learning.matrix import read_matrix
from triage.history.rows import HistoryRow
from triage.prediction.encoder import Encoder
from triage.prediction.predictor import PRIORITY, TEAM
from triage.prediction.text import incident_text

CACHE_FOLDER = ".cache"

Progress = Callable[[str, int, int], None]
"""Told the phase, how much more of it is done, and how much there is in all; a phase need not reach its end."""


def encode_history(
    rows: Sequence[HistoryRow],
    encoder: Encoder,
    models: Path,
    *,
    least_rows: int,
    known: KnownTeams | None = None,
    progress: Progress = lambda *_: None,
) -> EncodedHistory:
    """Embeddings are kept below ``models``, so that no text is encoded twice."""
    incidents = [row.incident for row in rows]
    texts = [incident_text(incident) for incident in incidents]
    facts = FactTable.of(incidents)
    cleaned = clean(rows, texts, TARGETS, least_rows=least_rows, known=known, facts=facts)
    mentions = []
    for target in (TEAM, PRIORITY):
        given = [(text, label) for text, label in zip(texts, cleaned.labels[target], strict=True) if label]
        labels = [label for _, label in given]
        found = find_mentions([text for text, _ in given], labels, target)
        mentions.append(found)
        if found.notes_are_the_rule:
            texts = without_notes(texts, labels)
    groups = pattern_groups(rows, texts, facts)
    cache = EmbeddingCache(models / CACHE_FOLDER, encoder)
    embeddings = cache.embed(texts, lambda n: progress("embed", n, len(texts)))
    matrix = read_matrix(incidents, texts, embeddings, encoder, lambda n: progress("features", n, len(texts)))
    return EncodedHistory(
        rows=rows,
        texts=texts,
        matrix=matrix,
        facts=facts,
        groups=groups,
        cleaned=cleaned,
        mentions=tuple(mentions),
        name_vector=name_vectors(encoder),
    )
