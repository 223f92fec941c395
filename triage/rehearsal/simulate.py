"""One incident tried out: who would be told when, by which rule, and what happens when nobody answers."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

from triage.domain.decision import TriageOverride
from triage.domain.escalation import EscalationPath
from triage.domain.reach import Surroundings
from triage.domain.schedule import OnCallOverride
from triage.errors import UnknownWord
from triage.escalation.handover import HandOver, hand_over
from triage.escalation.state import (
    Acknowledged,
    Answered,
    Effect,
    Note,
    Notice,
    Page,
    Phase,
    Resolved,
    TakeTurn,
    VendorAnswered,
)
from triage.rehearsal.scenario import (
    FIRST_TOLD,
    HappeningShape,
    ScenarioShape,
    changed,
    incident_of,
    recurrence_of,
    status_of,
)
from triage.rehearsal.virtual import Known, VirtualIncident
from triage.rules.chooser import RuleBook, RuleOutcome

ASK_AGAIN = (timedelta(minutes=1), timedelta(minutes=15))
"""How often rules that read a clock are asked again while the incident is open: in the first day, and later."""
DESK_ROUNDS = 3
"""So often the triage desk is told in vain before a simulation ends: it would go on for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What happened at one moment: either something that people did (``happened``) or an effect."""

    at: datetime
    happened: str | None = None
    effect: Effect | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A decision on the way: the first, and each that changed something."""

    at: datetime
    because: str
    outcome: RuleOutcome


@dataclass(slots=True, kw_only=True)
class Simulation:
    """``ended``: when it was over, or watched no longer; ``left``: what whoever takes it over then has to know."""

    scenario: ScenarioShape
    opened_at: datetime
    rulings: list[Ruling] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    ended: datetime
    phase: Phase = Phase.CALLING
    left: HandOver | None = None

    @property
    def path(self) -> EscalationPath:
        """The path chosen first."""
        return self.rulings[0].outcome.path

    @property
    def pages(self) -> list[tuple[datetime, Page]]:
        return [(entry.at, entry.effect) for entry in self.entries if isinstance(entry.effect, Page)]


def simulate(
    rulebook: RuleBook,
    scenario: ScenarioShape,
    overrides: tuple[OnCallOverride, ...] = (),
    known: Known | None = None,
) -> Simulation:
    """Run ``scenario`` on a virtual clock. ``known`` adds what a model suggests. Raises ``UnknownWord`` for a name
    that the configuration does not know, and for a further alert that no report can be."""
    return _Course(rulebook, scenario, overrides, known or Known()).run()


