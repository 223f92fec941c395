"""A running escalation as data: where it stands, what may happen to it, and what it wants done.

Everything is a value, so that a row can hold it, a replay can compare it and a rehearsal can run it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from triage.domain.escalation import EscalationPath


class Phase(Enum):
    """``quiet``: decided and recorded, and nobody is told, as a rule, a silence or the policy's mode says."""

    CALLING = "calling"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    QUIET = "quiet"


class TimerKind(Enum):
    STEP = "step"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    CHECKPOINT = "checkpoint"
    VENDOR = "vendor"
    UPDATE = "update"
    SLA_ACKNOWLEDGE = "sla_acknowledge"
    SLA_RESOLVE = "sla_resolve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """``step``: place of the step it belongs to, from 0; ``name``: the checkpoint or vendor."""

    kind: TimerKind
    due_at: datetime
    step: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Called:
    """A target of the running step and the people who were told because of it."""

    target: str
    people: tuple[str, ...]


class Verdict(Enum):
    ASKED = "asked"
    DEPUTY_ASKED = "deputy_asked"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """``step``: place of the running step, from 0; the number of steps means the triage desk. ``tries``: how often
    it was told; ``climbs``: how often the ladder was climbed again. ``told``: everybody told since the opening and
    when last, which outlives a change of path. ``answered``: targets of the running step that acknowledged.
    ``done``: what happens once only: channels written to, vendors called, promises broken."""

    path: EscalationPath
    opened_at: datetime
    phase: Phase = Phase.CALLING
    step: int = -1
    tries: int = 0
    climbs: int = 0
    called: tuple[Called, ...] = ()
    answered: frozenset[str] = frozenset()
    told: Mapping[str, datetime] = field(default_factory=dict)
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    done: frozenset[str] = frozenset()
    timers: tuple[Timer, ...] = ()
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None

    @property
    def due_at(self) -> datetime | None:
        """When the next thing happens by itself; None when nothing does."""
        return min((timer.due_at for timer in self.timers), default=None)


# What may happen to it.


@dataclass(frozen=True, slots=True)
class Opened:
    """The first decision, or the incident came back."""


@dataclass(frozen=True, slots=True)
class TimePassed:
    """Whatever is due by now happens, in the order in which it fell due."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    by: str


@dataclass(frozen=True, slots=True)
class Resolved:
    by: str


@dataclass(frozen=True, slots=True)
class Decided:
    """It was decided on again. ``moved``: another team has it now."""

    path: EscalationPath
    because: str
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """A checkpoint's approver said yes or no."""

    checkpoint: str
    approved: bool
    by: str


@dataclass(frozen=True, slots=True)
class Escalated:
    """Somebody wants the next step now, whether or not anybody works on it."""

    by: str


@dataclass(frozen=True, slots=True)
class VendorAnswered:
    vendor: str


Event = Opened | TimePassed | Acknowledged | Resolved | Decided | Answered | Escalated | VendorAnswered


# What it wants done.


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Tell ``person`` and wait for an acknowledgement until ``answer_by``. ``number``: of the step, from 1, or 0
    for the triage desk; ``attempt``: from 1. ``parts`` they play."""

    person: str
    target: str
    number: int
    attempt: int
    answer_by: datetime
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Write into channels, which nobody acknowledges."""

    channels: tuple[str, ...]
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallVendor:
    vendor: str
    contract: str
    answer_by: datetime | None
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AskApproval:
    """``deputy``: the first who was asked did not answer in time."""

    checkpoint: str
    role: str
    people: tuple[str, ...]
    reason: str
    answer_by: datetime
    number: int
    deputy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SendUpdate:
    """Word to stakeholders; ``next_within`` None with the last one."""

    channels: tuple[str, ...]
    people: tuple[str, ...]
    template: str
    status: str
    since: timedelta
    next_within: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeTurn:
    """A round robin went to its next one; ``key`` names it in ``Surroundings.turns``."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StandDown:
    """It is over: whoever was told hears so."""

    people: tuple[str, ...]


class Notice(Enum):
    """What is worth writing into the history though nobody is told."""

    SKIPPED = "skipped"
    MOVED_ON = "moved_on"
    ESCALATED = "escalated"
    NOT_RESOLVED = "not_resolved"
    CLIMBS_AGAIN = "climbs_again"
    NOBODY_ANSWERED = "nobody_answered"
    PATH_CHANGED = "path_changed"
    ALREADY_TOLD = "already_told"
    PASSED_OVER = "passed_over"
    ACKNOWLEDGE_BREACHED = "acknowledge_breached"
    RESOLVE_BREACHED = "resolve_breached"
    VENDOR_LATE = "vendor_late"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    notice: Notice
    message: str
    number: int = 0


Effect = Page | Post | CallVendor | AskApproval | SendUpdate | TakeTurn | StandDown | Note
