"""``/v1/policy/drill``: incidents that are practised; and which policies are due for it."""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from triage.api.access import admit, service_of
from triage.api.bodies import answer, read_fields, render
from triage.api.examples import Examples
from triage.api.rehearsals import Proposal
from triage.api.routing import BODY, answers, reads
from triage.domain.access import Principal, Role
from triage.drilling.report import DrillReport, report_as_json
from triage.errors import BadRequest
from triage.rehearsal.scenario import ScenarioShape
from triage.serving.service import Service
from triage.telling.watching import Due

router = APIRouter(prefix="/v1/policy", tags=["policy"])

DRILLS: Final[Examples] = {
    "p1": {"summary": "A P1 that nobody answers, within seconds", "value": {}},
    "answered": {
        "summary": "At night, answered after seven minutes",
        "value": {
            "scenario": {
                "at": "2026-12-25T02:40:00+01:00",
                "incident": {"title": "Cards fail", "service": "payment-gateway", "severity": "critical"},
                "answer_within": "7m",
            }
        },
    },
    "real": {
        "summary": "On the real clock: people are told that it is a drill",
        "value": {"real": True, "lasts_seconds": 1800},
    },
}


class DrillBody(Proposal):
    """``scenario`` left out: a P1 on the most important service, as the catalogue has it."""

    scenario: ScenarioShape | None = None
    real: bool = Field(False, description="Tell people, who are told that it is a drill")
    lasts_seconds: Annotated[int, Field(ge=60, le=86_400)] = Field(
        3600, description="Of a real one: after so long it is ended, whether or not somebody has"
    )


class DrillView(BaseModel):
    """Seconds count from the opening. ``as_planned``: whether the engine did what a rehearsal of the policy says;
    null on the real clock, where people answer when they answer."""

    kind: str
    policy: str
    rule: str
    priority: str
    team: str
    opened_at: str
    ended_at: str
    acknowledged_after: float | None
    acknowledged_by: str | None
    resolved_after: float | None
    told: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    as_planned: bool | None
    differences: list[str]
    faults: list[str]
    incident_id: str | None


class PolicyView(BaseModel):
    id: str
    owner: str
    description: str
    mode: str
    steps: int
    review_after: str | None
    review_due: bool
    drilled_at: str | None
    drill_due: bool


class PoliciesView(BaseModel):
    policies: list[PolicyView]


@router.get("", response_model=PoliciesView, responses=answers())
async def list_policies(request: Request) -> Response:
    """The policies in force: whose they are, and which are due for a review or their quarterly drill."""
    admit(request, Role.RESPONDER)
    dues = await run_in_threadpool(service_of(request).parts.watching.dues)
    return answer(render({"policies": [_policy(due) for due in dues]}))


@router.post(
    "/drill",
    response_model=DrillView,
    responses=answers(*BODY),
    openapi_extra=reads("DrillBody", DRILLS, required=False),
    summary="Practise a P1 or P2 with the very engine: on a virtual clock, or for real",
)
async def drill(request: Request) -> Response:
    """On the virtual clock nothing is sent and nothing of it stays; a real one pages people, who are told so."""
    principal = admit(request, Role.RESPONDER)
    service = service_of(request)
    asked = await read_fields(request, service.settings, DrillBody)
    found = await run_in_threadpool(_real if asked.real else _virtual, service, principal, asked)
    return answer(render(report_as_json(found)))


@router.get("/drills/{incident_id}", response_model=DrillView, responses=answers(404))
async def get_drill(request: Request, incident_id: str) -> Response:
    """A drill on the real clock, as it stands."""
    admit(request, Role.RESPONDER)
    found = await run_in_threadpool(service_of(request).parts.drills.report, incident_id)
    return answer(render(report_as_json(found)))


def _virtual(service: Service, principal: Principal, body: DrillBody) -> DrillReport:
    trying = service.parts.trying
    configuration = trying.proposed(body.escalation, body.catalogue)
    return trying.drill(configuration, body.scenario, principal.actor, keep=body.escalation is None)


def _real(service: Service, principal: Principal, body: DrillBody) -> DrillReport:
    if body.escalation is not None or body.catalogue is not None:
        raise BadRequest("people are told by the configuration in force; drill a proposal on the virtual clock")
    trying = service.parts.trying
    scenario = body.scenario or trying.urgent(trying.proposed(None, None))
    return service.parts.drills.begin(scenario.incident, timedelta(seconds=body.lasts_seconds), principal.actor)


def _policy(due: Due) -> dict[str, Any]:
    policy = due.policy
    return {
        "id": policy.id,
        "owner": policy.owner,
        "description": policy.description,
        "mode": policy.mode.value,
        "steps": len(policy.steps),
        "review_after": policy.review_after,
        "review_due": due.review_due,
        "drilled_at": due.drilled_at,
        "drill_due": due.drill_due,
    }
