"""Around every request: counted, timed, and a failure nobody named becomes one log line and one problem."""

import time

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triage.api.problems import problem_response
from triage.errors import TriageError
from triage.serving.logs import place_of
from triage.serving.metrics import Metrics

log = structlog.get_logger("triage.api")

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
GONE = 499
"""What the count says of a client that went away before its request was whole, as nginx does."""


class Observing:
    """Pure ASGI: a wrapper with tasks of its own would cost as much as a small request."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500
        begun = False

        async def watch(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except ClientDisconnect:
            status = GONE
        except Exception as error:  # the last owner of every failure: logged, counted, answered
            self._metrics.failures.labels("unexpected").inc()
            log.error("unexpected failure", kind=type(error).__name__, at=place_of(error), path=_route(scope))
            if begun:
                raise
            await _refusal(scope, TriageError("unexpected"))(scope, receive, watch)
        finally:
            route, method = _route(scope), scope["method"] if scope["method"] in METHODS else "other"
            self._metrics.requests.labels(route, method, str(status)).inc()
            self._metrics.latency.labels(route).observe(time.perf_counter() - started)


def _refusal(scope: Scope, failure: TriageError) -> Response:
    """A problem, or, where the route answers people, what it says to them."""
    refuse = getattr(scope.get("route"), "refuse", None)
    answer: Response = refuse(Request(scope), failure) if refuse is not None else problem_response(failure)
    return answer


def _route(scope: Scope) -> str:
    """The route's pattern, so that no identifier becomes a label."""
    route = scope.get("route")
    return getattr(route, "path", "unmatched")
