"""One incident: what it is, why it came to whom, what fixed it last time, and what can be done now."""

import json
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from triage.console.live import live_address
from triage.console.path_view import Look, rungs_of, why_me
from triage.console.routing import PageRoute, page
from triage.console.templating import Clock
from triage.console.visiting import Visitor, service_of, visitor_of
from triage.console.words import lines_of, priority_words, second_look_words, team_words
from triage.domain.access import Role
from triage.domain.decision import Decision
from triage.domain.message import Briefing
from triage.domain.record import IncidentRecord, TimelineEntry
from triage.errors import NotFound
from triage.escalation.state import Verdict
from triage.memory.similar import SimilarIncident
from triage.notify.wording import hand_over_text
from triage.responding import Progressed
from triage.serving.parts import Parts
from triage.store.lists import IncidentLists, IncidentRow
from triage.store.records import incident_to_json
from triage.store.silences import Silences

router = APIRouter(route_class=PageRoute, include_in_schema=False)

MOST_SIMILAR = 6
WORTH_SHOWING = 0.3
"""Similarity below which nobody who looks at both would call them alike."""
ASKED = (Verdict.ASKED, Verdict.DEPUTY_ASKED)
SILENCED_FOR = (("1", "1 hour"), ("4", "4 hours"), ("24", "1 day"), ("168", "7 days"))
"""Hours that a pattern can be silenced for from an incident's page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Everything that is known of an incident. ``decision`` None: it came with a history."""

    record: IncidentRecord
    row: IncidentRow
    decision: Decision | None
    progressed: Progressed | None
    briefing: Briefing
    timeline: list[TimelineEntry]
    similar: list[SimilarIncident]


@router.get("/incidents/{incident_id}")
def show(request: Request, incident_id: str) -> Response:
    visitor = visitor_of(request)
    return page(request, visitor, "incident.html", context_of(request, visitor, incident_id))


@router.get("/incidents/{incident_id}/now")
def show_again(request: Request, incident_id: str) -> Response:
    """What changes of the page, for a page that is open."""
    visitor = visitor_of(request)
    return page(request, visitor, "_incident.html", context_of(request, visitor, incident_id))


def context_of(request: Request, visitor: Visitor, incident_id: str) -> dict[str, Any]:
    """What the page shows. Raises NotFound."""
    parts = service_of(request).parts
    told = _gather(parts, visitor, incident_id)
    record, decision = told.record, told.decision
    clock = Clock(visitor.zone, visitor.now)
    look = Look(
        catalogue=visitor.catalogue,
        overrides=parts.oncall.standing(visitor.now),
        me=visitor.actor,
        now=visitor.now,
    )
    path = told.progressed.path if told.progressed else decision.escalation if decision else None
    messages = told.progressed.messages if told.progressed else []
    names = {person.id: person.name for person in visitor.catalogue.people.values()}
    fixes, alike = _apart(told)
    return {
        "told": told,
        "record": record,
        "row": told.row,
        "decision": decision,
        "catalogue": visitor.catalogue,
        "path_shown": path,
        "rungs": rungs_of(path, told.progressed, look) if path else [],
        "why_me": why_me(messages, path, look) if path else None,
        "priority_words": priority_words(decision, visitor.catalogue) if decision else None,
        "team_words": team_words(decision, visitor.catalogue) if decision else None,
        "second_look": second_look_words(decision.second_look, visitor.catalogue) if decision else None,
        "most": max((abs(one.weight) for one in decision.explanation.features), default=1.0) if decision else 1.0,
        "checkpoints": _asked(told),
        "undelivered": [message for message in messages if message.state.value == "dead"],
        "fixes": fixes,
        "alike": alike,
        "lines": lines_of(told.timeline, visitor.catalogue, clock),
        "hand_over": hand_over_text(told.briefing, visitor.zone, visitor.now, names),
        "payload": payload_of(record),
        "silences": Silences(parts.database).standing_of(record.pattern_id, visitor.now),
        "silenced_for": SILENCED_FOR,
        "reviewed": None if record.is_open else parts.reviews.get(record.id),
        "mine": record.acknowledged_by == visitor.actor,
        "reviewer": visitor.may(Role.REVIEWER),
        "live": live_address(visitor.now, f"?incident={record.id}"),
    }


def _gather(parts: Parts, visitor: Visitor, incident_id: str) -> Told:
    """Raises NotFound."""
    record = parts.incidents.get(incident_id)
    decisions = parts.incidents.decisions_of([record.decision_id]) if record.decision_id else {}
    try:
        progressed = parts.responding.progress(incident_id)
    except NotFound:
        progressed = None
    return Told(
        record=record,
        row=IncidentLists(parts.database).get_many([record.id])[0],
        decision=decisions.get(record.decision_id or ""),
        progressed=progressed,
        briefing=parts.briefings.of(incident_id, visitor.now),
        timeline=parts.incidents.timeline(incident_id),
        similar=[one for one in parts.similar.find(incident_id, MOST_SIMILAR) if one.similarity >= WORTH_SHOWING],
    )


def _apart(told: Told) -> tuple[list[SimilarIncident], list[SimilarIncident]]:
    """Similar ones of which it is known what fixed them, and the others, open ones first."""
    fixes = [one for one in told.similar if one.incident.resolution]
    others = [one for one in told.similar if not one.incident.resolution]
    return fixes, sorted(others, key=lambda one: not one.incident.is_open)


def _asked(told: Told) -> list[dict[str, str]]:
    """Approvals that somebody is asked for now."""
    if told.progressed is None or not told.record.is_open:
        return []
    asked = {name for name, verdict in told.progressed.approvals.items() if verdict in ASKED}
    steps = (step.checkpoint for step in told.progressed.path.steps if step.checkpoint is not None)
    return [
        {"id": checkpoint.id, "reason": checkpoint.reason, "role": checkpoint.role}
        for checkpoint in steps
        if checkpoint.id in asked
    ]


def payload_of(record: IncidentRecord) -> str:
    """The event as it is kept, with everything outside ASCII escaped, so that nothing in it is unseen."""
    return json.dumps(incident_to_json(record.event), indent=2, ensure_ascii=True)
