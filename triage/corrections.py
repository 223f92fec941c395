"""What people do to an incident: override a decision, acknowledge, move the work on, resolve.

A person's word is never overwritten by a machine; after an override the triager's own decider concludes
again, so that the path follows the corrected priority and team at once.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from triage.active import Active
from triage.decider import Case
from triage.domain.catalogue import Catalogue
from triage.domain.decision import Decision, DecisionInputs, Progress, TriageOverride
from triage.domain.decision import Standing as StandingDecision
from triage.domain.incident import Status
from triage.domain.priority import Priority
from triage.domain.record import IncidentRecord
from triage.domain.recurrence import Recurrence, Silence
from triage.domain.schedule import OnCallOverride
from triage.errors import BadRequest, Conflict, UnknownWord
from triage.intake import MACHINE
from triage.oncall import Standing, nothing_stands
from triage.prediction.text import incident_text, text_key
from triage.store.incidents import Change, Incidents, RecordedDecision


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
        self,
        incident_id: str,
        actor: str,
        *,
        priority: str | None,
        team: str | None,
        reason: str = "",
        looked_at: str | None = None,
        beside: Callable[[Change], None] = lambda _: None,
    ) -> tuple[IncidentRecord, Decision]:
        """Change priority, team or both, each in the organisation's own word. ``looked_at``: the decision that
        they were shown, where it matters that nobody was faster; ``beside``: done in the same transaction.

        Raises NotFound, BadRequest when nothing is changed, UnknownWord when the catalogue lacks the word, and
        Conflict where another decision stands by now.
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
            if looked_at is not None and change.record.decision_id != looked_at:
                raise Conflict("it was decided anew while you looked at it; look again before you change it")
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
            beside(change)
        return change.record, decision

    def withdraw(
        self, incident_id: str, actor: str, override_id: int, *, beside: Callable[[Change], None] = lambda _: None
    ) -> IncidentRecord:
        """An override is taken back: it is kept, and counts for nothing any more. ``beside``: done in the same
        transaction. Raises NotFound; Conflict where it was taken back already, or overridden again since."""
        active, now = self._active(), self._clock()
        with self._incidents.changing(incident_id) as change:
            if not change.withdraw(override_id, actor, now):
                raise Conflict("somebody has spoken of it again since, or it was taken back already")
            earlier = change.get_decision()
            if earlier is not None:
                inputs = replace(
                    earlier.inputs,
                    override=change.find_override(),
                    now=now,
                    degraded=tuple(active.degraded),
                )
                decision = self._decide(change, active, inputs)
                change.note(now, "override_withdrawn", actor, decision_id=decision.decision_id)
            beside(change)
        return change.record

    def understand(self, priority: str | None, team: str | None) -> tuple[Priority | None, str | None]:
        """What these words stand for. Raises UnknownWord."""
        catalogue = self._active().decider.catalogue
        return _priority(catalogue, priority), _team(catalogue, team)

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
            _note_decided(change, decision, now, because)
        return decision

    def ask_again(self, incident_id: str) -> bool:
        """Ask the rules again, as time has passed; whether they conclude otherwise now. Raises NotFound."""
        with self._incidents.changing(incident_id) as change:
            return self._ask_again(change, self._clock(), "time has passed")

    def _ask_again(self, change: Change, now: datetime, because: str) -> bool:
        """Only another conclusion is written down and carried out."""
        active, earlier = self._active(), change.get_decision()
        if not change.record.is_open or earlier is None:
            return False
        inputs = asked_again(earlier, change.record.progress, now, tuple(active.degraded))
        concluded = self._conclude(change, active, inputs)
        if not differs(earlier.decision, concluded.decision):
            return False
        self._adopt(change, active, concluded)
        _note_decided(change, concluded.decision, now, because)
        return True

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
        concluded = self._conclude(change, active, inputs)
        self._adopt(change, active, concluded)
        return concluded.decision

    def _conclude(self, change: Change, active: Active, inputs: DecisionInputs) -> "_Concluded":
        record, text = change.record, incident_text(inputs.incident)
        inputs = replace(inputs, progress=record.progress, oncall_overrides=self._standing(inputs.now))
        key = text_key(text)
        embedding = active.cache.find([key]).get(key)
        if embedding is None:
            embedding = active.encode({key: text}).get(key)
        case = Case(
            inputs=inputs, embedding=embedding, decision_id=str(uuid.uuid4()), incident_id=change.record.id
        )
        return _Concluded(case, active.decider.decide([case])[0], key)

    def _adopt(self, change: Change, active: Active, concluded: "_Concluded") -> None:
        case, decision, record = concluded.case, concluded.decision, change.record
        if case.embedding is not None and active.encoder_version is not None:
            change.keep_embedding(active.encoder_version, concluded.text_key, case.embedding)
        change.decide(active.stored(case, decision, concluded.text_key))
        record.priority, record.team = decision.priority.value, decision.team.value
        record.decision_id, record.needs_review = str(decision.decision_id), decision.review.required

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

    def take_over(self, incident_id: str, actor: str, holder: str) -> IncidentRecord:
        """From ``holder``, who took it. Raises NotFound; Conflict when it is over or somebody else has it."""
        now = self._clock()
        with self._incidents.changing(incident_id) as change:
            record = change.record
            if not record.is_open:
                raise Conflict("the incident is resolved already")
            if record.acknowledged_by not in (holder, actor):
                raise Conflict("somebody else has taken it over by now")
            if record.acknowledged_by != actor:
                record.acknowledged_by = actor
                change.note(now, "acknowledged", actor, taken_over_from=holder)
        return change.record

    def move(self, incident_id: str, actor: str, status: Status) -> IncidentRecord:
        """Where the work stands, which rules may ask for. Raises NotFound; Conflict when it is over; BadRequest
        for ``resolved``."""
        if status is Status.RESOLVED:
            raise BadRequest("an incident is resolved by /resolve, which says what resolved it")
        now = self._clock()
        with self._incidents.changing(incident_id) as change:
            if not change.record.is_open:
                raise Conflict("the incident is resolved already")
            if change.record.status is not status:
                change.note(now, "status", actor, status=status.value, was=change.record.status.value)
                change.record.move(status, now)
                self._ask_again(change, now, f"status {status.value}")
        return change.record

    def resolve(self, incident_id: str, actor: str, resolution: str | None) -> IncidentRecord:
        """It is over; ``resolution`` says what fixed it. Raises NotFound. Twice is once."""
        now = self._clock()
        with self._incidents.changing(incident_id) as change:
            if change.record.resolve(actor, now, resolution):
                change.release_keys(now)
                change.note(now, "resolved", actor, resolution=resolution)
        return change.record


