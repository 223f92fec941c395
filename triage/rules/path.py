"""A policy made concrete for one incident: who that is, over what, until when, and always somebody."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from triage.domain.catalogue import Catalogue, Team
from triage.domain.escalation import (
    Checkpoint,
    EscalationPath,
    EscalationPolicy,
    Part,
    PathStep,
    Require,
    Step,
    Updates,
    VendorClock,
)
from triage.domain.hours import acknowledge_by, opens_at, resolve_by
from triage.domain.priority import Priority
from triage.domain.reach import candidates
from triage.domain.schedule import OnCallOverride
from triage.rules.rule import RequiredCheckpoint
from triage.rules.targets import Directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the rules concluded about one path. ``opened_at``: from when the SLA counts; ``starts_at``: when the
    first step's clock starts; ``vendor``: the one behind the incident's service."""

    policy: EscalationPolicy
    rule: str
    owner: Team
    priority: Priority
    customer_tier: str | None
    opened_at: datetime
    starts_at: datetime
    vendor: str | None = None
    straight_to: tuple[str, ...] = ()
    also_tell: tuple[str, ...] = ()
    checkpoints: tuple[RequiredCheckpoint, ...] = ()
    suppressed_because: str | None = None
    overrides: tuple[OnCallOverride, ...] = ()


