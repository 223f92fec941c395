"""One step of an escalation in the making: the state opened up to be changed, and the effects so far."""

from collections.abc import Callable
from datetime import datetime, timedelta

from triage.domain.escalation import Part, PathStep, Require
from triage.domain.reach import Surroundings, candidates, targets_of_role, who_is
from triage.escalation.state import (
    Called,
    Effect,
    Escalation,
    Note,
    Notice,
    Page,
    Phase,
    SendUpdate,
    TakeTurn,
    Timer,
    TimerKind,
)

TAKEN = "taken"
"""In ``done`` once somebody has taken it, which keeps the promise to acknowledge for good."""
_STATUS = {
    Phase.CALLING: "not yet taken",
    Phase.ACKNOWLEDGED: "being worked on",
    Phase.RESOLVED: "resolved",
    Phase.QUIET: "recorded",
}


class Run:
    """Lives for one call of ``advance``."""

    def __init__(self, surroundings: Surroundings, state: Escalation, now: datetime) -> None:
        self.surroundings = surroundings
        self.now = now
        self.path = state.path
        self.opened_at = state.opened_at
        self.phase = state.phase
        self.step = state.step
        self.tries = state.tries
        self.climbs = state.climbs
        self.called = state.called
        self.answered = set(state.answered)
        self.told = dict(state.told)
        self.verdicts = dict(state.verdicts)
        self.done = set(state.done)
        self.timers = list(state.timers)
        self.acknowledged_by = state.acknowledged_by
        self.acknowledged_at = state.acknowledged_at
        self.effects: list[Effect] = []
        self._paged: dict[str, list[datetime]] = {}

    def state(self) -> Escalation:
        return Escalation(
            path=self.path,
            opened_at=self.opened_at,
            phase=self.phase,
            step=self.step,
            tries=self.tries,
            climbs=self.climbs,
            called=self.called,
            answered=frozenset(self.answered),
            told=self.told,
            verdicts=self.verdicts,
            done=frozenset(self.done),
            timers=tuple(sorted(self.timers, key=_in_order)),
            acknowledged_by=self.acknowledged_by,
            acknowledged_at=self.acknowledged_at,
        )

    def forget_step(self) -> None:
        self.step, self.tries, self.called = -1, 0, ()
        self.answered.clear()

    def after(self, place: int) -> int | None:
        """The place of the next step of the ladder; approvals beside it are no steps of it."""
        steps = self.path.steps
        return next((n for n in range(place + 1, len(steps)) if not steps[n].beside), None)

    # Timers.

    def schedule(self, kind: TimerKind, due_at: datetime, step: int = 0, name: str = "") -> None:
        self.timers.append(Timer(kind=kind, due_at=due_at, step=step, name=name))

    def cancel(self, *kinds: TimerKind) -> None:
        self.drop(lambda timer: timer.kind in kinds)

    def drop(self, which: Callable[[Timer], bool]) -> None:
        self.timers = [timer for timer in self.timers if not which(timer)]

    def next_due(self) -> Timer | None:
        due = [timer for timer in self.timers if timer.due_at <= self.now]
        return min(due, key=_in_order, default=None)

    def promise(self) -> None:
        """Start the SLA's clocks, which count from the opening, whatever has happened since."""
        self.cancel(TimerKind.SLA_ACKNOWLEDGE, TimerKind.SLA_RESOLVE)
        if self.path.acknowledge_by is not None and TAKEN not in self.done:
            self.schedule(TimerKind.SLA_ACKNOWLEDGE, self.path.acknowledge_by)
        if self.path.resolve_by is not None:
            self.schedule(TimerKind.SLA_RESOLVE, self.path.resolve_by)

    def break_promise(self, kind: TimerKind) -> None:
        if kind.value in self.done:
            return
        self.done.add(kind.value)
        if kind is TimerKind.SLA_ACKNOWLEDGE:
            self.say(Notice.ACKNOWLEDGE_BREACHED, "not acknowledged within the SLA")
        else:
            self.say(Notice.RESOLVE_BREACHED, "not resolved within the SLA")

    # People.

    def reached(self, target: str) -> tuple[str, ...]:
        """The people behind a concrete target now. Pages of this very call count for the limits, too."""
        pages = dict(self.surroundings.pages)
        for person, moments in self._paged.items():
            pages[person] = (*pages.get(person, ()), *moments)
        found = who_is(self.surroundings.catalogue, target, self.now, self.surroundings.overrides, pages)
        for note in found.skipped:
            self.say(Notice.PASSED_OVER, note)
        return found.people

    def reached_role(self, role: str) -> tuple[str, ...]:
        """Whoever plays ``role`` now; of a team who is on call, else all of its responders."""
        targets = targets_of_role(self.surroundings.catalogue, role)
        if not targets:
            self.say(Notice.PASSED_OVER, f"role {role}: no longer in the catalogue")
        return next((people for target in targets if (people := self.reached(target))), ())

    def reached_by(self, step: PathStep) -> tuple[Called, ...]:
        if step.round_robin:
            return self._next_in_robin(step)
        found = [Called(target, self.reached(target)) for target in step.targets]
        return tuple(called for called in found if called.people)

    def _next_in_robin(self, step: PathStep) -> tuple[Called, ...]:
        around = self.surroundings
        everybody = [
            (target, person)
            for target in step.targets
            for person in candidates(around.catalogue, target, self.now, around.overrides)
        ]
        if not everybody:
            return ()
        key = step.robin_of(self.path.policy)
        taken = sum(isinstance(effect, TakeTurn) and effect.key == key for effect in self.effects)
        target, person = everybody[(around.turns.get(key, 0) + taken) % len(everybody)]
        self.effects.append(TakeTurn(key=key))
        return (Called(target, (person,)),)

    def page(
        self, person: str, target: str, number: int, attempt: int, answer_by: datetime, parts: tuple[str, ...] = ()
    ) -> None:
        self.told[person] = self.now
        self._paged.setdefault(person, []).append(self.now)
        self.effects.append(
            Page(person=person, target=target, number=number, attempt=attempt, answer_by=answer_by, parts=parts)
        )

    def is_answered_by(self, by: str) -> bool:
        """Whether the step needs nobody else now. Where all must answer, each target counts by any of its people;
        somebody who was not asked answers for none."""
        step = self.path.steps[self.step] if 0 <= self.step < len(self.path.steps) else None
        if step is None or step.require is Require.ANY:
            return True
        self.answered |= {called.target for called in self.called if by in called.people}
        needed = {called.target for called in self.called if must_answer(step, called.target)}
        return needed <= self.answered

    # Words.

    def say(self, notice: Notice, message: str, number: int = 0) -> None:
        note = Note(notice=notice, message=message, number=number)
        if note not in self.effects:
            self.effects.append(note)

    def send_update(self, next_within: timedelta | None) -> None:
        updates = self.path.updates
        if updates is None:
            return
        people = dict.fromkeys(person for target in updates.targets for person in self.reached(target))
        self.effects.append(
            SendUpdate(
                channels=updates.channels,
                people=tuple(people),
                template=updates.template,
                status=_STATUS[self.phase],
                since=self.now - self.opened_at,
                next_within=next_within,
            )
        )


def parts_of(step: PathStep, target: str) -> tuple[str, ...]:
    """The parts that whoever is behind ``target`` plays in a step."""
    return tuple(part for part, played_by in step.roles.items() if target in played_by.split(", "))


def must_answer(step: PathStep, target: str) -> bool:
    """Whoever is informed, and not responsible, is told once and answers for nothing."""
    parts = parts_of(step, target)
    return Part.INFORMED.value not in parts or Part.RESPONSIBLE.value in parts


def _in_order(timer: Timer) -> tuple[datetime, int, str, int]:
    """By time; at the same time promises are noted before anything else moves."""
    return timer.due_at, _RANK[timer.kind], timer.name, timer.step


_RANK = {
    kind: rank
    for rank, kind in enumerate(
        (
            TimerKind.SLA_ACKNOWLEDGE,
            TimerKind.SLA_RESOLVE,
            TimerKind.ACKNOWLEDGE,
            TimerKind.RESOLVE,
            TimerKind.STEP,
            TimerKind.CHECKPOINT,
            TimerKind.VENDOR,
            TimerKind.UPDATE,
        )
    )
}
