"""Trying a policy out from its pages: checked, asked what would happen if, backtested and drilled."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from triage.console.reporting import environments_of
from triage.console.routing import Form, PageRoute, page, problem_of, submitted
from triage.console.templating import local_moment
from triage.console.visiting import Visitor, service_of, visitor_of
from triage.domain.access import Role
from triage.domain.catalogue import Catalogue
from triage.domain.priority import Priority
from triage.drilling.report import report_as_json
from triage.errors import BadRequest, InvalidIncident
from triage.escalation.state import Note, Notice, Page
from triage.rehearsal.backtest import Answering
from triage.rehearsal.check import DAYS
from triage.rehearsal.drawing import is_night, told_of, zone_of
from triage.rehearsal.findings import Finding, Severity
from triage.rehearsal.scenario import ScenarioShape, scenario_from
from triage.rehearsal.simulate import Simulation
from triage.rules.configuration import Configuration
from triage.serving.parts import Parts

router = APIRouter(prefix="/policy", route_class=PageRoute, include_in_schema=False)

FIELDS = ("title", "description", "service", "environment", "severity", "impact", "urgency", "customer_tier")
LOUD = (
    Notice.ACKNOWLEDGE_BREACHED, Notice.RESOLVE_BREACHED, Notice.NOBODY_ANSWERED, Notice.SKIPPED,
    Notice.VENDOR_LATE,
)  # fmt: skip
MOST_DAYS = 366
AT_ONCE, PATIENT = 0.05, 60.0
"""Seconds that a page waits for a check, and that a part of it does."""
BACKTESTED_DAYS = (7, 30, 90)
REAL_DRILL = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Line:
    """Something that would happen. ``wakes``: it is night where whoever is paged lives; ``loud``: a promise
    broken, or nobody reached."""

    at: datetime
    after: timedelta
    text: str
    kind: str
    wakes: bool
    loud: bool


# Check.


@router.get("/check")
def check(request: Request, wait: bool = False) -> Response:
    """Of the policy in force. A check takes seconds: the page comes at once, and asks again for what was found."""
    visitor, parts = visitor_of(request), service_of(request).parts
    configuration = parts.trying.proposed(None, None)
    versions = configuration.rulebook.version, configuration.catalogue.version
    found = parts.lately.ask(
        ("check", *versions), lambda: parts.trying.check(configuration, DAYS), PATIENT if wait else AT_ONCE
    )
    return page(request, visitor, "policy_check.html", _found(found, Form({}), None))


@router.post("/check")
async def check_proposal(request: Request) -> Response:
    visitor, form = await submitted(request)
    return await run_in_threadpool(_checked, request, visitor, service_of(request).parts, form)


def _checked(request: Request, visitor: Visitor, parts: Parts, form: Form) -> Response:
    configuration, fault = _proposed(parts, form)
    found = parts.trying.check(configuration, DAYS) if configuration is not None else []
    return page(request, visitor, "policy_check.html", _found(found, form, fault))


def _found(found: list[Finding] | None, form: Form, fault: str | None) -> dict[str, Any]:
    """None: it is not known yet."""
    errors = [one for one in found or () if one.kind.severity is Severity.ERROR]
    others = [one for one in found or () if one.kind.severity is not Severity.ERROR]
    return {
        **_texts(form),
        "fault": fault,
        "findings": [*errors, *others] if found is not None else None,
        "errors": len(errors),
        "days": DAYS,
    }


def _proposed(parts: Parts, form: Form) -> tuple[Configuration | None, str | None]:
    """The configuration to try, or why it does not load."""
    try:
        return parts.trying.proposed(form.get("escalation"), form.get("catalogue")), None
    except InvalidIncident as error:
        return None, error.faults[0].message if error.faults else problem_of(error)


def _texts(form: Form) -> dict[str, str]:
    return {"escalation": form.get("escalation") or "", "catalogue_text": form.get("catalogue") or ""}


# What would happen if.


@router.get("/what-if")
def what_if(request: Request) -> Response:
    visitor = visitor_of(request)
    form = Form({name: [value] for name, value in request.query_params.items()})
    return _played(request, visitor, service_of(request).parts, form)


@router.post("/what-if")
async def what_if_proposal(request: Request) -> Response:
    visitor, form = await submitted(request)
    return await run_in_threadpool(_played, request, visitor, service_of(request).parts, form)


def _played(request: Request, visitor: Visitor, parts: Parts, form: Form) -> Response:
    given = form.as_dict()
    context: dict[str, Any] = {
        **_texts(form),
        "given": {"at": f"{visitor.now.astimezone(visitor.zone):%Y-%m-%dT%H:%M}", **given},
        "catalogue": visitor.catalogue,
        "environments": environments_of(visitor.catalogue),
        "severities": [severity.word for severity in visitor.catalogue.severities],
        "priorities": list(Priority),
        "fault": None,
        "played": None,
    }
    if form.get("title") is None and form.get("service") is None:
        return page(request, visitor, "what_if.html", context)
    configuration, fault = _proposed(parts, form)
    if configuration is not None:
        try:
            played = parts.trying.simulate(configuration, scenario_of(form, visitor))
        except BadRequest as error:
            fault = problem_of(error)
        else:
            context |= {
                "played": played,
                "lines": lines_of(played, configuration.catalogue),
                "first": played.rulings[0].outcome,
                "tried": configuration.catalogue,
            }
    return page(request, visitor, "what_if.html", context | {"fault": fault}, 422 if fault else 200)


def scenario_of(form: Form, visitor: Visitor) -> ScenarioShape:
    """Raises UnknownWord, InvalidIncident."""
    at = local_moment(form.get("at") or visitor.now.isoformat(), visitor.zone, "when")
    incident = {name: form.get(name) for name in FIELDS}
    incident |= {"title": form.get("title") or "An incident"}
    given: Mapping[str, Any] = {
        "priority": form.get("priority"),
        "team": form.get("team"),
        "answer_within": form.get("answer"),
        "until": form.get("until") or "24h",
    }
    return scenario_from(ScenarioShape(at=at), given, incident)


def lines_of(played: Simulation, catalogue: Catalogue) -> list[Line]:
    found = []
    for entry in played.entries:
        effect = entry.effect
        if isinstance(effect, Note) and effect.notice is Notice.PATH_CHANGED:
            continue
        text = told_of(effect, entry.at, catalogue) if effect is not None else entry.happened or ""
        wakes = isinstance(effect, Page) and is_night(entry.at, zone_of(catalogue, effect.person, effect.target))
        loud = isinstance(effect, Note) and effect.notice in LOUD
        kind = type(effect).__name__.lower() if effect is not None else "happened"
        found.append(Line(entry.at, entry.at - played.opened_at, text.removeprefix("!! "), kind, wakes, loud))
    return found


# Backtest.


@router.get("/backtest")
def ask_backtest(request: Request) -> Response:
    visitor = visitor_of(request, Role.REVIEWER)
    text = service_of(request).parts.trying.proposed(None, None).policy_text
    context = {"escalation": text, "catalogue_text": "", "fault": None, "found": None, "days": 30}
    return page(request, visitor, "policy_backtest.html", context | {"choices": BACKTESTED_DAYS})


@router.post("/backtest")
async def backtest(request: Request) -> Response:
    visitor, form = await submitted(request, Role.REVIEWER)
    return await run_in_threadpool(_backtested, request, visitor, service_of(request).parts, form)


def _backtested(request: Request, visitor: Visitor, parts: Parts, form: Form) -> Response:
    days = form.get("days") or "30"
    if not days.isdecimal() or not 0 < int(days) <= MOST_DAYS:
        raise InvalidIncident(f"days go from 1 to {MOST_DAYS}")
    configuration, fault = _proposed(parts, form)
    found = None
    if configuration is not None:
        found = parts.trying.backtest(configuration, int(days), Answering(within=timedelta(minutes=5), missed=0.2))
    context = {
        **_texts(form),
        "fault": fault,
        "found": found,
        "totals": _totals(found.compared) if found else [],
        "days": int(days),
        "choices": BACKTESTED_DAYS,
        "catalogue": visitor.catalogue,
    }
    return page(request, visitor, "policy_backtest.html", context, 422 if fault else 200)


_TOTALS = {
    "incidents": "Incidents",
    "pages": "Pages",
    "woken": "Pages at night",
    "people_woken": "People ever woken",
    "suppressed": "Told nobody",
    "unanswered": "Nobody answered",
    "acknowledged_late": "Taken later than promised",
    "resolved_late": "Resolved later than promised",
    "skipped_steps": "Steps that reached nobody",
}


def _totals(compared: Any) -> list[tuple[str, int, int]]:
    return [
        (words, getattr(compared.before, name), getattr(compared.after, name)) for name, words in _TOTALS.items()
    ]


# Drill.


@router.get("/drill")
def ask_drill(request: Request) -> Response:
    visitor = visitor_of(request)
    return _drills(request, visitor, service_of(request).parts, None)


@router.post("/drill")
async def drill(request: Request) -> Response:
    visitor, form = await submitted(request)
    parts = service_of(request).parts
    report = await run_in_threadpool(_drilled, parts, visitor, form)
    return await run_in_threadpool(_drills, request, visitor, parts, report)


def _drilled(parts: Parts, visitor: Visitor, form: Form) -> dict[str, Any]:
    configuration = parts.trying.proposed(None, None)
    word = form.get("priority") or "P1"
    if word not in ("P1", "P2"):
        raise InvalidIncident("a drill is of a P1 or a P2")
    scenario = parts.trying.urgent(configuration, Priority(word))
    if form.get("real"):
        if form.get("sure") is None:
            raise InvalidIncident("people will be paged: say that you are sure")
        return report_as_json(parts.drills.begin(scenario.incident, REAL_DRILL, visitor.actor))
    return report_as_json(parts.trying.drill(configuration, scenario, visitor.actor, keep=True))


def _drills(request: Request, visitor: Visitor, parts: Parts, report: dict[str, Any] | None) -> Response:
    context = {
        "report": report,
        "drills": parts.watches.drills(20),
        "dues": [due for due in parts.watching.dues() if due.drill_due],
        "catalogue": visitor.catalogue,
    }
    return page(request, visitor, "policy_drill.html", context)
