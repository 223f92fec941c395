"""Asks a challenger about every incident, after it was decided on, beside everything else.

It reads what decisions rested on from the store, so nobody's request waits for it, and what it failed to see today
it sees tomorrow.
"""

import threading
import time
from datetime import timedelta
from pathlib import Path

import structlog

from triage.challenge import Challenge
from triage.decider import Case
from triage.domain.assessment import acts
from triage.errors import ConfigurationError, NotFound, TriageError
from triage.prediction.text import incident_text
from triage.replay import Deciders
from triage.serving.metrics import Metrics
from triage.store.challenges import Answer, Challenges, Waiting
from triage.store.configurations import Configurations, Pointer
from triage.store.database import Database

log = structlog.get_logger("triage.shadowing")

ASKED_AT_ONCE = 50
TRIED_AGAIN_AFTER = 30.0
"""Seconds after a failure."""


class Shadowing:
    """One pass at a time, in a thread of its own; on all replicas together, one asks."""

    def __init__(self, database: Database, models: Path, challenge: Challenge, metrics: Metrics) -> None:
        self._configurations = Configurations(database)
        self._challenges = Challenges(database)
        self._challenge = challenge
        self._models = models
        self._metrics = metrics
        self._ended = threading.Event()
        self._failed_at = -TRIED_AGAIN_AFTER
        self._held: tuple[str, Deciders] | None = None
        self._thread: threading.Thread | None = None

    def follow(self) -> None:
        """Begin a pass over what waits, unless one runs. Raises StoreUnavailable."""
        if self._thread is not None and self._thread.is_alive():
            return
        pointer = self._challenge.pointer()
        if pointer is None:
            self._release()
        elif time.monotonic() >= self._failed_at + TRIED_AGAIN_AFTER:
            self._thread = threading.Thread(target=self._run, args=(pointer,), name="shadowing", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """What it was not asked about waits for the next start."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        if self._thread is None or not self._thread.is_alive():
            self._release()

    def _run(self, pointer: Pointer) -> None:
        try:
            asked = self._pass(pointer)
        except TriageError as error:
            self._failed_at = time.monotonic()
            self._metrics.failures.labels("shadow").inc()
            log.warning("the challenger cannot be asked now", bundle=pointer.version, why=str(error))
            return
        if asked:
            log.info("challenger asked", bundle=pointer.version, incidents=asked)

    def _pass(self, pointer: Pointer) -> int:
        """How many incidents it was asked about, once none waits."""
        since, asked = self._challenge.begins(pointer), 0
        while self._wants(pointer) and self._challenges.read_waiting(pointer.version, since, 1):
            with self._challenges.alone() as alone:
                if not alone:
                    break
                waiting = self._challenges.read_waiting(pointer.version, since, ASKED_AT_ONCE)
                found = [self._ask(pointer.version, one) for one in waiting if not self._ended.is_set()]
                answers = [answer for answer in found if answer is not None]
                self._challenges.keep(pointer.version, answers)
            asked += len(answers)
            self._metrics.shadowed.inc(len(answers))
            if len(answers) < len(waiting):
                # Nothing more can be said of those, now: what came after them must not wait for it.
                since = waiting[-1].inputs.opened_at + timedelta(microseconds=1)
        return asked

    def _wants(self, pointer: Pointer) -> bool:
        """Another one may have been named, or this one put in force, while it catches up."""
        return not self._ended.is_set() and self._challenge.pointer() == pointer

    def _ask(self, challenger: str, waiting: Waiting) -> Answer | None:
        """As it was decided then, by another bundle; None where the configuration of that time cannot be read."""
        started = time.monotonic()
        versions, inputs = waiting.decision.versions, waiting.inputs
        deciders = self._deciders(challenger)
        deciders.predictor(challenger)
        try:
            decider = deciders.get(versions.catalogue, versions.policy, challenger)
        except (NotFound, ConfigurationError) as error:
            self._metrics.failures.labels("shadow").inc()
            log.warning("the challenger cannot be asked about a decision", why=str(error))
            return None
        assert decider.predictor is not None  # a challenger names a bundle
        embedding = decider.predictor.encoder.encode([incident_text(inputs.incident)])[0]
        decision = decider.decide([Case(inputs=inputs, embedding=embedding)])[0]
        # As long at rest as at work: requests come first.
        self._ended.wait(time.monotonic() - started)
        return Answer(
            incident_id=str(waiting.decision.incident_id),
            incumbent=versions.bundle,
            opened_at=inputs.opened_at,
            priority=decision.priority.value.value,
            team=decision.team.value,
            acts_priority=acts(decision.priority),
            acts_team=acts(decision.team),
        )

    def _deciders(self, challenger: str) -> Deciders:
        if self._held is None or self._held[0] != challenger:
            self._release()
            self._held = challenger, Deciders(self._configurations, self._models, workers=1)
        return self._held[1]

    def _release(self) -> None:
        """Its memory is given back."""
        if self._held is not None:
            self._held[1].close()
            self._held = None
