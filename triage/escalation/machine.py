"""What happens next in an escalation: a pure function of where it stands, what happened, and the time.

``advance`` reads no clock and no database and sleeps nowhere: what is due later is a timer in the state. The
service runs it from rows that fall due, a rehearsal runs it on a virtual clock.
"""

from collections.abc import Callable
from datetime import datetime

from triage.domain.escalation import EscalationPath, Mode
from triage.domain.reach import Surroundings
from triage.escalation.approvals import answer_checkpoint, ask_deputy
from triage.escalation.ladder import Tell, call_again, climb, move_on, start_step
from triage.escalation.run import Run
from triage.escalation.state import (
    Acknowledged,
    Answered,
    Decided,
    Effect,
    Escalation,
    Event,
    Notice,
    Opened,
    Phase,
    Resolved,
    StandDown,
    TimePassed,
    Timer,
    TimerKind,
    VendorAnswered,
)

_LADDER = (TimerKind.STEP, TimerKind.ACKNOWLEDGE, TimerKind.RESOLVE)


def advance(
    surroundings: Surroundings, state: Escalation, event: Event, now: datetime
) -> tuple[Escalation, tuple[Effect, ...]]:
    """The escalation after ``event`` at ``now``, and what has to be done. An event that changes nothing, such as a
    second acknowledgement, has no effects."""
    run = Run(surroundings, state, now)
    match event:
        case Opened():
            _open(run)
        case TimePassed():
            _pass_time(run)
        case Acknowledged(by):
            _acknowledge(run, by)
        case Resolved():
            _resolve(run)
        case Decided():
            _change_path(run, event)
        case Answered(checkpoint, approved, by):
            answer_checkpoint(run, checkpoint, approved=approved, by=by)
        case VendorAnswered(vendor):
            run.drop(lambda timer: timer.kind is TimerKind.VENDOR and timer.name == vendor)
    return run.state(), tuple(run.effects)


def begin(path: EscalationPath, opened_at: datetime) -> Escalation:
    """An escalation that nothing has happened to yet; ``Opened`` starts it."""
    return Escalation(path=path, opened_at=opened_at)


def _open(run: Run) -> None:
    run.phase = Phase.CALLING
    run.timers = []
    run.forget_step()
    run.acknowledged_by = run.acknowledged_at = None
    run.climbs = 0
    if _stays_quiet(run):
        return
    run.promise()
    climb(run)
    _start_updates(run)


def _stays_quiet(run: Run) -> bool:
    path = run.path
    if not path.suppressed and path.mode is Mode.NOTIFY:
        return False
    run.phase = Phase.QUIET
    run.timers = []
    because = path.suppressed_because if path.suppressed else f"policy {path.policy} only observes"
    run.say(Notice.QUIET, f"nobody is told: {because}")
    return True


def _start_updates(run: Run) -> None:
    _fire_update(run, Timer(kind=TimerKind.UPDATE, due_at=run.now))


def _pass_time(run: Run) -> None:
    """What a timer sets off may set timers for this very moment, so this goes on until none is due; each step of a
    ladder lasts, and each promise is noted once, so it ends."""
    while due := run.next_due():
        run.timers.remove(due)
        _FIRE[due.kind](run, due)


def _fire_step(run: Run, timer: Timer) -> None:
    if run.phase is Phase.CALLING and not start_step(run, timer.step):
        move_on(run, waits=False)


def _fire_acknowledge(run: Run, timer: Timer) -> None:
    if run.phase is Phase.CALLING:
        call_again(run)


def _fire_resolve(run: Run, timer: Timer) -> None:
    """Not resolved in time: the next step begins, whether or not somebody works on it; the last one stays."""
    if run.phase not in (Phase.CALLING, Phase.ACKNOWLEDGED) or run.after(run.step) is None:
        return
    run.say(Notice.NOT_RESOLVED, "not resolved in time; the next step begins", timer.step + 1)
    run.phase = Phase.CALLING
    run.cancel(*_LADDER)
    move_on(run)


