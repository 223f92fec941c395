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


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rung of a policy. ``after`` is the delay from the moment the previous rung's clock ends
    (its ``acknowledge_within`` times ``repeat`` + 1); the first rung's runs from the opening.

    Targets are written ``owner``, ``owner.senior``, ``owner.lead``, ``owner.parent``, ``service.vendor``,
    ``team:ID``, ``team:ID.senior``, ``team:ID.lead``, ``oncall:SCHEDULE``, ``person:ID``, ``role:NAME`` or
    ``vendor:ID``.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationPolicy:
    id: str
    owner: str
    kinds: tuple[EscalationKind, ...]
    steps: tuple[Step, ...]
    description: str = ""
    review_after: date | None = None
    mode: Mode = Mode.NOTIFY


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStep:
    """A rung made concrete: ``targets`` are resolved names (``oncall:ID``, ``team:ID``, ``person:ID``,
    ``vendor:ID``), ``forecast`` who that would be at ``at``; it is resolved again when the step falls due."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationPath:
    policy: str
    rule: str
    kinds: tuple[EscalationKind, ...]
    mode: Mode
    suppressed: bool = False
    suppressed_because: str | None = None
    steps: tuple[PathStep, ...]
