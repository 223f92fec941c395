"""What reviewers say of the machine's conclusions: which incident is worth a look, answers, taking them back, and
how well the machine does by it.

An answer is a triage override, also where it agrees: the same word said again by a person. It holds for this
incident for ever, for the next of its pattern at once, and is what training learns from.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from triage.corrections import Corrections
from triage.domain.decision import Decision
from triage.domain.record import IncidentRecord
from triage.errors import BadRequest, Conflict, NotFound
from triage.store.assessments import Assessment, Assessments, record_assessment, undo_assessment
from triage.store.database import Database, Db
from triage.store.incidents import Change, Incidents
from triage.store.judgements import Judgements, Pair
from triage.store.review_items import QueuedItem, ReviewItems

LOOKED_AT_FOR = timedelta(minutes=10)
"""An item that somebody looks at is nobody else's for so long; looking again begins it anew."""
SAMPLED_EVERY = 4
"""Of the items that a reviewer is given, every fourth comes from the sample while there is one."""
SECOND_EVERY = 10
SECONDS = 0.1
"""The share of answered incidents that are drawn for a second opinion."""
UNDONE_WITHIN = timedelta(days=1)
DIFFERED_WITHIN = timedelta(days=90)
"""Two opinions that differ are listed so long."""
AT_ONCE = 200
"""Incidents of a pattern that one answer in bulk is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What a reviewer is to look at. ``decision``: what the machine said first, which is judged; ``looked_at``:
    the decision that stands, which an answer names, so that nobody's change is lost; ``waiting``: how many do.
    For a second opinion ``record`` too says what the machine said first, and nothing of who answered."""

    queued: QueuedItem
    record: IncidentRecord
    decision: Decision
    waiting: int

    @property
    def looked_at(self) -> str | None:
        return self.record.decision_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """``agreed``: with the machine, in both."""

    record: IncidentRecord
    agreed: bool
    alike: int


