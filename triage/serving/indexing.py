"""Builds the index over the embeddings of the encoder in force, beside everything else."""

import threading
import time

import structlog

from triage.errors import TriageError
from triage.serving.metrics import Metrics
from triage.store.embedding_index import ensure_embedding_index

log = structlog.get_logger("triage.indexing")

TRIED_AGAIN_AFTER = 60.0
"""Seconds after a build that failed, or that another replica is at."""


class Indexing:
    """One build at a time, in a thread of its own. Until it is done, similar texts are found without an index."""

    def __init__(self, url: str, metrics: Metrics) -> None:
        self._url = url
        self._metrics = metrics
        self._thread: threading.Thread | None = None
        self._indexed: str | None = None
        self._tried: tuple[str, float] | None = None

    def is_there(self, encoder: str) -> bool:
        return self._indexed == encoder

    def want(self, encoder: str, dimensions: int) -> None:
        """Begin to build, unless that is done, being done, or failed a moment ago."""
        if encoder == self._indexed or (self._thread is not None and self._thread.is_alive()):
            return
        now = time.monotonic()
        if self._tried is not None and self._tried[0] == encoder and now - self._tried[1] < TRIED_AGAIN_AFTER:
            return
        self._tried = (encoder, now)
        # A daemon: an end of the service does not wait for it, and a half-built index is made anew.
        self._thread = threading.Thread(
            target=self._build, args=(encoder, dimensions), name="embedding-index", daemon=True
        )
        self._thread.start()

    def _build(self, encoder: str, dimensions: int) -> None:
        try:
            if ensure_embedding_index(self._url, encoder, dimensions):
                self._indexed = encoder
        except TriageError as error:
            self._metrics.failures.labels("embedding_index").inc()
            log.error("the index over the embeddings cannot be built", why=str(error))
