"""What responders and reviewers do to an incident."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from triage.api.access import admit, service_of
from triage.api.bodies import answer, read_fields, render
from triage.api.examples import OVERRIDES, RESOLUTIONS, RESOLUTIONS_BY_KEY, STATUSES
from triage.api.incidents import SPOOLED, deliver
from triage.api.routing import BODY, REPEATABLE, answers, reads
from triage.api.shapes import (
    ActedView,
    DecidedView,
    ReceivedView,
    acted_view,
    decision_view,
    incident_view,
    received_view,
    status_of,
)
from triage.domain.access import Role
from triage.domain.incident import Status
from triage.errors import TriageError
from triage.serving.reception import NATIVE, read

router = APIRouter(prefix="/v1/incidents", tags=["actions"])

Word = Annotated[str, Field(min_length=1, max_length=512)]
Prose = Annotated[str, Field(max_length=8_192)]


class OverrideBody(BaseModel):
    """At least one of priority (P1–P5 or the organisation's word) and team (a team's id or name)."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    priority: Word | None = None
    team: Word | None = None
    reason: Prose = ""


class StatusBody(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    status: Status


class ResolveBody(BaseModel):
    """``resolution``: what fixed it, for the next time."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    resolution: Prose | None = None


class ResolveByKeyBody(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    dedup_key: Word
    source: Word = "api"
    resolution: Prose | None = None


@router.post(
    "/resolve",
    response_model=ReceivedView,
    responses={**SPOOLED, **answers(*BODY, 404, 409)},
    openapi_extra=reads("ResolveByKeyBody", RESOLUTIONS_BY_KEY) | REPEATABLE,
)
async def resolve_by_key(request: Request) -> Response:
    """Resolve what is open under a source's key; the same as an event with `"event": "resolved"`."""
    principal = admit(request, Role.SOURCE)
    service = service_of(request)
    asked = await read_fields(request, service_of(request).settings, ResolveByKeyBody)
    event = {"event": "resolved", "dedup_key": asked.dedup_key, "source": asked.source}
    if asked.resolution:
        event["description"] = asked.resolution
    body = orjson.dumps(event)
    reading = read(NATIVE, body, request.headers, principal)
    outcomes = await deliver(service, NATIVE, body, request, principal, reading)
    if isinstance(outcomes, Response):
        return outcomes
    if isinstance(outcomes[0], TriageError):
        raise outcomes[0]
    return answer(render(received_view(outcomes[0])), status_of(outcomes[0]))


@router.post(
    "/{incident_id}/override",
    response_model=DecidedView,
    responses=answers(*BODY, 404),
    openapi_extra=reads("OverrideBody", OVERRIDES),
)
async def override(request: Request, incident_id: str) -> Response:
    """Change priority, team or both. Holds for this incident for ever, and for the next of its pattern at once."""
    principal = admit(request, Role.REVIEWER)
    asked = await read_fields(request, service_of(request).settings, OverrideBody)
    record, decision = await run_in_threadpool(
        service_of(request).parts.corrections.override,
        incident_id,
        principal.actor,
        priority=asked.priority,
        team=asked.team,
        reason=asked.reason,
    )
    return answer(render({"incident": incident_view(record), "decision": decision_view(decision)}))


@router.post("/{incident_id}/acknowledge", response_model=ActedView, responses=answers(404, 409))
async def acknowledge(request: Request, incident_id: str) -> Response:
    """A responder takes it."""
    principal = admit(request, Role.RESPONDER)
    corrections = service_of(request).parts.corrections
    record = await run_in_threadpool(corrections.acknowledge, incident_id, principal.actor)
    return answer(render(acted_view(record)))


@router.post(
    "/{incident_id}/status",
    response_model=ActedView,
    responses=answers(*BODY, 404, 409),
    openapi_extra=reads("StatusBody", STATUSES),
)
async def move(request: Request, incident_id: str) -> Response:
    """Where the work stands."""
    principal = admit(request, Role.RESPONDER)
    asked = await read_fields(request, service_of(request).settings, StatusBody)
    corrections = service_of(request).parts.corrections
    record = await run_in_threadpool(corrections.move, incident_id, principal.actor, asked.status)
    return answer(render(acted_view(record)))


@router.post(
    "/{incident_id}/resolve",
    response_model=ActedView,
    responses=answers(*BODY, 404),
    openapi_extra=reads("ResolveBody", RESOLUTIONS, required=False),
)
async def resolve(request: Request, incident_id: str) -> Response:
    """It is over."""
    principal = admit(request, Role.RESPONDER)
    asked = await read_fields(request, service_of(request).settings, ResolveBody)
    corrections = service_of(request).parts.corrections
    record = await run_in_threadpool(corrections.resolve, incident_id, principal.actor, asked.resolution)
    return answer(render(acted_view(record)))
