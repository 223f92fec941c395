"""What is in force right now: the decider with its bundle and configuration, and what is missing from it.

A snapshot is replaced as a whole, so that one batch sees one bundle and one configuration.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from triage.decider import Case, Decider, Embedding
from triage.domain.decision import Decision, StoredDecision
from triage.prediction.encoder import Encoder

CACHED_TEXTS = 20_000
"""At 768 bytes an embedding and its key: about 20 MB."""


class EmbeddingCache:
    """The newest embeddings of one encoder by text key. Safe to use from several threads."""

    def __init__(self, size: int = CACHED_TEXTS) -> None:
        self._size = size
        self._held: OrderedDict[bytes, Embedding] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Embedding]:
        found = {}
        with self._lock:
            for key in keys:
                if key in self._held:
                    self._held.move_to_end(key)
                    found[key] = self._held[key]
        return found

    def keep(self, embeddings: Mapping[bytes, Embedding]) -> None:
        with self._lock:
            self._held.update(embeddings)
            while len(self._held) > self._size:
                self._held.popitem(last=False)


class Active:
    """One snapshot. ``degraded`` maps what is missing (``bundle``, ``policy``, …) to a sentence saying why."""

    def __init__(self, decider: Decider, degraded: Mapping[str, str]) -> None:
        self.decider = decider
        self.degraded = dict(degraded)
        self.cache = EmbeddingCache()

    @property
    def encoder(self) -> Encoder | None:
        return self.decider.predictor.encoder if self.decider.predictor else None

    @property
    def encoder_version(self) -> str | None:
        return self.encoder.version if self.encoder is not None else None

    def stored(self, case: Case, decision: Decision, text_key: bytes) -> StoredDecision:
        """The decision as it is kept, with where its embedding lies."""
        embedded = case.embedding is not None
        return StoredDecision(
            decision=decision,
            inputs=case.inputs,
            encoder=self.encoder_version if embedded else None,
            text_key=text_key if embedded else None,
        )

    def encode(self, texts: Mapping[bytes, str]) -> dict[bytes, Embedding]:
        """Embeddings by text key; each text is encoded once, side by side with the others."""
        if self.encoder is None or not texts:
            return {}
        vectors: NDArray[np.float16] = self.encoder.encode(list(texts.values()))
        found = dict(zip(texts, vectors, strict=True))
        self.cache.keep(found)
        return found
