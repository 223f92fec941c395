"""``/v1/patterns``: what recurs, and everything that is known of one family."""

from datetime import datetime
from enum import Enum
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from triage.api.access import admit, service_of
from triage.api.bodies import answer, render
from triage.api.paging import count_and_id, cursor_of, moment_and_id, moment_of
from triage.api.pattern_shapes import PatternListView, PatternView
from triage.api.pattern_views import item_view, pattern_view
from triage.api.routing import answers
from triage.domain.access import Role
from triage.domain.incident import storable
from triage.memory.patterns import LOOKED_THROUGH, Patterns
from triage.store.patterns import PatternFilter

router = APIRouter(prefix="/v1/patterns", tags=["patterns"])

MOST_WORDS = 16


class Sort(Enum):
    LAST_SEEN = "last_seen"
    OCCURRENCES = "occurrences"


class Flag(Enum):
    FREQUENT = "frequent"
    RARE = "rare"
    NOVEL = "novel"
    FLAPPING = "flapping"
    PERIODIC = "periodic"
    BURST = "burst"


FLAG = (
    f"A page looks through {LOOKED_THROUGH} patterns for it, since flags are told of occurrences, not stored:"
    " it may hold fewer than `limit`, or none, and still have a `next_cursor`"
)


@router.get("", response_model=PatternListView, responses=answers(422), summary="Patterns, each family once")
async def list_patterns(
    request: Request,
    q: Annotated[
        str | None, Query(max_length=512, description="Words of the template or of the given name")
    ] = None,
    service: Annotated[str | None, Query(max_length=512, description="Its id, name or alias")] = None,
    flag: Annotated[Flag | None, Query(description=FLAG)] = None,
    sort: Annotated[Sort, Query(description="The greatest first")] = Sort.LAST_SEEN,
    since: Annotated[datetime | None, Query(description="Seen since then")] = None,
    cursor: Annotated[str | None, Query(max_length=256)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """What people merged is one entry, under its root and with the counts of all of it."""
    admit(request, Role.RESPONDER)
    wanted = PatternFilter(
        words=tuple(storable(q).split())[:MOST_WORDS] if q else (),
        since=moment_of(since, "the time") if since is not None else None,
        sort="last_seen" if sort is Sort.LAST_SEEN else "occurrences",
        before=moment_and_id(cursor) if sort is Sort.LAST_SEEN else count_and_id(cursor),
        limit=limit,
    )
    named = storable(service) if service is not None else None
    patterns = service_of(request).parts.patterns
    return answer(await run_in_threadpool(_list, patterns, wanted, named, flag.value if flag else None))


def _list(patterns: Patterns, wanted: PatternFilter, service: str | None, flag: str | None) -> bytes:
    found = patterns.find(wanted, service, flag)
    items = [item_view(summary) for summary in found.patterns]
    return render({"patterns": items, "next_cursor": cursor_of(found.next)})


@router.get(
    "/{pattern_id}",
    response_model=PatternView,
    responses=answers(404, 422),
    summary="Everything known of one pattern",
)
async def get_pattern(
    request: Request,
    pattern_id: str,
    at: Annotated[datetime | None, Query(description="As its life stood then, to five minutes; else now")] = None,
) -> Response:
    """Any member's identifier answers for its whole family, as its root."""
    admit(request, Role.RESPONDER)
    moment = moment_of(at, "the time") if at is not None else None
    return answer(await run_in_threadpool(_pattern, service_of(request).parts.patterns, pattern_id, moment))


def _pattern(patterns: Patterns, pattern_id: str, at: datetime | None) -> bytes:
    return render(pattern_view(patterns.get(pattern_id, at)))
