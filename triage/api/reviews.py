"""After an incident: its review, and follow-up actions."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from triage.api.access import admit, service_of
from triage.api.actions import Word
from triage.api.bodies import answer, read_fields, render
from triage.api.examples import REVIEWS
from triage.api.paging import moment_of
from triage.api.routing import BODY, answers, reads
from triage.api.shapes import incident_view, timeline_view
from triage.domain.access import Role
from triage.reviewing import Action

router = APIRouter(prefix="/v1", tags=["reviews"])


class FollowUpBody(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    what: Annotated[str, Field(min_length=1, max_length=1_024)]
    owner: Word
    due_at: AwareDatetime


class ReviewBody(BaseModel):
    """What is left out stays as it was; follow-up actions are added."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    summary: Annotated[str, Field(max_length=32_768)] | None = None
    satisfaction: Literal[1, 2, 3, 4, 5] | None = None
    follow_ups: Annotated[list[FollowUpBody], Field(max_length=50)] = []


class FollowUpView(BaseModel):
    id: str
    incident_id: str
    what: str
    owner: str
    due_at: str
    made_by: str
    made_at: str
    done_by: str | None
    done_at: str | None
    reminders: int


class ReviewView(BaseModel):
    """``review`` null: nobody has written one yet."""

    review: dict[str, Any] | None
    follow_ups: list[FollowUpView]


class ReviewSheetView(ReviewView):
    incident: dict[str, Any]
    timeline: list[dict[str, Any]]


class FollowUpsView(BaseModel):
    follow_ups: list[FollowUpView]


@router.get("/incidents/{incident_id}/review", response_model=ReviewSheetView, responses=answers(404))
async def get_review(request: Request, incident_id: str) -> Response:
    """Everything that a review is written from, and what was said so far."""
    admit(request, Role.RESPONDER)
    sheet = await run_in_threadpool(service_of(request).parts.reviewing.sheet, incident_id)
    timeline = [timeline_view(entry) for entry in sheet.timeline]
    return answer(
        render({**asdict(sheet.reviewed), "incident": incident_view(sheet.incident), "timeline": timeline})
    )


@router.post(
    "/incidents/{incident_id}/review",
    response_model=ReviewView,
    responses=answers(*BODY, 404, 409),
    openapi_extra=reads("ReviewBody", REVIEWS),
)
async def review(request: Request, incident_id: str) -> Response:
    """What happened, how well people were served, and what is to be done by whom until when."""
    principal = admit(request, Role.RESPONDER)
    asked = await read_fields(request, service_of(request).settings, ReviewBody)
    actions = [Action(what=f.what, owner=f.owner, due_at=moment_of(f.due_at, "due_at")) for f in asked.follow_ups]
    reviewed = await run_in_threadpool(
        service_of(request).parts.reviewing.review,
        incident_id,
        principal.actor,
        summary=asked.summary.replace("\x00", "\ufffd") if asked.summary is not None else None,
        satisfaction=asked.satisfaction,
        actions=actions,
    )
    return answer(render(asdict(reviewed)))


@router.get("/follow-ups", response_model=FollowUpsView, responses=answers())
async def list_follow_ups(request: Request) -> Response:
    """What people meant to do and have not done yet, the longest due first."""
    admit(request, Role.RESPONDER)
    found = await run_in_threadpool(service_of(request).parts.reviews.open_actions, 500)
    return answer(render({"follow_ups": [asdict(action) for action in found]}))


@router.post("/follow-ups/{follow_up_id}/done", response_model=FollowUpView, responses=answers(404))
async def finish(request: Request, follow_up_id: str) -> Response:
    """It is done."""
    principal = admit(request, Role.RESPONDER)
    done = await run_in_threadpool(service_of(request).parts.reviewing.finish, follow_up_id, principal.actor)
    return answer(render(asdict(done)))
