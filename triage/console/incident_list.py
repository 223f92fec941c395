"""Incidents: what is open, whose it is, and what happens to it next."""

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response

from triage.console.filters import SINCE, WHOSE, kept, list_filter, position
from triage.console.live import live_address
from triage.console.routing import PageRoute, page
from triage.console.visiting import service_of, visitor_of
from triage.domain.priority import Priority
from triage.store.lists import COUNTED, IncidentLists, Standing

router = APIRouter(route_class=PageRoute, include_in_schema=False)

TABS = (Standing.OPEN, Standing.TRIGGERED, Standing.ACKNOWLEDGED, Standing.RESOLVED, Standing.ALL)
COUNTED_TABS = (Standing.OPEN, Standing.TRIGGERED, Standing.ACKNOWLEDGED)
FIELDS = ("team", "priority", "service", "environment", "source", "since", "q")


@router.get("/")
@router.get("/incidents")
def list_incidents(request: Request) -> Response:
    visitor = visitor_of(request)
    query = request.query_params
    wanted = list_filter(query, visitor)
    lists = IncidentLists(service_of(request).parts.database)
    rows = lists.find(replace(wanted, limit=wanted.limit + 1), visitor.now)
    shown, more = rows[: wanted.limit], len(rows) > wanted.limit
    context: dict[str, Any] = {
        "rows": shown,
        "more": kept(query, after=position(shown[-1].position)) if more else None,
        "wanted": wanted,
        "query": query,
        "kept": lambda **changed: kept(query, **changed),
        "catalogue": visitor.catalogue,
    }
    if request.headers.get("hx-request") == "true":
        return page(request, visitor, "_rows.html", context)
    counted = lists.count([replace(wanted, standing=tab, after=None) for tab in COUNTED_TABS], visitor.now)
    counts = dict(zip(COUNTED_TABS, counted, strict=True))
    context |= {
        "tabs": [(tab, f"{COUNTED}+" if counts.get(tab, 0) > COUNTED else counts.get(tab)) for tab in TABS],
        "whose": WHOSE,
        "since": tuple(SINCE),
        "priorities": [(priority, visitor.catalogue.label_of(priority)) for priority in Priority],
        "choices": lists.choices(),
        "filtered": [name for name in FIELDS if query.get(name)],
        "live": live_address(visitor.now, kept(query)) if wanted.after is None else None,
    }
    return page(request, visitor, "incidents.html", context)
