"""Silences as people make and end them, and who is told once one is over."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from triage.active import Active
from triage.corrections import Corrections
from triage.errors import FieldFault, InvalidIncident, NotFound, UnknownWord
from triage.store.database import Database
from triage.store.pattern_history import get_family
from triage.store.silences import SilenceRecord, Silences, find_newest_priority

log = structlog.get_logger("triage.memory.silencing")

LONGEST_SILENCE = timedelta(days=30)
"""Who wants to hear nothing of it for longer has a rule to write, with an owner and a date to look at it again."""

IT_IS_OVER = "the silence that hid it is over"


class Silencing:
    def __init__(self, database: Database, active: Callable[[], Active], clock: Callable[[], datetime]) -> None:
        self._database = database
        self._silences = Silences(database)
        self._active = active
        self._clock = clock

    def silence(
        self,
        pattern_id: str,
        actor: str,
        *,
        reason: str,
        until: datetime | None = None,
        lasting: timedelta | None = None,
        priority: str | None = None,
    ) -> SilenceRecord:
        """Hide the pattern's alerts that are no more urgent than ``priority``, a word of the organisation, or,
        left out, than its newest incident. It ends at ``until`` or after ``lasting``, of which one is given.

        Raises NotFound, UnknownWord, and InvalidIncident for an end that is past or too far away.
        """
        now = self._clock()
        if (until is None) == (lasting is None):
            raise InvalidIncident("a silence has an end", (FieldFault("until", "give either until or for"),))
        ends_at = until if until is not None else now + (lasting or timedelta())
        where = "until" if until is not None else "for"
        if ends_at <= now:
            raise InvalidIncident("a silence has an end", (FieldFault(where, "must be in the future"),))
        if ends_at > now + LONGEST_SILENCE:
            raise InvalidIncident(
                "a silence has an end", (FieldFault(where, f"at most {LONGEST_SILENCE.days} days ahead"),)
            )
        with self._database.connection() as db:
            family = get_family(db, pattern_id)
            newest = find_newest_priority(db, family.root)
        if priority is not None:
            bound = self._active().decider.catalogue.find_priority(priority)
            if bound is None:
                raise UnknownWord("the priority is neither P1 to P5 nor a word of the catalogue")
        elif newest is not None:
            bound = newest
        else:
            raise NotFound("the pattern has no incident whose priority could be taken")
        return self._silences.make(family.root, bound, reason, actor, now, ends_at)

    def end(self, silence_id: str, actor: str) -> SilenceRecord:
        """Twice is once. Raises NotFound."""
        return self._silences.end(silence_id, actor, self._clock())

    def find(self, *, active: bool | None, before: tuple[datetime, str] | None, limit: int) -> list[SilenceRecord]:
        """Newest first. ``active``: those that hide something now, or those that are over; None: all."""
        return self._silences.find(self._clock(), active=active, before=before, limit=limit)


def tell_unsilenced(silences: Silences, corrections: Corrections, now: datetime) -> int:
    """Decide again on open incidents that a silence hid and hides no more, else nobody would ever be told of them;
    how many were. Any number of replicas may: what one has decided on, the others leave alone."""
    told = 0
    for hidden in silences.find_unsilenced(now):
        try:
            told += corrections.reconsider(hidden.incident_id, IT_IS_OVER, hidden.silence) is not None
        except NotFound:
            log.warning("an incident is gone that a silence hid", incident_id=hidden.incident_id)
    return told
