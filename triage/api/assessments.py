"""``/v1/review``: what needs a reviewer, most useful first, and what they say."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from triage.api.access import admit, service_of
from triage.api.actions import Prose, Word
from triage.api.bodies import answer, read_fields, render
from triage.api.examples import Examples
from triage.api.routing import BODY, answers, reads
from triage.api.shapes import ActedView, acted_view, decision_view, incident_view
from triage.assessing import Answered, Offered
from triage.domain.access import Role
from triage.domain.assessment import Worth
from triage.store.judgements import Pair
from triage.store.review_items import QueuedItem

router = APIRouter(prefix="/v1", tags=["review"])

ANSWERS: Final[Examples] = {
    "right": {"summary": "The machine is right", "value": {}},
    "wrong": {"summary": "Another team", "value": {"team": "payments", "reason": "the acquirer's side"}},
}
ANSWERS_FOR_ALL: Final[Examples] = {
    "all": {"summary": "All that wait of a pattern", "value": {"priority": "P4", "reason": "harmless"}}
}


class AnswerBody(BaseModel):
    """What is left out is as the machine said. ``looked_at``: the decision that was shown; where another one
    stands by now, nothing is changed. ``second``: a second opinion, which is kept and changes nothing."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    priority: Word | None = None
    team: Word | None = None
    reason: Prose = ""
    looked_at: Word | None = None
    second: bool = False


class AnswerAllBody(BaseModel):
    """At least one of priority and team."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    priority: Word | None = None
    team: Word | None = None
    reason: Prose = ""


class QueueView(BaseModel):
    """``waiting``: 1,001 where more than a thousand do."""

    waiting: int
    items: list[dict[str, Any]] = Field(description="The most valuable first, each pattern once, with `reasons`")


class OfferView(BaseModel):
    """``item`` null: nothing waits. It is nobody else's for ten minutes."""

    item: dict[str, Any] | None
    incident: dict[str, Any] | None
    decision: dict[str, Any] | None = Field(description="What the machine said first")
    looked_at: str | None


class AnsweredView(BaseModel):
    incident: dict[str, Any]
    agreed: bool
    alike: int = Field(description="How many more of its pattern wait")


class AnsweredAllView(BaseModel):
    answered: int


class DisagreementsView(BaseModel):
    disagreements: list[dict[str, Any]] = Field(
        description="The newest first; the first word stands until settled"
    )


class WaitingView(BaseModel):
    waiting: int = Field(description="How many an answer to all of them would be about")


