"""``/v1/incidents``: events in, and what became of them; the incidents as they stand."""

import base64
import uuid
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from triage.api.access import admit, service_of
from triage.api.bodies import DECIDED, answer, beside, read_json_body, render
from triage.api.examples import BATCHES, INCIDENTS
from triage.api.paging import moment_of
from triage.api.routing import BATCH, BODY, REPEATABLE, answers, reads
from triage.api.shapes import (
    BatchView,
    DecidedView,
    IncidentPage,
    ReceivedView,
    SimilarView,
    SpooledView,
    TimelineView,
    batch_item,
    decision_view,
    incident_view,
    received_view,
    status_of,
    timeline_view,
)
from triage.domain.access import Principal, Role
from triage.domain.incident import State, Status, utc
from triage.domain.priority import Priority
from triage.errors import InvalidIncident, TriageError, UnknownWord
from triage.serving.reception import NATIVE, NATIVE_BATCH, Reading, read
from triage.serving.service import Service
from triage.serving.taking_in import carry_out
from triage.store.incidents import IncidentFilter, Incidents

router = APIRouter(prefix="/v1/incidents", tags=["incidents"])

SPOOLED: dict[int | str, dict[str, Any]] = {
    202: {"model": SpooledView, "description": "Kept on disk while the database is away or busy"}
}


@router.post(
    "",
    status_code=201,
    response_model=ReceivedView,
    responses={
        200: {"model": ReceivedView, "description": "Joined"},
        **SPOOLED,
        **answers(*BODY, 404, 409),
    },
    openapi_extra=reads("IncidentBody", INCIDENTS) | REPEATABLE,
    summary="One event: opens, joins, acknowledges or resolves an incident",
)
async def receive(request: Request) -> Response:
    principal = admit(request, Role.SOURCE)
    service = service_of(request)
    body = await read_json_body(request, service.settings, service.settings.max_body)
    reading = await beside(service, len(body), read, NATIVE, body, request.headers, principal)
    outcomes = await deliver(service, NATIVE, body, request, principal, reading)
    if isinstance(outcomes, Response):
        return outcomes
    outcome = outcomes[0]
    if isinstance(outcome, TriageError):
        raise outcome
    return answer(render(received_view(outcome)), status_of(outcome))


@router.post(
    "/batch",
    response_model=BatchView,
    responses={**SPOOLED, **answers(*BODY, 409)},
    openapi_extra=reads(BATCH, BATCHES) | REPEATABLE,
    summary="Up to 1,000 events; one bad item does not reject the rest",
)
async def receive_batch(request: Request) -> Response:
    principal = admit(request, Role.SOURCE)
    service = service_of(request)
    body = await read_json_body(request, service.settings, service.settings.max_batch_body)
    reading = await beside(service, len(body), read, NATIVE_BATCH, body, request.headers, principal)
    outcomes = await deliver(service, NATIVE_BATCH, body, request, principal, reading)
    if isinstance(outcomes, Response):
        return outcomes
    return answer(await beside(service, len(reading.places) * DECIDED, _results, reading, outcomes))


def _results(reading: Reading, outcomes: list[Any]) -> bytes:
    items = [batch_item(place if isinstance(place, TriageError) else outcomes[place]) for place in reading.places]
    return render({"results": items})


async def deliver(
    service: Service, route: str, body: bytes, request: Request, principal: Principal, reading: Reading
) -> list[Any] | Response:
    """As ``carry_out``; a receipt as the answer that tells of it."""
    if not reading.delivery.events:
        return []
    done = await carry_out(service, route, body, dict(request.headers), principal, reading.delivery)
    if isinstance(done, list):
        return done
    detail = (
        "The database is away or busy; this is kept on disk and will be carried out, in order, once it can be."
    )
    return answer(render({"receipt": done, "detail": detail}), 202)


