"""Embeds remembered texts anew when a bundle with another encoder came into force, beside everything else.

Embeddings of two encoders cannot be compared, so until this is done the memory is searched with the earlier
encoder. Going back to an encoder finds its embeddings still there. On the way, texts whose words are not
remembered (those of a version that did not know of words) get theirs.
"""

import threading
import time
from collections.abc import Mapping
from datetime import datetime

import structlog

from triage.decider import Embedding
from triage.domain.incident import Incident
from triage.errors import TriageError
from triage.prediction.encoder import Encoder
from triage.prediction.text import incident_text, text_key
from triage.recurrence.lexical import terms_of
from triage.serving.metrics import Metrics
from triage.store.database import Database
from triage.store.unembedded import Unembedded

log = structlog.get_logger("triage.reembedding")

LOOKED_AGAIN_AFTER = 300.0
"""Seconds after a whole pass; what another replica still embedded with the earlier encoder is then found too."""
TRIED_AGAIN_AFTER = 5.0
"""Seconds after a failure, or while another replica is at it."""
KEPT_TOGETHER = 50


class Reembedding:
    """One pass at a time, in a thread of its own, newest incidents first."""

    def __init__(self, database: Database, metrics: Metrics) -> None:
        self._database = database
        self._unembedded = Unembedded(database)
        self._metrics = metrics
        self._wanted: Encoder | None = None
        self._passed: tuple[str, float] | None = None
        self._failed_at = -TRIED_AGAIN_AFTER
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def want(self, encoder: Encoder) -> None:
        """Begin a pass, unless one runs, was made a while ago for this encoder, or failed a moment ago."""
        self._wanted = encoder
        now = time.monotonic()
        if self._thread is not None and self._thread.is_alive():
            return
        if self._passed is not None and self._passed[0] == encoder.version:
            if now < self._passed[1] + LOOKED_AGAIN_AFTER:
                return
        elif now < self._failed_at + TRIED_AGAIN_AFTER:
            return
        self._thread = threading.Thread(target=self._run, args=(encoder,), name="reembedding", daemon=True)
        self._thread.start()

    @property
    def whole(self) -> str | None:
        """The encoder for which the last pass found, or left, nothing missing."""
        return self._passed[0] if self._passed is not None else None

    def end(self) -> None:
        """Whatever is missing is found by the next pass."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self, encoder: Encoder) -> None:
        started = time.monotonic()
        try:
            with self._database.unattended():
                done = self._pass(encoder)
        except TriageError as error:
            self._failed_at = time.monotonic()
            self._metrics.failures.labels("reembedding").inc()
            log.warning("remembered texts cannot be embedded now", why=str(error))
            return
        if self._is_wanted(encoder):
            self._passed = encoder.version, time.monotonic()
            if done:
                seconds = round(time.monotonic() - started, 1)
                log.info("remembered texts embedded", encoder=encoder.version, texts=done, seconds=seconds)

    def _is_wanted(self, encoder: Encoder) -> bool:
        return not self._ended.is_set() and self._wanted is not None and self._wanted.version == encoder.version

    def _pass(self, encoder: Encoder) -> int:
        """How many texts were embedded, once none is missing or another encoder is wanted."""
        done, after = 0, None
        while self._is_wanted(encoder):
            page = self._unembedded.read_page(encoder.version, after)
            self._unembedded.keep_words({k: terms_of(t) for k, t in texts_of(page.wordless).items()})
            if texts_of(page.missing):
                done += self._embed_page(encoder, after)
            if page.last is None:
                break
            after = page.last
        return done + self._embed_wordings(encoder)

    def _embed_wordings(self, encoder: Encoder) -> int:
        """Those are few, so whichever replica comes first embeds them, and another one may too."""
        done, texts = 0, texts_of(self._unembedded.read_wordings(encoder.version))
        while texts and self._is_wanted(encoder):
            kept = self._embed(encoder, texts)
            done += kept
            texts = texts_of(self._unembedded.read_wordings(encoder.version)) if kept else {}
        return done

    def _embed_page(self, encoder: Encoder, after: tuple[datetime, str] | None) -> int:
        """Only one replica embeds; the others wait until the page is whole."""
        while self._is_wanted(encoder):
            with self._unembedded.alone() as alone:
                missing = texts_of(self._unembedded.read_page(encoder.version, after).missing)
                if alone or not missing:
                    return self._embed(encoder, missing)
            self._ended.wait(TRIED_AGAIN_AFTER)
        return 0

    def _embed(self, encoder: Encoder, missing: dict[bytes, str]) -> int:
        held: dict[bytes, Embedding] = {}
        kept = 0
        for key, text in missing.items():
            if not self._is_wanted(encoder):
                break
            started = time.monotonic()
            held[key] = encoder.encode([text])[0]
            if len(held) == KEPT_TOGETHER:
                kept += self._keep(encoder, held)
            # As long at rest as at work, on one core: requests come first.
            self._ended.wait(time.monotonic() - started)
        return kept + self._keep(encoder, held)

    def _keep(self, encoder: Encoder, held: dict[bytes, Embedding]) -> int:
        count = len(held)
        self._unembedded.keep(encoder.version, held)
        self._metrics.reembedded.inc(count)
        held.clear()
        return count


def texts_of(missing: Mapping[bytes, Incident]) -> dict[bytes, str]:
    """By key; what an earlier version of the text's definition named is found by nobody any more."""
    texts = {key: incident_text(event) for key, event in missing.items()}
    return {key: text for key, text in texts.items() if text_key(text) == key}
