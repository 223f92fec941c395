"""What is said to people: a message in the outbox, and what whoever gets it has to know."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any


class MessageKind(Enum):
    PAGE = "page"
    POST = "post"
    VENDOR = "vendor"
    APPROVAL = "approval"
    UPDATE = "update"
    STAND_DOWN = "stand_down"
    ALARM = "alarm"
    REMINDER = "reminder"
    SUMMARY = "summary"


class MessageState(Enum):
    """``withdrawn``: nobody needs it any more; ``dead``: it was given up."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something to be said. ``recipient``: ``person:ID``, ``channel:ID`` or ``vendor:ID``; ``key`` goes out with
    it and is the same when it goes out twice. ``incident_id`` None: it is about the service itself. ``attempts``:
    how often it was taken out of the outbox; ``fault``: why it was not sent, or not sent at first."""

    key: str
    incident_id: str | None
    kind: MessageKind
    recipient: str
    detail: Mapping[str, Any]
    made_at: datetime
    state: MessageState = MessageState.WAITING
    attempts: int = 0
    sent_at: datetime | None = None
    sent_with: str | None = None
    fault: str | None = None

    @property
    def person(self) -> str | None:
        """Whom it is for, if it is for one person."""
        kind, _, name = self.recipient.partition(":")
        return name if kind == "person" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A similar incident that was resolved, and by what."""

    title: str
    resolved_at: datetime
    resolution: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Something that was done about an incident already, and by whom."""

    at: datetime
    by: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Briefing:
    """A hand-over: everything that whoever is told has to know. ``why``: sentences on its priority and team;
    ``told``: names and when last; ``next_is``: what happens at ``next_at`` by itself."""

    incident_id: str
    title: str
    service: str | None
    environment: str | None
    priority: str
    label: str
    team: str
    state: str
    opened_at: datetime
    description: str | None = None
    occurrences: int = 1
    acknowledged_by: str | None = None
    why: tuple[str, ...] = ()
    told: tuple[tuple[str, datetime], ...] = ()
    done: tuple[Done, ...] = ()
    similar: tuple[Earlier, ...] = ()
    known_fix: str | None = None
    runbook: str | None = None
    next_at: datetime | None = None
    next_is: str | None = None
    drill: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message as it goes out: one for everything that is the same. ``short``: for what is read aloud or on a
    lock screen; ``links``: what can be done with one click; ``data``: the same for programs."""

    key: str
    kind: MessageKind
    title: str
    body: str
    short: str
    urgent: bool = False
    links: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
