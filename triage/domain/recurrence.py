"""What we remember of an incident: has it happened before, how often, and who says so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

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
    """An earlier incident that reads alike. ``similarity`` is a cosine in [-1, 1]."""

    incident_id: str
    similarity: float
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """``occurrences`` counts this pattern per window (keys of ``WINDOWS``), this occurrence included."""

    kind: RecurrenceKind = RecurrenceKind.NEW
    pattern_id: str | None = None
    of: str | None = None
    similarity: float | None = None
    matched_by: MatchedBy | None = None
    occurrences: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(WINDOWS, 0))
    flags: tuple[str, ...] = ()
    period_seconds: int | None = None
    related: tuple[str, ...] = ()
