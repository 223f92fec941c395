"""Silences: a pattern that tells nobody for a while, unless it becomes more urgent."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from starlette.concurrency import run_in_threadpool

from triage.api.access import admit, service_of
from triage.api.bodies import answer, read_fields, render
from triage.api.paging import cursor_of, moment_and_id
from triage.api.pattern_examples import SILENCES
from triage.api.pattern_shapes import SilencedView, SilenceListView
from triage.api.pattern_views import silence_view
from triage.api.routing import BODY, answers, reads
from triage.domain.access import Role
from triage.rules.shape import read_duration
from triage.serving.parts import utc_now
from triage.sources.fields import Moment

router = APIRouter(prefix="/v1", tags=["patterns"])

Lasting = Annotated[
    timedelta,
    BeforeValidator(read_duration),
    WithJsonSchema({"type": "string", "pattern": r"^P([0-9]{1,3}D)?(T([0-9]{1,3}H)?([0-9]{1,4}M)?)?$"}),
]


class SilenceBody(BaseModel):
    """An end, either ``until`` or ``for``, at most 30 days ahead, and a reason. ``priority``: P1–P5 or the
    organisation's word; left out: that of the pattern's newest incident. What is more urgent is never hidden."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    until: Moment | None = None
    lasting: Annotated[Lasting | None, Field(alias="for", description="As ISO 8601 has it, like PT2H")] = None
    reason: Annotated[str, Field(min_length=1, max_length=8_192, pattern=r"\S")]
    priority: Annotated[str, Field(min_length=1, max_length=512)] | None = None


@router.post(
    "/patterns/{pattern_id}/silence",
    status_code=201,
    response_model=SilencedView,
    responses=answers(*BODY, 404),
    openapi_extra=reads("SilenceBody", SILENCES),
    summary="Tell nobody of it for a while",
)
async def silence(request: Request, pattern_id: str) -> Response:
    """Its alerts are stored, decided on and counted as ever. Whatever is still open when the silence ends is
    decided on again, and told."""
    principal = admit(request, Role.RESPONDER)
    service = service_of(request)
    asked = await read_fields(request, service.settings, SilenceBody)
    made = await run_in_threadpool(
        service.parts.silencing.silence,
        pattern_id,
        principal.actor,
        reason=asked.reason,
        until=asked.until,
        lasting=asked.lasting,
        priority=asked.priority,
    )
    return answer(render({"silence": silence_view(made, utc_now())}), 201)


@router.get("/silences", response_model=SilenceListView, responses=answers(422), summary="Silences, newest first")
async def list_silences(
    request: Request,
    active: Annotated[bool | None, Query(description="Those in force, or those that are over")] = None,
    cursor: Annotated[str | None, Query(max_length=256)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Each with how many occurrences it hid."""
    admit(request, Role.RESPONDER)
    silencing = service_of(request).parts.silencing
    found = await run_in_threadpool(silencing.find, active=active, before=moment_and_id(cursor), limit=limit + 1)
    page, now = found[:limit], utc_now()
    ended = (page[-1].made_at, page[-1].id) if len(found) > limit else None
    return answer(render({"silences": [silence_view(one, now) for one in page], "next_cursor": cursor_of(ended)}))


@router.delete(
    "/silences/{silence_id}", response_model=SilencedView, responses=answers(404), summary="End it early"
)
async def end_silence(request: Request, silence_id: str) -> Response:
    """What it hid and is still open is told within seconds. Ending it twice is once."""
    principal = admit(request, Role.RESPONDER)
    ended = await run_in_threadpool(service_of(request).parts.silencing.end, silence_id, principal.actor)
    return answer(render({"silence": silence_view(ended, utc_now())}))