@router.get("/review", response_model=QueueView, responses=answers(422), summary="What needs a reviewer")
async def list_queue(request: Request, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Response:
    """Uncertain, costly if wrong, frequent, new: the most useful first."""
    principal = admit(request, Role.REVIEWER)
    assessing = service_of(request).parts.assessing
    found = await run_in_threadpool(assessing.queue, principal.actor, limit)
    waiting = await run_in_threadpool(assessing.waiting)
    return answer(render({"waiting": waiting, "items": [_item(one) for one in found]}))


@router.post("/review/next", response_model=OfferView, responses=answers(), summary="The next one to look at")
async def take_next(request: Request) -> Response:
    principal = admit(request, Role.REVIEWER)
    offered = await run_in_threadpool(service_of(request).parts.assessing.next, principal.actor)
    return answer(render(_offer(offered)))


@router.post(
    "/review/undo", response_model=ActedView, responses=answers(404, 409), summary="Take the last word back"
)
async def undo(request: Request) -> Response:
    """Of the last day. What was said is kept, and counts for nothing any more."""
    principal = admit(request, Role.REVIEWER)
    record = await run_in_threadpool(service_of(request).parts.assessing.undo, principal.actor)
    return answer(render(acted_view(record)))


@router.get(
    "/review/disagreements",
    response_model=DisagreementsView,
    responses=answers(),
    summary="On which two reviewers differ",
)
async def list_disagreements(request: Request) -> Response:
    admit(request, Role.REVIEWER)
    pairs = await run_in_threadpool(service_of(request).parts.assessing.disagreements)
    return answer(render({"disagreements": [_pair(pair) for pair in pairs]}))


@router.get(
    "/review/patterns/{pattern_id}",
    response_model=WaitingView,
    responses=answers(404),
    summary="How many of a pattern wait",
)
async def count_all(request: Request, pattern_id: str) -> Response:
    """Before the same is said of all of them."""
    admit(request, Role.REVIEWER)
    waiting = await run_in_threadpool(service_of(request).parts.assessing.count_all, pattern_id)
    return answer(render({"waiting": waiting}))


@router.post(
    "/review/patterns/{pattern_id}",
    response_model=AnsweredAllView,
    responses=answers(*BODY, 404, 409),
    openapi_extra=reads("AnswerAllBody", ANSWERS_FOR_ALL),
    summary="The same word on all that wait of a pattern",
)
async def answer_all(request: Request, pattern_id: str) -> Response:
    principal = admit(request, Role.REVIEWER)
    service = service_of(request)
    asked = await read_fields(request, service.settings, AnswerAllBody)
    done = await run_in_threadpool(
        lambda: service.parts.assessing.answer_all(
            pattern_id, principal.actor, priority=asked.priority, team=asked.team, reason=asked.reason
        )
    )
    return answer(render({"answered": done}))


@router.post(
    "/review/{incident_id}",
    response_model=AnsweredView,
    responses=answers(*BODY, 404, 409),
    openapi_extra=reads("AnswerBody", ANSWERS, required=False),
    summary="What a reviewer says of an incident",
)
async def say(request: Request, incident_id: str) -> Response:
    """Holds for this incident for ever, and for the next of its pattern at once."""
    principal = admit(request, Role.REVIEWER)
    service = service_of(request)
    asked = await read_fields(request, service.settings, AnswerBody)
    answered = await run_in_threadpool(
        lambda: service.parts.assessing.answer(
            incident_id,
            principal.actor,
            priority=asked.priority,
            team=asked.team,
            reason=asked.reason,
            looked_at=asked.looked_at,
            second=asked.second,
        )
    )
    return answer(render(_answered(answered)))


@router.post(
    "/review/{incident_id}/settle",
    response_model=AnsweredView,
    responses=answers(*BODY, 404, 409),
    openapi_extra=reads("AnswerBody", ANSWERS, required=False),
    summary="Decide between two reviewers who differ",
)
async def settle(request: Request, incident_id: str) -> Response:
    """By somebody who is neither of them, with the role of an engineer. What is left out stands as it is."""
    principal = admit(request, Role.ENGINEER)
    service = service_of(request)
    asked = await read_fields(request, service.settings, AnswerBody)
    answered = await run_in_threadpool(
        lambda: service.parts.assessing.settle(
            incident_id,
            principal.actor,
            priority=asked.priority,
            team=asked.team,
            reason=asked.reason,
            looked_at=asked.looked_at,
        )
    )
    return answer(render(_answered(answered)))


@router.post("/review/{incident_id}/skip", response_model=ActedView, responses=answers(404))
async def skip(request: Request, incident_id: str) -> Response:
    """It is left to others."""
    principal = admit(request, Role.REVIEWER)
    parts = service_of(request).parts
    await run_in_threadpool(parts.assessing.skip, incident_id, principal.actor)
    return answer(render(acted_view(await run_in_threadpool(parts.incidents.get, incident_id))))


def _answered(answered: Answered) -> dict[str, Any]:
    return {"incident": incident_view(answered.record), "agreed": answered.agreed, "alike": answered.alike}


def _pair(pair: Pair) -> dict[str, Any]:
    words = {"first": pair.first, "second": pair.second}
    told = {
        name: {"by": word.made_by, "at": word.made_at, "priority": word.priority, "team": word.team}
        for name, word in words.items()
    }
    return {"incident_id": pair.incident_id, "title": pair.title, **told}


def _item(queued: QueuedItem) -> dict[str, Any]:
    item = queued.item
    return {
        "incident_id": item.incident_id,
        "pattern_id": item.pattern_id,
        "opened_at": item.opened_at,
        "why": queued.why,
        "alike": queued.alike,
        "priority": item.priority.value,
        "team": item.team,
        **_worth(item.worth),
    }


def _worth(worth: Worth) -> dict[str, Any]:
    reasons = [{"reason": reason.words, "part": reason.part} for reason in worth.reasons]
    return {"worth": round(worth.value, 4), "reasons": reasons}


def _offer(offered: Offered | None) -> dict[str, Any]:
    if offered is None:
        return {"item": None, "incident": None, "decision": None, "looked_at": None}
    return {
        "item": _item(offered.queued),
        "incident": incident_view(offered.record),
        "decision": decision_view(offered.decision),
        "looked_at": offered.looked_at,
    }
