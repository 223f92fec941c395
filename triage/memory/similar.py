"""What is like an incident that is remembered, for those who look at it."""

from collections.abc import Callable
from dataclasses import dataclass

from triage.active import Active
from triage.domain.record import IncidentRecord
from triage.memory.resembling import Text, find_neighbours
from triage.prediction.text import incident_text
from triage.store.batch import PostgresStore
from triage.store.incidents import Incidents

PER_TEXT = 3
"""Of a text that came a thousand times, what was done the last few times says it all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarIncident:
    incident: IncidentRecord
    similarity: float


class Similar:
    def __init__(self, store: PostgresStore, incidents: Incidents, active: Callable[[], Active]) -> None:
        self._store = store
        self._incidents = incidents
        self._active = active

    def find(self, incident_id: str, limit: int) -> list[SimilarIncident]:
        """The most similar other incidents, most alike first, of each text the newest PER_TEXT; none of a pattern
        that a person told apart from its own. Raises NotFound."""
        record, active = self._incidents.get(incident_id), self._active()
        encoder = active.search.encoder_version
        with self._store.reading() as batch:
            known = batch.find_embeddings(encoder, [record.text_key]) if encoder is not None else {}
            asked = Text(
                key=record.text_key,
                text=incident_text(record.event),
                scope=record.scope,
                embedding=known.get(record.text_key),
            )
            near = find_neighbours(
                batch,
                [asked],
                encoder,
                active.search.likeness.weights,
                limit=limit,
                per_text=PER_TEXT,
                but=incident_id,
            ).get(record.text_key, ())
        kept = [neighbour for neighbour in near if record.pattern_id not in neighbour.different]
        found = self._incidents.get_many([neighbour.incident_id for neighbour in kept])
        return [
            SimilarIncident(incident=found[neighbour.incident_id], similarity=neighbour.similarity)
            for neighbour in kept
            if neighbour.incident_id in found
        ]