@dataclass(frozen=True, slots=True)
class _Concluded:
    case: Case
    decision: Decision
    text_key: bytes


def asked_again(
    earlier: RecordedDecision,
    progress: Progress,
    now: datetime,
    degraded: tuple[str, ...],
    swaps: tuple[OnCallOverride, ...] = (),
) -> DecisionInputs:
    """What is decided on when the same is asked at a later time: what was concluded stands, unless a rule says
    otherwise now."""
    decision = earlier.decision
    standing = StandingDecision(
        priority=decision.priority.value,
        priority_source=decision.priority.source,
        team=decision.team.value,
        team_source=decision.team.source,
        severity=earlier.inputs.incident.severity,
    )
    return replace(
        earlier.inputs,
        standing=standing,
        progress=progress,
        now=now,
        degraded=degraded,
        oncall_overrides=swaps,
    )


def differs(one: Decision, other: Decision) -> bool:
    """Whether anybody would be told otherwise."""
    return _concluded_of(one) != _concluded_of(other)


def _concluded_of(decision: Decision) -> tuple[object, ...]:
    path = decision.escalation
    return decision.priority.value, decision.team.value, path.policy, path.suppressed, path.targets


def _note_decided(change: Change, decision: Decision, now: datetime, because: str) -> None:
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
