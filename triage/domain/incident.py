"""An incident as a source reports it: one event, and where the thing it speaks of stands."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum

MAX_TITLE = 1_024
MAX_DESCRIPTION = 32 * 1_024
MAX_LABELS = 256
MAX_LABEL_NAME = 256
MAX_LABEL_VALUE = 2_048
MAX_WORD = 512
MAX_LINKS = 64
MAX_EVIDENCE = 64

DRILL_SOURCE = "drill"
"""The source of incidents that are practised: messages say so, and figures leave them out."""

CLOCKS_SET = datetime(2000, 1, 1, tzinfo=UTC)
"""A clock that was never set counts from 1970 or the year 1; no source that we know speaks of the time before."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class EventKind(Enum):
    """What a source says has happened."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class State(Enum):
    """Whether somebody has to be told."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Status(Enum):
    """Where the work stands."""

    NEW = "new"
    TRIAGING = "triaging"
    INVESTIGATING = "investigating"
    MITIGATING = "mitigating"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    href: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Something that came with the event and is kept as it came: a text or an address."""

    kind: str
    text: str | None = None
    href: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One event about an incident. ``title`` is required to open; the two other kinds of event find
    their incident by ``dedup_key``. Times are aware UTC datetimes."""

    title: str = ""
    description: str = ""
    event: EventKind = EventKind.FIRING
    dedup_key: str | None = None
    started_at: datetime | None = None
    occurred_at: datetime | None = None
    source: str = "api"
    kind: str | None = None
    service: str | None = None
    environment: str | None = None
    region: str | None = None
    cluster: str | None = None
    deployment: str | None = None
    assigned_team: str | None = None
    severity: str | None = None
    impact: str | None = None
    urgency: str | None = None
    customer_tier: str | None = None
    reporter: str | None = None
    detected_by: str | None = None
    data_exposure: bool = False
    regulated: bool = False
    due_at: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    @property
    def text(self) -> str:
        """Title and description, which is all of the prose a model or a rule may read."""
        return f"{self.title}\n{self.description}" if self.description else self.title

    def happened_at(self, received_at: datetime) -> datetime:
        """When this occurrence happened as far as anybody said, else when it was received.

        A clock that is ahead of ours, or one that was never set, says nothing: what lies in the future, or before
        there was anything to monitor, happened when it was received.
        """
        said = self.occurred_at or self.started_at or received_at
        return said if CLOCKS_SET <= said <= received_at else received_at

    def with_changes(self, **changes: object) -> "Incident":
        return replace(self, **changes)  # type: ignore[arg-type]


def utc(moment: datetime) -> datetime:
    """``moment`` in UTC. A time without a zone is taken to be UTC, as RFC 3339 senders that forget it mean."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def storable(text: str) -> str:
    """``text`` with what no database stores as text, NUL and lone surrogates, replaced by U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)
