"""A drill on a virtual clock: decided on, escalated and told by the very parts that do it for real, in a place
apart of the database and within seconds. What would go out is written, its way is found, and it is not sent."""

import heapq
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count

from triage.active import Active
from triage.asking import Asking
from triage.corrections import Corrections
from triage.decider import Decider
from triage.domain.catalogue import Catalogue
from triage.domain.decision import Decision
from triage.domain.incident import DRILL_SOURCE, Incident, Status
from triage.domain.message import Message, MessageKind, Outgoing
from triage.domain.schedule import OnCallOverride
from triage.drilling.report import DrillReport, report_as_json, report_of
from triage.drilling.subject import check_drilled, receive_one
from triage.engine import Engine, said_by
from triage.errors import BadRequest, Conflict
from triage.notify.links import Links
from triage.notify.ways import Target
from triage.rehearsal.scenario import (
    FIRST_TOLD,
    HappeningShape,
    ScenarioShape,
    changed,
    incident_of,
)
from triage.rehearsal.simulate import DESK_ROUNDS, simulate
from triage.responding import Responding
from triage.rules.configuration import Configuration
from triage.store.apart import place_apart
from triage.store.background import Backgrounds
from triage.store.batch import PostgresStore
from triage.store.configurations import Configurations
from triage.store.database import Database
from triage.store.escalations import Escalations
from triage.store.incidents import Incidents
from triage.store.oncall import OnCallOverrides
from triage.store.outbox import Outbox
from triage.store.watching import Drilled, Watches
from triage.telling.briefing import Briefings
from triage.telling.delivering import Delivering
from triage.triager import Triager

ACTOR = "drill"
ASKED_EVERY = 60
"""Seconds between two questions to rules that read a clock; a rehearsal asks as often, at other moments."""


