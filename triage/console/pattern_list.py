"""Patterns: what comes again and again, how often, and what is silent."""

import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from triage.console.filters import SINCE, kept, word_of
from triage.console.pattern_words import called
from triage.console.routing import PageRoute, is_part, page
from triage.console.visiting import Visitor, service_of, visitor_of
from triage.errors import InvalidIncident
from triage.memory.patterns import FLAGS
from triage.serving.parts import Parts
from triage.store.pattern_glances import PatternGlances
from triage.store.patterns import PatternFilter, Sort

router = APIRouter(prefix="/patterns", route_class=PageRoute, include_in_schema=False)

PAGE = 50
MOST_WORDS = 16
MOST_SILENCES = 100
DAYS = 30
"""Of a sparkline, today the last."""
LARGEST = 2**62
SORTS: Mapping[str, tuple[Sort, str]] = {
    "last_seen": ("last_seen", "last seen"),
    "occurrences": ("occurrences", "how often"),
}
FIELDS = ("q", "service", "flag", "since", "sort")


@router.get("")
def list_patterns(request: Request) -> Response:
    visitor = visitor_of(request)
    query, parts = request.query_params, service_of(request).parts
    wanted, flag = pattern_filter(query, visitor), query.get("flag")
    flag = flag if flag in FLAGS else None
    found = parts.patterns.find(wanted, word_of(query.get("service")), flag)
    ids = [one.row.id for one in found.patterns]
    context: dict[str, Any] = {
        "patterns": found.patterns,
        "days": days_of(parts, visitor, ids),
        "more": kept(query, after=_position(found.next)) if found.next else None,
        "catalogue": visitor.catalogue,
        "looked_through": flag is not None,
    }
    if is_part(request):
        return page(request, visitor, "_pattern_rows.html", context)
    silences = parts.silencing.find(active=True, before=None, limit=MOST_SILENCES)
    glances = PatternGlances(parts.database).get_many(one.pattern_id for one in silences)
    context |= {
        "query": query,
        "wanted": wanted,
        "kept": lambda **changed: kept(query, **changed),
        "flags": tuple(FLAGS),
        "since": tuple(SINCE),
        "sorts": [(name, words) for name, (_, words) in SORTS.items()],
        "filtered": [name for name in FIELDS if query.get(name)],
        "silences": sorted(silences, key=lambda one: one.ends_at),
        "names": {one: called(glance, visitor.catalogue) for one, glance in glances.items()},
    }
    return page(request, visitor, "patterns.html", context)


def pattern_filter(query: Mapping[str, str], visitor: Visitor) -> PatternFilter:
    """What is not a filter of ours is left out of account; raises InvalidIncident for a place that is none."""
    sort = SORTS.get(query.get("sort", ""), SORTS["last_seen"])[0]
    return PatternFilter(
        words=tuple((word_of(query.get("q")) or "").split())[:MOST_WORDS],
        since=visitor.now - SINCE[query["since"]] if query.get("since") in SINCE else None,
        # What came once is not a pattern to anybody, unless somebody asks for it.
        occurrences=(1 if query.get("seen") == "all" else 2, None),
        sort=sort,
        before=_before(query.get("after"), sort),
        limit=PAGE,
    )


def days_of(parts: Parts, visitor: Visitor, roots: list[str]) -> dict[str, list[int]]:
    """By root, how often it came on each of the last DAYS days of the organisation, the oldest first."""
    zone = visitor.catalogue.zone
    today = visitor.now.astimezone(zone).date()
    days = [today - timedelta(days=DAYS - 1 - n) for n in range(DAYS)]
    found = PatternGlances(parts.database).daily(
        roots, _midnight(days[0], visitor), visitor.now, visitor.catalogue.timezone
    )
    return {root: [found[root].get(day, 0) for day in days] for root in roots}


def _midnight(day: date, visitor: Visitor) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=visitor.catalogue.zone).astimezone(UTC)


def _position(after: tuple[datetime | int, str]) -> str:
    value, pattern_id = after
    return f"{value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value}~{pattern_id}"


def _before(text: str | None, sort: Sort) -> tuple[datetime | int, str] | None:
    if not text:
        return None
    try:
        value, _, pattern_id = text.partition("~")
        ident = str(uuid.UUID(pattern_id))
        if sort == "last_seen":
            return datetime.fromisoformat(value).astimezone(UTC), ident
        return min(int(value[:20]), LARGEST), ident
    except (ValueError, OverflowError) as error:
        raise InvalidIncident("the place in the list is not one of ours") from error
