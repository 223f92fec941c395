"""What people do to an incident from its page. Whoever comes second is told what the first one did."""

from collections.abc import Callable
from datetime import datetime, timedelta

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from triage.console.routing import Form, PageRoute, go, submitted
from triage.console.templating import local_moment
from triage.console.visiting import Visitor, service_of
from triage.domain.access import Role
from triage.domain.incident import Status, utc
from triage.errors import Conflict, InvalidIncident
from triage.reviewing import Action
from triage.serving.parts import Parts

router = APIRouter(prefix="/incidents/{incident_id}", route_class=PageRoute, include_in_schema=False)

Act = Callable[[Parts, Visitor, Form], str]
"""Does what a form asks for, and says what was done."""
LONGEST = 8_000
"""Characters of a reason, a note or a resolution."""


async def _act(request: Request, incident_id: str, act: Act, needed: Role = Role.RESPONDER) -> Response:
    visitor, form = await submitted(request, needed)
    said = await run_in_threadpool(act, service_of(request).parts, visitor, form)
    return go(request, f"/incidents/{incident_id}", said)


def prose(form: Form, name: str) -> str:
    """Raises InvalidIncident for what is longer than anybody reads."""
    text = form.get(name) or ""
    if len(text) > LONGEST:
        raise InvalidIncident(f"at most {LONGEST} characters, please")
    return text


@router.post("/acknowledge")
async def acknowledge(request: Request, incident_id: str) -> Response:
    def act(parts: Parts, visitor: Visitor, form: Form) -> str:
        holder = form.get("holder")
        if holder is not None and holder != visitor.actor:
            parts.corrections.take_over(incident_id, visitor.actor, holder)
        else:
            record = parts.corrections.acknowledge(incident_id, visitor.actor)
            if record.acknowledged_by != visitor.actor:
                raise Conflict(f"{visitor.catalogue.person_name(record.acknowledged_by or '')} has it already")
        return "You have it."

    return await _act(request, incident_id, act)


@router.post("/resolve")
async def resolve(request: Request, incident_id: str) -> Response:
    def act(parts: Parts, visitor: Visitor, form: Form) -> str:
        said = prose(form, "resolution") or None
        before = parts.incidents.get(incident_id)
        record = parts.corrections.resolve(incident_id, visitor.actor, said)
        if record.resolved_by != visitor.actor or (not before.is_open and record.resolution != said):
            by = visitor.catalogue.person_name(record.resolved_by or "")
            raise Conflict(f"{by} resolved it before you did; what you wrote was not kept: {_again(said)}")
        return "It is resolved." + ("" if said else " Say what fixed it in its review, for the next time.")

    return await _act(request, incident_id, act)


def _again(said: str | None) -> str:
    return "there was nothing to keep" if said is None else "add it as a note"


@router.post("/escalate")
async def escalate(request: Request, incident_id: str) -> Response:
    def act(parts: Parts, visitor: Visitor, form: Form) -> str:
        parts.responding.escalate(incident_id, visitor.actor, prose(form, "reason"))
        return "The next step begins within a second."

    return await _act(request, incident_id, act)


@router.post("/status")
async def move(request: Request, incident_id: str) -> Response:
    def act(parts: Parts, visitor: Visitor, form: Form) -> str:
        word = form.need("status", "the status")
        if word not in {status.value for status in Status}:
            raise InvalidIncident("there is no such status")
        parts.corrections.move(incident_id, visitor.actor, Status(word))
        return f"The work stands at {word}."

    return await _act(request, incident_id, act)


@router.post("/answer")
async def answer(request: Request, incident_id: str) -> Response:
    def act(parts: Parts, visitor: Visitor, form: Form) -> str:
        approved = form.get("answer") == "approve"
        parts.responding.answer(
            incident_id,
            visitor.actor,
            form.need("checkpoint", "the checkpoint"),
            approved=approved,
            reason=prose(form, "reason"),
            for_anybody=visitor.may(Role.ADMIN),
        )
        return "You approved." if approved else "You refused."

    return await _act(request, incident_id, act)


@router.post("/note")
async def annotate(request: Request, incident_id: str) -> Response:
    def act(parts: Parts, visitor: Visitor, form: Form) -> str:
        text = prose(form, "text")
        if not text:
            raise InvalidIncident("the note is empty")
        parts.responding.annotate(incident_id, visitor.actor, text)
        return "The note is in the timeline."

    return await _act(request, incident_id, act)


