"""Signing in with a personal token, and out again."""

from datetime import timedelta
from typing import Annotated

import structlog
from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse

from triage.console.routing import PageRoute, local_path, read_form, submitted
from triage.console.templating import render
from triage.console.visiting import (
    check_origin,
    clear_session,
    cookie_name,
    service_of,
    set_session,
    visitor_of,
)
from triage.domain.access import Role
from triage.errors import Forbidden, TriageError
from triage.serving.parts import utc_now
from triage.serving.service import Service
from triage.store.tokens import digest

log = structlog.get_logger("triage.console")
router = APIRouter(route_class=PageRoute, include_in_schema=False)

Next = Annotated[str, Query(alias="next", max_length=2_000)]


@router.get("/sign-in")
def ask(request: Request, to: Next = "/") -> Response:
    try:
        visitor_of(request)
    except TriageError:
        return _form(to)
    return RedirectResponse(local_path(to), 303)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """There is no session yet that a CSRF token could belong to: whoever makes somebody sign in from another site
    would need a token to do it with, and the Origin refuses them too."""
    check_origin(request)
    form = await read_form(request)
    to, token = local_path(form.get("next") or "/"), form.get("token") or ""
    service = service_of(request)
    try:
        secret = await run_in_threadpool(_begin, service, token)
    except Forbidden as error:
        log.warning("signing in was refused", why=str(error))
        return _form(to, str(error).capitalize() + ".", 403)
    response = RedirectResponse(to, 303)
    set_session(request, response, secret)
    return response


def _begin(service: Service, token: str) -> str:
    token_digest, now = digest(token), utc_now()
    principal = service.find_principal(token_digest)
    if principal is None:
        raise Forbidden("this token is not known, has expired or was revoked")
    if not principal.role.may_act_as(Role.RESPONDER):
        raise Forbidden("this token belongs to a source; sign in with one that belongs to you")
    lasts = timedelta(seconds=service.settings.session_lasts)
    return service.parts.sessions.begin(token_digest, principal.owner, now, lasts)


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    await submitted(request)
    secret = request.cookies.get(cookie_name(request))
    if secret:
        await run_in_threadpool(service_of(request).parts.sessions.end, secret, utc_now())
    response = RedirectResponse("/sign-in", 303)
    clear_session(request, response)
    return response


def _form(to: str, fault: str = "", status: int = 200) -> Response:
    return HTMLResponse(render("sign_in.html", {"next": local_path(to), "fault": fault}), status)
