"""Runs the engine: a thread that looks for what is due a few times a second, for as long as the process lives."""

from collections.abc import Callable

from triage.engine import Engine
from triage.serving.metrics import Metrics
from triage.serving.outliving import outlives
from triage.serving.rounds import Rounds

TICK_EVERY = 0.25
"""Seconds between two looks for what is due: two look-ups by an index when nothing is."""
AFTER_FAILURE = 1.0


class Ticking:
    """``engine`` gives the engine, or None while there is nothing to run it on."""

    def __init__(self, engine: Callable[[], Engine | None], metrics: Metrics) -> None:
        self._engine = engine
        self._metrics = metrics
        self._rounds = Rounds("escalations", self.tick)
        self.start, self.stop = self._rounds.start, self._rounds.stop

    def tick(self) -> float:
        """Everything that is due now; the seconds to wait then. Outlives every failure."""
        engine = self._engine()
        if engine is None:
            return TICK_EVERY
        done = outlives("carrying escalations on", lambda: self._carry_on(engine), self._metrics)
        return TICK_EVERY if done else AFTER_FAILURE

    def _carry_on(self, engine: Engine) -> None:
        while not self._rounds.is_stopping:
            ticked = engine.tick()
            self._metrics.escalations.inc(ticked.carried_on)
            if ticked.failed:
                self._metrics.failures.labels("cannot_carry_on").inc(ticked.failed)
            if not ticked.more:
                return
