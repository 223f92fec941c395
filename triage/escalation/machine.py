"""What happens next in an escalation: a pure function of where it stands, what happened, and the time.

``advance`` reads no clock and no database and sleeps nowhere: what is due later is a timer in the state. The
service runs it from rows that fall due, a rehearsal runs it on a virtual clock.
"""

from collections.abc import Callable
from datetime import datetime

from triage.domain.escalation import EscalationPath
from triage.domain.reach import Surroundings
from triage.escalation.approvals import answer_checkpoint, ask_deputy
from triage.escalation.changing import change_path
from triage.escalation.ladder import LADDER, call_again, call_desk, move_on, start_step
from triage.escalation.opening import open_run, send_update
from triage.escalation.run import TAKEN, Run
from triage.escalation.state import (
    Acknowledged,
    Answered,
    Decided,
    Effect,
    Escalated,
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


def advance(
    surroundings: Surroundings, state: Escalation, event: Event, now: datetime
) -> tuple[Escalation, tuple[Effect, ...]]:
    """The escalation after ``event`` at ``now``, and what has to be done. An event that changes nothing, such as a
    second acknowledgement, has no effects."""
    run = Run(surroundings, state, now)
    match event:
        case Opened():
            open_run(run)
        case TimePassed():
            _pass_time(run)
        case Acknowledged(by):
            _acknowledge(run, by)
        case Resolved():
            _resolve(run)
        case Decided():
            change_path(run, event)
        case Answered(checkpoint, approved, by):
            answer_checkpoint(run, checkpoint, approved=approved, by=by)
        case Escalated(by):
            _escalate(run, by)
        case VendorAnswered(vendor):
            run.drop(lambda timer: timer.kind is TimerKind.VENDOR and timer.name == vendor)
    return run.state(), tuple(run.effects)


def begin(path: EscalationPath, opened_at: datetime) -> Escalation:
    """An escalation that nothing has happened to yet; ``Opened`` starts it."""
    return Escalation(path=path, opened_at=opened_at)


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
    run.cancel(*LADDER)
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
    send_update(run)


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
    run.done.add(TAKEN)
    run.acknowledged_by, run.acknowledged_at = by, run.now
    run.cancel(TimerKind.STEP, TimerKind.ACKNOWLEDGE, TimerKind.SLA_ACKNOWLEDGE)


def _escalate(run: Run, by: str) -> None:
    """The next step at once; after the last one the triage desk, which is told again if it was told already."""
    if run.phase not in (Phase.CALLING, Phase.ACKNOWLEDGED):
        return
    run.say(Notice.ESCALATED, f"{by} asks for the next step", max(run.step, 0) + 1)
    run.phase = Phase.CALLING
    run.cancel(*LADDER)
    if run.step < len(run.path.steps):
        move_on(run, waits=False)
    else:
        call_desk(run)


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
