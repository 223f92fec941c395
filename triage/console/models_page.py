"""Bundles: which one decides and what it is worth; to put another in force, and to go back."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from triage.challenge import Report
from triage.console.models_drift import DriftView, drift_view
from triage.console.models_view import beside, heads_of, mover, summary_of
from triage.console.routing import Form, PageRoute, go, page, submitted
from triage.console.visiting import Visitor, service_of, visitor_of
from triage.domain.access import Role
from triage.drift import Report as Drifted
from triage.errors import InvalidIncident, NotFound
from triage.prediction.collection import BundleState, get_bundle
from triage.prediction.manifest import CARD_FILE
from triage.serving.parts import Parts
from triage.serving.promotion import Outcome, Overview
from triage.store.configurations import NOTHING, Pointer

router = APIRouter(prefix="/models", route_class=PageRoute, include_in_schema=False)

AT_ONCE = 0.12
"""Seconds that the page waits for the challenger's figures before it is shown without them."""
LONGEST_REASON = 2_000
MOST_OF_CARD = 20_000
"""Characters: of a history with thousands of labels the card names some."""


@router.get("")
def show(request: Request) -> Response:
    visitor = visitor_of(request)
    overview = service_of(request).parts.promotion.look()
    parts = service_of(request).parts
    challenger = parts.challenge.pointer()
    context = _standing(overview, visitor) | {
        "challenger": challenger,
        "challenge": _challenge(parts, challenger),
        "drift": _drift(parts, overview),
        "expect_challenger": parts.challenge.expected(),
        "summaries": {state.version: summary_of(state) for state in overview.bundles},
        "moves": overview.moves,
    }
    return page(request, visitor, "models.html", context)


@router.get("/{version}")
def show_one(request: Request, version: str) -> Response:
    visitor, service = visitor_of(request), service_of(request)
    overview = service.parts.promotion.look()
    state = _find(overview, version)
    if state is None:
        # Raises NotFound with what there is; else it appeared a moment ago.
        get_bundle(service.settings.models_dir, version)
        raise NotFound("this bundle is not complete yet")
    heads = heads_of(state.manifest) if state.manifest is not None else []
    in_force = _find(overview, overview.in_force)
    compared = in_force is not None and in_force.manifest is not None and in_force.version != version
    context = _standing(overview, visitor) | {
        "state": state,
        "manifest": state.manifest,
        "heads": heads,
        "beside": beside(heads, heads_of(in_force.manifest))
        if compared and in_force and in_force.manifest
        else [],
        "card": _card(request, state),
        "challenger": service.parts.challenge.pointer(),
        "expect_challenger": service.parts.challenge.expected(),
        "moves": [move for move in overview.moves if version in (move.version, move.previous)],
    }
    return page(request, visitor, "model.html", context)


def _challenge(parts: Parts, pointer: Pointer | None) -> Report | None:
    """What is found within a moment; None without a challenger, and while it is still being added up."""
    if pointer is None:
        return None
    key = ("challenge", *parts.challenge.state(pointer))
    found: Report | None = parts.lately.ask(key, parts.challenge.report, AT_ONCE)
    return found


def _drift(parts: Parts, overview: Overview) -> DriftView | None:
    """None where nothing that learnt is in force."""
    in_force = _find(overview, overview.in_force)
    if in_force is None or in_force.manifest is None or not in_force.manifest.heads:
        return None
    found: Drifted | None = parts.lately.ask(("drift", overview.in_force), parts.drift.report, AT_ONCE)
    return drift_view(found)


def _standing(overview: Overview, visitor: Visitor) -> dict[str, Any]:
    """``expect``: what must still be active when somebody acts on what they saw."""
    in_force = _find(overview, overview.in_force)
    promised = [one for head in summary_of(in_force).values() for one in head.promises] if in_force else []
    return {
        "overview": overview,
        "in_force": in_force,
        "promised": promised,
        "bounded": any(one.bounds_missed for one in promised),
        "expect": overview.pointer.version if overview.pointer is not None else NOTHING,
        "may": visitor.may(Role.ENGINEER),
        "catalogue": visitor.catalogue,
        "mover": lambda by: mover(by, visitor.catalogue),
        "longest": LONGEST_REASON,
    }


def _find(overview: Overview, version: str) -> BundleState | None:
    return next((state for state in overview.bundles if state.version == version), None)


def _card(request: Request, state: BundleState) -> str:
    """What training wrote for people; nothing of a bundle that is not whole."""
    if state.manifest is None or CARD_FILE not in state.manifest.files:
        return ""
    folder = get_bundle(service_of(request).settings.models_dir, state.version)
    return (folder / CARD_FILE).read_text("utf-8")[:MOST_OF_CARD]


@router.post("/{version}/promote")
async def promote(request: Request, version: str) -> Response:
    visitor, form = await submitted(request, Role.ENGINEER)
    outcome = await run_in_threadpool(_promote, service_of(request).parts, visitor, version, form)
    said = f"{version} is in force." if outcome.changed else f"{version} was in force already."
    return go(request, f"/models/{version}", said)


def _promote(parts: Parts, visitor: Visitor, version: str, form: Form) -> Outcome:
    return parts.promotion.promote(version, visitor.principal.owner, _reason(form), form.get("expect"))


@router.post("/rollback")
async def roll_back(request: Request) -> Response:
    visitor, form = await submitted(request, Role.ENGINEER)
    outcome = await run_in_threadpool(
        service_of(request).parts.promotion.rollback, visitor.principal.owner, _reason(form), form.get("expect")
    )
    return go(request, "/models", f"{outcome.pointer.version} is in force again.")


@router.post("/challenger/end")
async def end_challenge(request: Request) -> Response:
    visitor, form = await submitted(request, Role.ENGINEER)
    challenge = service_of(request).parts.challenge
    await run_in_threadpool(challenge.end, visitor.principal.owner, _reason(form), form.get("expect"))
    return go(request, "/models", "No bundle runs beside the one in force any more.")


@router.post("/{version}/challenge")
async def challenge(request: Request, version: str) -> Response:
    visitor, form = await submitted(request, Role.ENGINEER)
    challenge = service_of(request).parts.challenge
    await run_in_threadpool(challenge.name, version, visitor.principal.owner, _reason(form), form.get("expect"))
    return go(request, "/models#challenger-title", f"{version} runs beside the one in force.")


def _reason(form: Form) -> str:
    """Raises InvalidIncident."""
    reason = form.need("reason", "the reason")
    if len(reason) > LONGEST_REASON:
        raise InvalidIncident(f"a reason has at most {LONGEST_REASON:,} characters")
    return reason
