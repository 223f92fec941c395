"""``/v1/metrics/model``: how right the machine is in production, as people judged a random sample of it."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from triage.api.access import admit, service_of
from triage.api.bodies import answer, render
from triage.api.paging import moment_of
from triage.api.routing import answers
from triage.domain.access import Role
from triage.precision import DEFAULT_PERIOD, as_json
from triage.serving.parts import utc_now
from triage.tables import csv_of

router = APIRouter(prefix="/v1", tags=["figures"])


class ModelFigures(BaseModel):
    """Estimates from the random sample, each as `{n, value, low, high}` with its interval at 95 %."""

    since: datetime
    until: datetime
    incidents: int
    reviewed: int
    team: dict[str, Any]
    priority: dict[str, Any]
    coverage_team: float | None
    coverage_priority: float | None
    overruled: float | None
    teams: list[dict[str, Any]]
    weekly: list[dict[str, Any]]
    corrected: list[dict[str, Any]]
    agreement: list[dict[str, Any]]
    disagreements: list[str]


class Section(Enum):
    """Of which figures a CSV file is."""

    TEAMS = "teams"
    WEEKLY = "weekly"


class Format(Enum):
    JSON = "json"
    CSV = "csv"


@router.get(
    "/metrics/model",
    response_model=ModelFigures,
    responses={200: {"content": {"text/csv": {}}}, **answers(422)},
    summary="How well the model does",
)
async def model_figures(
    request: Request,
    since: Annotated[datetime | None, Query(description="Left out: 90 days before `until`")] = None,
    until: Annotated[datetime | None, Query(description="Left out: now")] = None,
    section: Section = Section.TEAMS,
    format: Annotated[Format, Query(description="`csv`: one `section` of it")] = Format.JSON,  # noqa: A002
) -> Response:
    """Of the incidents opened in that time, as people judged those that were drawn at random."""
    admit(request, Role.RESPONDER)
    end = moment_of(until, "until") if until is not None else utc_now()
    start = moment_of(since, "since") if since is not None else end - DEFAULT_PERIOD
    found = as_json(await run_in_threadpool(service_of(request).parts.precision.report, start, end))
    if format is Format.CSV:
        headers = {"Content-Disposition": f'attachment; filename="model-{section.value}.csv"'}
        return Response(csv_of(found[section.value]), media_type="text/csv; charset=utf-8", headers=headers)
    return answer(render(found))
