"""Counts words anew as the memory grows, beside everything else: of a million texts it takes a minute."""

import threading

import psycopg
import structlog
from pgvector.psycopg import register_vector
from psycopg.rows import dict_row

from triage.errors import TriageError
from triage.serving.metrics import Metrics
from triage.store.database import named_failures
from triage.store.words import count_words

log = structlog.get_logger("triage.counting")


class Counting:
    """One count at a time, in a thread and on a connection of its own."""

    def __init__(self, url: str, metrics: Metrics) -> None:
        self._url = url
        self._metrics = metrics
        self._thread: threading.Thread | None = None

    def want(self) -> None:
        """Count if the memory has grown, unless that is being done."""
        if self._thread is not None and self._thread.is_alive():
            return
        # A daemon: an end of the service does not wait for it, and a count that was not finished changed nothing.
        self._thread = threading.Thread(target=self._count, name="word-counts", daemon=True)
        self._thread.start()

    def _count(self) -> None:
        try:
            with (
                named_failures(),
                psycopg.connect(self._url, autocommit=True, connect_timeout=5, row_factory=dict_row) as db,
            ):
                register_vector(db)
                count_words(db)
        except TriageError as error:
            self._metrics.failures.labels("word_counts").inc()
            log.warning("words cannot be counted now", why=str(error))
