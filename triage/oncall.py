"""Who is on call: schedules of the catalogue in force with the swaps that people made."""

import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.active import Active
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
        self, overrides: OnCallOverrides, active: Callable[[], Active], clock: Callable[[], datetime]
    ) -> None:
        self._overrides = overrides
        self._active = active
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[OnCallOverride, ...] = ()
        self._read_at: float | None = None

    def standing(self, now: datetime) -> tuple[OnCallOverride, ...]:
        """What may matter to a path that begins at ``now``. While the database is away, and while somebody else
        asks it, what was known last."""
        if self._is_stale() and self._lock.acquire(blocking=False):
            try:
                with suppress(StoreUnavailable):
                    self._known = self._overrides.standing(now, now + AHEAD)
                self._read_at = time.monotonic()
            finally:
                self._lock.release()
        return tuple(found for found in self._known if found.ends_at > now)

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
        now, catalogue = self._clock(), self._active().decider.catalogue
        schedule = _schedule(catalogue, schedule_id)
        _check_person(catalogue, person)
        _check_span(span, now, "")
        made = [self._override(schedule_id, person, span, actor, reason, now)]
        if in_return is not None:
            _check_span(in_return, now, "in_return.")
            relieved = duty_at(schedule, max(span.starts_at, now), self.between(now, span.ends_at)).person
            if relieved is None or relieved == person:
                fault = FieldFault("in_return", "nobody is relieved, so nobody can answer in return")
                raise InvalidIncident("the swap cannot be made", (fault,))
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


def _check_person(catalogue: Catalogue, person: str) -> None:
    found = catalogue.people.get(person)
    if found is None:
        raise UnknownWord("the catalogue has no such person")
    if not is_reachable(found):
        why = "has no contact method" if found.active else "is not active"
        raise InvalidIncident("the swap cannot be made", (FieldFault("person", f"{why}, so nobody would answer"),))


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
