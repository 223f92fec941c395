"""What a drill found: what was said to whom and when, against the policy."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from triage.domain.decision import Decision
from triage.domain.message import Message
from triage.domain.record import IncidentRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Something that was said in a drill. Times in seconds since the opening; ``sent_after`` None: it was not, and
    ``fault`` says why. ``title``: of the message as it went, or would have gone, out by ``way``."""

    after: float
    kind: str
    recipient: str
    step: int | None
    state: str
    sent_after: float | None
    way: str | None
    title: str | None
    fault: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTimes:
    """A step against its policy. Seconds since the opening; ``given``: time to acknowledge; None: it did not come
    to it."""

    number: int
    planned_after: float
    told_after: float | None
    given: float
    forecast: tuple[str, ...]
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillReport:
    """``as_planned``: whether the engine said what a rehearsal of the policy says, and when it does; None where
    the clock is real, as people answer when they answer. ``differences``: where not. ``faults``: messages that
    could not be told to anybody, and why."""

    kind: str
    policy: str
    rule: str
    priority: str
    team: str
    opened_at: datetime
    ended_at: datetime
    acknowledged_after: float | None
    acknowledged_by: str | None
    resolved_after: float | None
    told: tuple[Told, ...]
    steps: tuple[StepTimes, ...]
    as_planned: bool | None
    differences: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    incident_id: str | None = None


def report_of(
    kind: str,
    record: IncidentRecord,
    decision: Decision,
    messages: Sequence[Message],
    ended_at: datetime,
    *,
    sent: Mapping[str, tuple[str, str]] | None = None,
    planned: Sequence[tuple[int, str, str]] | None = None,
    tolerance: int = 0,
) -> DrillReport:
    """``messages`` in the order made; ``sent``: way and title of each key; ``planned``: seconds, kind, recipient
    of everything that a rehearsal says, None where nothing is held against it; ``tolerance`` in seconds."""
    opened_at = record.opened_at
    told = tuple(told_of(message, opened_at, sent or {}) for message in messages)
    said = [(round(one.after), one.kind, one.recipient) for one in told]
    differences = tuple(differences_of(planned, said, tolerance)) if planned is not None else ()
    return DrillReport(
        kind=kind,
        policy=decision.escalation.policy,
        rule=decision.escalation.rule,
        priority=decision.priority.value.value,
        team=decision.team.value,
        opened_at=opened_at,
        ended_at=ended_at,
        acknowledged_after=seconds_since(opened_at, record.acknowledged_at),
        acknowledged_by=record.acknowledged_by,
        resolved_after=seconds_since(opened_at, record.resolved_at),
        told=told,
        steps=step_times(decision, messages, opened_at),
        as_planned=not differences if planned is not None else None,
        differences=differences,
        faults=tuple(dict.fromkeys(f"{one.recipient}: {one.fault}" for one in told if one.fault)),
        incident_id=record.id,
    )


def differences_of(
    planned: Sequence[tuple[int, str, str]], said: Sequence[tuple[int, str, str]], tolerance: int = 0
) -> Iterator[str]:
    """Of seconds, kind and recipient. What was said at one moment may be in any order."""
    left = list(said)
    for after, kind, recipient in planned:
        same = (one for one in left if one[1:] == (kind, recipient) and abs(one[0] - after) <= tolerance)
        found = min(same, key=lambda one: abs(one[0] - after), default=None)
        if found is not None:
            left.remove(found)
        else:
            yield f"planned and not said: {kind} to {recipient} after {after} s"
    yield from (f"said and not planned: {kind} to {recipient} after {after} s" for after, kind, recipient in left)


def told_of(message: Message, opened_at: datetime, sent: Mapping[str, tuple[str, str]]) -> Told:
    way, title = sent.get(message.sent_with or message.key, (None, None))
    return Told(
        after=(message.made_at - opened_at).total_seconds(),
        kind=message.kind.value,
        recipient=message.recipient,
        step=message.detail.get("number"),
        state=message.state.value,
        sent_after=seconds_since(opened_at, message.sent_at),
        way=way,
        title=title,
        fault=message.fault if message.sent_at is None else None,
    )


def step_times(decision: Decision, messages: Sequence[Message], opened_at: datetime) -> tuple[StepTimes, ...]:
    """Each step of the path against what was told of it."""
    found = []
    for step in decision.escalation.steps:
        pages = [m for m in messages if m.kind.value == "page" and m.detail.get("number") == step.number]
        told_at = min((page.made_at for page in pages), default=None)
        found.append(
            StepTimes(
                number=step.number,
                planned_after=(step.at - opened_at).total_seconds(),
                told_after=seconds_since(opened_at, told_at),
                given=step.acknowledge_within.total_seconds(),
                forecast=step.forecast,
                told=tuple(dict.fromkeys(page.person or "" for page in pages)),
            )
        )
    return tuple(found)


def seconds_since(start: datetime, moment: datetime | None) -> float | None:
    return (moment - start).total_seconds() if moment is not None else None


def report_as_json(report: DrillReport) -> dict[str, object]:
    """Moments as RFC 3339 says."""
    return asdict(report) | {"opened_at": report.opened_at.isoformat(), "ended_at": report.ended_at.isoformat()}
