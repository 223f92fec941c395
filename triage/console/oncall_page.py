"""Who is on call now and in the coming weeks, where nobody is, swaps, and whether I can be reached."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from triage.console.routing import Form, PageRoute, go, page, submitted
from triage.console.templating import local_moment
from triage.console.visiting import Visitor, service_of, visitor_of
from triage.domain.catalogue import Catalogue
from triage.domain.rotation import Shift, duty_at, shift_at, shifts
from triage.domain.schedule import OnCallOverride, Schedule
from triage.errors import InvalidIncident
from triage.escalation.calendar import shifts_calendar
from triage.oncall import AROUND, Span, get_schedule
from triage.serving.parts import Parts
from triage.store.outbox import MessageFilter
from triage.telling.trial import TRIAL, reached_by_trial, trial_page

router = APIRouter(prefix="/oncall", route_class=PageRoute, include_in_schema=False)

AHEAD = timedelta(days=28)
COLOURS = 6
MOST_SWAPS = 50
MINE_SHOWN = 10
TRIALS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Bar:
    """A shift as a stripe of the plan, in thousandths of its width. ``colour``: None where nobody is on call."""

    shift: Shift
    left: float
    width: float
    colour: int | None
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A schedule over the coming weeks. ``following``: who answers where whoever is on call cannot."""

    schedule: Schedule
    now: Shift
    person: str | None
    following: str | None
    bars: tuple[Bar, ...]
    teams: tuple[str, ...]


@router.get("")
def show(request: Request) -> Response:
    visitor = visitor_of(request)
    parts, catalogue, now = service_of(request).parts, visitor.catalogue, visitor.now
    overrides = parts.oncall.between(now - AROUND, now + AROUND)
    plans = [_plan(schedule, catalogue, overrides, now) for schedule in catalogue.schedules.values()]
    mine = [bar for plan in plans for bar in plan.bars if bar.shift.person == visitor.actor]
    context = {
        "catalogue": catalogue,
        "plans": sorted(plans, key=lambda plan: plan.person != visitor.actor),
        "days": [now + timedelta(days=day) for day in range(0, AHEAD.days, 7)],
        "gaps": _gaps(plans),
        "mine": sorted(mine, key=lambda bar: bar.shift.starts_at)[:MINE_SHOWN],
        "swaps": parts.oncall.find(now, MOST_SWAPS),
        "people": [person for person in catalogue.people.values() if person.active and person.contacts],
        "trials": _trials(parts, visitor),
        "starts": now + timedelta(hours=1) - timedelta(minutes=now.minute),
    }
    return page(request, visitor, "oncall.html", context)


def _plan(schedule: Schedule, catalogue: Catalogue, overrides: tuple[OnCallOverride, ...], now: datetime) -> Plan:
    order = duty_at(schedule, now, overrides).order
    colours = {person: place % COLOURS for place, person in enumerate(schedule.participants)}
    current = shift_at(schedule, now, overrides)
    teams = tuple(team.name for team in catalogue.teams.values() if team.schedule == schedule.id)
    return Plan(
        schedule=schedule,
        now=current,
        person=current.person,
        following=catalogue.person_name(order[1]) if len(order) > 1 else None,
        bars=tuple(
            Bar(
                shift,
                1000 * max(timedelta(0), shift.starts_at - now) / AHEAD,
                1000 * (min(shift.ends_at, now + AHEAD) - max(shift.starts_at, now)) / AHEAD,
                colours.get(shift.person, 0) if shift.person else None,
                catalogue.person_name(shift.person) if shift.person else "nobody",
            )
            for shift in shifts(schedule, now, now + AHEAD, overrides)
        ),
        teams=teams,
    )


def _gaps(plans: Sequence[Plan]) -> list[Shift]:
    found = [bar.shift for plan in plans for bar in plan.bars if bar.shift.person is None]
    return sorted(found, key=lambda gap: gap.starts_at)


def _trials(parts: Parts, visitor: Visitor) -> list[Any]:
    """The last test pages to whoever looks."""
    found = parts.outbox.find(MessageFilter(recipient=f"person:{visitor.actor}", limit=50))
    return [message for message in found if message.key.startswith(TRIAL)][:TRIALS_SHOWN]


@router.get("/{schedule}.ics")
def get_calendar(request: Request, schedule: str) -> Response:
    """A schedule's shifts as a file for a calendar."""
    visitor = visitor_of(request)
    found = get_schedule(visitor.catalogue, schedule)
    start, end = shift_at(found, visitor.now).starts_at, visitor.now + timedelta(days=90)
    names = {person.id: person.name for person in visitor.catalogue.people.values()}
    overrides = service_of(request).parts.oncall.between(start, end)
    text = shifts_calendar(found, start, end, names, overrides, None)
    return Response(text, media_type="text/calendar")


@router.post("/swaps")
async def swap(request: Request) -> Response:
    visitor, form = await submitted(request)
    return go(request, "/oncall", await run_in_threadpool(_swap, service_of(request).parts, visitor, form))


def _swap(parts: Parts, visitor: Visitor, form: Form) -> str:
    span = _span(form, visitor, "starts", "ends")
    if span is None:
        raise InvalidIncident("say from when until when")
    made = parts.oncall.take_over(
        form.need("schedule", "the schedule"),
        form.need("person", "who takes over"),
        span,
        visitor.actor,
        (form.get("reason") or "")[:2_000],
        _span(form, visitor, "return_starts", "return_ends"),
    )
    name = visitor.catalogue.person_name(made[0].person)
    back = f"; in return {visitor.catalogue.person_name(made[1].person)} answers then" if len(made) > 1 else ""
    return f"{name} answers for {made[0].schedule} then{back}."


def _span(form: Form, visitor: Visitor, starts: str, ends: str) -> Span | None:
    """None where neither end is filled in. Raises InvalidIncident."""
    start, end = form.get(starts), form.get(ends)
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise InvalidIncident("a time has a beginning and an end")
    return Span(starts_at=local_moment(start, visitor.zone, starts), ends_at=local_moment(end, visitor.zone, ends))


@router.post("/swaps/{swap_id}/cancel")
async def cancel(request: Request, swap_id: str) -> Response:
    visitor, _ = await submitted(request)
    await run_in_threadpool(service_of(request).parts.oncall.cancel, swap_id, visitor.actor)
    return go(request, "/oncall", "The swap is cancelled from now on.")


@router.post("/test-page")
async def test_page(request: Request) -> Response:
    visitor, form = await submitted(request)
    person = reached_by_trial(visitor.principal, form.get("person"), visitor.catalogue)
    message = trial_page(person, visitor.actor, visitor.now)
    await run_in_threadpool(service_of(request).parts.outbox.put, [message])
    return go(request, "/oncall", "A test page is on its way. It says below what became of it.")
