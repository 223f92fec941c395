"""The review queue: one doubtful incident after the other, answered by a key each."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from triage.assessing import Offered
from triage.console.incident_actions import prose
from triage.console.routing import Form, PageRoute, go, is_part, page, submitted
from triage.console.visiting import Visitor, service_of, visitor_of
from triage.console.words import priority_words, second_look_words, team_words
from triage.domain.access import Role
from triage.domain.catalogue import Catalogue, fold
from triage.domain.priority import Priority
from triage.domain.record import IncidentRecord
from triage.errors import InvalidIncident, UnknownWord
from triage.precision import DEFAULT_PERIOD, ModelReport
from triage.serving.parts import Parts, utc_now
from triage.store.lists import IncidentLists

router = APIRouter(prefix="/review", route_class=PageRoute, include_in_schema=False)

AT_ONCE, PATIENT = 0.05, 20.0
"""Seconds that a page waits for what is worked out from months, and that a part of it does."""
NEAREST = 5
NAMED = 5
"""Teams that an ambiguous word is answered with."""


@router.get("")
def show(request: Request) -> Response:
    visitor = visitor_of(request, Role.REVIEWER)
    parts = service_of(request).parts
    context = _item(parts, visitor) | {
        "report": _report(parts, AT_ONCE),
        "queue": parts.assessing.queue(visitor.actor, 12),
        "names": lambda actor: visitor.catalogue.person_name(actor),
    }
    return page(request, visitor, "review.html", context)


@router.get("/learnt")
def show_learnt(request: Request) -> Response:
    """What answers have made better, for a page that was shown before it was worked out."""
    visitor = visitor_of(request, Role.REVIEWER)
    context = {
        "report": _report(service_of(request).parts, PATIENT),
        "catalogue": visitor.catalogue,
        "names": lambda actor: visitor.catalogue.person_name(actor),
    }
    return page(request, visitor, "_learnt.html", context)


def _report(parts: Parts, patience: float) -> ModelReport | None:
    """None where it is not worked out within so many seconds."""

    def look_back() -> ModelReport:
        now = utc_now()
        return parts.precision.report(now - DEFAULT_PERIOD, now)

    return parts.lately.ask("precision", look_back, patience)


def _item(parts: Parts, visitor: Visitor, said: str = "", bulk: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the next item shows; it is the visitor's for some minutes."""
    offered = parts.assessing.next(visitor.actor)
    shown: dict[str, Any] = {
        "offered": offered,
        "catalogue": visitor.catalogue,
        "answered": said,
        "bulk": bulk,
        "reasons": parts.assessing.reasons(visitor.actor),
    }
    return shown | (_about(parts, visitor, offered) if offered is not None else {})


def _about(parts: Parts, visitor: Visitor, offered: Offered) -> dict[str, Any]:
    decision = offered.decision
    near = IncidentLists(parts.database).get_many(decision.explanation.similar[:NEAREST])
    # Blind: a second opinion is asked of what the machine said, not of what somebody made of it.
    blind = offered.queued.why == "second"
    return {
        "record": offered.record,
        "decision": decision,
        "blind": blind,
        "suggested": decision.priority.value if blind else offered.record.priority,
        "suggested_team": decision.team.value if blind else offered.record.team,
        "priority_words": priority_words(decision, visitor.catalogue),
        "team_words": team_words(decision, visitor.catalogue),
        "second_look": second_look_words(decision.second_look, visitor.catalogue),
        "near": sorted(near, key=lambda row: decision.explanation.similar.index(row.id)),
        "most": max((abs(one.weight) for one in decision.explanation.features), default=1.0),
    }


@router.post("/undo")
async def undo(request: Request) -> Response:
    visitor, _ = await submitted(request, Role.REVIEWER)
    parts = service_of(request).parts
    await run_in_threadpool(parts.assessing.undo, visitor.actor)
    return await _next(request, visitor, "Taken back. It is shown again.")


