"""``/v1/sources/{source}``: payloads in other systems' own formats.

A payload that cannot be used at all is still answered with 2xx and kept as a dead letter: Alertmanager
and its like send a refused group again at every interval, for as long as it fires.
"""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from triage.api.access import admit, service_of
from triage.api.bodies import answer, beside, read_body, render
from triage.api.examples import PAYLOADS
from triage.api.incidents import SPOOLED, deliver
from triage.api.routing import REPEATABLE, answers, reads
from triage.api.shapes import SourceView, status_of
from triage.domain.access import Role
from triage.errors import TriageError
from triage.serving.reception import letters, read
from triage.serving.service import Service
from triage.sources.batch import SourceBatch
from triage.triager import Outcome

RESULT = 128
"""About how many bytes an event takes in the answer."""

router = APIRouter(prefix="/v1/sources", tags=["sources"])


@router.post(
    "/{source}",
    response_model=SourceView,
    responses={**SPOOLED, **answers(400, 404, 408, 409, 413, 415)},
    openapi_extra=reads({}, PAYLOADS) | REPEATABLE,
    summary="A payload in a source's own format, such as an Alertmanager webhook",
)
async def receive(request: Request, source: str) -> Response:
    principal = admit(request, Role.SOURCE)
    service = service_of(request)
    body = await read_body(request, service.settings, service.settings.max_batch_body)
    reading = await beside(service, len(body), read, source, body, request.headers, principal)
    batch = reading.batch or SourceBatch()
    outcomes = await deliver(service, source, body, request, principal, reading)
    if isinstance(outcomes, Response):
        return outcomes
    if batch.rejected:
        await run_in_threadpool(service.bury, source, letters(batch))
    _count(service, source, batch)
    return answer(await beside(service, len(outcomes) * RESULT, _view, batch, outcomes))


def _view(batch: SourceBatch, outcomes: list[Outcome]) -> bytes:
    return render(
        {
            "accepted": len(batch.events),
            "rejected": len(batch.rejected),
            "omitted": batch.omitted,
            "results": [_result(outcome) for outcome in outcomes],
        }
    )


def _count(service: Service, source: str, batch: SourceBatch) -> None:
    metrics = service.metrics
    metrics.omitted.labels(source).inc(batch.omitted)
    for note in batch.notes:
        metrics.notes.labels(source, note.kind).inc()


def _result(outcome: Outcome) -> dict[str, Any]:
    """Little: these senders read the status only."""
    if isinstance(outcome, TriageError):
        return {"status": outcome.status, "code": outcome.code}
    return {
        "status": status_of(outcome),
        "incident_id": outcome.incident.id,
        "state": outcome.incident.state.value,
        "joined": outcome.joined,
        "counted": outcome.counted,
    }
