"""The only place that chooses implementations and puts the service together."""

import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from triage import __version__
from triage.api import (
    actions,
    assessments,
    documentation,
    drills,
    figures,
    health,
    incidents,
    links,
    messages,
    models,
    oncall,
    pattern_changes,
    patterns,
    precision,
    predict,
    previews,
    rehearsals,
    responding,
    reviews,
    silences,
    sources,
)
from triage.api.observing import Observing
from triage.api.openapi import describe
from triage.api.problems import on_http_error, on_invalid_parameters, on_triage_error
from triage.console import (
    incident_actions,
    incident_list,
    incident_page,
    insights_page,
    live,
    models_page,
    oncall_page,
    pattern_actions,
    pattern_list,
    pattern_page,
    policy_page,
    policy_trials,
    reporting,
    review_queue,
    search_page,
    signing_in,
    statics,
)
from triage.console.live import Live
from triage.errors import TriageError
from triage.serving.posting import Posting
from triage.serving.rounds import Rounds
from triage.serving.service import Service
from triage.serving.ticking import Ticking
from triage.serving.upkeep import Upkeep
from triage.settings import Settings

log = structlog.get_logger("triage.app")


class Triage(FastAPI):
    """A FastAPI application whose life can be led by whoever holds it, beside a server's own."""

    def __init__(
        self,
        life: Callable[[FastAPI], AbstractAsyncContextManager[None]],
        goodbye: Callable[[], None],
        **described: Any,
    ) -> None:
        super().__init__(lifespan=life, **described)
        self._life = life
        self.goodbye = goodbye

    def living(self) -> AbstractAsyncContextManager[None]:
        return self._life(self)


def create_app(settings: Settings, on_fatal: Callable[[str], None]) -> Triage:
    """The service as an ASGI application. Nothing is opened before its lifespan begins.

    ``on_fatal`` is called, from another thread, with one sentence when the service can never work as started.
    """
    service = Service(settings)
    upkeep = Upkeep(service, on_fatal)
    ticking = Ticking(lambda: service.engine, service.metrics)
    posting = Posting(lambda: service.delivering, service.metrics)
    watching = Rounds("watching", service.watch)
    pages = Live(service)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        upkeep.start()
        ticking.start()
        posting.start()
        watching.start()
        pages.start()
        with _reloading(upkeep):
            yield
        pages.stop()
        watching.stop()
        ticking.stop()
        posting.stop()
        upkeep.stop()
        service.close()
        upkeep.release()

    app = Triage(
        lifespan,
        pages.close,
        title="Triage",
        version=__version__,
        description="Incidents in; priority, owning team, recurrence and escalation path out.",
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    app.state.live = pages
    for module in (
        predict,
        actions,
        assessments,
        precision,
        responding,
        incidents,
        links,
        pattern_changes,
        silences,
        previews,
        rehearsals,
        drills,
        patterns,
        sources,
        models,
        messages,
        reviews,
        figures,
        oncall,
        health,
        documentation,
        statics,
        signing_in,
        incident_list,
        incident_page,
        incident_actions,
        reporting,
        review_queue,
        policy_page,
        policy_trials,
        oncall_page,
        pattern_list,
        pattern_actions,
        pattern_page,
        search_page,
        insights_page,
        models_page,
        live,
    ):
        app.include_router(module.router)
    app.add_exception_handler(TriageError, on_triage_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_invalid_parameters)
    app.add_middleware(Observing, metrics=service.metrics)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
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
