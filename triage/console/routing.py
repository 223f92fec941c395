"""What every page has: its headers, its form, its errors in words that a person can act on."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse

from triage.console.templating import Clock, render
from triage.console.visiting import Visitor, check_csrf, check_origin, is_secure, service_of, visitor_of
from triage.domain.access import Role
from triage.errors import BadRequest, InvalidIncident, TriageError, Unauthenticated
from triage.serving.taking_in import read_bytes

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 500
FLASH = "triage_said"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
TITLES = {
    400: "This cannot be done as it was asked",
    401: "You are not signed in",
    403: "You may not do this",
    404: "There is no such thing",
    409: "Somebody was faster, or it is no longer so",
    413: "This is too large",
    415: "This was not sent as a form",
    422: "Something in the form is not right",
    500: "Something failed on our side",
    503: "Not available right now",
}


class PageRoute(APIRoute):
    """A route whose answers are pages: errors too, and with the headers that keep a page to itself."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                response = await inner(request)
            except RequestValidationError:
                response = refusal(request, InvalidIncident("something in the address is not as it should be"))
            except Unauthenticated as error:
                response = _to_sign_in(request, error)
            except TriageError as error:
                response = refusal(request, error)
            return _kept_to_itself(request, response)

        return handle

    def refuse(self, request: Request, error: TriageError) -> Response:
        """What a failure is answered with that nobody named; its owner has logged and counted it."""
        return _kept_to_itself(request, _problem_page(request, error))


def _kept_to_itself(request: Request, response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if is_secure(request):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def page(
    request: Request,
    visitor: Visitor,
    template: str,
    context: Mapping[str, Any] | None = None,
    status: int = 200,
) -> Response:
    """A page, or with a template whose name begins with ``_`` a part of one."""
    said = request.cookies.get(FLASH)
    shown = {
        "visitor": visitor,
        "clock": Clock(visitor.zone, visitor.now),
        "path": request.url.path,
        "said": _unquoted(said) if said else None,
        "live": None,
        "problem": None,
        **(context or {}),
    }
    response = HTMLResponse(render(template, shown), status)
    if said and not template.startswith("_"):
        response.delete_cookie(FLASH, path="/")
    return response


def go(request: Request, to: str, said: str = "") -> Response:
    """After something was done: look at the page ``to`` (a path of ours), which tells what."""
    response: Response
    if is_part(request):
        response = Response(status_code=204, headers={"HX-Redirect": to})
    else:
        response = RedirectResponse(to, 303)
    if said:
        response.set_cookie(
            FLASH,
            quote(said[:500]),
            max_age=60,
            httponly=True,
            samesite="lax",
            secure=is_secure(request),
            path="/",
        )
    return response


def is_part(request: Request) -> bool:
    """Whether htmx asks, which puts the answer into the page that is shown."""
    return request.headers.get("hx-request") == "true"


def refusal(request: Request, error: TriageError) -> Response:
    """An error as a page, or as a line of the page that is shown."""
    if error.status == 500:
        service_of(request).note_failure(error)
    return _problem_page(request, error)


def _problem_page(request: Request, error: TriageError) -> Response:
    context = {
        "title": TITLES.get(error.status, TITLES[400] if error.status < 500 else TITLES[500]),
        "detail": problem_of(error),
        "status": error.status,
        "back": _came_from(request),
    }
    headers = {"Retry-After": "5"} if error.status == 503 else {}
    if is_part(request):
        headers |= {"HX-Retarget": "#problem", "HX-Reswap": "outerHTML"}
        return HTMLResponse(render("_problem.html", context), error.status, headers)
    return HTMLResponse(render("error.html", context), error.status, headers)


def problem_of(error: TriageError) -> str:
    """What went wrong, as a sentence. Holds no incident text: errors do not."""
    if error.status == 500:
        return "The failure was logged; nothing was changed."
    said = str(error)
    if isinstance(error, InvalidIncident) and error.faults:
        said = "; ".join(f"{fault.at}: {fault.message}" for fault in error.faults)
    return said[:1].upper() + said[1:] + ("" if said.endswith((".", "!", "?")) else ".")


def _came_from(request: Request) -> str:
    """The page of ours that this was asked from."""
    referer = urlsplit(request.headers.get("referer", ""))
    return local_path(referer.path) if referer.netloc == request.headers.get("host") else "/"


def _to_sign_in(request: Request, error: Unauthenticated) -> Response:
    if request.method == "GET" and not is_part(request):
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse("/sign-in" + (f"?{urlencode({'next': here})}" if here != "/" else ""), 303)
    if is_part(request):
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    return refusal(request, error)


def local_path(path: str) -> str:
    """A path of ours, and nothing that a browser takes for another host; else the first page."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_ours and "\\" not in path else "/"


def _unquoted(text: str) -> str:
    return dict(parse_qsl(f"said={text}", keep_blank_values=True)).get("said", "")


class Form:
    """The fields of a form that was sent. A field that is blank was not filled in."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self._fields = fields

    def get(self, name: str) -> str | None:
        """None where it is blank."""
        values = self._fields.get(name)
        value = values[-1].strip() if values else ""
        return value or None

    def all(self, name: str) -> list[str]:
        return [value.strip() for value in self._fields.get(name, ()) if value.strip()]

    def need(self, name: str, what: str) -> str:
        """Raises InvalidIncident with ``what`` is missing."""
        value = self.get(name)
        if value is None:
            raise InvalidIncident(f"{what} is missing")
        return value

    def as_dict(self) -> dict[str, str]:
        """For a form that is shown again."""
        return {name: values[-1] for name, values in self._fields.items() if name != "csrf"}


async def submitted(request: Request, needed: Role = Role.RESPONDER) -> tuple[Visitor, Form]:
    """Who sent a form, and what is in it. Raises what ``visitor_of`` raises, Forbidden for a form of another site
    or an earlier session, TooLarge, TooSlow, BadRequest."""
    check_origin(request)
    visitor = await run_in_threadpool(visitor_of, request, needed)
    form = await read_form(request)
    check_csrf(visitor, form.get("csrf") or request.headers.get("x-csrf-token", ""))
    return visitor, form


async def read_form(request: Request) -> Form:
    """Raises TooLarge, TooSlow, BadRequest."""
    settings = service_of(request).settings
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read_bytes(request, settings, settings.max_body)
    if body and kind != FORM:
        raise BadRequest("this was not sent as a form")
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            max_num_fields=MOST_FIELDS,
            encoding="utf-8",
            errors="strict",
        )
    except ValueError:
        raise BadRequest("the form cannot be read") from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value.replace("\x00", "\ufffd").replace("\r\n", "\n"))
    return Form(fields)
