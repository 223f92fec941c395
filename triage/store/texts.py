"""The texts that a batch brings into the memory: what they mean to an encoder, and which words they have."""

from collections.abc import Mapping
from dataclasses import dataclass

from triage.store.database import Db
from triage.store.neighbours import Embeddings
from triage.store.recording import record_embeddings
from triage.store.words import Words, record_words


@dataclass(frozen=True, slots=True)
class NewTexts:
    """``embeddings`` by encoder and text key; those under None are of no encoder, and left out."""

    embeddings: Mapping[str | None, Embeddings]
    words: Words


def record_texts(db: Db, texts: NewTexts) -> None:
    for encoder, embeddings in sorted((e, v) for e, v in texts.embeddings.items() if e is not None):
        record_embeddings(db, encoder, embeddings)
    record_words(db, texts.words)
