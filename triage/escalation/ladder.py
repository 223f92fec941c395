"""Climbing the ladder: telling a step, telling it again, moving on, and the triage desk when nobody answers."""

from datetime import datetime, timedelta
from enum import Enum

from triage.domain.escalation import Part, PathStep, Require
from triage.domain.hours import opens_at
from triage.domain.reach import desk_targets
from triage.escalation.approvals import ask_beside, ask_first
from triage.escalation.run import Run, must_answer, parts_of
from triage.escalation.state import Called, CallVendor, Notice, Phase, Post, TimerKind

LADDER = (TimerKind.STEP, TimerKind.ACKNOWLEDGE, TimerKind.RESOLVE)
"""The clocks of the steps themselves."""
DESK_AGAIN = timedelta(minutes=15)
"""How long the triage desk has before it is told again; it is told until somebody answers."""


class Tell(Enum):
    """Whom a step tells: all of its people; of them the ones that were not told since the opening; or those and
    whoever is responsible now, which is how another team takes over."""

    ALL = "all"
    FRESH = "fresh"
    RESPONSIBLE = "responsible"


def climb(run: Run, tell: Tell = Tell.ALL) -> None:
    """From the first step, which may be held for a while."""
    first = run.after(-1)
    if first is None:
        call_desk(run)
    elif run.path.steps[first].at > run.now:
        run.schedule(TimerKind.STEP, run.path.steps[first].at, first)
    elif not start_step(run, first, tell):
        move_on(run, waits=False, tell=tell)


def move_on(run: Run, *, waits: bool = True, tell: Tell = Tell.ALL) -> None:
    """To the next step that tells somebody. ``waits``: after the step's own delay; a step that was skipped, or
    whose time had passed already, makes nobody wait."""
    while (place := run.after(run.step)) is not None:
        step = run.path.steps[place]
        begins = _in_hours(run, step, run.now + step.after if waits else run.now)
        if begins > run.now:
            run.schedule(TimerKind.STEP, begins, place)
            return
        if start_step(run, place, Tell.FRESH if tell is Tell.FRESH else Tell.ALL):
            return
        waits = False
    if run.climbs < run.path.repeat:
        run.climbs += 1
        run.say(
            Notice.CLIMBS_AGAIN, f"nobody answered; the ladder is climbed again, {run.climbs} of {run.path.repeat}"
        )
        run.forget_step()
        _climb_again(run)
    else:
        call_desk(run)


def _climb_again(run: Run) -> None:
    """Once round; where no step reaches anybody at all the desk is next, for otherwise this would not end."""
    place = run.after(run.step)
    while place is not None:
        begins = _in_hours(run, run.path.steps[place], run.now)
        if begins > run.now:
            run.schedule(TimerKind.STEP, begins, place)
            return
        if start_step(run, place):
            return
        place = run.after(run.step)
    call_desk(run)


def _in_hours(run: Run, step: PathStep, at: datetime) -> datetime:
    return opens_at(run.surroundings.catalogue, at) if step.in_hours else at


def start_step(run: Run, place: int, tell: Tell = Tell.ALL) -> bool:
    """Tell the step at ``place``; False where it tells nobody and its time is over already."""
    step = run.path.steps[place]
    run.step, run.tries, run.called = place, 1, ()
    run.answered.clear()
    run.cancel(TimerKind.ACKNOWLEDGE, TimerKind.RESOLVE, TimerKind.STEP)
    ask_beside(run, place)
    if step.checkpoint is not None and not ask_first(run, place):
        _start_clocks(run, step, run.now + step.acknowledge_within)
        return True
    announce(run, step, place)
    called = run.reached_by(step)
    if not called:
        run.say(Notice.SKIPPED, f"nobody of {', '.join(step.targets)} can be reached; skipped", step.number)
        return False
    run.called = called
    fresh = called if tell is Tell.ALL else _without_told(run, step, called, tell)
    answer_by = run.now + step.acknowledge_within
    if not fresh:
        heard_at = max(run.told[person] for target in called for person in target.people)
        answer_by = heard_at + step.acknowledge_within * (step.repeat + 1)
        run.say(Notice.ALREADY_TOLD, f"whoever step {step.number} asks for was told already", step.number)
        if answer_by <= run.now:
            return False
        run.tries = step.repeat + 1
    page_called(run, step, fresh, answer_by)
    _start_clocks(run, step, answer_by)
    return True


