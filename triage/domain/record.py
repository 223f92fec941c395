"""An incident as it is kept: what was reported, what was decided, where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from triage.domain.decision import Progress
from triage.domain.incident import Incident, State, Status
from triage.domain.priority import Priority


@dataclass(slots=True, kw_only=True)
class IncidentRecord:
    """Mutable on purpose: one batch may open, join and resolve the same incident before it is written.

    ``opened_at`` is when we learnt of it, ``last_seen_at`` when any delivery last spoke of it,
    ``closes_at`` when a forgotten one is resolved by itself. ``pattern_id``: the pattern that it counts under, as
    people have merged them; ``decision_id`` None: it came with a history and was never decided on here;
    ``parent_id``: the incident that its storm began with; ``status_since`` None: since the opening.
    """

    id: str
    pattern_id: str
    source: str
    scope: str
    service: str | None
    environment: str | None
    title: str
    event: Incident
    text_key: bytes
    state: State
    status: Status
    priority: Priority
    team: str
    decision_id: str | None
    opened_at: datetime
    last_occurred_at: datetime
    last_seen_at: datetime
    occurrences: int = 0
    deliveries: int = 0
    closes_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    resolution: str | None = None
    needs_review: bool = False
    parent_id: str | None = None
    status_since: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.state is not State.RESOLVED

    @property
    def progress(self) -> Progress:
        """Where the work stands, for rules that ask."""
        return Progress(
            status=self.status,
            status_since=self.status_since,
            acknowledged_at=self.acknowledged_at,
            alerts=max(self.occurrences, 1),
        )

    def acknowledge(self, by: str, at: datetime) -> bool:
        """Whether this changed anything: only the first acknowledgement of a triggered incident does."""
        if self.state is not State.TRIGGERED:
            return False
        self.state = State.ACKNOWLEDGED
        self.acknowledged_at, self.acknowledged_by = at, by
        if self.status is Status.NEW:
            self.move(Status.TRIAGING, at)
        return True

    def resolve(self, by: str, at: datetime, resolution: str | None = None) -> bool:
        """Whether this changed anything: a resolved incident stays as it was resolved."""
        if not self.is_open:
            return False
        self.state = State.RESOLVED
        self.move(Status.RESOLVED, at)
        self.resolved_at, self.resolved_by, self.resolution = at, by, resolution
        return True

    def move(self, status: Status, at: datetime) -> None:
        """Where the work stands from ``at`` on."""
        self.status, self.status_since = status, at

    def reopen(self, at: datetime) -> bool:
        """Back to triggered; whether this changed anything."""
        if self.is_open:
            return False
        self.state = State.TRIGGERED
        self.move(Status.NEW, at)
        self.resolved_at = self.resolved_by = self.resolution = None
        self.acknowledged_at = self.acknowledged_by = None
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """Something that happened to an incident. ``actor``: a person, ``source:…`` or ``triage``."""

    incident_id: str
    at: datetime
    kind: str
    actor: str
    detail: Mapping[str, Any] = field(default_factory=dict)
