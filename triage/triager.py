"""The heart: a batch of events in, decisions out.

One batch is encoded side by side, looked up by a fixed number of set-based queries, decided by pure
functions and written in one transaction, which holds back other writers of the same keys and patterns.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from triage.active import Active
from triage.decider import Case, Embedding
from triage.domain.decision import Decision, DecisionInputs, StoredDecision
from triage.domain.delivery import Delivery, DeliveryKey, EventResult, KnownDelivery
from triage.domain.incident import EventKind, Incident
from triage.domain.memory import Looks, Memory
from triage.domain.record import IncidentRecord
from triage.domain.recurrence import Recurrence
from triage.errors import Conflict, NotFound, StoreUnavailable, TriageError
from triage.intake import UNKNOWN_KEY, Intake, Taken
from triage.memory.lookout import Around, Surroundings, look_around, storm_of
from triage.oncall import Standing, nothing_stands
from triage.prediction.text import incident_text
from triage.recurrence.description import describe
from triage.recurrence.looking import look_at
from triage.recurrence.recognition import recognise
from triage.store.texts import NewTexts

Embeddings = Mapping[bytes, Embedding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What became of one event. ``opened``: it opened the incident; ``joined``: it belongs to one that was
    there; ``counted``: it was an occurrence of its own and no repeated delivery. ``recurrence``: of this event;
    the decision's own is of the event that it was made for."""

    incident: IncidentRecord
    decision: Decision
    recurrence: Recurrence
    opened: bool
    joined: bool
    counted: bool


Outcome = Received | TriageError


class BatchStore(Surroundings, Protocol):
    """One open transaction (or, for a prediction, one snapshot) of what is remembered."""

    def hold(self, looks: Sequence[Looks], events: Sequence[Incident], keys: Sequence[DeliveryKey]) -> None: ...
    def find_deliveries(self, keys: Sequence[DeliveryKey]) -> dict[tuple[str, str], KnownDelivery]: ...
    def keep_deliveries(self, results: Sequence[tuple[DeliveryKey, Sequence[EventResult]]]) -> None: ...
    def recollect(self, looks: Sequence[Looks], events: Sequence[Incident], now: datetime) -> Memory: ...
    def find_embeddings(self, encoder: str, keys: Sequence[bytes]) -> dict[bytes, Embedding]: ...
    def get_decisions(self, decision_ids: Sequence[str]) -> dict[str, Decision]: ...
    def get_incidents(self, incident_ids: Sequence[str]) -> dict[str, IncidentRecord]: ...
    def record(self, memory: Memory, decisions: Sequence[StoredDecision], texts: NewTexts) -> None: ...


class Store(Protocol):
    """Where batches are remembered. Raises StoreUnavailable when the database is away."""

    def reading(self) -> AbstractContextManager[BatchStore]: ...
    def writing(self) -> AbstractContextManager[BatchStore]: ...