class Assessing:
    """``sample``: the rate in [0, 0.2] at which incidents are drawn whatever anybody thinks of them."""

    def __init__(
        self,
        database: Database,
        incidents: Incidents,
        corrections: Corrections,
        clock: Callable[[], datetime],
        sample: float,
    ) -> None:
        self._store = Assessments(database)
        self._items = ReviewItems(database)
        self._judgements = Judgements(database)
        self._incidents = incidents
        self._corrections = corrections
        self._clock = clock
        self._sample = sample

    def queue(self, reviewer: str, limit: int = 50) -> list[QueuedItem]:
        """What is worth a look most, each pattern once, the most valuable first. Takes nothing."""
        return self._items.best(reviewer, self._clock(), limit)

    def waiting(self) -> int:
        """1,001 where more than a thousand wait."""
        return self._items.count()

    def next(self, reviewer: str) -> Offered | None:
        """What they look at already, else the next one, which is nobody else's then; None: nothing waits."""
        now = self._clock()
        until = now + LOOKED_AT_FOR
        held = self._items.taken_by(reviewer, now, until)
        queued = held or self._take(reviewer, now, until)
        return self._offer(queued) if queued is not None else None

    def _take(self, reviewer: str, now: datetime, until: datetime) -> QueuedItem | None:
        turn = self._store.count_of(reviewer)
        queued = None
        if turn % SECOND_EVERY == SECOND_EVERY - 1:
            queued = self._items.take_second(reviewer, now, until, SECONDS)
        if queued is None and turn % SAMPLED_EVERY == SAMPLED_EVERY - 1:
            queued = self._items.take_sampled(reviewer, now, until, self._sample)
        return queued or self._items.take_best(reviewer, now, until)

    def _offer(self, queued: QueuedItem) -> Offered:
        decision = self._incidents.decisions_of([queued.item.decision_id])[queued.item.decision_id]
        record = self._incidents.get(queued.item.incident_id)
        if queued.why == "second":
            first = queued.item
            record = replace(record, priority=first.priority, team=first.team, decision_id=first.decision_id)
        return Offered(queued=queued, record=record, decision=decision, waiting=self._items.count())

    def skip(self, incident_id: str, reviewer: str) -> None:
        """It is left to others, and does not come back to them. Raises NotFound."""
        record = self._incidents.get(incident_id)
        self._items.release(record.id, reviewer, skip=True)

    def release(self, incident_id: str, reviewer: str) -> None:
        """They look at it no longer; it may come back to them. Raises NotFound."""
        record = self._incidents.get(incident_id)
        self._items.release(record.id, reviewer, skip=False)

    def answer(
        self,
        incident_id: str,
        reviewer: str,
        *,
        priority: str | None = None,
        team: str | None = None,
        reason: str = "",
        looked_at: str | None = None,
        second: bool = False,
    ) -> Answered:
        """What they say of it, each in the organisation's word; None: as the machine said. ``second``: a second
        opinion, which is kept and changes nothing.

        Raises NotFound, UnknownWord, Conflict where it was decided anew since ``looked_at`` or has been answered.
        """
        record = self._incidents.get(incident_id)
        if second:
            return self._opine(record, reviewer, priority, team, reason)
        return self._say(record, reviewer, priority, team, reason, looked_at=looked_at)

    def _say(
        self,
        record: IncidentRecord,
        reviewer: str,
        priority: str | None,
        team: str | None,
        reason: str,
        *,
        looked_at: str | None = None,
        looked: bool = True,
        settles: bool = False,
    ) -> Answered:
        said_priority, said_team = self._corrections.understand(
            priority or record.priority.value, team or record.team
        )
        assert said_priority is not None
        assert said_team is not None
        said = Assessment(
            id=str(uuid.uuid4()),
            incident_id=record.id,
            made_by=reviewer,
            made_at=self._clock(),
            priority=said_priority.value,
            team=said_team,
            reason=reason,
            settles=settles,
        )

        def keep(change: Change) -> None:
            whole = replace(said, override_id=change.override_id)
            change.also(lambda db: record_assessment(db, whole, looked=looked))

        changed, _ = self._corrections.override(
            record.id,
            reviewer,
            priority=said.priority,
            team=said.team,
            reason=reason,
            looked_at=looked_at,
            beside=keep,
        )
        agreed = (said_priority, said_team) == (record.priority, record.team)
        alike = self._items.waiting_of(changed.pattern_id, AT_ONCE)
        return Answered(record=changed, agreed=agreed, alike=len(alike))

    def _opine(
        self, record: IncidentRecord, reviewer: str, priority: str | None, team: str | None, reason: str
    ) -> Answered:
        said = self._corrections.understand(priority, team)
        first = self._first_of(record)
        kept = self._store.keep_second(
            Assessment(
                id=str(uuid.uuid4()),
                incident_id=record.id,
                made_by=reviewer,
                made_at=self._clock(),
                priority=(said[0] or first.priority.value).value,
                team=said[1] or first.team.value,
                reason=reason,
                second=True,
            )
        )
        if not kept:
            raise Conflict("there is a second opinion on this already, or the first one is yours")
        agreed = (said[0] in (None, first.priority.value)) and (said[1] in (None, first.team.value))
        return Answered(record=record, agreed=agreed, alike=0)

    def _first_of(self, record: IncidentRecord) -> Decision:
        """What the machine said when it opened. Raises NotFound."""
        first = self._items.find_first_decision(record.id)
        if first is None:
            raise NotFound("no such incident waits to be looked at")
        return self._incidents.decisions_of([first])[first]

    def undo(self, reviewer: str) -> IncidentRecord:
        """Their last word of the last day is taken back, and waits to be looked at again.

        Raises NotFound where there is none, Conflict where somebody else has spoken of it since.
        """
        now = self._clock()
        last = self._store.find_last(reviewer, now - UNDONE_WITHIN)
        if last is None:
            raise NotFound("there is nothing of yours that could be taken back")
        if last.override_id is None:
            if not self._store.undo(last, reviewer, now):
                raise Conflict("it was taken back already")
            record = self._incidents.get(last.incident_id)
        else:

            def keep(change: Change) -> None:
                change.also(lambda db: self._undo(db, last, reviewer, now))

            record = self._corrections.withdraw(last.incident_id, reviewer, last.override_id, beside=keep)
        self._items.take(record.id, reviewer, now, now + LOOKED_AT_FOR)
        return record

    @staticmethod
    def _undo(db: Db, last: Assessment, reviewer: str, now: datetime) -> None:
        if not undo_assessment(db, last, reviewer, now):
            raise Conflict("it was taken back already")

    def answer_all(
        self,
        pattern_id: str,
        reviewer: str,
        *,
        priority: str | None = None,
        team: str | None = None,
        reason: str = "",
    ) -> int:
        """The same word on every incident of a pattern that nobody has spoken of, at most AT_ONCE; how many.

        Raises BadRequest when nothing is said, UnknownWord.
        """
        if priority is None and team is None:
            raise BadRequest("say a priority, a team or both")
        self._corrections.understand(priority, team)
        waiting = self._items.waiting_of(pattern_id, AT_ONCE)
        for incident_id in waiting:
            self._say(self._incidents.get(incident_id), reviewer, priority, team, reason, looked=False)
        return len(waiting)

    def disagreements(self) -> list[Pair]:
        """On which two reviewers said differently and nobody else has spoken since, the newest first. The first
        word stands until then."""
        pairs = self._judgements.pairs(self._clock() - DIFFERED_WITHIN)
        return [pair for pair in pairs if pair.is_open]

    def settle(
        self,
        incident_id: str,
        by: str,
        *,
        priority: str | None = None,
        team: str | None = None,
        reason: str = "",
        looked_at: str | None = None,
    ) -> Answered:
        """A third person decides between two who differed; what they leave out stands as the first said.

        Raises NotFound where nobody differs, Conflict for one of the two, or where it was decided anew since
        ``looked_at``; UnknownWord.
        """
        record = self._incidents.get(incident_id)
        words = self._store.standing_of(record.id)
        said = {(word.priority, word.team) for word in words if not word.settles}
        if len(said) < 2 or not any(word.second for word in words):
            raise NotFound("no two reviewers differ about this incident")
        if by in {word.made_by for word in words if not word.settles}:
            raise Conflict("one of the two cannot settle it")
        return self._say(record, by, priority, team, reason, looked_at=looked_at, looked=False, settles=True)

    def count_all(self, pattern_id: str) -> int:
        """How many an answer in bulk would be about."""
        return len(self._items.waiting_of(pattern_id, AT_ONCE))

    def reasons(self, reviewer: str, limit: int = 10) -> list[str]:
        """Those that they gave of late, to choose from."""
        return self._store.reasons_of(reviewer, limit)
