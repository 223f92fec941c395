"""``/v1/metrics/escalation``: whether escalation works, as JSON and as tables."""

from dataclasses import asdict
from enum import Enum
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel
from starlette.concurrency import run_in_threadpool

from triage.api.access import admit, service_of
from triage.api.bodies import answer, render
from triage.api.paging import moment_of
from triage.api.routing import answers
from triage.domain.access import Role
from triage.figures import DEFAULT_PERIOD, Grouping
from triage.serving.parts import utc_now
from triage.tables import Table, csv_of, rows_of

router = APIRouter(prefix="/v1/metrics", tags=["figures"])


class Format(Enum):
    JSON = "json"
    CSV = "csv"


class EscalationFigures(BaseModel):
    """Times in seconds, shares in [0, 1]; null where nothing can be said."""

    since: str
    until: str
    by: str | None
    total: dict[str, Any]
    groups: list[dict[str, Any]]
    fatigue: list[dict[str, Any]]
    deadlines: list[dict[str, Any]]


@router.get(
    "/escalation",
    response_model=EscalationFigures,
    responses={200: {"content": {"text/csv": {}}}, **answers(422)},
)
async def escalation_figures(
    request: Request,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    by: Grouping | None = None,
    format: Format = Format.JSON,  # noqa: A002 - the name that callers write
    table: Annotated[Table, Query(description="Of a CSV file.")] = Table.GROUPS,
) -> Response:
    """Of incidents opened from `since` (30 days ago, unless given) to `until` (now), in all and `by` team,
    service, priority or week; pages per person and hour; deadlines against reality."""
    admit(request, Role.RESPONDER)
    end = moment_of(until, "since or until") if until is not None else utc_now()
    start = moment_of(since, "since or until") if since is not None else end - DEFAULT_PERIOD
    report = await run_in_threadpool(service_of(request).parts.insights.report, start, end, by)
    if format is Format.CSV:
        headers = {"Content-Disposition": f'attachment; filename="escalation-{table.value}.csv"'}
        content = csv_of(rows_of(report, table))
        return Response(content, media_type="text/csv; charset=utf-8", headers=headers)
    found = asdict(report) | {"by": by.value if by is not None else None}
    return answer(render(found))
