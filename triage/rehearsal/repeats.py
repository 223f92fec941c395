"""How often a history's incidents had been seen before: the counts that rules ask for, from the rows alone.

Two rows are the same when service and title are; what only reads alike may be something else. The service's memory
knows more; where decisions are stored, what it said then is used instead.
"""

from collections import defaultdict, deque
from datetime import datetime

from triage.domain.catalogue import fold
from triage.domain.incident import Incident
from triage.domain.recurrence import WINDOWS, Recurrence, RecurrenceKind

FREQUENT = 5
"""So often within 24 hours, as the service's memory has it."""


class Repeats:
    """Told of incidents in the order of time."""

    def __init__(self) -> None:
        self._seen: defaultdict[tuple[str, str], deque[datetime]] = defaultdict(deque)
        self._first: dict[tuple[str, str], tuple[str, datetime, int]] = {}

    def next(self, incident_id: str, incident: Incident, at: datetime) -> Recurrence:
        key = (fold(incident.service or ""), fold(incident.title))
        seen = self._seen[key]
        seen.append(at)
        longest = max(WINDOWS.values())
        while seen and seen[0] <= at - longest:
            seen.popleft()
        first_id, first_at, total = self._first.get(key, (incident_id, at, 0))
        self._first[key] = (first_id, first_at, total + 1)
        counts = {window: _since(seen, at - length) for window, length in WINDOWS.items()}
        known = total > 0
        flags = ("frequent",) if counts["24h"] >= FREQUENT else () if known else ("novel",)
        return Recurrence(
            kind=RecurrenceKind.RECURRENCE if known else RecurrenceKind.NEW,
            pattern_id=first_id,
            first_seen_at=first_at,
            occurrences=counts,
            total=total + 1,
            flags=flags,
        )


def _since(seen: deque[datetime], start: datetime) -> int:
    count = 0
    for at in reversed(seen):
        if at <= start:
            break
        count += 1
    return count
