"""A policy made concrete for one incident: who that is, over what, until when, and always somebody."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from triage.domain.catalogue import Catalogue, Team
from triage.domain.escalation import EscalationPath, EscalationPolicy, PathStep, Require, Step
from triage.domain.priority import Priority
from triage.rules.rule import RequiredCheckpoint
from triage.rules.targets import Directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the rules concluded about one path. ``starts_at`` is when the first step's clock starts."""

    policy: EscalationPolicy
    rule: str
    owner: Team
    priority: Priority
    customer_tier: str | None
    starts_at: datetime
    also_tell: tuple[str, ...] = ()
    checkpoints: tuple[RequiredCheckpoint, ...] = ()
    suppressed_because: str | None = None


@dataclass(frozen=True, slots=True)
class BuiltPath:
    """``notes``: who was passed over; ``unanswered``: steps for which the triage desk had to stand in."""

    path: EscalationPath
    notes: tuple[str, ...]
    unanswered: tuple[str, ...]


class PathBuilder:
    """Builds paths from one catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._directory = Directory(catalogue)

    def build(self, wanted: Wanted) -> BuiltPath:
        """Every step reaches a person; times follow ``Step``'s rule, from ``starts_at``."""
        notes: dict[str, None] = {}
        unanswered: list[str] = []
        steps = [self._step(step, at, wanted) for step, at in _times(wanted)]
        if wanted.also_tell:
            steps[0] = self._telling_also(steps[0], wanted)
        for required in wanted.checkpoints:
            steps = self._waiting_for(required, steps, wanted)
        for place, step in enumerate(steps):
            steps[place] = self._forecast(replace(step, number=place + 1), notes, unanswered)
        path = EscalationPath(
            policy=wanted.policy.id,
            rule=wanted.rule,
            kinds=wanted.policy.kinds,
            mode=wanted.policy.mode,
            steps=tuple(steps),
            suppressed=wanted.suppressed_because is not None,
            suppressed_because=wanted.suppressed_because,
        )
        return BuiltPath(path, tuple(notes), tuple(unanswered))

    def _step(self, step: Step, at: datetime, wanted: Wanted) -> PathStep:
        return PathStep(
            number=0,
            targets=self._concrete(step.targets, wanted.owner),
            forecast=(),
            require=step.require,
            roles=self._roles(step.roles, wanted.owner),
            channels=self._channels(step.channels),
            at=at,
            acknowledge_within=step.acknowledge_within,
            resolve_within=step.resolve_within or self._promised(wanted),
            repeat=step.repeat,
            checkpoint=step.checkpoint,
        )

    def _concrete(self, targets: Iterable[str], owner: Team) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._directory.concrete(target, owner) for target in targets))

    def _roles(self, roles: Mapping[str, str], owner: Team) -> dict[str, str]:
        return {part: self._directory.concrete(target, owner) for part, target in roles.items()}

    def _channels(self, words: Iterable[str]) -> tuple[str, ...]:
        """Ids of channels; a stage stands for all channels of that stage."""
        found: dict[str, None] = {}
        for word in words:
            if word in self._catalogue.channels:
                found[word] = None
            else:
                found.update(dict.fromkeys(self._of_stage(word)))
        return tuple(found)

    def _of_stage(self, stage: str) -> tuple[str, ...]:
        return tuple(channel.id for channel in self._catalogue.channels.values() if channel.stage == stage)

    def _promised(self, wanted: Wanted) -> timedelta | None:
        sla = self._catalogue.find_sla(wanted.priority, wanted.customer_tier)
        return sla.resolve_within if sla else None

    def _telling_also(self, first: PathStep, wanted: Wanted) -> PathStep:
        """Further targets are informed beside the first step's own; who must act stays as it was."""
        also = [t for t in self._concrete(wanted.also_tell, wanted.owner) if t not in first.targets]
        if not also:
            return first
        informed = [first.roles["informed"]] if "informed" in first.roles else []
        roles = {**first.roles, "informed": ", ".join((*informed, *also))}
        return replace(first, targets=(*first.targets, *also), roles=roles)

    def _waiting_for(self, required: RequiredCheckpoint, steps: list[PathStep], wanted: Wanted) -> list[PathStep]:
        """Take the stage's channels out of every step and put them behind the approval. The people of those steps
        are told at once all the same: an approval holds back an announcement, never a page."""
        stage = set(self._of_stage(required.stage))
        place = next((n for n, step in enumerate(steps) if stage & set(step.channels)), 0)
        used = tuple(c for step in steps for c in step.channels if c in stage) or self._of_stage(required.stage)
        approver = self._directory.concrete(f"role:{required.checkpoint.role}", wanted.owner)
        waiting = replace(
            steps[place],
            targets=(approver,),
            require=Require.ANY,
            roles={"approver": approver},
            channels=tuple(dict.fromkeys(used)),
            acknowledge_within=required.checkpoint.decide_within,
            repeat=0,
            checkpoint=required.checkpoint,
        )
        held = [replace(step, channels=tuple(c for c in step.channels if c not in stage)) for step in steps]
        return [*held[: place + 1], waiting, *held[place + 1 :]]

    def _forecast(self, step: PathStep, notes: dict[str, None], unanswered: list[str]) -> PathStep:
        people = self._people(step.targets, step.at, notes)
        if people:
            return replace(step, forecast=people)
        unanswered.append(f"step {step.number}: nobody of {', '.join(step.targets)} can be reached")
        desk = self._directory.desk()
        return replace(step, targets=(*step.targets, desk), forecast=self._people((desk,), step.at, notes))

    def _people(self, targets: Iterable[str], at: datetime, notes: dict[str, None]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for target in targets:
            told = self._directory.who_is(target, at)
            found.update(dict.fromkeys(told.people))
            notes.update(dict.fromkeys(told.skipped))
        return tuple(found)


def _times(wanted: Wanted) -> Iterable[tuple[Step, datetime]]:
    at = wanted.starts_at
    for step in wanted.policy.steps:
        at += step.after
        yield step, at
        at += step.acknowledge_within * (step.repeat + 1)
