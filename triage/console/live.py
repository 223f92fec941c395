"""What changes is shown at once: one thread reads the feed of changes and hands each to the pages that show it.

A row is drawn once, however many pages show it; a page is told by an event of its stream whether the row fits what
it lists. Streams end with the session they were opened in.
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from triage.console.filters import list_filter
from triage.console.routing import PageRoute
from triage.console.templating import Clock, render
from triage.console.visiting import visitor_of
from triage.domain.incident import utc
from triage.errors import TriageError, Unauthenticated
from triage.serving.outliving import outlives
from triage.serving.parts import catalogue_in_force, utc_now
from triage.serving.rounds import Rounds
from triage.serving.service import Service
from triage.store.changes import Changes
from triage.store.lists import IncidentLists, IncidentRow, ListFilter, Standing

router = APIRouter(route_class=PageRoute, include_in_schema=False)

LOOK_EVERY = 0.25
"""Seconds between two looks."""
KEPT_FOR = timedelta(minutes=1)
"""A page whose stream begins, or begins again, so long after it was made is told what it missed."""
ECHO_AFTER = timedelta(seconds=1)
"""An escalation hears of what was done to its incident within a tick, and may say nothing: what has changed is
shown once more so long after."""
PING_EVERY = 15.0
"""Seconds after which a silent stream says that it is alive; proxies cut silent ones."""
ASKED_EVERY = 4
"""Pings after which it is asked again whether the session holds."""
WAITING = 200
"""Events that wait for a slow page; one that falls further behind loads itself again."""

Event = bytes | None
"""As it goes out; None ends the stream."""
PING = b": still here\n\n"
MANY = b"event: many\ndata: {}\n\n"


@dataclass(eq=False, slots=True)
class Watcher:
    """A page that is open. ``incident``: the one it shows; else ``wanted`` says which it lists; ``since``: of when
    it is."""

    loop: asyncio.AbstractEventLoop
    since: datetime
    wanted: ListFilter | None = None
    incident: str | None = None
    queue: asyncio.Queue[Event] = field(default_factory=lambda: asyncio.Queue(WAITING))

    def offer(self, event: Event) -> None:
        """From the loop only. A page that is too far behind gets one event that says so in place of all."""
        if self.queue.full():
            while not self.queue.empty():
                self.queue.get_nowait()
            self.queue.put_nowait(MANY)
        self.queue.put_nowait(event)


class Live:
    """One per process."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._watchers: set[Watcher] = set()
        self._new: set[Watcher] = set()
        self._guard = threading.Lock()
        self._changes: Changes | None = None
        self._recent: deque[tuple[datetime, str]] = deque()
        self._echoes: deque[tuple[datetime, str]] = deque()
        self._known_since: datetime | None = None
        self._rounds = Rounds("live", self.look)
        self._closed = False
        self.start = self._rounds.start

    def stop(self) -> None:
        self.close()
        self._rounds.stop()

    def close(self) -> None:
        """End every stream: a server that stops waits for its answers to end."""
        self._closed = True
        with self._guard:
            everybody = list(self._watchers)
        self._tell(everybody, None)

    def enter(self, watcher: Watcher) -> None:
        with self._guard:
            self._watchers.add(watcher)
            self._new.add(watcher)
        if self._closed:
            watcher.offer(None)

    def leave(self, watcher: Watcher) -> None:
        with self._guard:
            self._watchers.discard(watcher)
            self._new.discard(watcher)

    def look(self) -> float:
        """Tell whoever watches what is new; the seconds to wait then."""
        if self._service.has_parts and not self._service.parts.database.is_down:
            outlives("live pages", self._look, self._service.metrics)
        return LOOK_EVERY

    def _look(self) -> None:
        now = utc_now()
        if self._changes is None:
            begun = Changes(self._service.parts.database)
            begun.begin()
            self._changes, self._known_since = begun, now
        found = self._changes.read(now)
        with self._guard:
            new, everybody = self._new, list(self._watchers)
            self._new = set()
        if found is None:
            self._recent.clear()
            self._known_since = now
            self._tell(everybody, MANY)
            return
        self._recent.extend((now, incident_id) for incident_id in found)
        while self._recent and self._recent[0][0] < now - KEPT_FOR:
            self._recent.popleft()
        self._catch_up(new, now)
        shown = list(dict.fromkeys((*found, *self._due_echoes(now))))
        self._echoes.extend((now + ECHO_AFTER, incident_id) for incident_id in found)
        if shown and everybody:
            self._show(everybody, shown, now)

    def _due_echoes(self, now: datetime) -> Iterator[str]:
        while self._echoes and self._echoes[0][0] <= now:
            yield self._echoes.popleft()[1]

    def _catch_up(self, new: Iterable[Watcher], now: datetime) -> None:
        """What has happened between the making of a page and the beginning of its stream."""
        known_since = max(self._known_since or now, now - KEPT_FOR)
        for watcher in new:
            missed = list(dict.fromkeys(one for at, one in self._recent if at >= watcher.since))
            if watcher.since < known_since:
                self._tell([watcher], MANY)
            elif missed:
                self._show([watcher], missed, now)

    def _show(self, watchers: Sequence[Watcher], incident_ids: Sequence[str], now: datetime) -> None:
        catalogue = catalogue_in_force(self._service.activation)
        clock = Clock(catalogue.zone, now)
        for row in IncidentLists(self._service.parts.database).get_many(incident_ids):
            drawn = {"row": row, "clock": clock, "catalogue": catalogue}
            html, strip = render("_row.html", drawn), render("_strip.html", drawn)
            fitting, other = (
                _event("row", {"id": row.id, "html": html, "fits": fits}, now) for fits in (True, False)
            )
            shown = _event("incident", {"id": row.id, "html": strip}, now)
            for watcher in watchers:
                if watcher.incident == row.id:
                    self._tell([watcher], shown)
                elif watcher.wanted is not None:
                    self._tell([watcher], fitting if fits(row, watcher.wanted) else other)

    @staticmethod
    def _tell(watchers: Iterable[Watcher], event: Event) -> None:
        for watcher in watchers:
            if not watcher.loop.is_closed():
                watcher.loop.call_soon_threadsafe(watcher.offer, event)


