"""What reviewers change of patterns. Each change answers with the pattern as it is then, and can be undone."""

import uuid
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from triage.api.access import admit, service_of
from triage.api.bodies import answer, read_fields, render
from triage.api.pattern_examples import DIFFERENCES, KNOWN_FIXES, MERGES, NAMES, SPLITS, UNDONE
from triage.api.pattern_shapes import PatternChangedView
from triage.api.pattern_views import change_view, pattern_view
from triage.api.routing import BODY, answers, reads
from triage.domain.access import Role
from triage.errors import FieldFault, InvalidIncident
from triage.memory.reshaping import Changed
from triage.serving.service import Service

router = APIRouter(prefix="/v1/patterns", tags=["patterns"])

MOST_SPLIT = 1_000

Reason = Annotated[str, Field(max_length=8_192)]


class MergeBody(BaseModel):
    """``pattern``: which counts under this one from now on; ``anyway``: also where somebody told the two apart."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    pattern: uuid.UUID
    reason: Reason = ""
    anyway: bool = False


class SplitBody(BaseModel):
    """``incidents``: of this pattern, which are a problem of their own."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    incidents: Annotated[list[uuid.UUID], Field(min_length=1, max_length=MOST_SPLIT)]
    reason: Reason = ""


class DifferenceBody(BaseModel):
    """Either a pattern or an incident that is not the same problem."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    pattern: uuid.UUID | None = None
    incident: uuid.UUID | None = None
    reason: Reason = ""


class KnownFixBody(BaseModel):
    """``fix``: what mends it; null: nothing that is known."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    fix: Annotated[str, Field(min_length=1, max_length=8_192)] | None
    reason: Reason = ""


class NameBody(BaseModel):
    """``name``: null for the one that its titles make."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    name: Annotated[str, Field(min_length=1, max_length=200)] | None
    reason: Reason = ""


class UndoBody(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    reason: Reason = ""


@router.post(
    "/changes/{change_id}/undo",
    response_model=PatternChangedView,
    responses=answers(*BODY, 404, 409),
    openapi_extra=reads("UndoBody", UNDONE, required=False),
    summary="Take a change back",
)
async def undo(request: Request, change_id: str) -> Response:
    """As it was before, with what has come in since where it belongs. Later changes that build on it are named and
    must be undone first."""
    principal = admit(request, Role.REVIEWER)
    service = service_of(request)
    asked = await read_fields(request, service.settings, UndoBody)
    return await _changed(
        service, lambda: service.parts.reshaping.undo(change_id, principal.actor, reason=asked.reason)
    )


@router.post(
    "/{pattern_id}/merge",
    response_model=PatternChangedView,
    responses=answers(*BODY, 404, 409),
    openapi_extra=reads("MergeBody", MERGES),
    summary="Two patterns are one problem",
)
async def merge(request: Request, pattern_id: str) -> Response:
    """The other one counts under this one from now on: what was counted, and what comes."""
    principal = admit(request, Role.REVIEWER)
    service = service_of(request)
    asked = await read_fields(request, service.settings, MergeBody)
    return await _changed(
        service,
        lambda: service.parts.reshaping.merge(
            pattern_id, str(asked.pattern), principal.actor, reason=asked.reason, anyway=asked.anyway
        ),
    )


@router.post(
    "/{pattern_id}/split",
    response_model=PatternChangedView,
    responses=answers(*BODY, 404, 409),
    openapi_extra=reads("SplitBody", SPLITS),
    summary="Incidents are a problem of their own",
)
async def split(request: Request, pattern_id: str) -> Response:
    """They become a pattern of their own, `change.other_id`. The next text belongs to it by the words that all of
    theirs have and no other has; where there are none, only the very same texts are recognised from now on."""
    principal = admit(request, Role.REVIEWER)
    service = service_of(request)
    asked = await read_fields(request, service.settings, SplitBody)
    incidents = [str(incident) for incident in asked.incidents]
    return await _changed(
        service,
        lambda: service.parts.reshaping.split(pattern_id, incidents, principal.actor, reason=asked.reason),
    )


@router.post(
    "/{pattern_id}/not-the-same",
    response_model=PatternChangedView,
    responses=answers(*BODY, 404, 409),
    openapi_extra=reads("DifferenceBody", DIFFERENCES),
    summary="Something is not the same problem",
)
async def tell_apart(request: Request, pattern_id: str) -> Response:
    """Neither counts as the other nor is shown as similar to it. An incident of this very pattern is split off; of
    a pattern that was merged into it the merge is undone."""
    principal = admit(request, Role.REVIEWER)
    service = service_of(request)
    asked = await read_fields(request, service.settings, DifferenceBody)
    if (asked.pattern is None) == (asked.incident is None):
        raise InvalidIncident("the body has faults", (FieldFault("pattern", "give either pattern or incident"),))
    return await _changed(
        service,
        lambda: service.parts.reshaping.tell_apart(
            pattern_id,
            principal.actor,
            pattern=str(asked.pattern) if asked.pattern else None,
            incident=str(asked.incident) if asked.incident else None,
            reason=asked.reason,
        ),
    )


@router.post(
    "/{pattern_id}/known-fix",
    response_model=PatternChangedView,
    responses=answers(*BODY, 404, 409),
    openapi_extra=reads("KnownFixBody", KNOWN_FIXES),
    summary="What mends it",
)
async def say_fix(request: Request, pattern_id: str) -> Response:
    """Shown with the pattern's next incident."""
    principal = admit(request, Role.REVIEWER)
    service = service_of(request)
    asked = await read_fields(request, service.settings, KnownFixBody)
    return await _changed(
        service,
        lambda: service.parts.reshaping.say(
            "known_fix", pattern_id, asked.fix, principal.actor, reason=asked.reason
        ),
    )


@router.post(
    "/{pattern_id}/name",
    response_model=PatternChangedView,
    responses=answers(*BODY, 404, 409),
    openapi_extra=reads("NameBody", NAMES),
    summary="What it is called",
)
async def say_name(request: Request, pattern_id: str) -> Response:
    principal = admit(request, Role.REVIEWER)
    service = service_of(request)
    asked = await read_fields(request, service.settings, NameBody)
    return await _changed(
        service,
        lambda: service.parts.reshaping.say("name", pattern_id, asked.name, principal.actor, reason=asked.reason),
    )


async def _changed(service: Service, act: Callable[[], Changed]) -> Response:
    return answer(await run_in_threadpool(_told, service, act))


def _told(service: Service, act: Callable[[], Changed]) -> bytes:
    changed = act()
    story = service.parts.patterns.get(changed.pattern_id)
    change = change_view(changed.change)
    return render({"pattern": pattern_view(story), "change_id": changed.change.id, "change": change})