@router.post("/{incident_id}/settle")
async def settle(request: Request, incident_id: str) -> Response:
    """One of two words that differ, or a third one, by an engineer who said neither."""
    visitor, form = await submitted(request, Role.ENGINEER)
    priority, team = _said(form, visitor.catalogue)
    answered = await run_in_threadpool(
        lambda: service_of(request).parts.assessing.settle(
            incident_id, visitor.actor, priority=priority, team=team, reason=prose(form, "reason")
        )
    )
    return go(request, "/review", f"Settled: {_words_of(answered.record, visitor.catalogue)}.")


@router.post("/{incident_id}/skip")
async def skip(request: Request, incident_id: str) -> Response:
    visitor, _ = await submitted(request, Role.REVIEWER)
    await run_in_threadpool(service_of(request).parts.assessing.skip, incident_id, visitor.actor)
    return await _next(request, visitor, "Left to others.")


@router.post("/patterns/{pattern_id}")
async def answer_all(request: Request, pattern_id: str) -> Response:
    """The same word on everything of a pattern that waits."""
    visitor, form = await submitted(request, Role.REVIEWER)
    priority, team = _said(form, visitor.catalogue)
    done = await run_in_threadpool(
        lambda: service_of(request).parts.assessing.answer_all(
            pattern_id, visitor.actor, priority=priority, team=team, reason=prose(form, "reason")
        )
    )
    return await _next(request, visitor, f"{done} more of this pattern answered the same.")


@router.post("/{incident_id}")
async def answer(request: Request, incident_id: str) -> Response:
    visitor, form = await submitted(request, Role.REVIEWER)
    priority, team = _said(form, visitor.catalogue)
    answered = await run_in_threadpool(
        lambda: service_of(request).parts.assessing.answer(
            incident_id,
            visitor.actor,
            priority=priority,
            team=team,
            reason=prose(form, "reason"),
            looked_at=form.get("looked_at"),
            second=form.get("second") is not None,
        )
    )
    record = answered.record
    words = _words_of(record, visitor.catalogue)
    said = "Agreed." if answered.agreed else f"Corrected to {words}."
    bulk = None
    if answered.alike:
        bulk = {
            "pattern": record.pattern_id,
            "count": answered.alike,
            "priority": record.priority.value,
            "team": record.team,
            "words": words,
        }
    return await _next(request, visitor, said, bulk)


async def _next(request: Request, visitor: Visitor, said: str, bulk: dict[str, Any] | None = None) -> Response:
    if not is_part(request):
        return go(request, "/review", said)
    context = await run_in_threadpool(_item, service_of(request).parts, visitor, said, bulk)
    return page(request, visitor, "_review.html", context)


def _words_of(record: IncidentRecord, catalogue: Catalogue) -> str:
    return f"{record.priority.value}, {catalogue.team_name(record.team)}"


def _said(form: Form, catalogue: Catalogue) -> tuple[str | None, str | None]:
    """Priority and team as a form says them. Raises InvalidIncident, UnknownWord."""
    priority = form.get("priority")
    if priority is not None and priority not in Priority.__members__:
        raise InvalidIncident("a priority is P1 to P5")
    word = form.get("team")
    return priority, find_team(word, catalogue) if word is not None else None


def find_team(word: str, catalogue: Catalogue) -> str:
    """The one active team that is called so, or whose name or id begins with the word, or at least holds it.
    Raises UnknownWord where there is none, or more than one."""
    exact = catalogue.find_team(word)
    if exact is not None and exact.active:
        return exact.id
    sought = fold(word)
    teams = [team for team in catalogue.teams.values() if team.active]
    for holds in (str.startswith, str.__contains__):
        found = [team for team in teams if any(holds(fold(name), sought) for name in (team.name, team.id))]
        if len(found) == 1:
            return found[0].id
        if found:
            names = ", ".join(team.name for team in found[:NAMED])
            raise UnknownWord(f"more than one team begins so: {names}; write a little more of it")
    raise UnknownWord("no team is called so")
