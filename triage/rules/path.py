"""A policy made concrete for one incident: who that is, over what, until when, and always somebody."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from triage.domain.catalogue import Catalogue, Team
from triage.domain.escalation import Checkpoint, EscalationPath, EscalationPolicy, PathStep, Require, Step
from triage.domain.priority import Priority
from triage.rules.rule import RequiredCheckpoint
from triage.rules.targets import Directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the rules concluded about one path. ``starts_at`` is when the first step's clock starts,
    ``vendor`` the one behind the incident's service."""

    policy: EscalationPolicy
    rule: str
    owner: Team
    priority: Priority
    customer_tier: str | None
    starts_at: datetime
    vendor: str | None = None
    also_tell: tuple[str, ...] = ()
    checkpoints: tuple[RequiredCheckpoint, ...] = ()
    suppressed_because: str | None = None


@dataclass(frozen=True, slots=True)
class BuiltPath:
    """``notes``: who was passed over; ``unanswered``: steps for which the triage desk had to stand in."""

    path: EscalationPath
    notes: tuple[str, ...]
    unanswered: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A step without its time and people: what does not change from incident to incident. ``offset``: from the
    moment the first step's clock starts."""

    targets: tuple[str, ...]
    roles: Mapping[str, str]
    channels: tuple[str, ...]
    require: Require
    offset: timedelta
    acknowledge_within: timedelta
    resolve_within: timedelta | None
    repeat: int
    checkpoint: Checkpoint | None


class PathBuilder:
    """Builds paths from one catalogue; drafts are remembered per policy, owner and vendor."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._directory = Directory(catalogue)
        self._drafts: dict[tuple[str, str, str | None], tuple[_Draft, ...]] = {}

    def build(self, wanted: Wanted) -> BuiltPath:
        """Every step reaches a person; times follow ``Step``'s rule, from ``starts_at``."""
        key = (wanted.policy.id, wanted.owner.id, wanted.vendor)
        drafts = self._drafts.get(key)
        if drafts is None:
            drafts = self._drafts[key] = self._draft(wanted)
        if wanted.also_tell:
            drafts = (self._telling_also(drafts[0], wanted), *drafts[1:])
        for required in wanted.checkpoints:
            drafts = self._waiting_for(required, drafts, wanted)
        notes: dict[str, None] = {}
        unanswered: list[str] = []
        promised = self._promised(wanted)
        steps = [
            self._step(number, draft, wanted.starts_at + draft.offset, promised, notes, unanswered)
            for number, draft in enumerate(drafts, start=1)
        ]
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

    def _draft(self, wanted: Wanted) -> tuple[_Draft, ...]:
        drafts: list[_Draft] = []
        offset = timedelta(0)
        for step in wanted.policy.steps:
            offset += step.after
            drafts.append(
                _Draft(
                    targets=self._concrete(step.targets, wanted),
                    roles=self._roles(step, wanted),
                    channels=self._channels(step.channels),
                    require=step.require,
                    offset=offset,
                    acknowledge_within=step.acknowledge_within,
                    resolve_within=step.resolve_within,
                    repeat=step.repeat,
                    checkpoint=step.checkpoint,
                )
            )
            offset += step.acknowledge_within * (step.repeat + 1)
        return tuple(drafts)

    def _step(
        self,
        number: int,
        draft: _Draft,
        at: datetime,
        promised: timedelta | None,
        notes: dict[str, None],
        unanswered: list[str],
    ) -> PathStep:
        targets = draft.targets
        forecast = self._people(targets, at, notes)
        if not forecast:
            unanswered.append(f"step {number}: nobody of {', '.join(targets) or 'its targets'} can be reached")
            targets = (*targets, self._directory.desk())
            forecast = self._people(targets[-1:], at, notes)
        return PathStep(
            number=number,
            targets=targets,
            forecast=forecast,
            require=draft.require,
            roles=draft.roles,
            channels=draft.channels,
            at=at,
            acknowledge_within=draft.acknowledge_within,
            resolve_within=draft.resolve_within or promised,
            repeat=draft.repeat,
            checkpoint=draft.checkpoint,
        )

    def _concrete(self, targets: Iterable[str], wanted: Wanted) -> tuple[str, ...]:
        concrete = (self._directory.concrete(target, wanted.owner, wanted.vendor) for target in targets)
        return tuple(dict.fromkeys(target for target in concrete if target is not None))

    def _roles(self, step: Step, wanted: Wanted) -> dict[str, str]:
        concrete = {
            part: self._directory.concrete(target, wanted.owner, wanted.vendor)
            for part, target in step.roles.items()
        }
        return {part: target for part, target in concrete.items() if target is not None}

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

    def _telling_also(self, first: _Draft, wanted: Wanted) -> _Draft:
        """Further targets are informed beside the first step's own; who must act stays as it was."""
        also = [t for t in self._concrete(wanted.also_tell, wanted) if t not in first.targets]
        if not also:
            return first
        informed = [first.roles["informed"]] if "informed" in first.roles else []
        roles = {**first.roles, "informed": ", ".join((*informed, *also))}
        return replace(first, targets=(*first.targets, *also), roles=roles)

    def _waiting_for(
        self, required: RequiredCheckpoint, drafts: tuple[_Draft, ...], wanted: Wanted
    ) -> tuple[_Draft, ...]:
        """Take the stage's channels out of every step and put them behind the approval. The people of those steps
        are told at once all the same: an approval holds back an announcement, never a page."""
        stage = set(self._of_stage(required.stage))
        place = next((n for n, draft in enumerate(drafts) if stage & set(draft.channels)), 0)
        used = tuple(c for draft in drafts for c in draft.channels if c in stage) or self._of_stage(required.stage)
        approvers = self._concrete((f"role:{required.checkpoint.role}",), wanted)
        waiting = replace(
            drafts[place],
            targets=approvers,
            require=Require.ANY,
            roles={"approver": approvers[0]},
            channels=tuple(dict.fromkeys(used)),
            acknowledge_within=required.checkpoint.decide_within,
            repeat=0,
            checkpoint=required.checkpoint,
        )
        held = [replace(draft, channels=tuple(c for c in draft.channels if c not in stage)) for draft in drafts]
        return (*held[: place + 1], waiting, *held[place + 1 :])

    def _people(self, targets: Iterable[str], at: datetime, notes: dict[str, None]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for target in targets:
            told = self._directory.who_is(target, at)
            found.update(dict.fromkeys(told.people))
            notes.update(dict.fromkeys(told.skipped))
        return tuple(found)
