"""Which earlier incidents read like given ones: candidates from the store, judged by meaning and words."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from triage.decider import Embedding
from triage.domain.recurrence import Neighbour
from triage.recurrence.fusion import Candidate, FusionWeights, similarity
from triage.recurrence.lexical import CANDIDATE_BUDGET, Asked, ask, terms_of
from triage.store.neighbours import CANDIDATES, Alike, Bounds, Sought

NEIGHBOURS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text whose like is sought. ``scope`` as ``Looks.scope``; ``embedding`` None where there is no encoder;
    ``before``: as ``Sought.before``."""

    key: bytes
    text: str
    scope: str
    embedding: Embedding | None
    before: datetime | None = None


class Remembered(Protocol):
    """Raises StoreUnavailable."""

    def count_words(self, terms: Sequence[int]) -> tuple[Mapping[int, int], int]: ...
    def find_alike(self, sought: Sequence[Sought], encoder: str | None, bounds: Bounds) -> list[Alike]: ...


def find_neighbours(
    remembered: Remembered,
    texts: Sequence[Text],
    encoder: str | None,
    weights: FusionWeights,
    *,
    limit: int = NEIGHBOURS,
    per_text: int = 1,
    but: str | None = None,
) -> dict[bytes, tuple[Neighbour, ...]]:
    """The newest incidents of the texts that read alike, most alike first, by the key of the text asked about.

    ``per_text``: of each text so many at most; ``but``: an incident that is not meant.
    """
    if not texts:
        return {}
    terms = [terms_of(text.text) for text in texts]
    counts, known = remembered.count_words(sorted(set[int]().union(*terms)))
    asked = [ask(of_text, counts, known) for of_text in terms]
    sought = [
        Sought(embedding=text.embedding, weights=one.weights, rare=one.rare, before=text.before)
        for text, one in zip(texts, asked, strict=True)
    ]
    found: dict[bytes, list[Neighbour]] = {}
    bounds = Bounds(candidates=max(CANDIDATES, 2 * limit), budget=CANDIDATE_BUDGET, per_text=per_text, but=but)
    newest_first = sorted(remembered.find_alike(sought, encoder, bounds), key=_newest_first)
    for alike in newest_first:
        text = texts[alike.place]
        found.setdefault(text.key, []).append(_neighbour(alike, text, asked[alike.place], weights))
    return {key: tuple(sorted(near, key=_most_alike_first)[:limit]) for key, near in found.items()}


def _neighbour(alike: Alike, text: Text, asked: Asked, weights: FusionWeights) -> Neighbour:
    names = zip(json.loads(text.scope), json.loads(alike.scope), strict=True)
    same_service, same_environment = (ours == theirs if ours and theirs else None for ours, theirs in names)
    candidate = Candidate(
        cosine=alike.cosine,
        coverage=min(alike.score / asked.full, 1.0) if asked.full > 0 else None,
        same_service=same_service,
        same_environment=same_environment,
    )
    return Neighbour(
        incident_id=alike.incident_id,
        similarity=similarity(candidate, weights),
        is_open=alike.is_open,
        pattern_id=alike.pattern_id,
        different=alike.different,
    )


def _newest_first(alike: Alike) -> tuple[float, str]:
    return -alike.opened_at.timestamp(), alike.incident_id


def _most_alike_first(neighbour: Neighbour) -> float:
    """Of equals the newest, in whose order they come."""
    return -neighbour.similarity