class VirtualDrill:
    """One drill on a virtual clock, in an empty database of its own."""

    def __init__(
        self,
        database: Database,
        configuration: Configuration,
        scenario: ScenarioShape,
        environment: Mapping[str, str],
        overrides: tuple[OnCallOverride, ...] = (),
    ) -> None:
        _check(scenario)
        self._configuration = configuration
        # Rules may ask for the source; engine and rehearsal have to meet the same.
        report = scenario.incident.model_copy(update={"source": DRILL_SOURCE})
        self._scenario = scenario.model_copy(update={"incident": report})
        self._overrides = overrides
        self._report = report
        self._now = scenario.at
        self._database = database
        clock, catalogue = self._clock, self._catalogue
        active = Active(Decider(configuration, None, None), {})
        incidents, self._escalations = Incidents(database), Escalations(database)
        Configurations(database).keep(
            (configuration.catalogue.version, configuration.catalogue_text),
            (configuration.rulebook.version, configuration.policy_text),
            ACTOR,
            "",
        )
        self._triager = Triager(PostgresStore(database), lambda: active, clock, self._standing)
        self._corrections = Corrections(incidents, lambda: active, clock, self._standing)
        self._responding = Responding(incidents, self._escalations, catalogue, clock, self._standing)
        self._asking = Asking(
            self._escalations, incidents, self._corrections, lambda: active, clock, self._standing
        )
        self._engine = Engine(self._escalations, catalogue, clock, self._standing)
        briefings = Briefings(incidents, self._escalations, Backgrounds(database), catalogue, self._standing)
        links = Links(uuid.uuid4().bytes, "https://drill.invalid")
        self._sent: dict[str, tuple[str, str]] = {}
        self._delivering = Delivering(
            Outbox(database), briefings, catalogue, clock, lambda: links, self._keep, environment, self._standing
        )
        self._incidents = incidents
        self._order = count()
        self._planned: list[tuple[datetime, int, HappeningShape]] = []
        self._answered: set[str] = set()
        self._incident_id = ""

    def run(self) -> DrillReport:
        """Raises BadRequest where it is neither a P1 nor a P2."""
        opened_at, end = self._now, self._now + self._scenario.until
        for happening in self._scenario.then:
            heapq.heappush(self._planned, (opened_at + happening.after, next(self._order), happening))
        decision = self._open()
        while self._now < end:
            self._carry_on()
            if self._is_over() or self._desk_in_vain():
                break
            self._now = min(end, self._next())
            while self._planned and self._planned[0][0] <= self._now:
                self._happen(heapq.heappop(self._planned)[2])
        return self._reported(decision)

    def _clock(self) -> datetime:
        return self._now

    def _catalogue(self) -> Catalogue:
        return self._configuration.catalogue

    def _standing(self, now: datetime) -> tuple[OnCallOverride, ...]:
        return self._overrides

    def _keep(self, target: Target, outgoing: Outgoing, patience: float) -> None:
        """Everything but the sending was done: the way was found, its secrets were there, the text written."""
        self._sent[outgoing.key] = target.way.name, outgoing.title

    def _open(self) -> Decision:
        decision = self._send(incident_of(self._report))
        check_drilled(decision.priority.value)
        return decision

    def _send(self, event: Incident) -> Decision:
        keyed = event.with_changes(dedup_key="drill", occurred_at=self._now)
        first = receive_one(self._triager, keyed)
        self._incident_id = first.incident.id
        return first.decision

    def _carry_on(self) -> None:
        self._asking.ask()
        while self._engine.tick().carried_on:
            pass
        while (look := self._delivering.take(100)).parcels or look.more:
            for parcel in look.parcels:
                self._delivering.deliver(parcel)
        if self._scenario.answer_within is None:
            return
        for message in self._pages():
            if message.key not in self._answered:
                self._answered.add(message.key)
                answer = HappeningShape(after=timedelta(0), acknowledge=message.person)
                at = message.made_at + self._scenario.answer_within
                heapq.heappush(self._planned, (at, next(self._order), answer))

    def _next(self) -> datetime:
        """When the next thing is planned, due, or to be delivered again."""
        with self._database.connection() as db:
            row = db.execute(
                "SELECT least((SELECT min(due_at) FROM escalation),"
                " (SELECT min(ask_at) FROM escalation WHERE %s),"
                " (SELECT min(due_at) FROM message WHERE state = 'waiting' AND held_until IS NULL)) AS at",
                (self._configuration.rulebook.reads_clock,),
            ).fetchone()
        times = [row["at"]] if row and row["at"] else []
        times += [self._planned[0][0]] if self._planned else []
        return max(self._now, min(times, default=self._now + self._scenario.until))

    def _pages(self) -> list[Message]:
        messages = self._escalations.messages(self._incident_id)
        return [message for message in messages if message.kind is MessageKind.PAGE]

    def _is_over(self) -> bool:
        return not self._planned and not self._incidents.get(self._incident_id).is_open

    def _desk_in_vain(self) -> bool:
        calls = [page.detail for page in self._pages()]
        return max((d["attempt"] for d in calls if d["number"] == 0), default=0) >= DESK_ROUNDS

    def _happen(self, happening: HappeningShape) -> None:
        incident_id = self._incident_id
        try:
            if happening.acknowledge is not None:
                self._acknowledge(happening.acknowledge)
            elif happening.resolve is not None:
                self._corrections.resolve(incident_id, happening.resolve, None)
            elif happening.alert is not None:
                self._report = changed(self._report, happening.alert)
                self._send(incident_of(self._report))
            elif happening.override is not None:
                said = happening.override
                priority = said.priority.value if said.priority else None
                self._corrections.override(incident_id, said.by, priority=priority, team=said.team)
            elif happening.status is not None:
                self._corrections.move(incident_id, ACTOR, Status(happening.status))
            else:
                self._responding.answer(
                    incident_id,
                    ACTOR,
                    happening.approve or happening.refuse,
                    approved=happening.approve is not None,
                    for_anybody=True,
                )
        except Conflict:
            return  # it is over by then

    def _acknowledge(self, by: str) -> None:
        if by == FIRST_TOLD:
            pages = self._pages()
            by = pages[-1].person or ACTOR if pages else ACTOR
        self._corrections.acknowledge(self._incident_id, by)

    def _reported(self, decision: Decision) -> DrillReport:
        return report_of(
            "virtual",
            self._incidents.get(self._incident_id),
            decision,
            self._escalations.messages(self._incident_id),
            self._now,
            sent=self._sent,
            planned=self._planned_sequence(),
            tolerance=ASKED_EVERY if self._configuration.rulebook.reads_clock else 0,
        )

    def _planned_sequence(self) -> list[tuple[int, str, str]]:
        """What a rehearsal says of the same: seconds, kind, recipient."""
        found = simulate(self._configuration.rulebook, self._scenario, self._overrides)
        return [
            (round((entry.at - found.opened_at).total_seconds()), kind.value, recipient)
            for entry in found.entries
            if entry.effect is not None
            for kind, recipient in said_by(entry.effect)
        ]


def rehearse(
    database: Database,
    configuration: Configuration,
    scenario: ScenarioShape,
    environment: Mapping[str, str],
    *,
    by: str,
    keep: bool,
) -> DrillReport:
    """A drill on the virtual clock beside ``database``, with the swaps that stand there. ``keep``: it counts as
    its policy's last one. Raises BadRequest, StoreUnavailable, StoreRefused."""
    overrides = OnCallOverrides(database).standing(scenario.at, scenario.at + scenario.until)
    with place_apart(database.url) as apart:
        found = VirtualDrill(apart, configuration, scenario, environment, overrides).run()
    if keep:
        Watches(database).note_drill(
            Drilled(
                id=str(uuid.uuid4()),
                policy=found.policy,
                kind="virtual",
                made_by=by,
                made_at=datetime.now(UTC),
                report=report_as_json(found),
            )
        )
    return found


def _check(scenario: ScenarioShape) -> None:
    """Raises BadRequest for what cannot be practised."""
    if scenario.priority is not None or scenario.team is not None:
        raise BadRequest("a drill is decided on by the rules; say what comes in, not what is concluded")
    for happening in scenario.then:
        if happening.seen is not None or happening.vendor is not None:
            raise BadRequest("in a drill, people acknowledge, resolve, override or approve, and alerts come in")
