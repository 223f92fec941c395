"""The threshold of similarity: what another one would have linked lately, which is in force, and turning it."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from triage.active import Search
from triage.api.access import admit, service_of
from triage.api.bodies import answer, read_fields, render
from triage.api.examples import Examples
from triage.api.routing import BODY, answers, reads
from triage.domain.access import Role
from triage.errors import Conflict
from triage.memory.previewing import DAYS, EXAMPLES, TARGET, Asked, Link, Preview, turn
from triage.recurrence.threshold import Point, Verdict
from triage.serving.parts import in_force, utc_now
from triage.serving.service import Service
from triage.store.likenesses import Likenesses, StoredLikeness

router = APIRouter(prefix="/v1/patterns", tags=["patterns"])

LOOKED_AT = 500
"""New texts that a request looks at, the newest; ``triage preview`` looks at all of them."""

PREVIEWS: Final[Examples] = {
    "recommended": {"summary": "With the threshold that is recommended", "value": {"target": 0.05, "days": 60}},
    "lower": {"summary": "A threshold that somebody thinks of", "value": {"threshold": 0.8}},
}
THRESHOLDS: Final[Examples] = {
    "measured": {
        "summary": "After a preview",
        "value": {"threshold": 0.84, "reason": "At most 5 % wrong on the last 60 days, see the preview"},
    }
}

Similarity = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class PreviewBody(BaseModel):
    """``threshold``: to compare with the one in force, else the recommended one; ``target``: how many of the links
    may be wrong; ``days``: how far back."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    threshold: Similarity | None = None
    target: Annotated[float, Field(ge=0.001, le=0.5, allow_inf_nan=False)] = TARGET
    days: Annotated[int, Field(ge=1, le=365)] = DAYS


class ThresholdBody(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    threshold: Similarity
    reason: Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"\S")]


class PointView(BaseModel):
    """The links that similarity makes from ``threshold`` on."""

    threshold: float
    links: int
    share: float = Field(description="Of the new texts, how many are linked")
    wrong: float | None = Field(description="The share of wrong links, estimated; null without links")
    wrong_at_most: float | None = Field(description="Its one-sided upper bound at `confidence`")
    by_people: int = Field(description="Links that people said are right or wrong")
    by_proxy: int = Field(description="Of the others, those whose teams or resolutions are known on both sides")


class LinkedView(BaseModel):
    incident_id: str
    pattern_id: str
    title: str


class LinkView(BaseModel):
    incident: LinkedView
    earlier: LinkedView
    similarity: float
    told: str | None = Field(description="What people said of the two: `same`, `different`, or nothing")


class ChangeOfLinksView(BaseModel):
    count: int
    examples: list[LinkView] = Field(description=f"At most {EXAMPLES}, those nearest to the threshold first")


class PreviewView(BaseModel):
    encoder: str
    in_force: float
    threshold: float = Field(description="The asked one, else the recommended one, else that in force")
    recommended: float | None = Field(
        description="The lowest that keeps to the target; null where none is known to"
    )
    reason: str = Field(description="Why none is recommended, if none is")
    target: float
    confidence: float
    since: datetime
    texts: int = Field(description="New texts in that time: what neither a key nor a digest recognised")
    looked_at: int = Field(description="Of these the newest")
    unembedded: int = Field(description="Of these left out, since they are not embedded yet")
    linked_now: int
    linked_then: int
    merged: ChangeOfLinksView = Field(description="What would be linked in addition")
    split: ChangeOfLinksView = Field(description="What would not be linked any more")
    curve: list[PointView]


class ThresholdView(BaseModel):
    """``since``, ``by``, ``reason`` and ``measured`` are null where nobody turned it: it is the default then."""

    encoder: str
    threshold: float
    weights: dict[str, float]
    since: datetime | None
    by: str | None
    reason: str | None
    measured: dict[str, Any] | None = Field(description="On what it was measured, and the curve")


@router.post(
    "/preview",
    response_model=PreviewView,
    responses=answers(*BODY, 409),
    openapi_extra=reads("PreviewBody", PREVIEWS, required=False),
    summary="What another threshold of similarity would have linked, and which is recommended",
)
async def preview(request: Request) -> Response:
    """Of the newest 500 incidents whose text was new when they came. Changes nothing; takes some seconds, and one
    is made at a time."""
    admit(request, Role.REVIEWER)
    service = service_of(request)
    asked = await read_fields(request, service.settings, PreviewBody)
    return answer(await run_in_threadpool(_preview, service, asked))


