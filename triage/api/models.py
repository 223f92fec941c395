"""``/v1/models``: which bundles there are and which is active; to promote one, and to go back."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from triage.api.access import admit, service_of
from triage.api.bodies import answer, read_fields, render
from triage.api.examples import PROMOTIONS, ROLLBACKS, SHADOWS
from triage.api.routing import BODY, answers, reads
from triage.challenge import as_json
from triage.domain.access import Role
from triage.drift import as_json as drift_as_json
from triage.prediction.collection import BundleState
from triage.serving.promotion import Outcome, Overview
from triage.store.configurations import NOTHING, Move, Pointer

router = APIRouter(prefix="/v1/models", tags=["models"])

MOST_FIGURES = 40
"""A group with more than this is a table by label, and no summary."""

Version = Annotated[str, Field(min_length=1, max_length=200)]
Reason = Annotated[str, Field(min_length=1, max_length=2_000)]


class PromoteBody(BaseModel):
    """``expect``: the version that must be active now (``none`` for none), so that nobody undoes what a colleague
    did a moment ago."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    version: Version
    reason: Reason
    expect: Version | None = None


class RollbackBody(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    reason: Reason
    expect: Version | None = None


class ShadowBody(BaseModel):
    """``version``: ``none`` ends it; ``expect``: what must run beside the active one now, as for a promotion."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    version: Version
    reason: Reason
    expect: Version | None = None


class ActiveView(BaseModel):
    """What the pointer says, for all replicas."""

    version: str
    previous: str | None
    since: datetime
    by: str
    reason: str


class BundleView(BaseModel):
    """A bundle of this replica's models folder. One that is not whole is not usable, and says why."""

    version: str
    usable: bool
    refused: str | None
    kind: str | None
    created_at: datetime | None
    encoder: str | None
    heads: list[str]
    quality: dict[str, dict[str, float]] = Field(description="By head, the figures that training measured")


class ActivationView(BaseModel):
    version: str
    previous: str | None
    at: datetime
    by: str
    reason: str
    rollback: bool


class ModelsView(BaseModel):
    """``in_force``: what this replica decides with; it follows ``active`` within its refresh interval, unless
    ``fault`` says why it cannot."""

    active: ActiveView | None
    in_force: str
    fault: str | None
    challenger: ActiveView | None = Field(description="What is asked beside it, and followed by nobody")
    bundles: list[BundleView]
    activations: list[ActivationView] = Field(description="The last 20, newest first")


class PromotedView(BaseModel):
    """``changed`` is false where this version was active already."""

    active: ActiveView
    changed: bool


class ShadowedView(BaseModel):
    """``changed`` is false where it ran already, or none did."""

    challenger: ActiveView | None
    changed: bool


class ChallengeReport(BaseModel):
    """What the challenger says beside the bundle in force, of incidents that were opened from ``since`` on, after
    it was made. Shares of judged incidents are of the random sample, each as `{n, value, low, high}`."""

    version: str
    named_at: datetime
    by: str
    reason: str
    incumbent: str
    since: datetime
    counts: dict[str, int]
    team: dict[str, Any]
    priority: dict[str, Any]
    differing: list[str] = Field(description="The newest incidents of which they conclude otherwise")


class DriftReport(BaseModel):
    """By target the weeks, what training measured (``expected_…``), and ``reasons`` why it is an alarm."""

    alarm: bool
    version: str
    since: datetime
    until: datetime
    team: dict[str, Any]
    priority: dict[str, Any]


class DriftView(BaseModel):
    """Null while no bundle that learnt is in force."""

    report: DriftReport | None


class ChallengeView(BaseModel):
    """Null while no challenger runs."""

    report: ChallengeReport | None


@router.get("", response_model=ModelsView, responses=answers(), summary="Bundles, and which is active since when")
async def get_models(request: Request) -> Response:
    admit(request, Role.ENGINEER)
    parts = service_of(request).parts
    overview = await run_in_threadpool(parts.promotion.look)
    challenger = await run_in_threadpool(parts.challenge.pointer)
    return answer(render(_overview(overview, challenger)))


@router.post(
    "/promote",
    response_model=PromotedView,
    responses=answers(*BODY, 404, 409),
    openapi_extra=reads("PromoteBody", PROMOTIONS),
    summary="Make a bundle active, on every replica and without a restart",
)
async def promote(request: Request) -> Response:
    """This replica opens it first, and refuses one that it cannot use; then it decides with it at once. The others
    follow within their refresh interval."""
    principal = admit(request, Role.ENGINEER)
    service = service_of(request)
    asked = await read_fields(request, service.settings, PromoteBody)
    outcome = await run_in_threadpool(
        service.parts.promotion.promote, asked.version, principal.owner, asked.reason, asked.expect
    )
    return answer(render(_outcome(outcome)))


@router.post(
    "/rollback",
    response_model=PromotedView,
    responses=answers(*BODY, 409),
    openapi_extra=reads("RollbackBody", ROLLBACKS),
    summary="Go back to the bundle that was active before",
)
async def rollback(request: Request) -> Response:
    """By history: a second rollback goes further back, not to and fro."""
    principal = admit(request, Role.ENGINEER)
    service = service_of(request)
    asked = await read_fields(request, service.settings, RollbackBody)
    outcome = await run_in_threadpool(
        service.parts.promotion.rollback, principal.owner, asked.reason, asked.expect
    )
    return answer(render(_outcome(outcome)))


@router.post(
    "/shadow",
    response_model=ShadowedView,
    responses=answers(*BODY, 404, 409),
    openapi_extra=reads("ShadowBody", SHADOWS),
    summary="Let a bundle run beside the active one",
)
async def shadow(request: Request) -> Response:
    """It is asked about every incident and nobody follows it; what it would have done is compared with what was
    decided, and with what reviewers say."""
    principal = admit(request, Role.ENGINEER)
    service = service_of(request)
    challenge = service.parts.challenge
    asked = await read_fields(request, service.settings, ShadowBody)
    if asked.version == NOTHING:
        moved = await run_in_threadpool(challenge.end, principal.owner, asked.reason, asked.expect)
    else:
        moved = await run_in_threadpool(challenge.name, asked.version, principal.owner, asked.reason, asked.expect)
    pointer = await run_in_threadpool(challenge.pointer)
    return answer(render({"challenger": _active(pointer) if pointer else None, "changed": moved is not None}))


@router.get(
    "/shadow", response_model=ChallengeView, responses=answers(), summary="The challenger beside the active one"
)
async def get_shadow(request: Request) -> Response:
    admit(request, Role.ENGINEER)
    report = await run_in_threadpool(service_of(request).parts.challenge.report)
    return answer(render({"report": as_json(report) if report is not None else None}))


@router.get("/drift", response_model=DriftView, responses=answers(), summary="Whether the active one still fits")
async def get_drift(request: Request) -> Response:
    """What it does lately beside what it did before, and how right it is beside what training measured."""
    admit(request, Role.ENGINEER)
    report = await run_in_threadpool(service_of(request).parts.drift.report)
    return answer(render({"report": drift_as_json(report) if report is not None else None}))


def _overview(overview: Overview, challenger: Pointer | None) -> dict[str, Any]:
    return {
        "active": _active(overview.pointer) if overview.pointer else None,
        "in_force": overview.in_force,
        "fault": overview.fault,
        "challenger": _active(challenger) if challenger else None,
        "bundles": [_bundle(state) for state in overview.bundles],
        "activations": [_activation(move) for move in overview.moves],
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {"active": _active(outcome.pointer), "changed": outcome.changed}


def _active(pointer: Pointer) -> dict[str, Any]:
    return {
        "version": pointer.version,
        "previous": pointer.previous,
        "since": pointer.changed_at,
        "by": pointer.changed_by,
        "reason": pointer.reason,
    }


def _activation(move: Move) -> dict[str, Any]:
    return {
        "version": move.version,
        "previous": move.previous,
        "at": move.changed_at,
        "by": move.changed_by,
        "reason": move.reason,
        "rollback": move.restores is not None,
    }


def _bundle(state: BundleState) -> dict[str, Any]:
    manifest = state.manifest
    return {
        "version": state.version,
        "usable": manifest is not None,
        "refused": state.refused,
        "kind": manifest.kind if manifest else None,
        "created_at": manifest.created_at if manifest else None,
        "encoder": manifest.encoder_version if manifest else None,
        "heads": sorted(manifest.heads) if manifest else [],
        "quality": _figures(manifest.quality) if manifest else {},
    }


def _figures(quality: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """By head, each figure by its name (``later.accuracy``)."""
    return {head: dict(_numbers(said, "")) for head, said in quality.items() if isinstance(said, Mapping)}


def _numbers(said: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, float]]:
    if len(said) > MOST_FIGURES:
        return
    for name, value in said.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{name}", float(value)
        elif isinstance(value, Mapping) and not prefix:
            yield from _numbers(value, f"{name}.")
