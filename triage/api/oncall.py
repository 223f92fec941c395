"""Who is on call, who would be, where nobody is, and shift swaps."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from triage.api.access import admit, service_of
from triage.api.bodies import answer, read_fields, render
from triage.api.oncall_shapes import SWAPS, OnCallView, OverridesView, ShiftsView, SwapBody
from triage.api.routing import BODY, answers, reads
from triage.domain.access import Role
from triage.domain.catalogue import Catalogue
from triage.domain.rotation import Shift, duty_at, gaps, shift_at, shifts
from triage.domain.schedule import OnCallOverride, Schedule
from triage.errors import FieldFault, InvalidIncident
from triage.escalation.calendar import rotation_calendar, shifts_calendar
from triage.oncall import AROUND, Span, get_schedule
from triage.serving.parts import in_force, utc_now
from triage.serving.service import Service
from triage.sources.fields import Moment
from triage.store.oncall import OverrideRecord

router = APIRouter(prefix="/v1/oncall", tags=["on call"])

LONGEST_PLAN = timedelta(days=400)


@router.get("", response_model=OnCallView, responses=answers(404, 422), summary="Who is on call")
async def who_is_on_call(
    request: Request,
    at: Annotated[Moment | None, Query(description="Left out: now")] = None,
    schedule: Annotated[str | None, Query(max_length=64, description="Left out: every schedule")] = None,
) -> Response:
    """Of every schedule, with how long the shift lasts. A gap says so: `person` is null."""
    admit(request, Role.RESPONDER)
    return answer(await run_in_threadpool(_duties, service_of(request), at or utc_now(), schedule))


@router.get("/gaps", response_model=ShiftsView, responses=answers(422), summary="When nobody is on call")
async def find_gaps(request: Request, days: Annotated[int, Query(ge=1, le=366)] = 30) -> Response:
    admit(request, Role.RESPONDER)
    return answer(await run_in_threadpool(_gaps, service_of(request), days))


@router.get("/overrides", response_model=OverridesView, responses=answers(422), summary="Shift swaps")
async def list_overrides(
    request: Request,
    since: Annotated[Moment | None, Query(description="Those that end later; left out: now")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> Response:
    """Cancelled ones too; the latest to begin first."""
    admit(request, Role.RESPONDER)
    return answer(await run_in_threadpool(_overrides, service_of(request), since or utc_now(), limit))


@router.post(
    "/overrides",
    status_code=201,
    response_model=OverridesView,
    responses=answers(*BODY),
    openapi_extra=reads("SwapBody", SWAPS),
    summary="Take over a shift, or swap two",
)
async def make_override(request: Request) -> Response:
    """Counts from the next decision on; other replicas follow within seconds. A swap is made whole or not."""
    principal = admit(request, Role.RESPONDER)
    service = service_of(request)
    asked = await read_fields(request, service.settings, SwapBody)
    return answer(await run_in_threadpool(_take_over, service, asked, principal.actor), 201)


@router.delete(
    "/overrides/{override_id}", response_model=OverridesView, responses=answers(404), summary="Cancel a swap"
)
async def cancel_override(request: Request, override_id: str) -> Response:
    """From now on the rotation counts again. Twice is once."""
    principal = admit(request, Role.RESPONDER)
    service = service_of(request)
    cancelled = await run_in_threadpool(service.parts.oncall.cancel, override_id, principal.actor)
    return answer(render({"overrides": [_override_view(cancelled, _catalogue(service))]}))


@router.get(
    "/{schedule}/shifts",
    response_model=ShiftsView,
    responses=answers(404, 422),
    summary="The shifts of a schedule",
)
async def list_shifts(
    request: Request,
    schedule: str,
    start: Annotated[Moment | None, Query(alias="from", description="Left out: now")] = None,
    end: Annotated[Moment | None, Query(alias="to", description="Left out: 30 days later; at most 400")] = None,
) -> Response:
    """As they will be, after layers, limits and swaps, without a hole between them: a gap has no person."""
    admit(request, Role.RESPONDER)
    begins = start or utc_now()
    ends = end or begins + timedelta(days=30)
    if not begins < ends <= begins + LONGEST_PLAN:
        fault = FieldFault("to", f"must be later than from, and at most {LONGEST_PLAN.days} days")
        raise InvalidIncident("no such time", (fault,))
    return answer(await run_in_threadpool(_shifts, service_of(request), schedule, begins, ends))


@router.get(
    "/{schedule}.ics",
    responses={200: {"content": {"text/calendar": {"schema": {"type": "string"}}}}, **answers(404, 422)},
    response_class=Response,
    summary="A schedule as a calendar to subscribe to",
)
async def get_calendar(
    request: Request,
    schedule: str,
    form: Annotated[
        Literal["shifts", "rotation"],
        Query(description="`shifts`: as they will be; `rotation`: as written, recurring for ever, without limits"),
    ] = "shifts",
    person: Annotated[str | None, Query(max_length=64, description="Only this person's shifts")] = None,
    days: Annotated[int, Query(ge=1, le=400)] = 90,
) -> Response:
    admit(request, Role.RESPONDER)
    text = await run_in_threadpool(_calendar, service_of(request), schedule, form, person, days)
    return Response(text, media_type="text/calendar")


def _catalogue(service: Service) -> Catalogue:
    return in_force(service.activation).decider.catalogue


def _duties(service: Service, at: datetime, schedule_id: str | None) -> bytes:
    catalogue = _catalogue(service)
    asked = catalogue.schedules.values() if schedule_id is None else [get_schedule(catalogue, schedule_id)]
    overrides = service.parts.oncall.between(at - AROUND, at + AROUND)
    return render({"at": at, "schedules": [_duty_view(schedule, at, overrides, catalogue) for schedule in asked]})


def _duty_view(
    schedule: Schedule, at: datetime, overrides: tuple[OnCallOverride, ...], catalogue: Catalogue
) -> dict[str, Any]:
    order = duty_at(schedule, at, overrides).order
    following = _who(order[1], catalogue) if len(order) > 1 else None
    return {**_shift_view(shift_at(schedule, at, overrides), catalogue), "next": following}


def _shift_view(shift: Shift, catalogue: Catalogue) -> dict[str, Any]:
    return {
        "schedule": shift.schedule,
        "person": _who(shift.person, catalogue),
        "starts_at": shift.starts_at,
        "ends_at": shift.ends_at,
        "layer": shift.layer,
        "override": shift.override,
        "relieves": _who(shift.relieves, catalogue),
    }


def _who(person_id: str | None, catalogue: Catalogue) -> dict[str, str] | None:
    if person_id is None:
        return None
    return {"id": person_id, "name": catalogue.person_name(person_id)}


def _gaps(service: Service, days: int) -> bytes:
    catalogue, now = _catalogue(service), utc_now()
    end = now + timedelta(days=days)
    overrides = service.parts.oncall.between(now, end)
    found = [gap for schedule in catalogue.schedules.values() for gap in gaps(schedule, now, end, overrides)]
    return render({"shifts": [_shift_view(gap, catalogue) for gap in found]})


def _shifts(service: Service, schedule_id: str, start: datetime, end: datetime) -> bytes:
    catalogue = _catalogue(service)
    schedule = get_schedule(catalogue, schedule_id)
    found = shifts(schedule, start, end, service.parts.oncall.between(start, end))
    return render({"shifts": [_shift_view(shift, catalogue) for shift in found]})


def _calendar(service: Service, schedule_id: str, form: str, person: str | None, days: int) -> bytes:
    catalogue, now = _catalogue(service), utc_now()
    schedule = get_schedule(catalogue, schedule_id)
    names = {person_id: found.name for person_id, found in catalogue.people.items()}
    # The shift that runs now is shown from its beginning, which a calendar would otherwise move every day.
    start, end = shift_at(schedule, now).starts_at, now + timedelta(days=days)
    overrides = service.parts.oncall.between(start, end)
    if form == "rotation":
        return rotation_calendar(schedule, names, overrides)
    return shifts_calendar(schedule, start, end, names, overrides, person)


def _overrides(service: Service, since: datetime, limit: int) -> bytes:
    catalogue = _catalogue(service)
    found = service.parts.oncall.find(since, limit)
    return render({"overrides": [_override_view(one, catalogue) for one in found]})


def _take_over(service: Service, body: SwapBody, actor: str) -> bytes:
    made = service.parts.oncall.take_over(
        body.schedule,
        body.person,
        Span(starts_at=body.starts_at, ends_at=body.ends_at),
        actor,
        body.reason,
        Span(starts_at=body.in_return.starts_at, ends_at=body.in_return.ends_at) if body.in_return else None,
    )
    catalogue = _catalogue(service)
    return render({"overrides": [_override_view(OverrideRecord(override=one), catalogue) for one in made]})


def _override_view(record: OverrideRecord, catalogue: Catalogue) -> dict[str, Any]:
    override = record.override
    return {
        "id": override.id,
        "schedule": override.schedule,
        "person": _who(override.person, catalogue),
        "starts_at": override.starts_at,
        "ends_at": override.ends_at,
        "reason": override.reason,
        "made_by": override.made_by,
        "made_at": override.made_at,
        "cancelled_by": record.cancelled_by,
        "cancelled_at": record.cancelled_at,
    }