@router.get(
    "/threshold",
    response_model=ThresholdView,
    responses=answers(409),
    summary="The threshold of similarity in force",
)
async def get_threshold(request: Request) -> Response:
    admit(request, Role.RESPONDER)
    return answer(await run_in_threadpool(_threshold, service_of(request)))


@router.post(
    "/threshold",
    response_model=ThresholdView,
    responses=answers(*BODY, 409),
    openapi_extra=reads("ThresholdBody", THRESHOLDS),
    summary="Turn the threshold of similarity",
)
async def turn_threshold(request: Request) -> Response:
    """What it is measured on is kept with it. It belongs to the encoder that the memory is searched with; replicas
    follow within their refresh interval."""
    principal = admit(request, Role.ENGINEER)
    service = service_of(request)
    asked = await read_fields(request, service.settings, ThresholdBody)
    return answer(await run_in_threadpool(_turn, service, asked, principal.owner))


def _preview(service: Service, body: PreviewBody) -> bytes:
    asked = Asked(threshold=body.threshold, target=body.target, days=body.days, limit=LOOKED_AT)
    return render(preview_view(_look(service, asked)))


def _look(service: Service, asked: Asked) -> Preview:
    active = in_force(service.activation)
    return service.parts.previewing.preview(active.search, asked, utc_now(), active.decider.catalogue)


def _threshold(service: Service) -> bytes:
    search = in_force(service.activation).search
    encoder = _encoder(search)
    stored = Likenesses(service.parts.database).find(encoder)
    if stored is not None:
        return render(_stored_view(stored))
    weights = {name: getattr(search.likeness.weights, name) for name in search.likeness.weights.__slots__}
    nothing = dict.fromkeys(("since", "by", "reason", "measured"))
    return render({"encoder": encoder, "threshold": search.likeness.threshold, "weights": weights, **nothing})


def _turn(service: Service, body: ThresholdBody, by: str) -> bytes:
    preview = _look(service, Asked(threshold=body.threshold, limit=LOOKED_AT))
    likenesses = Likenesses(service.parts.database)
    return render(_stored_view(turn(likenesses, preview, body.threshold, by, body.reason, utc_now())))


def _encoder(search: Search) -> str:
    if search.encoder_version is None:
        raise Conflict("no bundle is in force, and a threshold of similarity belongs to a bundle's encoder")
    return search.encoder_version


def _stored_view(stored: StoredLikeness) -> dict[str, Any]:
    return {
        "encoder": stored.encoder,
        "threshold": stored.threshold,
        "weights": dict(stored.weights),
        "since": stored.made_at,
        "by": stored.made_by,
        "reason": stored.reason,
        "measured": dict(stored.measured),
    }


def preview_view(preview: Preview) -> dict[str, Any]:
    return {
        "encoder": preview.encoder,
        "in_force": preview.in_force.threshold,
        "threshold": preview.threshold,
        "recommended": preview.choice.threshold,
        "reason": preview.choice.reason,
        "target": preview.asked.target,
        "confidence": preview.curve.confidence,
        "since": preview.since,
        "texts": preview.texts,
        "looked_at": preview.looked_at,
        "unembedded": preview.unembedded,
        "linked_now": preview.linked_now,
        "linked_then": preview.linked_then,
        "merged": _change_view(preview.gained, by_now=False),
        "split": _change_view(preview.lost, by_now=True),
        "curve": [_point_view(point) for point in preview.curve.points],
    }


def _change_view(links: tuple[Link, ...], *, by_now: bool) -> dict[str, Any]:
    return {"count": len(links), "examples": [_link_view(link, by_now=by_now) for link in links[:EXAMPLES]]}


def _link_view(link: Link, *, by_now: bool) -> dict[str, Any]:
    ends = {
        name: {"incident_id": end.past.id, "pattern_id": end.root, "title": end.title}
        for name, end in (("incident", link.incident), ("earlier", link.other))
    }
    told = None if link.judged.verdict is Verdict.UNKNOWN else link.judged.verdict.value
    return {**ends, "similarity": round(link.before if by_now else link.similarity, 4), "told": told}


def _point_view(point: Point) -> dict[str, Any]:
    return {
        "threshold": point.threshold,
        "links": point.links,
        "share": round(point.share, 4),
        "wrong": _rounded(point.wrong),
        "wrong_at_most": _rounded(point.wrong_at_most),
        "by_people": point.by_people,
        "by_proxy": point.by_proxy,
    }


def _rounded(share: float | None) -> float | None:
    return round(share, 4) if share is not None else None
