"""What people do to an incident: override a decision, acknowledge, move the work on, resolve.

A person's word is never overwritten by a machine; after an override the triager's own decider concludes
again, so that the path follows the corrected priority and team at once.
"""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from triage.active import Active
from triage.decider import Case
from triage.domain.catalogue import Catalogue
from triage.domain.decision import Decision, TriageOverride
from triage.domain.incident import Status
from triage.domain.priority import Priority
from triage.domain.record import IncidentRecord
from triage.errors import BadRequest, Conflict, UnknownWord
from triage.prediction.text import incident_text
from triage.store.incidents import Change, Incidents


class Corrections:
    """``actor`` is always the person (or source) who asked."""

    def __init__(self, incidents: Incidents, active: Callable[[], Active], clock: Callable[[], datetime]) -> None:
        self._incidents = incidents
        self._active = active
        self._clock = clock

    def override(
        self, incident_id: str, actor: str, *, priority: str | None, team: str | None, reason: str = ""
    ) -> tuple[IncidentRecord, Decision]:
        """Change priority, team or both, each in the organisation's own word.

        Raises NotFound, BadRequest when nothing is changed, UnknownWord when the catalogue lacks the word.
        """
        if priority is None and team is None:
            raise BadRequest("an override names a priority, a team or both")
        active, now = self._active(), self._clock()
        catalogue = active.decider.catalogue
        said = TriageOverride(
            by=actor,
            at=now,
            priority=_priority(catalogue, priority),
            team=_team(catalogue, team),
            reason=reason,
        )
        with self._incidents.changing(incident_id) as change:
            change.override(said)
            decision = self._decide_again(change, active, said, now)
            change.note(
                now,
                "overridden",
                actor,
                priority=said.priority.value if said.priority else None,
                team=said.team,
                reason=reason,
                decision_id=decision.decision_id,
            )
        return change.record, decision

    def _decide_again(self, change: Change, active: Active, said: TriageOverride, now: datetime) -> Decision:
        earlier = change.get_decision()
        before = earlier.inputs.override
        if before is not None:
            said = replace(said, priority=said.priority or before.priority, team=said.team or before.team)
        inputs = replace(earlier.inputs, override=said, now=now, degraded=tuple(active.degraded))
        key = change.record.text_key
        embedding = active.cache.find([key]).get(key)
        if embedding is None:
            embedding = active.encode({key: incident_text(inputs.incident)}).get(key)
        case = Case(
            inputs=inputs, embedding=embedding, decision_id=str(uuid.uuid4()), incident_id=change.record.id
        )
        decision = active.decider.decide([case])[0]
        if embedding is not None and active.encoder_version is not None:
            change.keep_embedding(active.encoder_version, key, embedding)
        change.decide(active.stored(case, decision, key))
        record = change.record
        record.priority, record.team = decision.priority.value, decision.team.value
        record.decision_id, record.needs_review = str(decision.decision_id), decision.review.required
        return decision

    def acknowledge(self, incident_id: str, actor: str) -> IncidentRecord:
        """A responder takes it. Raises NotFound; Conflict when it is over. Twice is once."""
        now = self._clock()
        with self._incidents.changing(incident_id) as change:
            if not change.record.is_open:
                raise Conflict("the incident is resolved already")
            if change.record.acknowledge(actor, now):
                change.note(now, "acknowledged", actor)
        return change.record

    def move(self, incident_id: str, actor: str, status: Status) -> IncidentRecord:
        """Where the work stands. Raises NotFound; Conflict when it is over; BadRequest for ``resolved``."""
        if status is Status.RESOLVED:
            raise BadRequest("an incident is resolved by /resolve, which says what resolved it")
        now = self._clock()
        with self._incidents.changing(incident_id) as change:
            if not change.record.is_open:
                raise Conflict("the incident is resolved already")
            if change.record.status is not status:
                change.note(now, "status", actor, status=status.value, was=change.record.status.value)
                change.record.status = status
        return change.record

    def resolve(self, incident_id: str, actor: str, resolution: str | None) -> IncidentRecord:
        """It is over; ``resolution`` says what fixed it. Raises NotFound. Twice is once."""
        now = self._clock()
        with self._incidents.changing(incident_id) as change:
            if change.record.resolve(actor, now, resolution):
                change.release_keys(now)
                change.note(now, "resolved", actor, resolution=resolution)
        return change.record


def _priority(catalogue: Catalogue, word: str | None) -> Priority | None:
    if word is None:
        return None
    found = catalogue.find_priority(word)
    if found is None:
        raise UnknownWord("the priority is neither P1 to P5 nor a word of the catalogue")
    return found


def _team(catalogue: Catalogue, word: str | None) -> str | None:
    if word is None:
        return None
    found = catalogue.find_team(word)
    if found is None or not found.active:
        raise UnknownWord("the team is not an active team of the catalogue")
    return found.id
