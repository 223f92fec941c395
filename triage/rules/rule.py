"""One rule: a condition, and either an adjustment or the choice of a policy."""

from dataclasses import dataclass
from datetime import date, timedelta

from triage.domain.escalation import Checkpoint
from triage.domain.priority import Priority
from triage.rules.expression import Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredCheckpoint:
    """``stage``: the channels that must not be used before the approval."""

    checkpoint: Checkpoint
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """``hold``: how long the first step waits, in case it is over by then; what is most urgent never waits.
    ``straight_to``: whom the first step tells instead of its own targets."""

    set_priority: Priority | None = None
    priority_at_least: Priority | None = None
    priority_at_most: Priority | None = None
    assign: str | None = None
    also_tell: tuple[str, ...] = ()
    straight_to: tuple[str, ...] = ()
    checkpoint: RequiredCheckpoint | None = None
    require_review: str | None = None
    suppress: str | None = None
    hold: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """``then`` is an adjustment or a policy's id; ``when`` None matches always."""

    id: str
    owner: str
    review_after: date
    when: Condition | None
    then: Adjustment | str
