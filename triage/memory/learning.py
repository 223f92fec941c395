"""How much words weigh beside meaning, learned from the remembered texts: no label is needed."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from triage.memory.likeness import Likeness, likeness_of
from triage.prediction.encoder import Encoder
from triage.prediction.text import incident_text
from triage.recurrence.fusion import MOST_TEXTS, FusionWeights, LearnedWeights, learn_weights
from triage.store.database import Database
from triage.store.likenesses import Likenesses, StoredLikeness
from triage.store.previewing import PreviewStore

BY_ITSELF = "triage"
"""Who learned, where no person asked for it."""


def learn(database: Database, encoder: Encoder, prior: FusionWeights) -> LearnedWeights:
    """From at most MOST_TEXTS texts, the newest. Seconds to half a minute. Raises StoreUnavailable."""
    with database.unattended():
        texts = [incident_text(event) for event in PreviewStore(database).read_texts(MOST_TEXTS)]
    return learn_weights(texts, lambda given: encoder.encode(list(given)), prior)


def learn_by_itself(database: Database, encoder: Encoder, now: datetime) -> LearnedWeights | None:
    """Learn and put in force, unless a person has chosen for this encoder, or there is nothing to learn from.

    The threshold stays. Raises StoreUnavailable.
    """
    likenesses = Likenesses(database)
    stored = likenesses.find(encoder.version)
    if stored is not None and stored.made_by != BY_ITSELF:
        return None
    learned = learn(database, encoder, Likeness().weights)
    if not learned.texts:
        return None
    threshold = likeness_of(stored).threshold if stored is not None else Likeness().threshold
    likenesses.keep(
        StoredLikeness(
            encoder=encoder.version,
            weights=asdict(learned.weights),
            threshold=threshold,
            measured=told(learned),
            reason="learned from the texts of an import",
            made_by=BY_ITSELF,
            made_at=now,
        )
    )
    return learned


def told(learned: LearnedWeights) -> Mapping[str, Any]:
    """``reciprocal_ranks``: of the other part of a text, on average, by the weight of words."""
    ranks = {f"{weight:g}": rank for weight, rank in learned.reciprocal_ranks.items()}
    return {"learned": {"texts": learned.texts, "reciprocal_ranks": ranks}}
