"""Escalation: the policy people wrote, and the concrete path chosen from it for one incident."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum


class EscalationKind(Enum):
    HIERARCHICAL = "hierarchical"
    FUNCTIONAL = "functional"
    TIME = "time"
    IMPACT = "impact"
    PARALLEL = "parallel"


class Mode(Enum):
    """``observe`` decides and records but tells nobody."""

    NOTIFY = "notify"
    OBSERVE = "observe"


class Require(Enum):
    """Whether one of a step's targets or each of them must acknowledge."""

    ANY = "any"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A step that waits for somebody in ``role`` to approve; ``deputy`` answers after ``decide_within``."""

    id: str
    role: str
    reason: str
    decide_within: timedelta
    deputy: str | None = None


class Part(Enum):
    """Parts that people and teams play in a step: the four of RACI, and those of a major incident."""

    RESPONSIBLE = "responsible"
    ACCOUNTABLE = "accountable"
    CONSULTED = "consulted"
    INFORMED = "informed"
    COMMANDER = "commander"
    COMMUNICATIONS = "communications"
    APPROVER = "approver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rung of a policy. ``after`` is the delay from the moment the previous rung's clock ends
    (its ``acknowledge_within`` times ``repeat`` + 1); the first rung's runs from the opening.

    Targets are written ``owner``, ``owner.senior``, ``owner.lead``, ``owner.parent``, ``service.vendor``,
    ``team:ID``, ``team:ID.senior``, ``team:ID.lead``, ``oncall:SCHEDULE``, ``person:ID``, ``role:NAME`` or
    ``vendor:ID``. ``round_robin``: incidents go to one after the other of the people behind the targets.
    ``resolve_within`` counts from the opening: later than that the next rung begins, acknowledged or not.
    ``in_hours``: outside of business hours it waits for the next ones.
    """

    targets: tuple[str, ...]
    channels: tuple[str, ...] = ()
    require: Require = Require.ANY
    roles: Mapping[str, str] = field(default_factory=dict)
    after: timedelta = timedelta(0)
    acknowledge_within: timedelta = timedelta(minutes=15)
    resolve_within: timedelta | None = None
    repeat: int = 0
    checkpoint: Checkpoint | None = None
    round_robin: bool = False
    in_hours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Updates:
    """Word to stakeholders every so often until it is over. ``channels`` and ``targets`` hear ``template``, in
    which the names of ``UPDATE_WORDS`` stand in braces."""

    every: timedelta
    template: str
    channels: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


UPDATE_WORDS = ("title", "service", "priority", "team", "status", "minutes", "next")
"""What a template may name: ``minutes`` since the opening, ``next`` the time until the next update in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationPolicy:
    """``repeat``: how often the whole ladder is climbed again when nobody answered, before the triage desk."""

    id: str
    owner: str
    kinds: tuple[EscalationKind, ...]
    steps: tuple[Step, ...]
    description: str = ""
    review_after: date | None = None
    mode: Mode = Mode.NOTIFY
    repeat: int = 0
    updates: Updates | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorClock:
    """A vendor told by a step: it has ``respond_within`` of its contract to answer; None where none is agreed."""

    vendor: str
    contract: str = ""
    respond_within: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStep:
    """A rung made concrete: ``targets`` are resolved names (``oncall:ID``, ``team:ID``, ``person:ID``,
    ``vendor:ID``), ``forecast`` who that would be at ``at``; it is resolved again when the step falls due.
    ``skipped``: why nobody is told by it, so that the next step begins at once. ``after``: how long it waits when
    the step before it has ended. ``beside``: an approval that is asked for together with the step before it, and
    that the ladder does not wait for; its targets are asked."""

    number: int
    targets: tuple[str, ...]
    forecast: tuple[str, ...]
    require: Require
    roles: Mapping[str, str]
    channels: tuple[str, ...]
    at: datetime
    acknowledge_within: timedelta
    resolve_within: timedelta | None
    repeat: int
    checkpoint: Checkpoint | None = None
    round_robin: bool = False
    vendors: tuple[VendorClock, ...] = ()
    skipped: str | None = None
    after: timedelta = timedelta(0)
    beside: bool = False
    in_hours: bool = False

    def robin_of(self, policy: str) -> str:
        """The name under which turns of its round robin are counted."""
        return f"{policy}/{self.number}/{','.join(self.targets)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationPath:
    """``acknowledge_by`` and ``resolve_by``: the catalogue's SLA, counted from the opening whatever happens since;
    None where nothing is promised. ``desk``: who is told when the last step went unanswered."""

    policy: str
    rule: str
    kinds: tuple[EscalationKind, ...]
    mode: Mode
    suppressed: bool = False
    suppressed_because: str | None = None
    steps: tuple[PathStep, ...]
    repeat: int = 0
    acknowledge_by: datetime | None = None
    resolve_by: datetime | None = None
    updates: Updates | None = None
    desk: str = ""

    @property
    def targets(self) -> frozenset[str]:
        """Everybody whom any of its steps may tell."""
        return frozenset(target for step in self.steps for target in step.targets)
