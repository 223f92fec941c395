"""A hand-over: what whoever takes an incident over has to know, derived from where its escalation stands."""

from dataclasses import dataclass
from datetime import datetime

from triage.domain.escalation import Part, PathStep
from triage.domain.reach import Surroundings, who_is
from triage.escalation.state import Escalation, Phase, TimerKind, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A part of the running step: the target that plays it, and who that is now."""

    part: str
    target: str
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Something that somebody else owes: a vendor's answer or an approval, and until when."""

    what: str
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """``step`` of ``steps``, from 1; 0 before the first and ``steps`` + 1 for the triage desk. ``next_at``: when
    something happens by itself, and ``next_is`` what. ``told``: everybody told so far, by when last."""

    phase: Phase
    step: int
    steps: int
    acknowledged_by: str | None
    parts: tuple[Played, ...]
    told: tuple[tuple[str, datetime], ...]
    waiting: tuple[Waiting, ...]
    acknowledge_by: datetime | None
    resolve_by: datetime | None
    broken: tuple[str, ...]
    next_at: datetime | None
    next_is: str | None
    next_update_at: datetime | None


_NEXT = {
    TimerKind.STEP: "the next step begins",
    TimerKind.ACKNOWLEDGE: "whoever was told has had their time",
    TimerKind.RESOLVE: "the time to resolve is over and the next step begins",
    TimerKind.CHECKPOINT: "an approval is due",
    TimerKind.VENDOR: "a vendor's answer is due",
    TimerKind.UPDATE: "an update to stakeholders goes out",
    TimerKind.SLA_ACKNOWLEDGE: "the SLA's time to acknowledge is over",
    TimerKind.SLA_RESOLVE: "the SLA's time to resolve is over",
}


def hand_over(surroundings: Surroundings, state: Escalation, now: datetime) -> HandOver:
    """As of ``now``; people are who they are on call now, not who they were when they were told."""
    steps = [step for step in state.path.steps if not step.beside]
    running = state.path.steps[state.step] if 0 <= state.step < len(state.path.steps) else None
    first = next(iter(state.timers), None)
    update = next((timer.due_at for timer in state.timers if timer.kind is TimerKind.UPDATE), None)
    return HandOver(
        phase=state.phase,
        step=steps.index(running) + 1 if running in steps else 0 if state.step < 0 else len(steps) + 1,
        steps=len(steps),
        acknowledged_by=state.acknowledged_by,
        parts=_parts(surroundings, state, running or state.path.steps[0], now),
        told=tuple(sorted(state.told.items(), key=lambda told: (told[1], told[0]))),
        waiting=_waiting(state),
        acknowledge_by=state.path.acknowledge_by if state.phase is Phase.CALLING else None,
        resolve_by=state.path.resolve_by,
        broken=tuple(sorted(name for name in state.done if name.startswith("sla_"))),
        next_at=first.due_at if first else None,
        next_is=_NEXT[first.kind] if first else None,
        next_update_at=update,
    )


def _parts(around: Surroundings, state: Escalation, step: PathStep, now: datetime) -> tuple[Played, ...]:
    """Of the running step, and what the first step said of a commander and of communications, who stay."""
    played = {**_lasting(state), **step.roles}
    return tuple(
        Played(part=part, target=target, people=who_is(around.catalogue, target, now, around.overrides).people)
        for part, targets in played.items()
        for target in targets.split(", ")
    )


def _lasting(state: Escalation) -> dict[str, str]:
    lasting = {Part.COMMANDER.value, Part.COMMUNICATIONS.value}
    return {part: target for step in state.path.steps for part, target in step.roles.items() if part in lasting}


def _waiting(state: Escalation) -> tuple[Waiting, ...]:
    until = {timer.name: timer.due_at for timer in state.timers if timer.name}
    vendors = [timer.name for timer in state.timers if timer.kind is TimerKind.VENDOR]
    asked = [name for name, verdict in state.verdicts.items() if verdict in (Verdict.ASKED, Verdict.DEPUTY_ASKED)]
    return (
        *(Waiting(what=f"vendor {name}", until=until.get(name)) for name in vendors),
        *(Waiting(what=f"approval {name}", until=until.get(name)) for name in asked),
    )
