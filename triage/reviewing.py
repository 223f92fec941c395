"""After it is over: what people say of an incident, what they mean to do about it, and who is reminded of it."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain.catalogue import Catalogue
from triage.domain.message import Message, MessageKind
from triage.domain.reach import is_reachable, who_is
from triage.domain.record import IncidentRecord, TimelineEntry
from triage.errors import Conflict, UnknownWord
from triage.oncall import Standing, nothing_stands
from triage.rules.targets import people_at_the_desk
from triage.store.incidents import Incidents
from triage.store.outbox import Outbox
from triage.store.reviews import FollowUp, Reviewed, Reviews

REVIEWED_WITHIN = timedelta(days=2)
"""After a P1 or P2 is over; then those who take part in retrospectives are asked for a review."""
REMINDED_EVERY = timedelta(days=1)
MOST_REMINDERS = 4
"""The owner, the owner once more, their teams' leads, and the triage desk."""
AT_ONCE = 100
RETROSPECTIVE = "retrospective"
"""Stage of the channels that are asked for reviews."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What somebody means to do: ``owner`` is a person of the catalogue."""

    what: str
    owner: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewSheet:
    """Everything a review is written from: the incident, what happened in its order, what was said so far."""

    incident: IncidentRecord
    timeline: tuple[TimelineEntry, ...]
    reviewed: Reviewed


class Reviewing:
    def __init__(
        self,
        reviews: Reviews,
        outbox: Outbox,
        incidents: Incidents,
        catalogue: Callable[[], Catalogue],
        clock: Callable[[], datetime],
        standing: Standing = nothing_stands,
    ) -> None:
        self._reviews = reviews
        self._outbox = outbox
        self._incidents = incidents
        self._catalogue = catalogue
        self._clock = clock
        self._standing = standing

    def sheet(self, incident_id: str) -> ReviewSheet:
        """Raises NotFound."""
        return ReviewSheet(
            incident=self._incidents.get(incident_id),
            timeline=tuple(self._incidents.timeline(incident_id)),
            reviewed=self._reviews.get(incident_id),
        )

    def review(
        self,
        incident_id: str,
        actor: str,
        *,
        summary: str | None = None,
        satisfaction: int | None = None,
        actions: Sequence[Action] = (),
    ) -> Reviewed:
        """Write its review, or change what is given of it. Raises NotFound, Conflict while it is open, UnknownWord
        for an owner whom nobody can reach."""
        record, people, now = self._incidents.get(incident_id), self._catalogue().people, self._clock()
        if record.is_open:
            raise Conflict("an incident is reviewed once it is over")
        for action in actions:
            if not is_reachable(people.get(action.owner)):
                raise UnknownWord("the owner of a follow-up action is somebody who can be reached")
        follow_ups = [
            FollowUp(
                id=str(uuid.uuid4()),
                incident_id=record.id,
                what=action.what,
                owner=action.owner,
                due_at=action.due_at,
                made_by=actor,
                made_at=now,
            )
            for action in actions
        ]
        return self._reviews.say(
            record.id, actor, now, summary=summary, satisfaction=satisfaction, follow_ups=follow_ups
        )

    def finish(self, follow_up_id: str, actor: str) -> FollowUp:
        """Raises NotFound."""
        return self._reviews.finish(follow_up_id, actor, self._clock())

    def remind(self) -> int:
        """Whoever is late with a follow-up action, then those above them; and those who owe a review. How many
        were told. Any number of workers may ask at once: each reminder is sent by one."""
        now, catalogue = self._clock(), self._catalogue()
        told = 0
        for action in self._reviews.overdue(now, AT_ONCE):
            people = self._reminded(catalogue, action, now)
            again_at = now + REMINDED_EVERY if action.reminders + 1 < MOST_REMINDERS else None
            messages = [_reminder(action, recipient, now) for recipient in people]
            told += self._reviews.remind(action, messages, again_at)
        channels = [c.id for c in catalogue.channels.values() if c.stage == RETROSPECTIVE]
        if channels:
            told += self._ask_for_reviews(channels, now)
        return told

    def _ask_for_reviews(self, channels: Sequence[str], now: datetime) -> int:
        owed = self._reviews.unreviewed(now, REVIEWED_WITHIN, AT_ONCE)
        return self._outbox.put(_owed(incident_id, channel, now) for incident_id in owed for channel in channels)

    def _reminded(self, catalogue: Catalogue, action: FollowUp, now: datetime) -> tuple[str, ...]:
        """Each time somebody further up."""
        overrides = self._standing(now)
        if action.reminders < 2 and is_reachable(catalogue.people.get(action.owner)):
            return (action.owner,)
        leads = [t.lead for t in catalogue.teams.values() if t.lead and action.owner in t.responders]
        above = (who_is(catalogue, lead, now, overrides).people for lead in leads)
        found = tuple(dict.fromkeys(person for people in above for person in people))
        if found and action.reminders < MOST_REMINDERS - 1:
            return found
        return people_at_the_desk(catalogue, now, overrides)


def _reminder(action: FollowUp, person: str, now: datetime) -> Message:
    return Message(
        key=f"follow-up/{action.id}/{action.reminders}/{person}",
        incident_id=action.incident_id,
        kind=MessageKind.REMINDER,
        recipient=f"person:{person}",
        detail={
            "title": "A follow-up action is overdue",
            "lines": [
                f"{action.what}",
                f"Owner: {action.owner}; due on {action.due_at:%Y-%m-%d}; asked for by {action.made_by}.",
            ],
        },
        made_at=now,
    )


def _owed(incident_id: str, channel: str, now: datetime) -> Message:
    return Message(
        key=f"review/{incident_id}/{channel}",
        incident_id=incident_id,
        kind=MessageKind.REMINDER,
        recipient=f"channel:{channel}",
        detail={
            "title": "A review is due",
            "lines": ["It is over for two days, and nobody has reviewed it."],
        },
        made_at=now,
    )
