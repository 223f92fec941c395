"""After an incident: its review, and follow-up actions."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from triage.api.access import admit, service_of
from triage.api.actions import Word
from triage.api.bodies import answer, read_fields, render
from triage.api.examples import REVIEWS
from triage.api.routing import BODY, answers, reads
from triage.api.shapes import incident_view, timeline_view
from triage.domain.access import Role
from triage.domain.incident import utc
from triage.errors import InvalidIncident
from triage.reviewing import Action
from triage.store.reviews import FollowUp, Reviewed

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
        render({**_view(sheet.reviewed), "incident": incident_view(sheet.incident), "timeline": timeline})
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
    actions = [Action(what=f.what, owner=f.owner, due_at=_moment(f.due_at)) for f in asked.follow_ups]
    reviewed = await run_in_threadpool(
        service_of(request).parts.reviewing.review,
        incident_id,
        principal.actor,
        summary=asked.summary.replace("\x00", "\ufffd") if asked.summary is not None else None,
        satisfaction=asked.satisfaction,
        actions=actions,
    )
    return answer(render(_view(reviewed)))


@router.get("/follow-ups", response_model=FollowUpsView, responses=answers())
async def list_follow_ups(request: Request) -> Response:
    """What people meant to do and have not done yet, the longest due first."""
    admit(request, Role.RESPONDER)
    found = await run_in_threadpool(service_of(request).parts.reviews.open_actions, 500)
    return answer(render({"follow_ups": [_follow_up(action) for action in found]}))


@router.post("/follow-ups/{follow_up_id}/done", response_model=FollowUpView, responses=answers(404))
async def finish(request: Request, follow_up_id: str) -> Response:
    """It is done."""
    principal = admit(request, Role.RESPONDER)
    done = await run_in_threadpool(service_of(request).parts.reviewing.finish, follow_up_id, principal.actor)
    return answer(render(_follow_up(done)))


def _moment(at: datetime) -> datetime:
    """Raises InvalidIncident for what no calendar in UTC has."""
    try:
        return utc(at)
    except OverflowError as error:
        raise InvalidIncident("due_at lies outside the calendar") from error


def _view(reviewed: Reviewed) -> dict[str, Any]:
    said = reviewed.review
    return {
        "review": {
            "summary": said.summary,
            "satisfaction": said.satisfaction,
            "made_by": said.made_by,
            "made_at": said.made_at,
            "changed_by": said.changed_by,
            "changed_at": said.changed_at,
        }
        if said is not None
        else None,
        "follow_ups": [_follow_up(action) for action in reviewed.follow_ups],
    }


def _follow_up(action: FollowUp) -> dict[str, Any]:
    return {
        "id": action.id,
        "incident_id": action.incident_id,
        "what": action.what,
        "owner": action.owner,
        "due_at": action.due_at,
        "made_by": action.made_by,
        "made_at": action.made_at,
        "done_by": action.done_by,
        "done_at": action.done_at,
        "reminders": action.reminders,
    }
