"""What we remember of an incident: has it happened before, how often, and who says so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from triage.domain.priority import Priority

WINDOWS: Mapping[str, timedelta] = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}


class RecurrenceKind(Enum):
    """``duplicate``: the earlier incident is still open; ``recurrence``: it was resolved."""

    NEW = "new"
    DUPLICATE = "duplicate"
    RECURRENCE = "recurrence"


class MatchedBy(Enum):
    """Which look found the earlier incident. Only the first three may join; similarity links."""

    KEY = "key"
    FINGERPRINT = "fingerprint"
    TEMPLATE = "template"
    SIMILARITY = "similarity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """An earlier incident that reads alike. ``similarity`` in [0, 1]: what its meaning and its words say together;
    ``different``: patterns that a person told apart from this one's."""

    incident_id: str
    similarity: float
    is_open: bool
    pattern_id: str | None = None
    different: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Until ``ends_at`` a pattern tells nobody, as long as it is no more urgent than ``priority``."""

    id: str
    priority: Priority
    reason: str
    by: str
    ends_at: datetime

    def hides(self, priority: Priority) -> bool:
        return not priority.is_more_urgent_than(self.priority)


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """The storm that an incident is part of. ``parent``: the incident that it began with; ``because``: by what the
    two are connected."""

    parent: str
    because: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """``occurrences`` counts this pattern per window (keys of ``WINDOWS``), this occurrence included; ``total``
    counts all of them. ``related``: other incidents of its storm, the parent first, or else further ones that read
    alike. ``resolve_seconds``: how long its latest incidents took until they were resolved, on average; None where
    none was."""

    kind: RecurrenceKind = RecurrenceKind.NEW
    pattern_id: str | None = None
    of: str | None = None
    similarity: float | None = None
    matched_by: MatchedBy | None = None
    occurrences: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(WINDOWS, 0))
    flags: tuple[str, ...] = ()
    period_seconds: int | None = None
    related: tuple[str, ...] = ()
    total: int = 1
    name: str | None = None
    first_seen_at: datetime | None = None
    known_fix: str | None = None
    resolve_seconds: float | None = None
    storm: Storm | None = None