@router.get("", response_model=IncidentPage, responses=answers(422), summary="Incidents, newest first")
async def list_incidents(
    request: Request,
    state: State | None = None,
    status: Status | None = None,
    team: Annotated[str | None, Query(max_length=512)] = None,
    priority: Annotated[
        str | None, Query(max_length=512, description="P1 to P5 or the organisation's word")
    ] = None,
    pattern: uuid.UUID | None = None,
    q: Annotated[str | None, Query(max_length=512, description="Words of the title")] = None,
    since: datetime | None = None,
    cursor: Annotated[str | None, Query(max_length=256)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    admit(request, Role.RESPONDER)
    service = service_of(request)
    wanted = IncidentFilter(
        state=state.value if state else None,
        status=status.value if status else None,
        team=_team(service, team),
        priority=_priority(service, priority),
        pattern=str(pattern) if pattern else None,
        q=_clean(q),
        since=moment_of(since, "since") if since else None,
        before=_position(cursor),
        limit=limit + 1,
    )
    return answer(await run_in_threadpool(_page, service.parts.incidents, wanted, limit))


def _page(incidents: Incidents, wanted: IncidentFilter, limit: int) -> bytes:
    """``wanted`` asks for one more than ``limit``, to know whether there is more."""
    found = incidents.find(wanted)
    records, more = found[:limit], len(found) > limit
    return render(
        {
            "incidents": [incident_view(record) for record in records],
            "next_cursor": _cursor(records[-1].opened_at, records[-1].id) if more else None,
        }
    )


@router.get(
    "/{incident_id}", response_model=DecidedView, responses=answers(404), summary="One incident with its decision"
)
async def get_incident(request: Request, incident_id: str) -> Response:
    admit(request, Role.RESPONDER)
    incidents = service_of(request).parts.incidents
    record = await run_in_threadpool(incidents.get, incident_id)
    decision = None
    if record.decision_id is not None:
        decisions = await run_in_threadpool(incidents.decisions_of, [record.decision_id])
        decision = decision_view(decisions[record.decision_id])
    return answer(render({"incident": incident_view(record), "decision": decision}))


@router.get("/{incident_id}/timeline", response_model=TimelineView, responses=answers(404))
async def get_timeline(request: Request, incident_id: str) -> Response:
    """Everything that happened to it, oldest first."""
    admit(request, Role.RESPONDER)
    return answer(await run_in_threadpool(_timeline, service_of(request).parts.incidents, incident_id))


def _timeline(incidents: Incidents, incident_id: str) -> bytes:
    return render({"timeline": [timeline_view(entry) for entry in incidents.timeline(incident_id)]})


@router.get("/{incident_id}/similar", response_model=SimilarView, responses=answers(404, 422))
async def get_similar(request: Request, incident_id: str, k: Annotated[int, Query(ge=1, le=50)] = 5) -> Response:
    """The k nearest other incidents, with what resolved them."""
    admit(request, Role.RESPONDER)
    found = await run_in_threadpool(service_of(request).parts.similar.find, incident_id, k)
    near = [
        {
            "similarity": round(one.similarity, 4),
            "resolution": one.incident.resolution,
            "incident": incident_view(one.incident),
        }
        for one in found
    ]
    return answer(render({"similar": near}))


def _clean(text: str | None) -> str | None:
    return text.replace("\x00", "\ufffd") if text is not None else None


def _priority(service: Service, word: str | None) -> str | None:
    """Raises UnknownWord for a word that stands for no priority."""
    if word is None:
        return None
    active = service.activation.active
    found = active.decider.catalogue.find_priority(word) if active else None
    if found is None:
        raise UnknownWord(f"priority is one of {', '.join(p.value for p in Priority)} or a word of the catalogue")
    return found.value


def _team(service: Service, word: str | None) -> str | None:
    """A team's id; a word that the catalogue does not know (any more) is taken for one."""
    active = service.activation.active
    found = active.decider.catalogue.find_team(word) if active else None
    return found.id if found else _clean(word)


def _cursor(opened_at: datetime, incident_id: str) -> str:
    return base64.urlsafe_b64encode(f"{opened_at.isoformat()} {incident_id}".encode()).decode()


def _position(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    try:
        at, _, incident_id = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        return utc(datetime.fromisoformat(at)), str(uuid.UUID(incident_id))
    except (ValueError, OverflowError) as error:
        raise InvalidIncident("the cursor is not one of ours") from error
