"""Reporting an incident: what would become of it, and what it may be already, before it is sent."""

import uuid
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from triage.console.path_view import Look, rungs_of
from triage.console.routing import Form, PageRoute, go, page, submitted
from triage.console.templating import local_moment
from triage.console.visiting import Visitor, service_of, visitor_of
from triage.console.words import priority_words, second_look_words, team_words
from triage.domain.catalogue import Catalogue
from triage.domain.incident import Incident
from triage.errors import BadRequest, InvalidIncident, TriageError
from triage.serving.reception import NATIVE, read
from triage.serving.service import Service
from triage.serving.taking_in import carry_out
from triage.sources.native import read_incident
from triage.store.lists import IncidentLists, IncidentRow
from triage.triager import Received

router = APIRouter(prefix="/report", route_class=PageRoute, include_in_schema=False)

SOURCE = "console"
WORDS = (
    "title", "description", "service", "environment", "region", "kind", "severity", "impact", "urgency",
    "assigned_team", "customer_tier", "reporter", "detected_by",
)  # fmt: skip
MOMENTS = ("started_at", "due_at")
LINKS = 3
"""Links that the form has room for."""


@router.get("")
def ask(request: Request) -> Response:
    visitor = visitor_of(request)
    given = {name: value for name, value in request.query_params.items() if name in WORDS}
    return page(request, visitor, "report.html", _form(visitor, {"reporter": visitor.actor, **given}))


@router.post("/preview")
async def preview(request: Request) -> Response:
    """What would become of it. Nothing is opened, and nobody is told."""
    visitor, form = await submitted(request)
    if not form.get("title"):
        return page(request, visitor, "_preview.html", {"decision": None, "faults": ()})
    try:
        event = read_incident(_body(form, visitor.zone))
    except BadRequest as error:
        return page(request, visitor, "_preview.html", {"decision": None, "faults": _faults(error)})
    service = service_of(request)
    decision = (await service.predict([event]))[0]
    found = await run_in_threadpool(_like, service, visitor, event, [*decision.explanation.similar])
    look = Look(
        catalogue=visitor.catalogue,
        overrides=await run_in_threadpool(service.parts.oncall.standing, visitor.now),
        me=visitor.actor,
        now=visitor.now,
    )
    context = {
        "decision": decision,
        "faults": (),
        "catalogue": visitor.catalogue,
        "priority_words": priority_words(decision, visitor.catalogue),
        "team_words": team_words(decision, visitor.catalogue),
        "second_look": second_look_words(decision.second_look, visitor.catalogue),
        "similar": found,
        "rungs": rungs_of(decision.escalation, None, look),
    }
    return page(request, visitor, "_preview.html", context)


def _like(service: Service, visitor: Visitor, event: Incident, ids: list[str]) -> list[IncidentRow]:
    """Those that it may be already: open ones first."""
    rows = IncidentLists(service.parts.database).get_many(ids)
    return sorted(rows, key=lambda row: (not row.is_open, ids.index(row.id)))[:6]


@router.post("")
async def send(request: Request) -> Response:
    visitor, form = await submitted(request)
    service = service_of(request)
    same = form.get("same")
    try:
        body = _body(form, visitor.zone)
        if same is not None:
            event = read_incident(body)
            await run_in_threadpool(service.parts.responding.annotate, same, visitor.actor, _as_note(event))
            return go(
                request, f"/incidents/{same}", "Your report is a note of this incident; no further one was opened."
            )
        received = await _deliver(service, body, visitor, form.get("once"))
    except BadRequest as error:
        context = _form(visitor, form.as_dict()) | {"faults": _faults(error)}
        return page(request, visitor, "report.html", context, error.status)
    if received is None:
        return go(
            request,
            "/report",
            "The database is away or busy: your report is kept on disk and carried out once it can be.",
        )
    said = "It is reported." if received.opened else "It belongs to this incident, which was open already."
    return go(request, f"/incidents/{received.incident.id}", said)


async def _deliver(service: Service, body: bytes, visitor: Visitor, once: str | None) -> Received | None:
    """None: it waits in the spool. A form that is sent twice is carried out once."""
    headers = {"idempotency-key": f"console-{once}"} if once else {}
    reading = read(NATIVE, body, headers, visitor.principal)
    done = await carry_out(service, NATIVE, body, headers, visitor.principal, reading.delivery)
    if isinstance(done, str):
        return None
    outcome = done[0]
    if isinstance(outcome, TriageError):
        raise outcome
    return outcome


def _body(form: Form, zone: ZoneInfo) -> bytes:
    """The event that a form describes, as the API takes it. Raises InvalidIncident for a time that is none."""
    event: dict[str, Any] = {name: value for name in WORDS if (value := form.get(name)) is not None}
    for name in MOMENTS:
        if value := form.get(name):
            event[name] = local_moment(value, zone, name).isoformat()
    event |= {name: True for name in ("data_exposure", "regulated") if form.get(name)}
    links = [
        {"href": href, "text": form.get(f"link_text_{n}") or ""}
        for n in range(LINKS)
        if (href := form.get(f"link_{n}")) is not None
    ]
    if links:
        event["links"] = links
    if text := form.get("evidence"):
        event["evidence"] = [{"kind": "observation", "text": text}]
    return orjson.dumps({**event, "source": SOURCE})


def _as_note(event: Incident) -> str:
    return f"Reported again by {event.reporter or 'somebody'}: {event.text}"[:8_000]


def _faults(error: BadRequest) -> tuple[tuple[str, str], ...]:
    if isinstance(error, InvalidIncident) and error.faults:
        return tuple((fault.at, fault.message) for fault in error.faults)
    return (("", str(error)),)


def _form(visitor: Visitor, given: dict[str, str]) -> dict[str, Any]:
    catalogue = visitor.catalogue
    return {
        "given": given,
        "faults": (),
        "once": given.get("once") or str(uuid.uuid4()),
        "catalogue": catalogue,
        "impacts": _distinct(impact for impact, _ in catalogue.matrix),
        "urgencies": _distinct(urgency for _, urgency in catalogue.matrix),
        "severities": [severity.word for severity in catalogue.severities],
        "tiers": _distinct(sla.customer_tier for sla in catalogue.slas if sla.customer_tier),
        "environments": environments_of(catalogue),
        "links": range(LINKS),
        "decision": None,
    }


def _distinct(words: Any) -> list[str]:
    return list(dict.fromkeys(words))


def environments_of(catalogue: Catalogue) -> list[str]:
    """For a form to choose from."""
    named = (service.environment for service in catalogue.services.values())
    return _distinct(["production", "staging", "test", *filter(None, named)])