class Triager:
    """``active`` gives the snapshot in force, ``clock`` aware UTC now, ``standing`` the shift swaps that stand."""

    def __init__(
        self,
        store: Store,
        active: Callable[[], Active],
        clock: Callable[[], datetime],
        standing: Standing = nothing_stands,
    ) -> None:
        self._standing = standing
        self._store = store
        self._active = active
        self._clock = clock

    def predict(self, events: Sequence[Incident], *, record: bool = False) -> list[Decision]:
        """Decide without opening an incident or telling anybody. ``record`` keeps the decisions for replay.

        With the database away a prediction is made without memory and says so; a recorded one raises
        StoreUnavailable.
        """
        active, now = self._active(), self._clock()
        looks = [look_at(event) for event in events]
        if record:
            with self._store.writing() as batch:
                cases = self._cases(active, events, looks, batch, now, record=True)
                decisions = active.decider.decide(cases)
                stored = [
                    active.stored(case, decision, look.text_key)
                    for case, decision, look in zip(cases, decisions, looks, strict=True)
                ]
                embeddings = {
                    look.text_key: case.embedding
                    for look, case in zip(looks, cases, strict=True)
                    if case.embedding is not None
                }
                batch.record(Memory(), stored, NewTexts({active.encoder_version: embeddings}, {}))
            return decisions
        try:
            with self._store.reading() as batch:
                cases = self._cases(active, events, looks, batch, now)
        except StoreUnavailable:
            cases = self._cases(active, events, looks, None, now)
        return active.decider.decide(cases)

    def _cases(
        self,
        active: Active,
        events: Sequence[Incident],
        looks: Sequence[Looks],
        batch: BatchStore | None,
        now: datetime,
        *,
        record: bool = False,
    ) -> list[Case]:
        """What would be decided on if these events came in now, each as if it came alone."""
        embeddings = self._embed(active, events, looks, batch)
        around = Around(embeddings=embeddings)
        memory = Memory()
        if batch is not None:
            around = look_around(active, events, looks, embeddings, batch, now)
            memory = batch.recollect(looks, events, now)
            memory.neighbours = around.neighbours
        missing = ("memory",) if batch is None else ()
        catalogue = active.decider.catalogue
        cases = []
        for event, look in zip(events, looks, strict=True):
            settings = catalogue.source_settings(event.source)
            match = recognise(memory, look, now, settings.join_window, active.search.likeness.threshold)
            pattern = memory.patterns.get(match.pattern_id) if match.pattern_id else None
            storm = storm_of(event, match, pattern, around.burning, catalogue, now)
            inputs = DecisionInputs(
                incident=event,
                now=now,
                opened_at=now,
                recurrence=describe(match, pattern, now, event.happened_at(now), zone=catalogue.zone, storm=storm),
                override=memory.overrides.get(match.joins) if match.joins else None,
                correction=pattern.correction if pattern else None,
                silence=pattern.silence if pattern else None,
                oncall_overrides=self._standing(now),
                degraded=(*active.degraded, *missing),
            )
            decision_id = str(uuid.uuid4()) if record else None
            cases.append(Case(inputs=inputs, embedding=embeddings.get(look.text_key), decision_id=decision_id))
        return cases

    def receive(self, deliveries: Sequence[Delivery]) -> list[list[Outcome] | TriageError]:
        """Open, join, acknowledge or resolve: per delivery one outcome per event, in order.

        An event that cannot be carried out (a resolution of an unknown key) is an error among the
        outcomes and costs the others nothing. A delivery whose key came with another content before is
        a Conflict as a whole. Raises StoreUnavailable with nothing written.
        """
        active, now = self._active(), self._clock()
        looks = [
            [look_at(event) if event.event is EventKind.FIRING else None for event in delivery.events]
            for delivery in deliveries
        ]
        events = [event for delivery in deliveries for event in delivery.events]
        firing = [(event, look) for event, look in zip(events, _flat(looks), strict=True) if look is not None]
        listed = [look for _, look in firing]
        keys = [delivery.key for delivery in deliveries if delivery.key is not None]
        around = self._look_before(active, [event for event, _ in firing], listed, now)
        overrides = self._standing(now)
        with self._store.writing() as batch:
            batch.hold(listed, events, keys)
            known = batch.find_deliveries(keys) if keys else {}
            memory = batch.recollect(listed, events, now)
            memory.neighbours = around.neighbours
            decided = {r.decision_id for r in memory.incidents.values() if r.decision_id is not None}
            intake = Intake(active, memory, around, batch.get_decisions(sorted(decided)), overrides)
            carried: dict[tuple[str, str], _Carried] = {}
            answers = [
                self._carry_out(intake, delivery, seen, known, carried, now)
                for delivery, seen in zip(deliveries, looks, strict=True)
            ]
            outcomes = _outcomes(batch, memory, intake.decisions, answers)
            batch.record(memory, intake.stored, intake.new_texts())
            batch.keep_deliveries([(c.key, c.results) for c in carried.values()])
        return outcomes

    def _look_before(
        self, active: Active, events: Sequence[Incident], looks: Sequence[Looks], now: datetime
    ) -> Around:
        """What can be had before anything is held: embeddings, what reads alike, and what burns nearby.

        All of it informs and nothing joins, so a search that takes too long is done without and said.
        """
        embeddings: dict[bytes, Embedding] = {}
        try:
            with self._store.reading() as batch:
                embeddings = self._embed(active, events, looks, batch)
                return look_around(active, events, looks, embeddings, batch, now)
        except StoreUnavailable:
            embeddings = embeddings or self._embed(active, events, looks, None)
            return Around(embeddings=embeddings, missing=("similarity",))

    def _carry_out(
        self,
        intake: Intake,
        delivery: Delivery,
        looks: Sequence[Looks | None],
        known: Mapping[tuple[str, str], KnownDelivery],
        carried: "dict[tuple[str, str], _Carried]",
        now: datetime,
    ) -> "_Carried | KnownDelivery | Conflict":
        """Take a delivery's events, unless it was carried out before, or stands earlier in this very batch."""
        key = delivery.key
        name = (key.principal, key.key) if key is not None else None
        earlier = (known.get(name) or carried.get(name)) if name is not None else None
        if earlier is not None and key is not None:
            return earlier if earlier.digest == key.digest else Conflict(REUSED_KEY)
        at = delivery.received_at or now
        taken = [
            intake.take(event, look, delivery.actor, at)
            for event, look in zip(delivery.events, looks, strict=True)
        ]
        new = _Carried(key=key or NO_KEY, taken=taken)
        if name is not None:
            carried[name] = new
        return new

    def _embed(
        self, active: Active, events: Sequence[Incident], looks: Sequence[Looks], batch: BatchStore | None
    ) -> dict[bytes, Embedding]:
        """Cached, else remembered, else encoded: a text seen before costs no encoding."""
        texts = {look.text_key: event for look, event in zip(looks, events, strict=True)}
        found = active.cache.find(list(texts))
        missing = [key for key in texts if key not in found]
        if missing and batch is not None and active.encoder_version is not None:
            remembered = batch.find_embeddings(active.encoder_version, missing)
            active.cache.keep(remembered)
            found |= remembered
        return found | active.encode({k: incident_text(texts[k]) for k in missing if k not in found})


