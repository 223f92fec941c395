"""Runs the engine: a thread that looks for what is due a few times a second, for as long as the process lives."""

import threading
from collections.abc import Callable

import structlog

from triage.engine import Engine
from triage.errors import StoreUnavailable, TriageError, Unavailable
from triage.serving.logs import place_of
from triage.serving.metrics import Metrics

log = structlog.get_logger("triage.ticking")

TICK_EVERY = 0.25
"""Seconds between two looks for what is due: two look-ups by an index when nothing is."""
AFTER_FAILURE = 1.0


class Ticking:
    """``engine`` gives the engine, or None while there is nothing to run it on."""

    def __init__(self, engine: Callable[[], Engine | None], metrics: Metrics) -> None:
        self._engine = engine
        self._metrics = metrics
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="escalations", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What is being carried on is finished first."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._stop.wait(self.tick())

    def tick(self) -> float:
        """Everything that is due now; the seconds to wait then. Outlives every failure."""
        engine = self._engine()
        if engine is None:
            return TICK_EVERY
        try:
            while not self._stop.is_set():
                ticked = engine.tick()
                self._metrics.escalations.inc(ticked.carried_on)
                if ticked.failed:
                    self._metrics.failures.labels("cannot_carry_on").inc(ticked.failed)
                if not ticked.more:
                    return TICK_EVERY
        except (StoreUnavailable, Unavailable) as error:
            log.warning("escalations cannot be carried on now", why=str(error))
        except TriageError as error:
            self._metrics.failures.labels(error.code).inc()
            log.error("escalations cannot be carried on", why=str(error))
        except Exception as error:  # noqa: BLE001 - its owner: logged, counted, tried again at the next tick
            self._metrics.failures.labels("unexpected").inc()
            log.error("a tick failed unexpectedly", kind=type(error).__name__, at=place_of(error))
        return AFTER_FAILURE
