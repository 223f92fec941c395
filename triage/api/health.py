"""Alive, ready, which versions, how much of what."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from triage import __version__
from triage.api.access import admit, service_of
from triage.api.bodies import answer, render
from triage.domain.access import Role
from triage.errors import Forbidden, Unauthenticated, Unavailable

OUR_OWN = frozenset({"database", "spool", "telling"})
"""Parts whose sentences quote nothing; those of others may hold what stands in the organisation's files."""

router = APIRouter(tags=["health"])


@router.get("/livez", summary="Alive: the process answers")
async def livez() -> Response:
    return answer(b'{"status":"alive"}')


@router.get(
    "/readyz",
    summary="Ready, and what is degraded; why, for whoever may send events",
    responses={503: {"description": "Not ready"}},
)
async def readyz(request: Request) -> Response:
    service = service_of(request)
    degraded: dict[str, str | None] = dict(service.degraded)
    if not _is_admitted(request):
        degraded = {part: why if part in OUR_OWN else None for part, why in degraded.items()}
    ready = service.is_ready
    return answer(
        render({"status": "ready" if ready else "not ready", "degraded": degraded}), 200 if ready else 503
    )


def _is_admitted(request: Request) -> bool:
    try:
        admit(request, Role.SOURCE)
    except (Unauthenticated, Forbidden, Unavailable):
        return False
    return True


@router.get("/version", summary="Code, bundle, policy and catalogue in force")
async def version(request: Request) -> Response:
    active = service_of(request).activation.active
    versions = active.decider.versions if active else None
    found = {
        "code": __version__,
        "bundle": versions.bundle if versions else None,
        "policy": versions.policy if versions else None,
        "catalogue": versions.catalogue if versions else None,
    }
    return answer(render(found))


@router.get("/metrics", summary="Prometheus metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    service = service_of(request)
    service.metrics.show_degraded(service.degraded)
    service.metrics.spool_pending.set(service.spool_pending)
    return Response(service.metrics.render(), media_type=CONTENT_TYPE_LATEST)
