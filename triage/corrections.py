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
from triage.domain.decision import Decision, DecisionInputs, TriageOverride
from triage.domain.incident import Status
from triage.domain.priority import Priority
from triage.domain.record import IncidentRecord
from triage.domain.recurrence import Recurrence, Silence
from triage.errors import BadRequest, Conflict, UnknownWord
from triage.intake import MACHINE
from triage.oncall import Standing, nothing_stands
from triage.prediction.text import incident_text, text_key
from triage.store.incidents import Change, Incidents


class Corrections:
    """``actor`` is always the person (or source) who asked."""

    def __init__(
        self,
        incidents: Incidents,
        active: Callable[[], Active],
        clock: Callable[[], datetime],
        standing: Standing = nothing_stands,
    ) -> None:
        self._standing = standing
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

    def reconsider(self, incident_id: str, because: str, silence: Silence | None = None) -> Decision | None:
        """Decide again on what nobody was told of because of a silence that holds no more; None where that is no
        longer so. ``silence``: another one that its pattern is under now. Raises NotFound."""
        active, now = self._active(), self._clock()
        with self._incidents.changing(incident_id) as change:
            earlier = change.get_decision()
            if not change.record.is_open or earlier is None or not earlier.decision.escalation.suppressed:
                return None
            before = earlier.inputs.silence
            if before is None or (silence is not None and silence.id == before.id):
                return None
            inputs = replace(earlier.inputs, silence=silence, now=now, degraded=tuple(active.degraded))
            decision = self._decide(change, active, inputs)
            change.note(
                now,
                "decided",
                MACHINE,
                decision_id=decision.decision_id,
                priority=decision.priority.value.value,
                team=decision.team.value,
                policy=decision.escalation.policy,
                because=because,
            )
        return decision

    def _decide_again(self, change: Change, active: Active, said: TriageOverride, now: datetime) -> Decision:
        earlier = change.get_decision()
        record = change.record
        if earlier is None:
            inputs = DecisionInputs(
                incident=record.event,
                now=now,
                opened_at=record.opened_at,
                recurrence=Recurrence(pattern_id=record.pattern_id, first_seen_at=record.opened_at),
            )
        else:
            inputs = earlier.inputs
        before = inputs.override
        if before is not None:
            said = replace(said, priority=said.priority or before.priority, team=said.team or before.team)
        return self._decide(
            change, active, replace(inputs, override=said, now=now, degraded=tuple(active.degraded))
        )

    def _decide(self, change: Change, active: Active, inputs: DecisionInputs) -> Decision:
        record, text = change.record, incident_text(inputs.incident)
        inputs = replace(inputs, progress=record.progress, oncall_overrides=self._standing(inputs.now))
        key = text_key(text)
        embedding = active.cache.find([key]).get(key)
        if embedding is None:
            embedding = active.encode({key: text}).get(key)
        case = Case(
            inputs=inputs, embedding=embedding, decision_id=str(uuid.uuid4()), incident_id=change.record.id
        )
        decision = active.decider.decide([case])[0]
        if embedding is not None and active.encoder_version is not None:
            change.keep_embedding(active.encoder_version, key, embedding)
        change.decide(active.stored(case, decision, key))
        record.priority, record.team = decision.priority.value, decision.team.value
        record.decision_id, record.needs_review = str(decision.decision_id), decision.review.required
        return decision

    def acknowledge(self, incident_id: str, actor: str) -> IncidentRecord:
        """A responder takes it. Twice is once; but where the path waits for somebody still or again, as all of a
        step's targets must answer or it went on, each answer counts. Raises NotFound; Conflict when it is over."""
        now = self._clock()
        with self._incidents.changing(incident_id) as change:
            if not change.record.is_open:
                raise Conflict("the incident is resolved already")
            if change.record.acknowledge(actor, now):
                change.note(now, "acknowledged", actor)
            elif change.waits_for(actor):
                change.record.acknowledged_by = actor
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
                change.record.move(status, now)
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
