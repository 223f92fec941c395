"""An escalation path as it stands, rung by rung: who was told, who is asked now, who is next and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.console.words import target_words
from triage.domain.catalogue import Catalogue
from triage.domain.escalation import EscalationPath, PathStep, Require
from triage.domain.message import Message, MessageKind
from triage.domain.reach import who_is
from triage.domain.schedule import OnCallOverride
from triage.domain.wording import in_words
from triage.escalation.state import Phase, TimerKind
from triage.responding import Progressed


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody was told, or is to be. ``state``: of the message; ``is_me``: it is whoever looks."""

    who: str
    target: str
    at: datetime
    state: str
    attempt: int
    is_me: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """``stands``: ``done``, ``now``, ``answered``, ``next`` or ``spared`` (not needed any more). ``people``: whom
    it reaches by today's on-call; ``at``: when it begins or, of the running one, ends."""

    title: str
    stands: str
    people: tuple[str, ...]
    targets: tuple[str, ...]
    at: datetime | None
    notes: tuple[str, ...]
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Who looks at a path, and when."""

    catalogue: Catalogue
    overrides: tuple[OnCallOverride, ...]
    me: str
    now: datetime


def rungs_of(path: EscalationPath, progressed: Progressed | None, look: Look) -> list[Rung]:
    """From the first step to the triage desk."""
    steps = [step for step in path.steps if not step.beside]
    course = _course(progressed)
    rungs = [_rung(step, place, course, look) for place, step in enumerate(steps, 1)]
    return [*rungs, _desk(path, len(steps) + 1, course, look)] if path.desk else rungs


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    """How far a path has come. ``step``: the running one, from 1; ``ends_at``: when whoever was told has had their
    time; ``begins_at``: when the step behind it begins, where that waits."""

    phase: Phase
    step: int
    messages: Sequence[Message]
    ends_at: datetime | None = None
    begins_at: datetime | None = None


def _course(progressed: Progressed | None) -> _Course:
    if progressed is None:
        return _Course(phase=Phase.CALLING, step=0, messages=())
    due = {timer.kind: timer.due_at for timer in reversed(progressed.timers)}
    return _Course(
        phase=progressed.hand_over.phase,
        step=progressed.hand_over.step,
        messages=progressed.messages,
        ends_at=due.get(TimerKind.ACKNOWLEDGE),
        begins_at=due.get(TimerKind.STEP),
    )


def _rung(step: PathStep, place: int, course: _Course, look: Look) -> Rung:
    stands = _stands(place, course)
    reached = (who_is(look.catalogue, target, look.now, look.overrides).people for target in step.targets)
    people = tuple(dict.fromkeys(look.catalogue.person_name(one) for found in reached for one in found))
    return Rung(
        title=f"Step {place}",
        stands=stands,
        people=people,
        targets=tuple(target_words(look.catalogue, target) for target in step.targets),
        at=_when(stands, place, course),
        notes=_notes(step, look.catalogue) if stands in ("now", "next") else (),
        calls=_calls(course.messages, step.number, look),
    )


def _when(stands: str, place: int, course: _Course) -> datetime | None:
    if stands == "now":
        return course.ends_at
    return course.begins_at if stands == "next" and place == course.step + 1 else None


def _stands(place: int, course: _Course) -> str:
    if course.phase is Phase.QUIET:
        return "spared"
    if place < course.step:
        return "done"
    if course.phase in (Phase.ACKNOWLEDGED, Phase.RESOLVED):
        return "answered" if place == course.step else "spared"
    return "now" if place == course.step else "next"


def _desk(path: EscalationPath, place: int, course: _Course, look: Look) -> Rung:
    people = who_is(look.catalogue, path.desk, look.now, look.overrides).people
    stands = _stands(place, course)
    return Rung(
        title="The triage desk",
        stands=stands,
        people=tuple(look.catalogue.person_name(person) for person in people),
        targets=(target_words(look.catalogue, path.desk),),
        at=_when(stands, place, course),
        notes=("when nobody answered before",),
        calls=_calls(course.messages, 0, look),
    )


def _calls(messages: Sequence[Message], number: int, look: Look) -> tuple[Call, ...]:
    calls = [
        Call(
            look.catalogue.person_name(message.person or message.recipient),
            target_words(look.catalogue, str(message.detail.get("target", ""))),
            message.sent_at or message.made_at,
            message.state.value,
            int(message.detail.get("attempt", 1)),
            message.person == look.me,
        )
        for message in messages
        if message.kind is MessageKind.PAGE and message.detail.get("number") == number
    ]
    return tuple(calls)


def _notes(step: PathStep, catalogue: Catalogue) -> tuple[str, ...]:
    said = [
        f"{in_words(step.acknowledge_within)} to answer"
        + (f", told {step.repeat + 1} times" if step.repeat else "")
    ]
    if step.require is Require.ALL and len(step.targets) > 1:
        said.append("all of them must answer")
    if step.channels:
        said.append(f"writes to {', '.join(step.channels)}")
    if step.round_robin:
        said.append("takes turns")
    if step.in_hours:
        said.append("waits for business hours")
    if step.after > timedelta(0):
        said.append(f"waits {in_words(step.after)} first")
    if step.resolve_within is not None:
        said.append(f"resolved within {in_words(step.resolve_within)}, or the next step begins")
    if step.checkpoint is not None:
        said.append(f"needs approval: {step.checkpoint.reason} ({step.checkpoint.role})")
    if step.skipped:
        said.append(f"nobody is told: {step.skipped}")
    said += [
        f"calls vendor {catalogue.vendors[v.vendor].name if v.vendor in catalogue.vendors else v.vendor}"
        for v in step.vendors
    ]
    parts = [
        f"{part}: {', '.join(target_words(catalogue, target) for target in targets.split(', '))}"
        for part, targets in step.roles.items()
    ]
    return (*said, *parts)


def why_me(messages: Sequence[Message], path: EscalationPath, look: Look) -> str | None:
    """Why whoever looks was told; None where they were not."""
    mine = [message for message in messages if message.kind is MessageKind.PAGE and message.person == look.me]
    if not mine:
        return None
    detail = mine[-1].detail
    number = detail.get("number", 0)
    step = f"step {number}" if number else "the triage desk, after nobody else answered"
    parts = f", as {', '.join(detail['parts'])}" if detail.get("parts") else ""
    target = target_words(look.catalogue, str(detail.get("target")))
    return f"You were called because you are {target}{parts}: {step} of {path.policy}"