class _Course:
    """The clock and its queue."""

    def __init__(
        self, rulebook: RuleBook, scenario: ScenarioShape, overrides: tuple[OnCallOverride, ...], known: Known
    ) -> None:
        self._rulebook = rulebook
        self._scenario = scenario
        self._report = scenario.incident
        self._around = Surroundings(catalogue=rulebook.catalogue, overrides=overrides)
        self._check_names(scenario)
        at = scenario.at.astimezone(UTC)
        known = replace(
            known,
            recurrence=recurrence_of(scenario.seen, at),
            priority=scenario.priority or known.priority,
            team=scenario.team or known.team,
            oncall_overrides=overrides,
        )
        self._incident = VirtualIncident(rulebook, incident_of(self._report), at, known)
        self._found = Simulation(scenario=scenario, opened_at=at, ended=at + scenario.until)
        self._order = count()
        self._queue: list[tuple[datetime, int, HappeningShape]] = []
        for happening in scenario.then:
            self._plan(at + happening.after, happening)

    def run(self) -> Simulation:
        found, incident = self._found, self._incident
        end = found.ended
        found.rulings.append(Ruling(at=found.opened_at, because="opened", outcome=incident.outcome))
        self._take(found.opened_at, incident.open(self._around))
        for now in self._moments(end):
            if self._queue and self._queue[0][0] == now:
                self._happen(heapq.heappop(self._queue)[2], now)
            elif (incident.state.due_at or end) <= now:
                self._take(now, incident.pass_time(self._around, now))
            else:
                self._ask_again(now)
            if (incident.is_over and not self._queue) or self._desk_in_vain():
                found.ended = now
                break
        found.phase = incident.state.phase
        found.left = hand_over(self._around, incident.state, found.ended)
        return found

    def _moments(self, end: datetime) -> Iterator[datetime]:
        """The next thing planned, due or to be asked again, until ``end``. What is planned comes first, so that an
        answer in the last second still counts."""
        now = self._found.opened_at
        while True:
            candidates = [end]
            if self._queue:
                candidates.append(self._queue[0][0])
            if self._incident.state.due_at is not None:
                candidates.append(self._incident.state.due_at)
            if self._rulebook.reads_clock and not self._incident.is_over:
                candidates.append(now + ASK_AGAIN[now - self._found.opened_at >= timedelta(days=1)])
            now = max(min(candidates), now)
            if now >= end:
                return
            yield now

    def _desk_in_vain(self) -> bool:
        rounds = [page for _, page in self._found.pages if page.number == 0]
        return max((page.attempt for page in rounds), default=0) >= DESK_ROUNDS

    def _plan(self, at: datetime, happening: HappeningShape) -> None:
        heapq.heappush(self._queue, (at, next(self._order), happening))

    def _take(self, now: datetime, effects: tuple[Effect, ...]) -> None:
        """Note effects, count pages and turns, and let whoever was paged answer as the scenario says."""
        pages, turns = dict(self._around.pages), dict(self._around.turns)
        for effect in effects:
            if isinstance(effect, TakeTurn):
                turns[effect.key] = turns.get(effect.key, 0) + 1
                continue
            self._found.entries.append(Entry(at=now, effect=effect))
            if isinstance(effect, Page):
                pages[effect.person] = (*pages.get(effect.person, ()), now)
                if self._scenario.answer_within is not None:
                    answer = HappeningShape(after=timedelta(0), acknowledge=effect.person)
                    self._plan(now + self._scenario.answer_within, answer)
        self._around = replace(self._around, pages=pages, turns=turns)

    def _ask_again(self, now: datetime) -> None:
        before = self._incident.outcome
        effects = self._incident.decide_again(self._around, now, "time has passed")
        self._note_ruling(now, "time has passed", before)
        self._take(now, effects)

    def _note_ruling(self, now: datetime, because: str, before: RuleOutcome) -> None:
        after = self._incident.outcome
        if _concluded(before) != _concluded(after):
            self._found.rulings.append(Ruling(at=now, because=because, outcome=after))

    def _happen(self, happening: HappeningShape, now: datetime) -> None:
        incident, before = self._incident, self._incident.outcome
        around = self._around
        effects: tuple[Effect, ...] = ()
        if happening.acknowledge is not None:
            by = self._last_told() if happening.acknowledge == FIRST_TOLD else happening.acknowledge
            if incident.state.phase is not Phase.CALLING or by is None:
                return
            said = f"{self._name(by)} acknowledges"
            effects = incident.happen(around, Acknowledged(by), now)
            if incident.state.phase is Phase.CALLING:
                said += ", and others still have to"
        elif happening.resolve is not None:
            said = f"{self._name(happening.resolve)} resolves it"
            effects = incident.happen(around, Resolved(happening.resolve), now)
        elif happening.alert is not None:
            said = f"another alert{_told(happening.alert)}"
            self._report = changed(self._report, happening.alert)
            effects = incident.alert(around, incident_of(self._report), now)
        elif happening.override is not None:
            override = happening.override
            said = f"{self._name(override.by)} overrides{_told(override.model_dump(exclude={'by'}, mode='json'))}"
            change = TriageOverride(by=override.by, at=now, priority=override.priority, team=override.team)
            effects = incident.override(around, change, now)
        elif happening.seen is not None:
            said = "it is seen again"
            incident.known = replace(incident.known, recurrence=recurrence_of(happening.seen, now))
            effects = incident.decide_again(around, now, "seen again")
        elif happening.status is not None:
            said = f"status {happening.status}"
            incident.work_on(status_of(happening.status), now)
            effects = incident.decide_again(around, now, f"status {happening.status}")
        elif happening.vendor is not None:
            said = f"vendor {happening.vendor} answers"
            effects = incident.happen(around, VendorAnswered(happening.vendor), now)
        else:
            approved = happening.approve is not None
            checkpoint = str(happening.approve or happening.refuse)
            said = f"checkpoint {checkpoint} is {'approved' if approved else 'refused'}"
            effects = incident.happen(around, Answered(checkpoint, approved, "its approver"), now)
        self._found.entries.append(Entry(at=now, happened=said))
        self._note_ruling(now, said, before)
        self._take(now, effects)

    def _last_told(self) -> str | None:
        pages = self._found.pages
        return pages[-1][1].person if pages else None

    def _name(self, person_id: str) -> str:
        return self._rulebook.catalogue.person_name(person_id)

    def _check_names(self, scenario: ScenarioShape) -> None:
        catalogue = self._rulebook.catalogue
        for happening in scenario.then:
            override = happening.override
            if override is not None and override.team is not None and override.team not in catalogue.teams:
                raise UnknownWord(f"override: unknown team {override.team!r}")
            if happening.vendor is not None and happening.vendor not in catalogue.vendors:
                raise UnknownWord(f"unknown vendor {happening.vendor!r}")
            if happening.alert is not None:
                try:
                    changed(scenario.incident, happening.alert)
                except ValueError:
                    names = ", ".join(sorted(happening.alert))
                    raise UnknownWord(f"alert: no report has such a value of {names}") from None
        if scenario.team is not None and scenario.team not in catalogue.teams:
            raise UnknownWord(f"unknown team {scenario.team!r}")


def _concluded(outcome: RuleOutcome) -> tuple[object, ...]:
    path = outcome.path
    return outcome.priority, outcome.team, path.policy, path.suppressed, path.targets


def _told(changes: dict[str, object]) -> str:
    said = ", ".join(f"{name} {value}" for name, value in changes.items() if value is not None)
    return f": {said}" if said else ""


def notices(simulation: Simulation, *kinds: Notice) -> list[Note]:
    """Notes of these kinds, in order."""
    effects = (entry.effect for entry in simulation.entries)
    return [effect for effect in effects if isinstance(effect, Note) and effect.notice in kinds]
