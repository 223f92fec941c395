"""Looking back: whether escalation works and at whose cost, and how right the machine is."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from triage.console import precision_view
from triage.console.charts import took
from triage.console.insights_view import FEW, advice, charts_of, headlines, hours_of
from triage.console.period import PERIODS, Period, period_of
from triage.console.routing import PageRoute, page
from triage.console.visiting import Visitor, service_of, visitor_of
from triage.errors import NotFound
from triage.figures import Deadline, Fatigue, GroupFigures, Grouping
from triage.precision import ModelReport, as_json
from triage.serving.parts import Parts, utc_now
from triage.tables import Table, csv_of, rows_of

router = APIRouter(prefix="/insights", route_class=PageRoute, include_in_schema=False)

AT_ONCE = 0.12
"""Seconds that a page waits for figures before it is shown without them, and asks again."""
PATIENT = 20.0
"""Seconds that somebody waits who asked to."""
MOST_GROUPS = 60
"""Rows of the table; files have all of them."""
MODEL = "model"


class As(Enum):
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was found when a period was looked back on. ``before``: all incidents of the period before it."""

    since: datetime
    until: datetime
    worked_out_at: datetime
    total: GroupFigures
    before: GroupFigures
    weeks: tuple[GroupFigures, ...]
    groups: tuple[GroupFigures, ...]
    fatigue: tuple[Fatigue, ...]
    deadlines: tuple[Deadline, ...]
    model: ModelReport


@router.get("")
def show(request: Request, wait: bool = False) -> Response:
    """A month of many incidents takes seconds to add up: then the page comes without figures and asks again."""
    visitor = visitor_of(request)
    period = period_of(request.query_params, visitor)
    parts = service_of(request).parts
    looked = parts.lately.ask(
        ("insights", period.key), lambda: look_back(parts, period), PATIENT if wait else AT_ONCE
    )
    context: dict[str, Any] = {
        "period": period,
        "periods": PERIODS,
        "groupings": tuple(Grouping),
        "looked": looked,
        "took": took,
        "catalogue": visitor.catalogue,
        "sample": service_of(request).settings.review_sample,
        "tables": (*(table.value for table in Table), MODEL),
    }
    if looked is not None:
        context |= _shown(looked)
    return page(request, visitor, "insights.html", context)


def look_back(parts: Parts, period: Period) -> Looked:
    """Raises StoreUnavailable, and Unavailable while no catalogue is in force."""
    insights, since, until = parts.insights, period.since, period.until
    found = insights.groups(since, until, tuple(dict.fromkeys((Grouping.WEEK, period.by))))
    return Looked(
        since=since,
        until=until,
        worked_out_at=utc_now(),
        total=found[None][0],
        before=insights.groups(*period.before)[None][0],
        weeks=found[Grouping.WEEK],
        groups=found[period.by],
        fatigue=insights.fatigue(since, until),
        deadlines=insights.deadlines(since, until),
        model=parts.precision.report(since, until),
    )


def _shown(looked: Looked) -> Mapping[str, Any]:
    busiest = sorted(looked.groups, key=lambda group: -group.incidents)[:MOST_GROUPS]
    shown = {group.group for group in busiest}
    return {
        "headlines": headlines(looked.total, looked.before),
        "few": FEW,
        "charts": charts_of(looked.weeks),
        "groups": [group for group in looked.groups if group.group in shown],
        "hidden": len(looked.groups) - len(shown),
        "hours": hours_of(looked.fatigue),
        "deadlines": [(deadline, *advice(deadline)) for deadline in looked.deadlines],
        "model": looked.model,
        "weekly": precision_view.weekly_chart(looked.model),
        "corrected": precision_view.corrected(looked.model),
    }


@router.get("/export.{form}")
def export(request: Request, form: As, table: str = Table.GROUPS.value) -> Response:
    """What the page shows, and all of it, as a file for a spreadsheet or a program."""
    visitor = visitor_of(request)
    period, parts = period_of(request.query_params, visitor), service_of(request).parts
    if table == MODEL:
        content = _model_file(parts, period, visitor, form)
    elif table in {one.value for one in Table}:
        report = parts.insights.report(period.since, period.until, period.by)
        told = asdict(report) | {"by": period.by.value}
        content = orjson.dumps(told) if form is As.JSON else csv_of(rows_of(report, Table(table))).encode()
    else:
        raise NotFound("no such table")
    media = "application/json" if form is As.JSON else "text/csv; charset=utf-8"
    name = f"insights-{table}.{form.value}"
    return Response(content, media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _model_file(parts: Parts, period: Period, visitor: Visitor, form: As) -> bytes:
    report = parts.precision.report(period.since, period.until)
    if form is As.JSON:
        return orjson.dumps(as_json(report))
    return csv_of(precision_view.rows_of(report, visitor.catalogue)).encode()
