"""Who is on call: schedules of the catalogue in force with the swaps that people made."""

import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain.catalogue import Catalogue
from triage.domain.reach import is_reachable
from triage.domain.rotation import duty_at
from triage.domain.schedule import OnCallOverride, Schedule
from triage.errors import FieldFault, InvalidIncident, NotFound, StoreUnavailable, UnknownWord
from triage.store.oncall import OnCallOverrides, OverrideRecord

AHEAD = timedelta(days=14)
"""A path that is decided on now meets no swap later than that."""
LONGEST = timedelta(days=31)
"""Who is away for longer changes the schedule."""
AROUND = 2 * LONGEST
"""Swaps so far from a moment may belong to the shift that holds it."""
WAITS = 1.0
"""Seconds that a decision waits for swaps that were changed here, or were never read."""
KNOWN_FOR = 5.0
"""Seconds for which swaps that another replica took are not seen."""

Standing = Callable[[datetime], tuple[OnCallOverride, ...]]


def nothing_stands(_: datetime) -> tuple[OnCallOverride, ...]:
    """Where no swaps are kept."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    starts_at: datetime
    ends_at: datetime


class OnCall:
    """Swaps as people make and cancel them. What stands is kept for a few seconds, since every decision asks."""

    def __init__(
        self, overrides: OnCallOverrides, catalogue: Callable[[], Catalogue], clock: Callable[[], datetime]
    ) -> None:
        self._overrides = overrides
        self._catalogue = catalogue
        self._clock = clock
        self._reading = threading.Lock()
        self._guard = threading.Lock()
        self._changes = 0
        self._known: tuple[OnCallOverride, ...] = ()
        self._read_at: float | None = None

    def standing(self, now: datetime) -> tuple[OnCallOverride, ...]:
        """What may matter to a path that begins at ``now``. While the database is away, and while somebody else
        asks it, what was known last; after a change of our own whoever asks waits for it to be read."""
        if self._is_stale() and self._reading.acquire(timeout=WAITS if self._read_at is None else 0):
            try:
                if self._is_stale():
                    self._read(now)
            finally:
                self._reading.release()
        return tuple(found for found in self._known if found.ends_at > now)

    def _read(self, now: datetime) -> None:
        before = self._changes
        known = None
        with suppress(StoreUnavailable):
            known = self._overrides.standing(now, now + AHEAD)
        with self._guard:
            # A change that was made meanwhile may not be in what was read.
            if self._changes == before:
                self._known = self._known if known is None else known
                self._read_at = time.monotonic()

    def _is_stale(self) -> bool:
        return self._read_at is None or time.monotonic() - self._read_at > KNOWN_FOR

    def between(self, start: datetime, end: datetime) -> tuple[OnCallOverride, ...]:
        return self._overrides.standing(start, end)

    def find(self, since: datetime, limit: int) -> list[OverrideRecord]:
        return self._overrides.find(since, limit)

    def take_over(
        self,
        schedule_id: str,
        person: str,
        span: Span,
        actor: str,
        reason: str = "",
        in_return: Span | None = None,
    ) -> tuple[OnCallOverride, ...]:
        """``person`` answers in ``span``; in return whoever is relieved answers in ``in_return`` in their place.

        Raises UnknownWord for a schedule or person that the catalogue lacks, InvalidIncident for somebody who
        cannot be reached, for times that cannot be, and where nobody is relieved who could answer in return.
        """
        now, catalogue = self._clock(), self._catalogue()
        schedule = _schedule(catalogue, schedule_id)
        _check_person(catalogue, person)
        _check_span(span, now, "")
        made = [self._override(schedule_id, person, span, actor, reason, now)]
        if in_return is not None:
            _check_span(in_return, now, "in_return.")
            if in_return.starts_at < span.ends_at and span.starts_at < in_return.ends_at:
                fault = FieldFault("in_return.starts_at", "overlaps with the time that is taken over")
                raise InvalidIncident("the swap cannot be made", (fault,))
            relieved = duty_at(schedule, max(span.starts_at, now), self.between(now, span.ends_at)).person
            if relieved is None or relieved == person:
                fault = FieldFault("in_return", "nobody is relieved, so nobody can answer in return")
                raise InvalidIncident("the swap cannot be made", (fault,))
            _check_person(catalogue, relieved, "in_return")
            made.append(self._override(schedule_id, relieved, in_return, actor, reason, now))
        self._overrides.make(made)
        self.forget()
        return tuple(made)

    def cancel(self, override_id: str, actor: str) -> OverrideRecord:
        """From now on. Twice is once. Raises NotFound."""
        cancelled = self._overrides.cancel(override_id, actor, self._clock())
        self.forget()
        return cancelled

    def forget(self) -> None:
        """Ask the database again at the next decision."""
        with self._guard:
            self._changes += 1
            self._read_at = None

    @staticmethod
    def _override(
        schedule: str, person: str, span: Span, actor: str, reason: str, now: datetime
    ) -> OnCallOverride:
        return OnCallOverride(
            id=str(uuid.uuid4()),
            schedule=schedule,
            person=person,
            starts_at=span.starts_at,
            ends_at=span.ends_at,
            reason=reason,
            made_by=actor,
            made_at=now,
        )


def get_schedule(catalogue: Catalogue, schedule_id: str) -> Schedule:
    """Raises NotFound."""
    schedule = catalogue.schedules.get(schedule_id)
    if schedule is None:
        raise NotFound("the catalogue has no such schedule")
    return schedule


def _schedule(catalogue: Catalogue, schedule_id: str) -> Schedule:
    try:
        return get_schedule(catalogue, schedule_id)
    except NotFound as error:
        raise UnknownWord(str(error)) from None


def _check_person(catalogue: Catalogue, person: str, at: str = "person") -> None:
    found = catalogue.people.get(person)
    if found is None:
        raise UnknownWord("the catalogue has no such person")
    if not is_reachable(found):
        why = "has no contact method" if found.active else "is not active"
        fault = FieldFault(at, f"{person} {why}, so nobody would answer")
        raise InvalidIncident("the swap cannot be made", (fault,))


def _check_span(span: Span, now: datetime, at: str) -> None:
    if span.ends_at <= span.starts_at:
        fault = FieldFault(f"{at}ends_at", "must be later than starts_at")
    elif span.ends_at <= now:
        fault = FieldFault(f"{at}ends_at", "is past already")
    elif span.ends_at - span.starts_at > LONGEST:
        fault = FieldFault(
            f"{at}ends_at", f"at most {LONGEST.days} days after starts_at; for longer, change the schedule"
        )
    else:
        return
    raise InvalidIncident("the swap cannot be made", (fault,))
