"""``/v1/metrics/escalation``: whether escalation works, as JSON and as tables."""

import csv
import io
from collections.abc import Iterable, Mapping
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
from triage.figures import DEFAULT_PERIOD, Grouping, Report, flat
from triage.serving.parts import utc_now

router = APIRouter(prefix="/v1/metrics", tags=["figures"])


class Format(Enum):
    JSON = "json"
    CSV = "csv"


class Table(Enum):
    """Which figures a CSV file holds."""

    GROUPS = "groups"
    FATIGUE = "fatigue"
    DEADLINES = "deadlines"


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
        content = _csv(_rows(report, table))
        return Response(content, media_type="text/csv; charset=utf-8", headers=headers)
    found = asdict(report) | {"by": by.value if by is not None else None}
    return answer(render(found))


def _rows(report: Report, table: Table) -> list[dict[str, Any]]:
    match table:
        case Table.GROUPS:
            return [flat(group) for group in (report.total, *report.groups)]
        case Table.FATIGUE:
            return [
                {"person": one.person, "pages": one.pages, "at_night": one.at_night}
                | {f"hour_{hour:02}": pages for hour, pages in enumerate(one.by_hour)}
                for one in report.fatigue
            ]
        case Table.DEADLINES:
            return [asdict(one) for one in report.deadlines]


def _csv(rows: Iterable[Mapping[str, Any]]) -> str:
    listed = list(rows)
    written = io.StringIO()
    if listed:
        writer = csv.DictWriter(written, list(listed[0]))
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in listed)
    return written.getvalue()


def _cell(value: object) -> object:
    """A text that a spreadsheet would take for a formula is marked as text."""
    if isinstance(value, float):
        return round(value, 4)
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value