@dataclass(frozen=True, slots=True)
class BuiltPath:
    """``notes``: who was passed over; ``unanswered``: steps that reach nobody, and what happens instead."""

    path: EscalationPath
    notes: tuple[str, ...]
    unanswered: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A step without its time and people: what does not change from incident to incident. ``beside``: an approval
    that is asked for while the step before it goes on, so that it delays nothing."""

    targets: tuple[str, ...]
    roles: Mapping[str, str]
    channels: tuple[str, ...]
    require: Require
    after: timedelta
    acknowledge_within: timedelta
    resolve_within: timedelta | None
    repeat: int
    checkpoint: Checkpoint | None
    round_robin: bool
    vendors: tuple[VendorClock, ...]
    in_hours: bool = False
    beside: bool = False

    @property
    def lasts(self) -> timedelta:
        return self.acknowledge_within * (self.repeat + 1)


@dataclass(slots=True)
class _Course:
    """Steps placed in time so far: each begins when the one before has ended, at once if that told nobody."""

    opened_at: datetime
    resolve_by: datetime | None
    overrides: Collection[OnCallOverride]
    ended: datetime
    began: datetime
    waits: bool = True
    steps: list[PathStep] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    unanswered: list[str] = field(default_factory=list)


class PathBuilder:
    """Builds paths from one catalogue; drafts are remembered per policy, owner and vendor."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._directory = Directory(catalogue)
        self._drafts: dict[tuple[str, str, str | None], tuple[_Draft, ...]] = {}

    def build(self, wanted: Wanted) -> BuiltPath:
        """Times follow ``Step``'s rule, from ``starts_at``. A step that reaches nobody is skipped at once; where
        the last one does, the triage desk stands in, so that somebody is always told."""
        key = (wanted.policy.id, wanted.owner.id, wanted.vendor)
        drafts = self._drafts.get(key)
        if drafts is None:
            drafts = self._drafts[key] = tuple(self._draft(step, wanted) for step in wanted.policy.steps)
        if wanted.straight_to:
            drafts = self._straight(drafts, wanted)
        if wanted.also_tell:
            drafts = (self._telling_also(drafts[0], wanted), *drafts[1:])
        for required in wanted.checkpoints:
            drafts = self._waiting_for(required, drafts, wanted)
        sla = self._catalogue.find_sla(wanted.priority, wanted.customer_tier)
        promised = resolve_by(self._catalogue, sla, wanted.opened_at) if sla else None
        course = _Course(
            wanted.opened_at, promised, wanted.overrides, ended=wanted.starts_at, began=wanted.starts_at
        )
        last = max(place for place, draft in enumerate(drafts) if not draft.beside)
        for place, draft in enumerate(drafts):
            self._place(draft, course, last=place == last)
        policy = wanted.policy
        path = EscalationPath(
            policy=policy.id,
            rule=wanted.rule,
            kinds=policy.kinds,
            mode=policy.mode,
            steps=tuple(course.steps),
            suppressed=wanted.suppressed_because is not None,
            suppressed_because=wanted.suppressed_because,
            repeat=policy.repeat,
            acknowledge_by=acknowledge_by(self._catalogue, sla, wanted.opened_at) if sla else None,
            resolve_by=course.resolve_by,
            updates=self._updates(policy.updates, wanted),
            desk=self._directory.desk(),
        )
        return BuiltPath(path, tuple(course.notes), tuple(course.unanswered))

    def _draft(self, step: Step, wanted: Wanted) -> _Draft:
        targets = self._concrete(step.targets, wanted)
        return _Draft(
            targets=targets,
            roles=self._roles(step, targets, wanted),
            channels=self._channels(step.channels),
            require=step.require,
            after=step.after,
            acknowledge_within=step.acknowledge_within,
            resolve_within=step.resolve_within,
            repeat=step.repeat,
            checkpoint=step.checkpoint,
            round_robin=step.round_robin,
            vendors=self._vendors(targets),
            in_hours=step.in_hours,
        )

    def _place(self, draft: _Draft, course: _Course, *, last: bool) -> None:
        """Give ``draft`` its time and its people, and advance ``course`` to when it has ended."""
        number = len(course.steps) + 1
        at = course.began if draft.beside else course.ended + (draft.after if course.waits else timedelta(0))
        if draft.in_hours:
            at = opens_at(self._catalogue, at)
        targets = draft.targets
        forecast = self._people(targets, at, course, in_turn=draft.round_robin)
        skipped = None
        if not forecast:
            nobody = f"nobody of {', '.join(targets) or 'its targets'} can be reached"
            if last:
                desk = self._directory.desk_at(at, course.overrides)
                targets = (*targets, *desk)
                forecast = self._people(desk, at, course)
                course.unanswered.append(f"step {number}: {nobody}; the triage desk is told")
            elif not draft.beside:
                skipped = nobody
                course.unanswered.append(f"step {number}: {nobody}; skipped")
        promised = course.resolve_by - course.opened_at if course.resolve_by else None
        course.steps.append(
            PathStep(
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
                round_robin=draft.round_robin,
                vendors=draft.vendors,
                skipped=skipped,
                after=draft.after,
                beside=draft.beside,
                in_hours=draft.in_hours,
            )
        )
        if not draft.beside:
            course.began, course.waits = at, skipped is None
            course.ended = at if skipped else at + draft.lasts

    def _concrete(self, targets: Iterable[str], wanted: Wanted) -> tuple[str, ...]:
        concrete = (self._directory.concrete(target, wanted.owner, wanted.vendor) for target in targets)
        return tuple(dict.fromkeys(target for target in concrete if target is not None))

    def _roles(self, step: Step, targets: tuple[str, ...], wanted: Wanted) -> dict[str, str]:
        """The parts as written; who is told is responsible and the owner's lead accountable where none are."""
        ours = [target for target in targets if not target.startswith("vendor:")]
        lead = self._directory.concrete("owner.lead", wanted.owner)
        found = {Part.RESPONSIBLE.value: ours[0] if ours else None, Part.ACCOUNTABLE.value: lead}
        for part, target in step.roles.items():
            found[part] = self._directory.concrete(target, wanted.owner, wanted.vendor)
        return {part: target for part, target in found.items() if target is not None}

    def _vendors(self, targets: Iterable[str]) -> tuple[VendorClock, ...]:
        names = (target.removeprefix("vendor:") for target in targets if target.startswith("vendor:"))
        vendors = (self._catalogue.vendors[name] for name in names)
        return tuple(
            VendorClock(vendor=vendor.id, contract=vendor.contract, respond_within=vendor.respond_within)
            for vendor in vendors
        )

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

    def _updates(self, updates: Updates | None, wanted: Wanted) -> Updates | None:
        if updates is None:
            return None
        targets, channels = self._concrete(updates.targets, wanted), self._channels(updates.channels)
        return replace(updates, targets=targets, channels=channels)

    def _straight(self, drafts: tuple[_Draft, ...], wanted: Wanted) -> tuple[_Draft, ...]:
        """The first step tells those whom a rule goes straight to, and no later step tells just them again."""
        straight = self._concrete(wanted.straight_to, wanted)
        parts = {**drafts[0].roles, Part.RESPONSIBLE.value: straight[0]}
        first = replace(drafts[0], targets=straight, roles=parts, vendors=self._vendors(straight))
        return (first, *(draft for draft in drafts[1:] if not set(draft.targets) <= set(straight)))

    def _telling_also(self, first: _Draft, wanted: Wanted) -> _Draft:
        """Further targets are informed beside the first step's own; who must act stays as it was."""
        also = [t for t in self._concrete(wanted.also_tell, wanted) if t not in first.targets]
        if not also:
            return first
        informed = [first.roles["informed"]] if "informed" in first.roles else []
        roles = {**first.roles, "informed": ", ".join((*informed, *also))}
        targets = (*first.targets, *also)
        return replace(first, targets=targets, roles=roles, vendors=self._vendors(targets))

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
            roles={Part.APPROVER.value: approvers[0]},
            channels=tuple(dict.fromkeys(used)),
            acknowledge_within=required.checkpoint.decide_within,
            repeat=0,
            checkpoint=required.checkpoint,
            round_robin=False,
            vendors=(),
            in_hours=False,
            beside=True,
        )
        held = [replace(draft, channels=tuple(c for c in draft.channels if c not in stage)) for draft in drafts]
        return (*held[: place + 1], waiting, *held[place + 1 :])

    def _people(
        self, targets: Iterable[str], at: datetime, course: _Course, *, in_turn: bool = False
    ) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for target in targets:
            if in_turn:
                found.update(dict.fromkeys(candidates(self._catalogue, target, at, course.overrides)))
                continue
            told = self._directory.who_is(target, at, course.overrides)
            found.update(dict.fromkeys(told.people))
            course.notes.update(dict.fromkeys(told.skipped))
        return tuple(found)
