"""A history through a policy: every incident opened, escalated and answered on a virtual clock, in order of time.

Incidents share people: pages a shift and round robins are counted over all of them, as in the service.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from hashlib import blake2b
from itertools import count

from triage.domain.incident import Incident
from triage.domain.reach import Surroundings
from triage.domain.schedule import OnCallOverride
from triage.escalation.state import Acknowledged, Effect, Page, Phase, Resolved, TakeTurn
from triage.rehearsal.ledger import Ledger
from triage.rehearsal.virtual import Known, VirtualIncident
from triage.rules.chooser import RuleBook

ASKED_AGAIN = tuple(timedelta(minutes=m) for m in (15, 30, 60, 120, 240, 480, 1440))
"""When rules that read a clock are asked again about an open incident; the service asks every minute, which a
history of many years would not bear."""
DESK_ROUNDS = 3
"""So often the triage desk is told in vain before an incident counts as unanswered for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An incident as history tells it. ``joins``: the id of an earlier one that it was another alert of."""

    id: str
    incident: Incident
    opened_at: datetime
    resolved_at: datetime | None = None
    known: Known
    joins: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """How people answer: ``missed`` of the pages, in [0, 1], are never answered, the others ``within`` so long.
    Which ones is drawn by incident, person and attempt, so that two policies meet the same luck."""

    within: timedelta = timedelta(minutes=5)
    missed: float = 0.2
    seed: int = 0

    def answers(self, incident_id: str, page: Page) -> bool:
        drawn = f"{self.seed}/{incident_id}/{page.person}/{page.number}/{page.attempt}"
        fraction = int.from_bytes(blake2b(drawn.encode(), digest_size=4).digest(), "big") / 2**32
        return fraction >= self.missed


def backtest(
    rulebook: RuleBook,
    history: Iterable[Past],
    answering: Answering | None = None,
    overrides: tuple[OnCallOverride, ...] = (),
) -> Ledger:
    """Run ``history``, in any order, through ``rulebook``."""
    return _Backtest(rulebook, answering or Answering(), overrides).run(history)


class _Turn(Enum):
    """Something that nobody did: a timer may be due, or the rules are asked again."""

    TIMER = "timer"
    ASK = "ask"


_What = Page | Resolved | _Turn


class _Backtest:
    def __init__(self, rulebook: RuleBook, answering: Answering, overrides: tuple[OnCallOverride, ...]) -> None:
        self._rulebook = rulebook
        self._answering = answering
        self._overrides = overrides
        schedules = rulebook.catalogue.schedules.values()
        self._counts_pages = any(schedule.limits.pages_a_shift is not None for schedule in schedules)
        self._pages: dict[str, tuple[datetime, ...]] = {}
        self._turns: dict[str, int] = {}
        self._around = Surroundings(
            catalogue=rulebook.catalogue, overrides=overrides, pages=self._pages, turns=self._turns
        )
        self._ledger = Ledger(rulebook.catalogue)
        self._running: dict[str, VirtualIncident] = {}
        self._queue: list[tuple[datetime, int, str, _What]] = []
        self._order = count()

    def run(self, history: Iterable[Past]) -> Ledger:
        for past in sorted(history, key=lambda past: (past.opened_at, past.id)):
            self._run_until(past.opened_at)
            first = self._running.get(past.joins) if past.joins else None
            if first is not None and not first.is_over:
                self._take(
                    past.joins or "", first.alert(self._around, past.incident, past.opened_at), past.opened_at
                )
            else:
                self._open(past)
        self._run_until(None)
        return self._ledger

    def _open(self, past: Past) -> None:
        known = replace(past.known, oncall_overrides=self._overrides)
        incident = VirtualIncident(self._rulebook, past.incident, past.opened_at, known)
        self._running[past.id] = incident
        self._ledger.open(past.id, incident.outcome)
        self._take(past.id, incident.open(self._around), past.opened_at)
        if incident.is_over:
            del self._running[past.id]
            return
        if past.resolved_at is not None and past.resolved_at > past.opened_at:
            self._plan(past.resolved_at, past.id, Resolved("history"))
        if self._rulebook.reads_clock:
            for after in ASKED_AGAIN:
                self._plan(past.opened_at + after, past.id, _Turn.ASK)

    def _plan(self, at: datetime, incident_id: str, what: _What) -> None:
        heapq.heappush(self._queue, (at, next(self._order), incident_id, what))

    def _run_until(self, end: datetime | None) -> None:
        for now, incident_id, what in self._due(end):
            incident = self._running.get(incident_id)
            if incident is None:
                continue
            match what:
                case Page(person=person):
                    if incident.state.phase is Phase.CALLING:
                        self._take(incident_id, incident.happen(self._around, Acknowledged(person), now), now)
                case Resolved():
                    self._take(incident_id, incident.happen(self._around, what, now), now)
                case _Turn.TIMER if incident.state.due_at is not None and incident.state.due_at <= now:
                    self._take(incident_id, incident.pass_time(self._around, now), now)
                case _Turn.ASK:
                    effects = incident.decide_again(self._around, now, "time has passed")
                    self._take(incident_id, effects, now)
            if incident.is_over or self._is_given_up(incident):
                del self._running[incident_id]

    def _due(self, end: datetime | None) -> Iterator[tuple[datetime, str, _What]]:
        while self._queue and (end is None or self._queue[0][0] <= end):
            at, _, incident_id, what = heapq.heappop(self._queue)
            yield at, incident_id, what

    def _is_given_up(self, incident: VirtualIncident) -> bool:
        state = incident.state
        in_vain = state.step >= len(state.path.steps) and state.tries >= DESK_ROUNDS
        return state.phase is Phase.CALLING and in_vain

    def _take(self, incident_id: str, effects: tuple[Effect, ...], now: datetime) -> None:
        incident = self._running[incident_id]
        self._ledger.enter(incident_id, effects, now, incident.opened_at)
        for effect in effects:
            if isinstance(effect, TakeTurn):
                self._turns[effect.key] = self._turns.get(effect.key, 0) + 1
            elif isinstance(effect, Page):
                if self._counts_pages:
                    self._pages[effect.person] = (*self._pages.get(effect.person, ())[-200:], now)
                if self._answering.answers(incident_id, effect):
                    self._plan(now + self._answering.within, incident_id, effect)
        if effects or incident.state.due_at is not None:
            self._wake(incident_id, incident)

    def _wake(self, incident_id: str, incident: VirtualIncident) -> None:
        """Come back when the next timer falls due. One that was cancelled meanwhile is noticed then."""
        if incident.state.due_at is not None:
            self._plan(incident.state.due_at, incident_id, _Turn.TIMER)
