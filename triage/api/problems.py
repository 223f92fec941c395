"""The one mapping from a named error to an HTTP answer: RFC 9457 problem details."""

from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from triage.api.bodies import render
from triage.errors import FieldFault, InvalidIncident, TooSlow, TriageError, Unavailable
from triage.serving.service import Service

MEDIA_TYPE = "application/problem+json"

TITLES = {
    400: "The request cannot be understood",
    401: "Credentials are missing or not valid",
    403: "These credentials may not do this",
    404: "There is no such thing",
    405: "The method is not allowed here",
    408: "The request took too long",
    409: "The request conflicts with what is",
    410: "It is not valid any more",
    413: "The request is too large",
    415: "The content type is not supported",
    422: "The request is not valid",
    500: "Something failed on our side",
    502: "Somebody else's service did not take it",
    503: "Not available right now",
}


def problem_of(error: TriageError) -> dict[str, Any]:
    """The problem document of an error. Holds no incident text: the errors do not."""
    detail = str(error) if error.status != 500 else "The failure was logged; nothing was changed."
    document: dict[str, Any] = {
        "type": f"https://triage.example/problems/{error.code}",
        "title": TITLES.get(error.status, TITLES[500]),
        "status": error.status,
        "detail": detail,
        "code": error.code,
    }
    if isinstance(error, InvalidIncident) and error.faults:
        document["errors"] = [{"at": fault.at, "message": fault.message} for fault in error.faults]
    return document


def problem_response(error: TriageError) -> Response:
    headers = {}
    if isinstance(error, TooSlow):
        headers["Connection"] = "close"
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(error.retry_after)
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(render(problem_of(error)), status_code=error.status, media_type=MEDIA_TYPE, headers=headers)


def http_problem(error: HTTPException) -> Response:
    """For what the router itself refuses: unknown paths and methods."""
    document = {
        "type": "about:blank",
        "title": TITLES.get(error.status_code, str(error.detail)),
        "status": error.status_code,
        "detail": str(error.detail),
        "code": {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http"),
    }
    return Response(
        render(document),
        status_code=error.status_code,
        media_type=MEDIA_TYPE,
        headers=dict(error.headers) if error.headers else None,
    )


async def on_triage_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, TriageError):
        raise error
    if error.status == 500:
        service: Service = request.app.state.service
        service.note_failure(error)
    return problem_response(error)


async def on_invalid_parameters(_: Request, error: Exception) -> Response:
    """Path and query parameters that FastAPI refuses, in our own form and without what was sent."""
    if not isinstance(error, RequestValidationError):
        raise error
    faults = tuple(FieldFault(".".join(map(str, e["loc"])), str(e["msg"])) for e in error.errors())
    return problem_response(InvalidIncident("a parameter of the request is not valid", faults))


async def on_http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return http_problem(error)
