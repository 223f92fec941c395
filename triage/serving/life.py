"""Signs of life of sources: counted where events come in, and written down now and then, beside requests."""

import threading
from collections import Counter
from datetime import datetime

from triage.serving.metrics import MOST_SOURCES
from triage.store.watching import Watches
from triage.telling.silence import BEAT


class SignsOfLife:
    """Of one process. What cannot be written now is written with what comes next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: Counter[tuple[str, datetime]] = Counter()

    def note(self, source: str, events: int, now: datetime) -> None:
        start = now.timestamp() // BEAT.total_seconds() * BEAT.total_seconds()
        at = datetime.fromtimestamp(start, now.tzinfo)
        with self._lock:
            if (source, at) in self._counted or len(self._counted) < 2 * MOST_SOURCES:
                self._counted[source, at] += events

    def write(self, watches: Watches) -> None:
        """Raises StoreUnavailable, and then nothing is lost."""
        with self._lock:
            counted, self._counted = self._counted, Counter()
        try:
            watches.count_beats(counted)
        except Exception:
            with self._lock:
                self._counted += counted
            raise
