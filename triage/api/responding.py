"""What responders say to a running escalation, and where it stands."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.concurrency import run_in_threadpool

from triage.api.access import admit, service_of
from triage.api.actions import Prose, Word
from triage.api.bodies import answer, read_fields, render
from triage.api.examples import APPROVALS, NOTES, REASONS
from triage.api.routing import BODY, answers, reads
from triage.api.shapes import ActedView, acted_view
from triage.domain.access import Role
from triage.escalation.handover import HandOver
from triage.responding import Progressed

router = APIRouter(prefix="/v1/incidents", tags=["actions"])
HAND_OVER: TypeAdapter[HandOver] = TypeAdapter(HandOver)


class ReasonBody(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    reason: Prose = ""


class ApprovalBody(BaseModel):
    """``checkpoint``: left out, the only one that the path has."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    checkpoint: Word | None = None
    approved: bool = True
    reason: Prose = ""


class NoteBody(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    text: Annotated[str, Field(min_length=1, max_length=8_192)]


class EscalationView(BaseModel):
    """Where a running escalation stands: its step, who was told, what waits for whom, and what happens next."""

    policy: str
    rule: str
    hand_over: dict[str, Any]
    approvals: dict[str, str]
    messages: list[dict[str, Any]]


@router.post(
    "/{incident_id}/escalate",
    response_model=ActedView,
    responses=answers(*BODY, 404, 409),
    openapi_extra=reads("ReasonBody", REASONS, required=False),
)
async def escalate(request: Request, incident_id: str) -> Response:
    """The next step of its path now, whether or not somebody works on it."""
    principal = admit(request, Role.RESPONDER)
    asked = await read_fields(request, service_of(request).settings, ReasonBody)
    responding = service_of(request).parts.responding
    record = await run_in_threadpool(responding.escalate, incident_id, principal.actor, asked.reason)
    return answer(render(acted_view(record)))


@router.post(
    "/{incident_id}/approve",
    response_model=ActedView,
    responses=answers(*BODY, 404, 409),
    openapi_extra=reads("ApprovalBody", APPROVALS, required=False),
)
async def approve(request: Request, incident_id: str) -> Response:
    """Yes, or with `"approved": false` no, to a checkpoint. Its role and the deputy may, and administrators."""
    principal = admit(request, Role.RESPONDER)
    asked = await read_fields(request, service_of(request).settings, ApprovalBody)
    responding = service_of(request).parts.responding
    record = await run_in_threadpool(
        responding.answer,
        incident_id,
        principal.actor,
        asked.checkpoint,
        approved=asked.approved,
        reason=asked.reason,
        for_anybody=principal.role is Role.ADMIN,
    )
    return answer(render(acted_view(record)))


@router.post(
    "/{incident_id}/note",
    response_model=ActedView,
    responses=answers(*BODY, 404),
    openapi_extra=reads("NoteBody", NOTES),
)
async def annotate(request: Request, incident_id: str) -> Response:
    """A line in its timeline, for whoever takes it over."""
    principal = admit(request, Role.RESPONDER)
    asked = await read_fields(request, service_of(request).settings, NoteBody)
    responding = service_of(request).parts.responding
    record = await run_in_threadpool(responding.annotate, incident_id, principal.actor, asked.text)
    return answer(render(acted_view(record)))


@router.post(
    "/{incident_id}/reopen",
    response_model=ActedView,
    responses=answers(*BODY, 404, 409),
    openapi_extra=reads("ReasonBody", REASONS, required=False),
)
async def reopen(request: Request, incident_id: str) -> Response:
    """It is not over: whoever is responsible is told anew."""
    principal = admit(request, Role.RESPONDER)
    asked = await read_fields(request, service_of(request).settings, ReasonBody)
    responding = service_of(request).parts.responding
    record = await run_in_threadpool(responding.reopen, incident_id, principal.actor, asked.reason)
    return answer(render(acted_view(record)))


@router.get("/{incident_id}/escalation", response_model=EscalationView, responses=answers(404))
async def get_escalation(request: Request, incident_id: str) -> Response:
    """Where it stands now, and what was said to whom."""
    admit(request, Role.RESPONDER)
    found = await run_in_threadpool(service_of(request).parts.responding.progress, incident_id)
    return answer(render(_escalation_view(found)))


def _escalation_view(found: Progressed) -> dict[str, Any]:
    return {
        "policy": found.path.policy,
        "rule": found.path.rule,
        "hand_over": HAND_OVER.dump_python(found.hand_over, mode="json"),
        "approvals": {name: verdict.value for name, verdict in found.approvals.items()},
        "messages": [
            {
                "at": one.made_at,
                "kind": one.kind.value,
                "recipient": one.recipient,
                "key": one.key,
                "state": one.state.value,
                "sent_at": one.sent_at,
                "fault": one.fault,
            }
            for one in found.messages
        ],
    }