@router.post("/reopen")
async def reopen(request: Request, incident_id: str) -> Response:
    def act(parts: Parts, visitor: Visitor, form: Form) -> str:
        parts.responding.reopen(incident_id, visitor.actor, prose(form, "reason"))
        return "It is open again, and its path begins anew."

    return await _act(request, incident_id, act)


@router.post("/override")
async def override(request: Request, incident_id: str) -> Response:
    def act(parts: Parts, visitor: Visitor, form: Form) -> str:
        record, decision = parts.corrections.override(
            incident_id,
            visitor.actor,
            priority=form.get("priority"),
            team=form.get("team"),
            reason=prose(form, "reason"),
            looked_at=form.get("looked_at"),
        )
        now = f"{decision.priority.value.value}, {visitor.catalogue.team_name(record.team)}"
        return f"It is {now} now. The next one of this pattern follows you at once."

    return await _act(request, incident_id, act, Role.REVIEWER)


@router.post("/silence")
async def silence(request: Request, incident_id: str) -> Response:
    def act(parts: Parts, visitor: Visitor, form: Form) -> str:
        reason = prose(form, "reason")
        if not reason:
            raise InvalidIncident("say why it may be silent, for whoever wonders")
        hours = form.get("hours") or "1"
        if not hours.isdecimal() or not 0 < int(hours) <= 720:
            raise InvalidIncident("a silence lasts from one hour to thirty days")
        record = parts.incidents.get(incident_id)
        parts.silencing.silence(
            record.pattern_id, visitor.actor, reason=reason, lasting=timedelta(hours=int(hours))
        )
        return "Its pattern is silent. What comes of it is recorded, and nobody is told."

    return await _act(request, incident_id, act, Role.RESPONDER)


@router.post("/same")
async def say_same(request: Request, incident_id: str) -> Response:
    """Another incident's pattern is the same problem as this one's."""

    def act(parts: Parts, visitor: Visitor, form: Form) -> str:
        other = parts.incidents.get(form.need("other", "the other incident"))
        record = parts.incidents.get(incident_id)
        parts.reshaping.merge(record.pattern_id, other.pattern_id, visitor.actor, reason=prose(form, "reason"))
        return "Both are one pattern from now on. It can be undone on the pattern's page."

    return await _act(request, incident_id, act, Role.REVIEWER)


@router.post("/apart")
async def say_apart(request: Request, incident_id: str) -> Response:
    """This incident is not of its pattern, or another one is not the same problem."""

    def act(parts: Parts, visitor: Visitor, form: Form) -> str:
        record = parts.incidents.get(incident_id)
        other = form.get("other") or incident_id
        parts.reshaping.tell_apart(record.pattern_id, visitor.actor, incident=other, reason=prose(form, "reason"))
        return "They are told apart from now on. It can be undone on the pattern's page."

    return await _act(request, incident_id, act, Role.REVIEWER)


@router.post("/review")
async def review(request: Request, incident_id: str) -> Response:
    """What is written about it afterwards, and at most one follow-up action at a time."""

    def act(parts: Parts, visitor: Visitor, form: Form) -> str:
        score = form.get("satisfaction")
        if score is not None and score not in ("1", "2", "3", "4", "5"):
            raise InvalidIncident("satisfaction goes from 1 to 5")
        what = prose(form, "what")
        actions = (
            [Action(what=what, owner=form.need("owner", "the owner"), due_at=_day(form, visitor))] if what else []
        )
        parts.reviewing.review(
            incident_id,
            visitor.actor,
            summary=prose(form, "summary") if form.get("summary") is not None else None,
            satisfaction=int(score) if score else None,
            actions=actions,
        )
        return "The review is kept."

    return await _act(request, incident_id, act)


def _day(form: Form, visitor: Visitor) -> datetime:
    """The end of the working day that a form names, by whoever's clock it is. Raises InvalidIncident."""
    day = local_moment(form.need("due", "the day by which it is done"), visitor.zone, "by when")
    return utc(day.astimezone(visitor.zone).replace(hour=18))


@router.post("/follow-ups/{follow_up_id}/done")
async def finish(request: Request, incident_id: str, follow_up_id: str) -> Response:
    def act(parts: Parts, visitor: Visitor, _: Form) -> str:
        parts.reviewing.finish(follow_up_id, visitor.actor)
        return "It is done."

    return await _act(request, incident_id, act)