REUSED_KEY = "this Idempotency-Key came with another content before"
NO_KEY = DeliveryKey(principal="", key="", digest=b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Carried:
    """A delivery of this batch; its results are there once the batch is decided."""

    key: DeliveryKey
    taken: Sequence[Taken]

    @property
    def digest(self) -> bytes:
        return self.key.digest

    @property
    def results(self) -> tuple[EventResult, ...]:
        return tuple(taken.result() for taken in self.taken)


def _flat(looks: Sequence[Sequence[Looks | None]]) -> list[Looks | None]:
    return [look for seen in looks for look in seen]


def _outcomes(
    batch: BatchStore,
    memory: Memory,
    decided: Mapping[str, Decision],
    answers: Sequence[_Carried | KnownDelivery | Conflict],
) -> list[list[Outcome] | TriageError]:
    """Results with their incidents and decisions; what this batch did not touch is read from the store."""
    results = [answer if isinstance(answer, Conflict) else answer.results for answer in answers]
    listed = [r for result in results if not isinstance(result, Conflict) for r in result]
    incidents = dict(memory.incidents)
    absent = {r.incident_id for r in listed if r.incident_id is not None} - incidents.keys()
    incidents |= batch.get_incidents(sorted(absent)) if absent else {}
    decisions = dict(decided)
    earlier = {r.decision_id for r in listed if r.decision_id is not None} - decisions.keys()
    decisions |= batch.get_decisions(sorted(earlier)) if earlier else {}
    return [
        result if isinstance(result, Conflict) else [_outcome(r, incidents, decisions) for r in result]
        for result in results
    ]


def _outcome(
    result: EventResult, incidents: Mapping[str, IncidentRecord], decisions: Mapping[str, Decision]
) -> Outcome:
    if result.incident_id is None or result.decision_id is None:
        return NotFound(result.fault or UNKNOWN_KEY)
    return Received(
        incident=incidents[result.incident_id],
        decision=decisions[result.decision_id],
        recurrence=result.recurrence or decisions[result.decision_id].recurrence,
        opened=result.opened,
        joined=result.joined,
        counted=result.counted,
    )
