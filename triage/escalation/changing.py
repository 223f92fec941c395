"""What a further decision does to an escalation that runs: another team, another ladder, or further people."""

from triage.domain.escalation import EscalationPath, PathStep
from triage.escalation.approvals import ask_beside
from triage.escalation.ladder import LADDER, Tell, announce, climb, page_called, start_step
from triage.escalation.opening import open_run, send_update, stays_quiet
from triage.escalation.run import Run
from triage.escalation.state import Called, Decided, Notice, Phase, Timer, TimerKind


def change_path(run: Run, decided: Decided) -> None:
    """Another team is told from its first step with a fresh clock. On another ladder whoever was told already is
    not told again: their time counts for it, and it is climbed from its first step and so catches up by itself.
    The same ladder goes on, and whoever is new on the steps that were told is told besides."""
    if run.phase is Phase.RESOLVED:
        return
    before, was_quiet = run.path, run.phase is Phase.QUIET
    had_updates = any(timer.kind is TimerKind.UPDATE for timer in run.timers)
    run.path = decided.path
    if stays_quiet(run):
        return
    if was_quiet:
        open_run(run)
        return
    run.promise()
    if not decided.moved and _is_same_ladder(before, run.path):
        _extend(run, before, decided)
    else:
        _climb_anew(run, decided)
    if not had_updates:
        send_update(run)


def _climb_anew(run: Run, decided: Decided) -> None:
    _say_so(run, decided)
    run.cancel(*LADDER)
    run.climbs = 0
    run.forget_step()
    if decided.moved:
        run.phase = Phase.CALLING
        run.acknowledged_by = run.acknowledged_at = None
        climb(run, Tell.RESPONSIBLE)
    elif run.phase is Phase.CALLING:
        climb(run, Tell.FRESH)
    else:
        _join(run)


def _say_so(run: Run, decided: Decided) -> None:
    run.say(Notice.PATH_CHANGED, f"{decided.because}: policy {decided.path.policy} by rule {decided.path.rule}")


def _join(run: Run) -> None:
    """Somebody works on it already: whom the first step asks for besides is told, and no clock starts."""
    first = run.after(-1)
    if first is not None:
        start_step(run, first, Tell.FRESH)
        run.cancel(TimerKind.STEP, TimerKind.ACKNOWLEDGE)


def _rungs(path: EscalationPath) -> list[tuple[int, PathStep]]:
    return [(place, step) for place, step in enumerate(path.steps) if not step.beside]


def _is_same_ladder(one: EscalationPath, other: EscalationPath) -> bool:
    """As many steps with the same times; whom they tell may differ."""

    def times(path: EscalationPath) -> list[object]:
        return [(s.acknowledge_within, s.repeat, s.after, s.require, s.checkpoint) for _, s in _rungs(path)]

    return one.policy == other.policy and times(one) == times(other)


def _extend(run: Run, before: EscalationPath, decided: Decided) -> None:
    """Go on where the ladder stands. A step that was held is told at once where nothing holds it any more."""
    old, new = _rungs(before), _rungs(run.path)
    places = {place: new[n][0] for n, (place, _) in enumerate(old)}
    reached = sum(place <= run.step for place, _ in old)
    run.timers = [moved for timer in run.timers if (moved := _moved(timer, places, run.path)) is not None]
    if run.step < 0:
        _hold_no_longer(run, new[0])
        return
    run.step = places.get(run.step, len(run.path.steps))
    told = len(run.effects)
    for (_, was), (place, step) in list(zip(old, new, strict=True))[:reached]:
        ask_beside(run, place)
        announce(run, step, place)
        further = tuple(target for target in step.targets if target not in was.targets)
        if further and not step.round_robin:
            _tell_besides(run, step, place, further)
    if len(run.effects) > told:
        _say_so(run, decided)


def _moved(timer: Timer, places: dict[int, int], path: EscalationPath) -> Timer | None:
    """The timer of the same step in the new path, where approvals may have come in between."""
    if timer.kind is TimerKind.CHECKPOINT:
        place = next((n for n, s in enumerate(path.steps) if s.checkpoint and s.checkpoint.id == timer.name), None)
        return None if place is None else Timer(kind=timer.kind, due_at=timer.due_at, step=place, name=timer.name)
    if timer.kind not in (*LADDER, TimerKind.VENDOR):
        return timer
    step = places.get(timer.step, len(path.steps))
    return Timer(kind=timer.kind, due_at=timer.due_at, step=step, name=timer.name)


def _hold_no_longer(run: Run, first: tuple[int, PathStep]) -> None:
    held = next((timer for timer in run.timers if timer.kind is TimerKind.STEP), None)
    if held is None or first[1].at < held.due_at:
        run.cancel(TimerKind.STEP)
        climb(run)


def _tell_besides(run: Run, step: PathStep, place: int, targets: tuple[str, ...]) -> None:
    """Whoever is new on a step that was told already, once; its clock goes on as it was."""
    called = (Called(target, tuple(p for p in run.reached(target) if p not in run.told)) for target in targets)
    fresh = tuple(one for one in called if one.people)
    page_called(run, step, fresh, run.now + step.acknowledge_within)
    if place == run.step:
        run.called = (*run.called, *fresh)
