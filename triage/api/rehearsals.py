"""Trying a policy: one incident on a virtual clock, and what was decided lately through a proposed policy."""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from triage.api.access import admit, service_of
from triage.api.bodies import answer, read_fields, render
from triage.api.examples import Examples
from triage.api.routing import BODY, answers, reads
from triage.domain.access import Role
from triage.drilling.trying import LOOKED_AT
from triage.errors import InvalidIncident
from triage.rehearsal.backtest import Answering
from triage.rehearsal.check import DAYS
from triage.rehearsal.drawing import draw
from triage.rehearsal.findings import finding_as_json
from triage.rehearsal.scenario import ScenarioShape
from triage.rehearsal.telling import simulation_as_json
from triage.serving.service import Service

router = APIRouter(prefix="/v1/policy", tags=["policy"])

LONGEST_TEXT = 1024 * 1024

CHECKS: Final[Examples] = {
    "rules": {"summary": "Proposed rules with the catalogue in force", "value": {"escalation": "rules:\n  - …\n"}},
}
SIMULATIONS: Final[Examples] = {
    "night": {
        "summary": "A P1 in the night of a holiday, answered after 12 minutes",
        "value": {
            "scenario": {
                "at": "2026-12-25T02:40:00+01:00",
                "incident": {"title": "Card authorisations fail", "service": "payment-gateway"},
                "priority": "P1",
                "then": [{"after": "12m", "acknowledge": "first"}],
            }
        },
    }
}
BACKTESTS: Final[Examples] = {
    "month": {
        "summary": "The last thirty days through a proposed policy",
        "value": {"days": 30, "escalation": "rules:\n  - …\npolicies:\n  …\n"},
    }
}

Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


class Proposal(BaseModel):
    """The texts of configuration files; one that is left out is the one in force."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    escalation: Text | None = Field(None, description="The text of an escalation.yaml")
    catalogue: Text | None = Field(None, description="The text of a catalogue.yaml")


class CheckBody(Proposal):
    days: Annotated[int, Field(ge=1, le=366)] = DAYS


class FindingView(BaseModel):
    code: str
    severity: str = Field(description="`error`: somebody would not be told, or too late; or `warning`")
    where: str
    message: str
    mend: str
    file: str
    line: int | None


class CheckView(BaseModel):
    loads: bool = Field(description="Whether it could be put in force at all")
    fault: str | None = Field(description="Why it does not load: file, line, what was found and what is right")
    findings: list[FindingView]


class SimulationBody(Proposal):
    scenario: ScenarioShape


class BacktestBody(Proposal):
    days: Annotated[int, Field(ge=1, le=3660)] = 30
    missed: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        0.2, description="Of the pages, the share that nobody answers"
    )
    answer_within_seconds: Annotated[int, Field(ge=0, le=86_400)] = 300


class SimulationView(BaseModel):
    opened_at: str
    ended_at: str
    phase: str = Field(description="How it ends: `calling`, `acknowledged`, `resolved` or `quiet`")
    decisions: list[dict[str, Any]] = Field(
        description="The first, and each that changed something, with its rule"
    )
    path: dict[str, Any] = Field(description="The path chosen first")
    hand_over: dict[str, Any] | None = Field(description="What whoever takes it over at the end has to know")
    timeline: list[dict[str, Any]] = Field(description="Who is told when, and what else happens; each with `text`")
    drawing: str = Field(description="The same for people, as text")


class BacktestView(BaseModel):
    incidents: int = Field(description=f"At most {LOOKED_AT}, the newest")
    before: dict[str, Any] = Field(description="Totals of the policy in force")
    after: dict[str, Any] = Field(description="Totals of the proposed one")
    people: list[dict[str, Any]] = Field(description="What each person bears by either, the most woken more first")
    reroutes: list[dict[str, Any]] = Field(description="Incidents that would go by another policy")
    told_otherwise: int = Field(description="Incidents that would tell somebody else first")
    newly_woken: list[str]
    newly_woken_count: int
    no_longer_woken: list[str]
    no_longer_woken_count: int
    quieter_p1: list[str] = Field(description="P1s that would be told later or to nobody; look at these first")


@router.post(
    "/check",
    response_model=CheckView,
    responses=answers(*BODY),
    openapi_extra=reads("CheckBody", CHECKS, required=False),
    summary="What is wrong with a configuration, before it pages anybody",
)
async def check_policy(request: Request) -> Response:
    """A proposal that does not load is answered as well: `loads` is false and `fault` says why."""
    admit(request, Role.RESPONDER)
    service = service_of(request)
    asked = await read_fields(request, service.settings, CheckBody)
    return answer(await run_in_threadpool(_check, service, asked))


@router.post(
    "/simulate",
    response_model=SimulationView,
    responses=answers(*BODY),
    openapi_extra=reads("SimulationBody", SIMULATIONS),
    summary="Play one incident on a virtual clock: who would be told when, by which rule",
)
async def simulate_policy(request: Request) -> Response:
    """Nothing is sent and nothing is stored."""
    admit(request, Role.RESPONDER)
    service = service_of(request)
    asked = await read_fields(request, service.settings, SimulationBody)
    return answer(await run_in_threadpool(_simulate, service, asked))


@router.post(
    "/backtest",
    response_model=BacktestView,
    responses=answers(*BODY),
    openapi_extra=reads("BacktestBody", BACKTESTS),
    summary="What was decided lately through a proposed policy: who would have been woken, and what changes",
)
async def backtest_policy(request: Request) -> Response:
    """Of the newest 2,000 incidents. Nothing is sent and nothing is stored; takes some seconds."""
    admit(request, Role.REVIEWER)
    service = service_of(request)
    asked = await read_fields(request, service.settings, BacktestBody)
    return answer(await run_in_threadpool(_backtest, service, asked))


def _check(service: Service, body: CheckBody) -> bytes:
    trying = service.parts.trying
    try:
        configuration = trying.proposed(body.escalation, body.catalogue)
    except InvalidIncident as error:
        return render({"loads": False, "fault": error.faults[0].message, "findings": []})
    found = trying.check(configuration, body.days)
    return render({"loads": True, "fault": None, "findings": [finding_as_json(one) for one in found]})


def _simulate(service: Service, body: SimulationBody) -> bytes:
    configuration = service.parts.trying.proposed(body.escalation, body.catalogue)
    found = service.parts.trying.simulate(configuration, body.scenario)
    catalogue = configuration.catalogue
    return render({**simulation_as_json(found, catalogue), "drawing": draw(found, catalogue)})


def _backtest(service: Service, body: BacktestBody) -> bytes:
    configuration = service.parts.trying.proposed(body.escalation, body.catalogue)
    answering = Answering(within=timedelta(seconds=body.answer_within_seconds), missed=body.missed)
    found = service.parts.trying.backtest(configuration, body.days, answering)
    return render({"incidents": found.incidents, **found.compared.as_json()})
