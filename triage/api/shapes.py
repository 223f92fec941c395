"""What the API answers with, as JSON. Times are RFC 3339 in UTC, durations ISO 8601."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from triage.api.examples import DECISION
from triage.api.problems import problem_of
from triage.domain.decision import Decision
from triage.domain.record import IncidentRecord, TimelineEntry
from triage.errors import TriageError
from triage.store.records import RECURRENCE, decision_to_json, incident_to_json
from triage.triager import Outcome, Received


class Problem(BaseModel):
    """RFC 9457 problem details. ``errors`` name single fields."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[dict[str, str]] | None = None


class IncidentView(BaseModel):
    """An incident as it stands."""

    id: str
    title: str
    state: str
    status: str
    priority: str
    team: str
    source: str
    service: str | None
    environment: str | None
    pattern_id: str
    decision_id: str | None = Field(description="Null for an incident that was imported")
    occurrences: int = Field(description="How often it happened; repeated deliveries are not counted")
    deliveries: int = Field(description="How many messages spoke of it")
    opened_at: datetime
    last_occurred_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None
    needs_review: bool
    parent_id: str | None = Field(description="The incident that its storm began with, if it is part of one")
    event: dict[str, Any] = Field(description="The event that opened it")


class DecisionView(BaseModel):
    """What was concluded, why, and who is to do what until when. Immutable; a later decision takes its place."""

    model_config = ConfigDict(json_schema_extra={"examples": [DECISION]})
    decision_id: str | None
    incident_id: str | None
    decided_at: datetime
    priority: dict[str, Any]
    team: dict[str, Any]
    recurrence: dict[str, Any]
    escalation: dict[str, Any]
    review: dict[str, Any]
    explanation: dict[str, Any]
    versions: dict[str, str]
    second_look: dict[str, Any] | None = Field(description="What the model thinks of whom somebody chose already")
    degraded: list[str] = Field(description="What was missing when it was made")
    notes: list[str]
    rule_faults: list[str]


class ReceivedView(BaseModel):
    incident: IncidentView
    decision: DecisionView
    recurrence: dict[str, Any] = Field(description="Of this event; the decision has that of its own")
    joined: bool
    counted: bool


class ActedView(BaseModel):
    """The incident after what was done to it."""

    incident: IncidentView


class DecidedView(BaseModel):
    """An incident with the decision in force; null for one that was imported."""

    incident: IncidentView
    decision: DecisionView | None


class BatchItemView(BaseModel):
    """One item's result: what ``POST /v1/incidents`` would have answered, or the problem it has."""

    status: int
    incident: IncidentView | None = None
    decision: DecisionView | None = None
    recurrence: dict[str, Any] | None = None
    joined: bool | None = None
    counted: bool | None = None
    problem: Problem | None = None


class BatchView(BaseModel):
    results: list[BatchItemView]


class DecisionsView(BaseModel):
    """In the order of the request; an item with a fault has ``{"problem": …}`` in its place."""

    decisions: list[DecisionView | dict[str, Problem]]


class IncidentPage(BaseModel):
    incidents: list[IncidentView]
    next_cursor: str | None


class TimelineView(BaseModel):
    timeline: list[dict[str, Any]]


class SimilarView(BaseModel):
    similar: list[dict[str, Any]]


class SpooledView(BaseModel):
    """Kept on disk while the database is away or busy; carried out in order."""

    receipt: str
    detail: str


class SourceView(BaseModel):
    """What became of a payload in a source's own format."""

    accepted: int
    rejected: int
    omitted: int
    results: list[dict[str, Any]]


def incident_view(record: IncidentRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "title": record.title,
        "state": record.state.value,
        "status": record.status.value,
        "priority": record.priority.value,
        "team": record.team,
        "source": record.source,
        "service": record.service,
        "environment": record.environment,
        "pattern_id": record.pattern_id,
        "decision_id": record.decision_id,
        "occurrences": record.occurrences,
        "deliveries": record.deliveries,
        "opened_at": record.opened_at,
        "last_occurred_at": record.last_occurred_at,
        "acknowledged_at": record.acknowledged_at,
        "acknowledged_by": record.acknowledged_by,
        "resolved_at": record.resolved_at,
        "resolved_by": record.resolved_by,
        "resolution": record.resolution,
        "needs_review": record.needs_review,
        "parent_id": record.parent_id,
        "event": incident_to_json(record.event),
    }


def acted_view(record: IncidentRecord) -> dict[str, Any]:
    """The content of an ``ActedView``."""
    return {"incident": incident_view(record)}


def received_view(received: Received) -> dict[str, Any]:
    return {
        "incident": incident_view(received.incident),
        "decision": decision_to_json(received.decision),
        "recurrence": RECURRENCE.dump_python(received.recurrence, mode="json"),
        "joined": received.joined,
        "counted": received.counted,
    }


def status_of(outcome: Outcome) -> int:
    if isinstance(outcome, TriageError):
        return outcome.status
    return 201 if outcome.opened else 200


def batch_item(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, TriageError):
        return {"status": outcome.status, "problem": problem_of(outcome)}
    return {"status": status_of(outcome), **received_view(outcome)}


def timeline_view(entry: TimelineEntry) -> dict[str, Any]:
    return {"at": entry.at, "kind": entry.kind, "actor": entry.actor, "detail": entry.detail}


def decision_view(decision: Decision) -> dict[str, Any]:
    return decision_to_json(decision)
