"""One batch of deliveries on its way in: events are taken and decided in order.

Pure but for fresh identifiers: it works on the batch's ``Memory`` and leaves the writing to the store.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from triage.active import Active
from triage.decider import Case
from triage.domain.assessment import item_of
from triage.domain.correction import UNSAID
from triage.domain.decision import Decision, DecisionInputs, Standing, StoredDecision
from triage.domain.delivery import EventResult
from triage.domain.incident import EventKind, Incident, State, Status
from triage.domain.memory import Looks, Match, Memory, PatternRecord
from triage.domain.record import IncidentRecord
from triage.domain.recurrence import Recurrence, Storm
from triage.domain.schedule import OnCallOverride
from triage.domain.storm import Burning
from triage.memory.lookout import Around, storm_of
from triage.memory.rewording import Rewordings
from triage.recurrence.description import describe
from triage.recurrence.lexical import terms_of
from triage.recurrence.recognition import recognise
from triage.store.texts import NewTexts

MACHINE = "triage"
"""Who resolves what everybody forgot."""

UNKNOWN_KEY = "no incident is known under this dedup_key"


@dataclass(slots=True)
class Taken:
    """One event on its way. ``case`` is None where nothing new has to be decided; ``record`` None: unknown key."""

    event: Incident
    actor: str
    record: IncidentRecord | None = None
    recurrence: Recurrence = field(default_factory=Recurrence)
    match: Match = field(default_factory=Match)
    case: Case | None = None
    look: Looks | None = None
    opened: bool = False
    counted: bool = False

    def result(self) -> EventResult:
        if self.record is None:
            return EventResult(fault=UNKNOWN_KEY)
        return EventResult(
            incident_id=self.record.id,
            decision_id=self.record.decision_id,
            opened=self.opened,
            joined=not self.opened,
            counted=self.counted,
            recurrence=self.recurrence if self.look is not None else None,
        )


class Intake:
    """The events of one batch against one snapshot of what is in force."""

    def __init__(
        self,
        active: Active,
        memory: Memory,
        around: Around,
        standing: Mapping[str, Decision],
        overrides: tuple[OnCallOverride, ...] = (),
    ) -> None:
        """``standing``: the decisions of the remembered incidents by id; ``overrides``: shift swaps."""
        self._overrides = overrides
        self._active = active
        self._memory = memory
        self._embeddings = around.embeddings
        self._meanings = around.meanings
        self._burning = list(around.burning)
        self._standing = dict(standing)
        self._degraded = (*active.degraded, *around.missing)
        self._texts: dict[bytes, str] = {}
        self._rewordings = Rewordings(memory, self._texts)
        self.stored: list[StoredDecision] = []

    def take(self, event: Incident, look: Looks | None, actor: str, now: datetime) -> Taken:
        """``look`` is given for a firing event, None for one that speaks of a known key."""
        if look is None:
            return self._speak_of(event, actor, now)
        taken = self._fire(event, look, actor, now)
        if taken.case is not None:
            # At once, so that the next event of the batch finds the incident decided.
            self._conclude(taken, taken.case, self._active.decider.decide([taken.case])[0])
        return taken

    def _fire(self, event: Incident, look: Looks, actor: str, now: datetime) -> Taken:
        memory = self._memory
        settings = self._active.decider.catalogue.source_settings(event.source)
        match = recognise(memory, look, now, settings.join_window, self._active.search.likeness.threshold)
        if match.delivery and match.joins is not None:
            return self._repeat(event, look, match, memory.incidents[match.joins], actor, now)
        at = event.happened_at(now)
        pattern = memory.pattern_for(match, look, now, str(uuid.uuid4()))
        storm = storm_of(event, match, pattern, self._burning, self._active.decider.catalogue, now)
        recurrence = self._describe(match, pattern, at, now, storm)
        record = memory.incidents[match.joins] if match.joins else self._opened(event, look, pattern, now)
        if match.joins is None:
            self._open(record, pattern, look, storm, now)
        memory.occur(record, pattern, look, at, now)
        self._keep_open(record, now)
        if match.joins is not None:
            self._rewordings.take(event, look, match, record, actor, now)
        case = self._case(event, record, look, pattern, recurrence, now)
        return Taken(event, actor, record, recurrence, match, case, look, opened=match.joins is None, counted=True)

    def _repeat(
        self, event: Incident, look: Looks, match: Match, record: IncidentRecord, actor: str, now: datetime
    ) -> Taken:
        """A further message about a known occurrence. It keeps the incident from being forgotten, opens one again
        that was only taken for forgotten, and is decided on again if it tells of something worse."""
        memory = self._memory
        if record.resolved_by == MACHINE and record.reopen(now):
            memory.note(record.id, now, "reopened", actor, because="it was only taken for forgotten")
            memory.open_by_pattern.setdefault((record.pattern_id, record.scope), record.id)
        memory.redeliver(record, look, now)
        if record.is_open:
            self._keep_open(record, now)
        pattern = memory.patterns[record.pattern_id]
        recurrence = self._describe(match, pattern, event.happened_at(now), now)
        case = None
        reworded = record.is_open and self._rewordings.take(event, look, match, record, actor, now)
        if reworded or (record.is_open and _told(event) != _told(record.event)):
            case = self._case(event, record, look, pattern, recurrence, now)
        return Taken(event, actor, record, recurrence, match, case, look)

    def _describe(
        self, match: Match, pattern: PatternRecord, at: datetime, now: datetime, storm: Storm | None = None
    ) -> Recurrence:
        return describe(match, pattern, now, at, zone=self._active.decider.catalogue.zone, storm=storm)

    def _open(
        self, record: IncidentRecord, pattern: PatternRecord, look: Looks, storm: Storm | None, now: datetime
    ) -> None:
        self._memory.open(record, pattern)
        self._texts[look.text_key] = look.text
        root_opened_at = now
        if storm is not None:
            record.parent_id = storm.parent
            self._memory.note(record.id, now, "related", MACHINE, parent=storm.parent, because=storm.because)
            root_opened_at = next(one.root_opened_at for one in self._burning if one.root == storm.parent)
        if record.service is not None:
            self._burning.append(
                Burning(
                    incident_id=record.id,
                    pattern_id=pattern.id,
                    service=record.service,
                    environment=record.environment,
                    opened_at=now,
                    root=storm.parent if storm is not None else record.id,
                    root_opened_at=root_opened_at,
                    size=storm.size if storm is not None else 1,
                )
            )

    def _keep_open(self, record: IncidentRecord, now: datetime) -> None:
        after = self._active.decider.catalogue.source_settings(record.source).auto_resolve_after
        record.closes_at = now + after if after is not None else None

    def _opened(self, event: Incident, look: Looks, pattern: PatternRecord, now: datetime) -> IncidentRecord:
        """A new incident; its priority, team and decision are entered when the batch is decided."""
        catalogue = self._active.decider.catalogue
        service = catalogue.find_service(event.service, event.environment)
        return IncidentRecord(
            id=str(uuid.uuid4()),
            pattern_id=pattern.id,
            source=event.source,
            scope=look.scope,
            service=service.id if service else event.service,
            environment=event.environment,
            title=event.title,
            event=event,
            text_key=look.text_key,
            state=State.TRIGGERED,
            status=Status.NEW,
            priority=catalogue.default_priority,
            team=catalogue.triage_desk,
            decision_id=None,
            opened_at=now,
            last_occurred_at=event.happened_at(now),
            last_seen_at=now,
        )

    def _case(
        self,
        event: Incident,
        record: IncidentRecord,
        look: Looks,
        pattern: PatternRecord,
        recurrence: Recurrence,
        now: datetime,
    ) -> Case:
        return Case(
            inputs=DecisionInputs(
                incident=event,
                now=now,
                opened_at=record.opened_at,
                recurrence=recurrence,
                override=self._memory.overrides.get(record.id),
                correction=pattern.correction,
                silence=pattern.silence,
                standing=self._standing_of(record),
                progress=record.progress,
                oncall_overrides=self._overrides,
                degraded=self._degraded,
            ),
            embedding=self._embeddings.get(look.text_key),
            decision_id=str(uuid.uuid4()),
            incident_id=record.id,
        )

    def _standing_of(self, record: IncidentRecord) -> Standing | None:
        """What is decided on an incident that is open; None for one that is just being opened."""
        decision = self._standing.get(record.decision_id) if record.decision_id is not None else None
        if decision is None:
            return None
        return Standing(
            priority=record.priority,
            priority_source=decision.priority.source,
            team=record.team,
            team_source=decision.team.source,
            severity=record.event.severity,
        )

    def _speak_of(self, event: Incident, actor: str, now: datetime) -> Taken:
        """An acknowledgement or a resolution by key. Saying it twice is answered the same."""
        memory = self._memory
        record = memory.find_spoken_of(event)
        if record is None:
            return Taken(event, actor)
        if event.event is EventKind.ACKNOWLEDGED:
            if record.acknowledge(actor, now):
                memory.note(record.id, now, "acknowledged", actor)
                memory.changed_incidents.add(record.id)
            return Taken(event, actor, record)
        ended = memory.release_key(event, now)
        for over in ended:
            over.resolve(actor, now, event.description or None)
            memory.note(over.id, now, "resolved", actor)
            memory.changed_incidents.add(over.id)
            memory.close(over)
        return Taken(event, actor, ended[0] if ended else record)

    def _conclude(self, taken: Taken, case: Case, decision: Decision) -> None:
        """Adopt the decision on an opened incident, and on a joined one only what makes it more urgent, moves it
        by a rule or tells further people: a machine's second thought must not send it to and fro."""
        record, look, now = taken.record, taken.look, case.inputs.now
        if record is None or look is None or decision.decision_id is None:
            return
        if taken.opened or taken.counted:
            kind = "opened" if taken.opened else "occurred"
            matched_by = taken.match.matched_by.value if taken.match.matched_by else None
            self._memory.note(record.id, now, kind, taken.actor, matched_by=matched_by)
            if case.inputs.silence is not None and decision.escalation.suppressed:
                self._memory.suppressed[case.inputs.silence.id] += 1
        raised = decision.priority.value.is_more_urgent_than(record.priority)
        moved = decision.team.value != record.team
        if not (taken.opened or raised or moved or self._reaches_further(record, decision)):
            return
        record.priority, record.team = decision.priority.value, decision.team.value
        record.decision_id, record.needs_review = decision.decision_id, decision.review.required
        self._memory.changed_incidents.add(record.id)
        self._memory.note(
            record.id,
            now,
            "decided",
            "triage",
            decision_id=decision.decision_id,
            priority=decision.priority.value.value,
            team=decision.team.value,
            policy=decision.escalation.policy,
        )
        if taken.opened:
            service = self._active.decider.catalogue.find_service(record.service, record.environment)
            pattern = self._memory.patterns.get(record.pattern_id)
            self._memory.review_items.append(
                item_of(
                    decision,
                    case.inputs,
                    record.pattern_id,
                    tier=service.tier if service is not None else None,
                    words=pattern.words if pattern is not None else UNSAID,
                )
            )
        self._standing[decision.decision_id] = decision
        self.stored.append(self._active.stored(case, decision, look.text_key))

    def _reaches_further(self, record: IncidentRecord, decision: Decision) -> bool:
        """Whether somebody is told now who was not before: a silence on its pattern has ended, or a rule about
        what has come since, such as the number of alerts, brings others in."""
        standing = self._standing.get(record.decision_id) if record.decision_id is not None else None
        if standing is None or decision.escalation.suppressed:
            return False
        return standing.escalation.suppressed or not decision.escalation.targets <= standing.escalation.targets

    @property
    def decisions(self) -> Mapping[str, Decision]:
        """By id, those that stood before and those that were made."""
        return self._standing

    def new_texts(self) -> NewTexts:
        """What decided incidents are found by as neighbours, and replayed with."""
        wanted = {stored.text_key for stored in self.stored if stored.text_key is not None} | self._texts.keys()
        embeddings = {key: self._embeddings[key] for key in wanted if key in self._embeddings}
        meanings = {key: self._meanings[key] for key in self._texts if key in self._meanings}
        found_by = embeddings if self._active.searches_as_it_decides else meanings
        return NewTexts(
            {self._active.encoder_version: embeddings, self._active.search.encoder_version: found_by},
            {key: terms_of(text) for key, text in self._texts.items()},
        )


def _told(event: Incident) -> tuple[object, ...]:
    """What a source says of how bad it is."""
    return (event.severity, event.impact, event.urgency, event.data_exposure, event.regulated, event.customer_tier)
