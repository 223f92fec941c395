"""What people do to a pattern from its page. Whoever comes second is told what the first one did."""

import uuid
from collections.abc import Callable
from datetime import timedelta

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from triage.console.incident_actions import prose
from triage.console.pattern_page import key_of
from triage.console.routing import Form, PageRoute, go, submitted
from triage.console.templating import Clock, local_moment
from triage.console.visiting import Visitor, service_of
from triage.domain.access import Role
from triage.errors import Conflict, InvalidIncident
from triage.serving.parts import Parts
from triage.store.silences import Silences

router = APIRouter(prefix="/patterns", route_class=PageRoute, include_in_schema=False)

Act = Callable[[Parts, Visitor, Form], tuple[str, str]]
"""Does what a form asks for; the pattern to show then, and what was done."""
LONGEST_NAME = 200
LONGEST_SILENCE = 720
"""Hours."""


async def _act(request: Request, act: Act, needed: Role = Role.REVIEWER) -> Response:
    visitor, form = await submitted(request, needed)
    pattern_id, said = await run_in_threadpool(act, service_of(request).parts, visitor, form)
    return go(request, f"/patterns/{pattern_id}" if pattern_id else "/patterns", said)


@router.post("/{pattern_id}/name")
async def rename(request: Request, pattern_id: str) -> Response:
    def act(parts: Parts, visitor: Visitor, form: Form) -> tuple[str, str]:
        name = form.get("name")
        if name is not None and len(name) > LONGEST_NAME:
            raise InvalidIncident(f"a name has at most {LONGEST_NAME} characters")
        looked_at = form.get("looked_at") or ""
        changed = parts.reshaping.say(
            "name", pattern_id, name, visitor.actor, reason=prose(form, "reason"), looked_at=looked_at
        )
        return changed.pattern_id, "It has a new name." if name else "It is called by its titles again."

    return await _act(request, act)


@router.post("/{pattern_id}/known-fix")
async def say_fix(request: Request, pattern_id: str) -> Response:
    def act(parts: Parts, visitor: Visitor, form: Form) -> tuple[str, str]:
        fix = None if form.get("clear") else prose(form, "fix") or None
        if fix is None and form.get("clear") is None:
            raise InvalidIncident("say what mends it")
        looked_at = form.get("looked_at") or ""
        changed = parts.reshaping.say(
            "known_fix", pattern_id, fix, visitor.actor, reason=prose(form, "reason"), looked_at=looked_at
        )
        said = "Whoever gets the next one is told what mends it." if fix else "No fix is known any more."
        return changed.pattern_id, said

    return await _act(request, act)


@router.post("/{pattern_id}/split")
async def split(request: Request, pattern_id: str) -> Response:
    """Incidents by their own identifiers, and all of the newest that have a chosen title."""

    def act(parts: Parts, visitor: Visitor, form: Form) -> tuple[str, str]:
        titles = set(form.all("title"))
        known = parts.patterns.get(pattern_id).facts.incidents if titles else ()
        chosen = [*form.all("incident"), *(one.id for one in known if key_of(one.title) in titles)]
        if not chosen:
            raise InvalidIncident("choose the incidents that are another problem")
        incidents = [_identifier(one) for one in dict.fromkeys(chosen)]
        changed = parts.reshaping.split(pattern_id, incidents, visitor.actor, reason=prose(form, "reason"))
        return changed.change.other_id or changed.pattern_id, "This is a pattern of its own from now on."

    return await _act(request, act)


@router.post("/{pattern_id}/merge")
async def merge(request: Request, pattern_id: str) -> Response:
    def act(parts: Parts, visitor: Visitor, form: Form) -> tuple[str, str]:
        other = _identifier(form.need("other", "the other pattern"))
        anyway = form.get("anyway") is not None
        if not anyway and other in parts.patterns.get(pattern_id).facts.different:
            raise Conflict("somebody said that they are not the same; tick that you merge them all the same")
        changed = parts.reshaping.merge(
            pattern_id, other, visitor.actor, reason=prose(form, "reason"), anyway=anyway
        )
        return changed.pattern_id, "Both are one pattern from now on. It can be undone below."

    return await _act(request, act)


@router.post("/{pattern_id}/apart")
async def tell_apart(request: Request, pattern_id: str) -> Response:
    def act(parts: Parts, visitor: Visitor, form: Form) -> tuple[str, str]:
        other = _identifier(form.need("other", "the other pattern"))
        changed = parts.reshaping.tell_apart(
            pattern_id, visitor.actor, pattern=other, reason=prose(form, "reason")
        )
        return changed.pattern_id, "They are told apart from now on. It can be undone below."

    return await _act(request, act)


@router.post("/changes/{change_id}/undo")
async def undo(request: Request, change_id: str) -> Response:
    def act(parts: Parts, visitor: Visitor, form: Form) -> tuple[str, str]:
        changed = parts.reshaping.undo(change_id, visitor.actor, reason=prose(form, "reason"))
        return changed.pattern_id, f"Change {changed.change.id} is taken back."

    return await _act(request, act)


@router.post("/{pattern_id}/silence")
async def silence(request: Request, pattern_id: str) -> Response:
    def act(parts: Parts, visitor: Visitor, form: Form) -> tuple[str, str]:
        reason = prose(form, "reason")
        if not reason:
            raise InvalidIncident("say why it may be silent, for whoever wonders")
        root = parts.patterns.get(pattern_id).root
        _refuse_second(parts, root, visitor, form)
        until = form.get("until")
        made = parts.silencing.silence(
            root,
            visitor.actor,
            reason=reason,
            until=local_moment(until, visitor.zone, "until") if until else None,
            lasting=None if until else _hours(form.get("hours") or "1"),
            priority=form.get("priority"),
        )
        until_then = Clock(visitor.zone, visitor.now).at(made.ends_at)
        return root, f"It is silent until {until_then}. What comes of it is recorded, and nobody is told."

    return await _act(request, act, Role.RESPONDER)


def _refuse_second(parts: Parts, root: str, visitor: Visitor, form: Form) -> None:
    """Raises Conflict where somebody silenced it since the page was made."""
    seen = form.all("seen")
    for one in Silences(parts.database).standing_of(root, visitor.now):
        if one.id not in seen and one.made_by != visitor.actor:
            until = Clock(visitor.zone, visitor.now).at(one.ends_at)
            who = visitor.catalogue.person_name(one.made_by)
            raise Conflict(f"{who} silenced it while you looked, until {until}; yours was not made")


def _hours(text: str) -> timedelta:
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:9]) <= LONGEST_SILENCE):
        raise InvalidIncident("a silence lasts from one hour to thirty days")
    return timedelta(hours=int(text))


@router.post("/silences/{silence_id}/end")
async def end_silence(request: Request, silence_id: str) -> Response:
    """From the pattern's page, or from the list of all that is silent."""

    def act(parts: Parts, visitor: Visitor, form: Form) -> tuple[str, str]:
        ended = parts.silencing.end(silence_id, visitor.actor)
        if ended.ended_by != visitor.actor:
            raise Conflict(
                f"{visitor.catalogue.person_name(ended.ended_by)} ended it before you did"
                if ended.ended_by
                else "it was over by itself already"
            )
        shown = ended.pattern_id if form.get("shown") == "pattern" else ""
        return shown, "The silence is over. What it hid and is still open is told within seconds."

    return await _act(request, act, Role.RESPONDER)


def _identifier(text: str) -> str:
    """Raises InvalidIncident for what cannot be one."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise InvalidIncident("what was chosen is nothing of ours") from None
