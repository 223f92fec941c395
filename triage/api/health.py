"""Alive, ready, which versions, how much of what."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from triage import __version__
from triage.api.access import service_of
from triage.api.bodies import answer, render

router = APIRouter(tags=["health"])


@router.get("/livez", summary="Alive: the process answers")
async def livez() -> Response:
    return answer(b'{"status":"alive"}')


@router.get(
    "/readyz", summary="Ready, and what is degraded and why", responses={503: {"description": "Not ready"}}
)
async def readyz(request: Request) -> Response:
    service = service_of(request)
    state = {"status": "ready" if service.is_ready else "not ready", "degraded": service.degraded}
    return answer(render(state), 200 if service.is_ready else 503)


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
