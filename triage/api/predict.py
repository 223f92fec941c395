"""``/v1/predict``: what would be decided, with nothing opened and nobody told."""

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from triage.api.access import admit, service_of
from triage.api.bodies import DECIDED, answer, beside, read_json_body, render
from triage.api.examples import BATCHES, INCIDENTS
from triage.api.problems import problem_of
from triage.api.routing import BATCH, BODY, answers, reads
from triage.api.shapes import DecisionsView, DecisionView
from triage.domain.access import Principal, Role
from triage.domain.decision import Decision
from triage.domain.incident import EventKind, Incident
from triage.errors import InvalidIncident, TriageError
from triage.serving.reception import batch_items, read_items, sent_by
from triage.sources.native import read_incident
from triage.sources.payload import read_json
from triage.store.records import DECISION, decision_to_json

router = APIRouter(prefix="/v1", tags=["predict"])


@router.post(
    "/predict",
    response_model=DecisionView,
    responses=answers(*BODY),
    openapi_extra=reads("IncidentBody", INCIDENTS),
    summary="Decide on one incident; nothing is opened, nobody is told",
)
async def predict(request: Request, record: bool = False) -> Response:
    """`record=true` keeps the decision for reviewers and replay."""
    principal = admit(request, Role.SOURCE)
    service = service_of(request)
    body = await read_json_body(request, service.settings, service.settings.max_body)
    event = await beside(service, len(body), _read, body, principal)
    if record:
        decisions = await run_in_threadpool(service.parts.triager.predict, [event], record=True)
    else:
        decisions = await service.predict([event])
    return answer(DECISION.dump_json(decisions[0]))


@router.post(
    "/predict/batch",
    response_model=DecisionsView,
    responses=answers(*BODY),
    openapi_extra=reads(BATCH, BATCHES),
    summary="Decide on up to 1,000 incidents, in their order",
)
async def predict_batch(request: Request, record: bool = False) -> Response:
    principal = admit(request, Role.SOURCE)
    service = service_of(request)
    body = await read_json_body(request, service.settings, service.settings.max_batch_body)
    checked = await beside(service, len(body), _read_batch, body, principal)
    usable = [event for event in checked if isinstance(event, Incident)]
    if record:
        decisions = await run_in_threadpool(service.parts.triager.predict, usable, record=True)
    else:
        decisions = await service.predict_many(usable)
    return answer(await beside(service, len(checked) * DECIDED, _results, checked, decisions))


def _read(body: bytes, principal: Principal) -> Incident:
    return _opening(sent_by(read_incident(body), principal))


def _read_batch(body: bytes, principal: Principal) -> list[Incident | TriageError]:
    events, places = read_items(batch_items(read_json(body), "incidents"), principal)
    return [_place(place, events) for place in places]


def _results(checked: list[Incident | TriageError], decisions: list[Decision]) -> bytes:
    made = iter(decisions)
    items = [
        decision_to_json(next(made)) if isinstance(event, Incident) else {"problem": problem_of(event)}
        for event in checked
    ]
    return render({"decisions": items})


def _opening(event: Incident) -> Incident:
    """Only an event that could open an incident has something to be decided on."""
    if event.event is not EventKind.FIRING:
        raise InvalidIncident("a prediction is about a firing event")
    return event


def _place(place: int | TriageError, events: tuple[Incident, ...]) -> Incident | TriageError:
    if isinstance(place, TriageError):
        return place
    try:
        return _opening(events[place])
    except InvalidIncident as error:
        return error