def _without_told(run: Run, step: PathStep, called: tuple[Called, ...], tell: Tell) -> tuple[Called, ...]:
    takes_over = step.roles.get(Part.RESPONSIBLE.value) if tell is Tell.RESPONSIBLE else None
    fresh = (
        one if one.target == takes_over else Called(one.target, tuple(p for p in one.people if p not in run.told))
        for one in called
    )
    return tuple(one for one in fresh if one.people)


def announce(run: Run, step: PathStep, place: int) -> None:
    """Channels and vendors, each once since the opening."""
    channels = tuple(channel for channel in step.channels if f"channel {channel}" not in run.done)
    if channels:
        run.effects.append(Post(channels=channels, number=step.number))
        run.done |= {f"channel {channel}" for channel in channels}
    for clock in step.vendors:
        if f"vendor {clock.vendor}" in run.done:
            continue
        run.done.add(f"vendor {clock.vendor}")
        answer_by = run.now + clock.respond_within if clock.respond_within is not None else None
        run.effects.append(
            CallVendor(vendor=clock.vendor, contract=clock.contract, answer_by=answer_by, number=step.number)
        )
        if answer_by is not None:
            run.schedule(TimerKind.VENDOR, answer_by, place, clock.vendor)


def page_called(run: Run, step: PathStep, called: tuple[Called, ...], answer_by: datetime) -> None:
    paged: set[str] = set()
    for one in called:
        parts = parts_of(step, one.target)
        for person in one.people:
            if person not in paged:
                run.page(person, one.target, step.number, run.tries, answer_by, parts)
                paged.add(person)


def _start_clocks(run: Run, step: PathStep, answer_by: datetime) -> None:
    run.schedule(TimerKind.ACKNOWLEDGE, answer_by, run.step)
    if step.resolve_within is not None and run.opened_at + step.resolve_within > run.now:
        run.schedule(TimerKind.RESOLVE, run.opened_at + step.resolve_within, run.step)


def call_again(run: Run) -> None:
    """The time to acknowledge is over: the step is told again as often as it says, then the next one."""
    if run.step >= len(run.path.steps):
        call_desk(run)
        return
    step = run.path.steps[run.step]
    if run.tries > step.repeat or not run.called:
        if run.called:
            run.say(Notice.MOVED_ON, f"step {step.number} was not acknowledged in time", step.number)
        move_on(run)
        return
    run.tries += 1
    called = tuple(one for one in run.called if must_answer(step, one.target)) or run.called
    if step.require is Require.ALL:
        called = tuple(one for one in called if one.target not in run.answered)
    if step.round_robin:
        called = run.called = run.reached_by(step) or run.called
    answer_by = run.now + step.acknowledge_within
    page_called(run, step, called, answer_by)
    run.schedule(TimerKind.ACKNOWLEDGE, answer_by, run.step)


def call_desk(run: Run) -> None:
    """The final fallback: the triage desk is told, and told again, until somebody answers."""
    first = run.step < len(run.path.steps)
    run.tries = 1 if first else run.tries + 1
    run.step = len(run.path.steps)
    run.phase = Phase.CALLING
    if first:
        run.say(Notice.NOBODY_ANSWERED, "nobody answered on the whole path; the triage desk is told")
    around = run.surroundings
    targets = desk_targets(around.catalogue, run.path.desk, run.now, around.overrides)
    run.called = tuple(Called(target, run.reached(target)) for target in targets)
    for one in run.called:
        for person in one.people:
            run.page(person, one.target, 0, run.tries, run.now + DESK_AGAIN)
    run.schedule(TimerKind.ACKNOWLEDGE, run.now + DESK_AGAIN, run.step)
