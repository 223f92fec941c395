"""Domain values to JSON and back, in the one form in which they are stored."""

from typing import Any, TypeVar

import orjson
from pydantic import TypeAdapter

from triage.domain.decision import Decision, DecisionInputs
from triage.domain.delivery import EventResult
from triage.domain.incident import Incident, State, Status
from triage.domain.priority import Priority
from triage.domain.record import IncidentRecord
from triage.domain.recurrence import Recurrence

T = TypeVar("T")
INCIDENT: TypeAdapter[Incident] = TypeAdapter(Incident)
DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)
RECURRENCE: TypeAdapter[Recurrence] = TypeAdapter(Recurrence)
RESULTS: TypeAdapter[tuple[EventResult, ...]] = TypeAdapter(tuple[EventResult, ...])
INPUTS: TypeAdapter[DecisionInputs] = TypeAdapter(DecisionInputs)


def incident_to_json(incident: Incident) -> dict[str, Any]:
    """Without what was not said, so that a row stays small."""
    dumped: dict[str, Any] = INCIDENT.dump_python(incident, mode="json", exclude_defaults=True)
    return dumped


def decision_to_json(decision: Decision) -> dict[str, Any]:
    dumped: dict[str, Any] = DECISION.dump_python(decision, mode="json")
    return dumped


def inputs_to_json(inputs: DecisionInputs) -> dict[str, Any]:
    dumped: dict[str, Any] = INPUTS.dump_python(inputs, mode="json", exclude_defaults=True)
    return dumped


def as_rows(rows: list[dict[str, Any]]) -> str:
    """Rows as the JSON text that ``jsonb_populate_recordset`` reads."""
    return orjson.dumps(rows, option=orjson.OPT_PASSTHROUGH_SUBCLASS).decode()


def bytes_to_json(value: bytes) -> str:
    """PostgreSQL's hexadecimal form of a ``bytea``."""
    return "\\x" + value.hex()


INCIDENT_COLUMNS = (
    "id, pattern_id, source, scope, service, environment, title, event, text_key, state, status, priority, team,"
    " decision_id, occurrences, deliveries, opened_at, last_occurred_at, last_seen_at, closes_at, acknowledged_at,"
    " acknowledged_by, resolved_at, resolved_by, resolution, needs_review, parent_id, status_since"
)
READ_INCIDENT = INCIDENT_COLUMNS.replace(
    "pattern_id", "(SELECT root FROM pattern WHERE pattern.id = incident.pattern_id) AS pattern_id"
)
"""The pattern that an incident counts under now: the one that people merged its own into, if they did."""


def record_to_row(record: IncidentRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "pattern_id": record.pattern_id,
        "source": record.source,
        "scope": record.scope,
        "service": record.service,
        "environment": record.environment,
        "title": record.title,
        "event": incident_to_json(record.event),
        "text_key": bytes_to_json(record.text_key),
        "state": record.state.value,
        "status": record.status.value,
        "priority": record.priority.value,
        "team": record.team,
        "decision_id": record.decision_id,
        "occurrences": record.occurrences,
        "deliveries": record.deliveries,
        "opened_at": record.opened_at,
        "last_occurred_at": record.last_occurred_at,
        "last_seen_at": record.last_seen_at,
        "closes_at": record.closes_at,
        "acknowledged_at": record.acknowledged_at,
        "acknowledged_by": record.acknowledged_by,
        "resolved_at": record.resolved_at,
        "resolved_by": record.resolved_by,
        "resolution": record.resolution,
        "needs_review": record.needs_review,
        "parent_id": record.parent_id,
        "status_since": record.status_since,
    }


def record_from_row(row: dict[str, Any]) -> IncidentRecord:
    return IncidentRecord(
        id=str(row["id"]),
        pattern_id=str(row["pattern_id"]),
        source=row["source"],
        scope=row["scope"],
        service=row["service"],
        environment=row["environment"],
        title=row["title"],
        event=INCIDENT.validate_python(row["event"]),
        text_key=row["text_key"],
        state=State(row["state"]),
        status=Status(row["status"]),
        priority=Priority(row["priority"]),
        team=row["team"],
        decision_id=str(row["decision_id"]) if row["decision_id"] else None,
        occurrences=row["occurrences"],
        deliveries=row["deliveries"],
        opened_at=row["opened_at"],
        last_occurred_at=row["last_occurred_at"],
        last_seen_at=row["last_seen_at"],
        closes_at=row["closes_at"],
        acknowledged_at=row["acknowledged_at"],
        acknowledged_by=row["acknowledged_by"],
        resolved_at=row["resolved_at"],
        resolved_by=row["resolved_by"],
        resolution=row["resolution"],
        needs_review=row["needs_review"],
        parent_id=str(row["parent_id"]) if row["parent_id"] else None,
        status_since=row["status_since"],
    )