def live_address(made_at: datetime, query: str) -> str:
    """Of the stream of a page that was made then. ``query`` begins with ``?``."""
    return f"/live{query}&{urlencode({'at': made_at.isoformat()})}"


def fits(row: IncidentRow, wanted: ListFilter) -> bool:
    """Whether the list shows it. Words are looked for by the database alone: a list of found ones gains none."""
    standing = {
        Standing.OPEN: row.is_open,
        Standing.ALL: True,
        Standing.TRIGGERED: row.state.value == Standing.TRIGGERED.value,
        Standing.ACKNOWLEDGED: row.state.value == Standing.ACKNOWLEDGED.value,
        Standing.RESOLVED: not row.is_open,
    }[wanted.standing]
    asked = (
        (wanted.teams is None or row.team in wanted.teams),
        (wanted.priority is None or row.priority is wanted.priority),
        (wanted.service is None or row.service == wanted.service),
        (wanted.environment is None or row.environment == wanted.environment),
        (wanted.source is None or row.source == wanted.source),
        (wanted.since is None or row.opened_at >= wanted.since),
        (wanted.person is None or wanted.person == row.acknowledged_by or wanted.person in row.paged),
    )
    return standing and all(asked) and wanted.q is None and wanted.after is None


def _event(name: str, data: object, now: datetime) -> bytes:
    """Its id is the moment, which a browser that was cut off brings back."""
    return f"id: {now.isoformat()}\nevent: {name}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"


@router.get("/live")
async def stream(request: Request, at: str = "", incident: str | None = None) -> Response:
    """Events for one open page: of the incident that it shows, else of the list that its address filters."""
    visitor = await run_in_threadpool(visitor_of, request)
    since = _moment(request.headers.get("last-event-id") or at) or visitor.now
    watcher = Watcher(asyncio.get_running_loop(), since)
    if incident is not None:
        watcher.incident = incident
    else:
        watcher.wanted = list_filter(request.query_params, visitor)
    live: Live = request.app.state.live
    return StreamingResponse(
        _events(live, watcher, request), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )


async def _events(live: Live, watcher: Watcher, request: Request) -> AsyncIterator[bytes]:
    live.enter(watcher)
    pings = 0
    try:
        yield b"retry: 2000\n\n"
        while True:
            try:
                event = await asyncio.wait_for(watcher.queue.get(), PING_EVERY)
            except TimeoutError:
                pings += 1
                if pings % ASKED_EVERY == 0 and not await run_in_threadpool(_still_signed_in, request):
                    yield b"event: over\ndata: {}\n\n"
                    return
                event = PING
            if event is None:
                return
            yield event
    finally:
        live.leave(watcher)


def _moment(text: str) -> datetime | None:
    try:
        return utc(datetime.fromisoformat(text))
    except ValueError:
        return None


def _still_signed_in(request: Request) -> bool:
    """While it cannot be known, as the database is away, nothing comes to be shown either."""
    try:
        visitor_of(request)
    except Unauthenticated:
        return False
    except TriageError:
        return True
    return True
