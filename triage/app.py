"""The only place that chooses implementations and puts the service together."""

import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from triage import __version__
from triage.api import actions, health, incidents, predict, sources
from triage.api.actions import OverrideBody, ResolveBody, ResolveByKeyBody, StatusBody
from triage.api.observing import Observing
from triage.api.problems import on_http_error, on_triage_error, problem_response
from triage.api.shapes import Problem
from triage.errors import FieldFault, InvalidIncident, TriageError
from triage.service import Service
from triage.settings import Settings
from triage.sources.native import IncidentBody
from triage.upkeep import Upkeep

log = structlog.get_logger("triage.app")

DESCRIBED = (IncidentBody, OverrideBody, ResolveBody, ResolveByKeyBody, StatusBody, Problem)


class Triage(FastAPI):
    """A FastAPI application whose life can be led by whoever holds it, beside a server's own."""

    def __init__(self, life: Callable[[FastAPI], AbstractAsyncContextManager[None]], **described: Any) -> None:
        super().__init__(lifespan=life, **described)
        self._life = life

    def living(self) -> AbstractAsyncContextManager[None]:
        return self._life(self)


def create_app(settings: Settings, on_fatal: Callable[[str], None]) -> Triage:
    """The service as an ASGI application. Nothing is opened before its lifespan begins.

    ``on_fatal`` is called, from another thread, with one sentence when the service can never work as started.
    """
    service = Service(settings)
    upkeep = Upkeep(service, on_fatal)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        upkeep.start()
        with _reloading(upkeep):
            yield
        upkeep.stop()
        service.close()
        upkeep.release()

    app = Triage(
        lifespan,
        title="Triage",
        version=__version__,
        description="Incidents in; priority, owning team, recurrence and escalation path out.",
        redirect_slashes=False,
    )
    app.state.service = service
    for module in (predict, actions, incidents, sources, health):
        app.include_router(module.router)
    app.add_exception_handler(TriageError, on_triage_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_parameters)
    app.add_middleware(Observing, metrics=service.metrics)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


@contextmanager
def _reloading(upkeep: Upkeep) -> Iterator[None]:
    """SIGHUP reads the configuration folder again, where this process may have a handler for it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGHUP, lambda *_: upkeep.reload())
    yield
    signal.signal(signal.SIGHUP, previous)


async def _on_invalid_parameters(_: Request, error: Exception) -> Response:
    """Path and query parameters that FastAPI refuses, in our own form and without what was sent."""
    if not isinstance(error, RequestValidationError):
        raise error
    faults = tuple(FieldFault(".".join(map(str, e["loc"])), str(e["msg"])) for e in error.errors())
    return problem_response(InvalidIncident("a parameter of the request is not valid", faults))


def _openapi(app: FastAPI) -> dict[str, Any]:
    """OpenAPI with the models whose bodies are read by hand."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        components = schema.setdefault("components", {}).setdefault("schemas", {})
        for model in DESCRIBED:
            described = model.model_json_schema(ref_template="#/components/schemas/{model}")
            components.update(described.pop("$defs", {}))
            components[model.__name__] = described
        schema["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{"bearer": []}, {}]
        app.openapi_schema = schema
    return app.openapi_schema
