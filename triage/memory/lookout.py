"""What is looked up around the events of a batch before anything is held: what reads alike, and what burns nearby.

All of it informs and nothing joins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from triage.active import Active
from triage.decider import Embedding
from triage.domain.catalogue import Catalogue
from triage.domain.incident import Incident
from triage.domain.memory import Looks, Match, PatternRecord
from triage.domain.recurrence import Neighbour, Storm
from triage.domain.storm import Burning
from triage.memory.resembling import Remembered, Text, find_neighbours
from triage.recurrence.storm import find_storm

Embeddings = Mapping[bytes, Embedding]


class Surroundings(Remembered, Protocol):
    """Raises StoreUnavailable."""

    def find_known(self, digests: Sequence[str]) -> set[str]: ...
    def find_burning(self, services: Sequence[str], now: datetime) -> list[Burning]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What was looked up around the events of a batch; it informs. ``meanings``: embeddings by which the memory is
    searched, where those are others; ``burning``: open incidents nearby, oldest first; ``missing``: what could not
    be looked up."""

    embeddings: Embeddings
    meanings: Embeddings = field(default_factory=dict)
    neighbours: Mapping[bytes, tuple[Neighbour, ...]] = field(default_factory=dict)
    burning: tuple[Burning, ...] = ()
    missing: tuple[str, ...] = ()


def storm_of(
    event: Incident,
    match: Match,
    pattern: PatternRecord | None,
    burning: Sequence[Burning],
    catalogue: Catalogue,
    now: datetime,
) -> Storm | None:
    """The storm that an event belongs to, if it opens an incident."""
    service = catalogue.named(event)
    if match.joins is not None or service is None or not burning:
        return None
    connected = catalogue.connected(service)
    return find_storm(burning, connected, event.environment, pattern.id if pattern else None, now)


def look_around(
    active: Active,
    events: Sequence[Incident],
    looks: Sequence[Looks],
    embeddings: Mapping[bytes, Embedding],
    surroundings: Surroundings,
    now: datetime,
) -> Around:
    """Similarity is asked only about texts that nothing else recognises, each once: a storm costs nothing."""
    known = surroundings.find_known(sorted({digest for look in looks for digest in look.digests}))
    unknown = {look.text_key: look for look in looks if known.isdisjoint(_lasting(look))}
    meanings = embeddings if active.searches_as_it_decides else active.encode_to_search(unknown)
    texts = [
        Text(key=key, text=look.text, scope=look.scope, embedding=meanings.get(key))
        for key, look in unknown.items()
    ]
    catalogue = active.decider.catalogue
    services = {name for event in events for name in catalogue.connected(catalogue.named(event) or "")} - {""}
    return Around(
        embeddings=embeddings,
        meanings={} if active.searches_as_it_decides else meanings,
        neighbours=find_neighbours(
            surroundings, texts, active.search.encoder_version, active.search.likeness.weights
        ),
        burning=tuple(surroundings.find_burning(sorted(services), now)) if services else (),
    )


def _lasting(look: Looks) -> tuple[str, ...]:
    """What recognises for ever; a template of no named service may be outlived, and then similarity is asked."""
    return look.digests if look.names_service else (look.fingerprint,)
