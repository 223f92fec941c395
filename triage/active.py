"""What is in force right now: the decider with its bundle and configuration, and what is missing from it.

A snapshot is replaced as a whole, so that one batch sees one bundle and one configuration.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from triage.decider import Case, Decider, Embedding
from triage.domain.decision import Decision, StoredDecision
from triage.domain.memory import Looks
from triage.memory.likeness import Likeness
from triage.prediction.encoder import Encoder
from triage.prediction.recent import Recent

CACHED_TEXTS = 20_000
"""At 768 bytes an embedding and its key: about 20 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """With what the memory is searched. ``encoder``: whose embeddings it is whole for, which after a promotion may
    be the one before; None: by words alone."""

    encoder: Encoder | None = None
    likeness: Likeness = field(default_factory=Likeness)

    @property
    def encoder_version(self) -> str | None:
        return self.encoder.version if self.encoder is not None else None


class Active:
    """One snapshot. ``degraded`` maps what is missing (``bundle``, ``policy``, …) to a sentence saying why."""

    def __init__(self, decider: Decider, degraded: Mapping[str, str], search: Search | None = None) -> None:
        self.decider = decider
        self.degraded = dict(degraded)
        self.search = search or Search(encoder=self.encoder)
        self.cache: Recent[bytes, Embedding] = Recent(CACHED_TEXTS)

    @property
    def encoder(self) -> Encoder | None:
        return self.decider.predictor.encoder if self.decider.predictor else None

    @property
    def encoder_version(self) -> str | None:
        return self.encoder.version if self.encoder is not None else None

    @property
    def searches_as_it_decides(self) -> bool:
        """Whether one embedding of a text serves both."""
        return self.search.encoder_version == self.encoder_version

    def stored(self, case: Case, decision: Decision, text_key: bytes) -> StoredDecision:
        """The decision as it is kept, with where its embedding lies."""
        embedded = case.embedding is not None
        return StoredDecision(
            decision=decision,
            inputs=case.inputs,
            encoder=self.encoder_version if embedded else None,
            text_key=text_key if embedded else None,
        )

    def encode_to_search(self, looks: Mapping[bytes, Looks]) -> dict[bytes, Embedding]:
        """Embeddings by text key as the memory holds them, while that is of another encoder than decisions are."""
        if self.search.encoder is None or not looks:
            return {}
        return dict(zip(looks, self.search.encoder.encode([look.text for look in looks.values()]), strict=True))

    def encode(self, texts: Mapping[bytes, str]) -> dict[bytes, Embedding]:
        """Embeddings by text key; each text is encoded once, side by side with the others."""
        if self.encoder is None or not texts:
            return {}
        vectors: NDArray[np.float16] = self.encoder.encode(list(texts.values()))
        found = dict(zip(texts, vectors, strict=True))
        self.cache.keep(found)
        return found