def _fire_vendor(run: Run, timer: Timer) -> None:
    """A vendor that let its contract's time pass: those who are accountable hear of it."""
    run.say(
        Notice.VENDOR_LATE, f"vendor {timer.name} has not answered in the time of its contract", timer.step + 1
    )
    step = run.path.steps[timer.step] if timer.step < len(run.path.steps) else None
    target = step.roles.get("accountable") if step else None
    if target is not None and run.phase in (Phase.CALLING, Phase.ACKNOWLEDGED):
        for person in run.reached(target):
            run.page(person, target, timer.step + 1, 1, run.now, ("accountable",))


def _fire_update(run: Run, timer: Timer) -> None:
    run.cancel(TimerKind.UPDATE)
    updates = run.path.updates
    if updates is not None and run.phase in (Phase.CALLING, Phase.ACKNOWLEDGED):
        run.send_update(updates.every)
        run.schedule(TimerKind.UPDATE, run.now + updates.every)


def _fire_checkpoint(run: Run, timer: Timer) -> None:
    ask_deputy(run, timer)


def _fire_promise(run: Run, timer: Timer) -> None:
    run.break_promise(timer.kind)


_FIRE: dict[TimerKind, Callable[[Run, Timer], None]] = {
    TimerKind.STEP: _fire_step,
    TimerKind.ACKNOWLEDGE: _fire_acknowledge,
    TimerKind.RESOLVE: _fire_resolve,
    TimerKind.CHECKPOINT: _fire_checkpoint,
    TimerKind.VENDOR: _fire_vendor,
    TimerKind.UPDATE: _fire_update,
    TimerKind.SLA_ACKNOWLEDGE: _fire_promise,
    TimerKind.SLA_RESOLVE: _fire_promise,
}


def _acknowledge(run: Run, by: str) -> None:
    if run.phase is not Phase.CALLING or not run.is_answered_by(by):
        return
    run.phase = Phase.ACKNOWLEDGED
    run.acknowledged_by, run.acknowledged_at = by, run.now
    run.cancel(TimerKind.STEP, TimerKind.ACKNOWLEDGE, TimerKind.SLA_ACKNOWLEDGE)


def _resolve(run: Run) -> None:
    if run.phase is Phase.RESOLVED:
        return
    talked = run.phase is not Phase.QUIET
    run.phase = Phase.RESOLVED
    run.timers = []
    if not talked:
        return
    if run.told:
        run.effects.append(StandDown(people=tuple(run.told)))
    if run.path.updates is not None:
        run.send_update(None)


def _change_path(run: Run, decided: Decided) -> None:
    """Another team is told from its first step with a fresh clock. Otherwise whoever was told already is not told
    again: their time counts for the new path, which is climbed from its first step and so catches up by itself."""
    if run.phase is Phase.RESOLVED:
        return
    same = _asks_the_same(run.path, decided.path)
    was_quiet = run.phase is Phase.QUIET
    run.path = decided.path
    if _stays_quiet(run):
        return
    if was_quiet:
        _open(run)
        return
    run.promise()
    if same and not decided.moved:
        return
    run.say(Notice.PATH_CHANGED, f"{decided.because}: policy {decided.path.policy} by rule {decided.path.rule}")
    run.cancel(*_LADDER)
    had_updates = any(timer.kind is TimerKind.UPDATE for timer in run.timers)
    if decided.moved:
        run.phase = Phase.CALLING
        run.acknowledged_by = run.acknowledged_at = None
    run.climbs = 0
    run.forget_step()
    if run.phase is Phase.CALLING:
        climb(run, Tell.RESPONSIBLE if decided.moved else Tell.FRESH)
    else:
        _join(run)
    if not had_updates:
        _start_updates(run)


def _join(run: Run) -> None:
    """Somebody works on it already: whom the first step asks for besides is told, and no clock starts."""
    first = run.after(-1)
    if first is not None:
        start_step(run, first, Tell.FRESH)
        run.cancel(TimerKind.STEP, TimerKind.ACKNOWLEDGE)


def _asks_the_same(one: EscalationPath, other: EscalationPath) -> bool:
    def asked(path: EscalationPath) -> list[object]:
        return [(step.targets, step.channels, step.checkpoint, step.acknowledge_within) for step in path.steps]

    return one.policy == other.policy and asked(one) == asked(other)
