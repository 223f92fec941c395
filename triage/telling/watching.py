"""Watches the service itself: a heartbeat while all is well, sources that fall silent, what is due to be looked
at, and a summary of the day. Any number of replicas may; each thing is said once."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import structlog

from triage.domain.catalogue import Catalogue
from triage.domain.escalation import EscalationPolicy
from triage.domain.message import Message, MessageKind
from triage.domain.reach import who_is
from triage.domain.wording import in_words
from triage.errors import DeliveryFailed
from triage.oncall import Standing, nothing_stands
from triage.rules.configuration import Configuration
from triage.rules.targets import people_at_the_desk
from triage.store.outbox import Outbox
from triage.store.watching import Day, Health, Watches
from triage.telling.alarm import Alarm, alarms
from triage.telling.silence import WATCHED_FOR, Silent, find_silent

log = structlog.get_logger("triage.watching")

DRILLED_EVERY = timedelta(days=91)
"""A policy that was not drilled for a quarter is due."""
LOOKED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A policy, and what of it is due. ``drilled_at`` None: never."""

    policy: EscalationPolicy
    review_due: bool
    drill_due: bool
    drilled_at: datetime | None


class Watching:
    """``beat`` calls the heartbeat's address and raises DeliveryFailed where nobody answers."""

    def __init__(
        self,
        watches: Watches,
        outbox: Outbox,
        configuration: Callable[[], Configuration],
        clock: Callable[[], datetime],
        beat: Callable[[str], None],
        standing: Standing = nothing_stands,
    ) -> None:
        self._watches = watches
        self._outbox = outbox
        self._configuration = configuration
        self._clock = clock
        self._beat = beat
        self._standing = standing

    def look(self) -> Health:
        """One round. Raises StoreUnavailable, and Unavailable while nothing is in force."""
        now, configuration = self._clock(), self._configuration()
        catalogue = configuration.catalogue
        health = self._watches.health(now)
        self._send_heartbeat(catalogue, health, now)
        if self._watches.take_duty("watch", now, LOOKED_EVERY):
            self._tell_silent(catalogue, now)
            self._outbox.put(self._dues(configuration, now))
            self._outbox.put(self._summary(catalogue, now))
        return health

    def dues(self) -> list[Due]:
        """Every policy, and what of it is due."""
        now, drilled = self._clock(), self._watches.last_drills()
        return [
            _due(policy, drilled.get(policy.id), now)
            for policy in self._configuration().rulebook.policies.values()
        ]

    def _send_heartbeat(self, catalogue: Catalogue, health: Health, now: datetime) -> None:
        watch = catalogue.watch
        if not watch.heartbeat or not health.is_well:
            return
        if not self._watches.take_duty("heartbeat", now, watch.heartbeat_every):
            return
        try:
            self._beat(watch.heartbeat)
        except DeliveryFailed as error:
            log.warning("the heartbeat was not taken", why=str(error))

    def _tell_silent(self, catalogue: Catalogue, now: datetime) -> None:
        limits = {
            source.id: source.silent_after
            for source in catalogue.sources.values()
            if source.silence_ignored or source.silent_after is not None
        }
        for silent in find_silent(self._watches.beats(now - WATCHED_FOR), limits, now):
            self._outbox.put(alarms(catalogue, self._standing(now), now, _silence(silent, now)))

    def _dues(self, configuration: Configuration, now: datetime) -> Iterator[Message]:
        """To whoever leads the team that owns the policy, once a week while it is due."""
        catalogue, drilled = configuration.catalogue, self._watches.last_drills()
        week = now.isocalendar()
        for policy in configuration.rulebook.policies.values():
            due = _due(policy, drilled.get(policy.id), now)
            if not due.review_due and not (due.drill_due and due.drilled_at is not None):
                continue
            for person in self._owners(catalogue, policy.owner, now):
                yield Message(
                    key=f"policy/{policy.id}/{week.year}-{week.week}/{person}",
                    incident_id=None,
                    kind=MessageKind.REMINDER,
                    recipient=f"person:{person}",
                    detail={"title": f"Policy {policy.id} is due", "lines": _what_is_due(due)},
                    made_at=now,
                )

    def _owners(self, catalogue: Catalogue, team_id: str, now: datetime) -> tuple[str, ...]:
        team, overrides = catalogue.answering_team(team_id), self._standing(now)
        if team.lead and (people := who_is(catalogue, team.lead, now, overrides).people):
            return people
        return people_at_the_desk(catalogue, now, overrides)

    def _summary(self, catalogue: Catalogue, now: datetime) -> Iterator[Message]:
        """Of the day before, once a day at the hour that the catalogue names."""
        watch = catalogue.watch
        if not watch.summary_channels:
            return
        local = now.astimezone(catalogue.zone)
        hour, minute = map(int, watch.summary_at.split(":"))
        if local.time() < time(hour, minute):
            return
        today = datetime.combine(local.date(), time(), catalogue.zone)
        before = datetime.combine(local.date() - timedelta(days=1), time(), catalogue.zone)
        keys = {channel: f"summary/{local.date()}/{channel}" for channel in watch.summary_channels}
        if not self._watches.take_duty(f"summary of {before.date()}", now, timedelta(days=1)):
            return
        detail = summary_of(self._watches.day(before, today), before.date(), catalogue)
        for channel, key in keys.items():
            yield Message(
                key=key,
                incident_id=None,
                kind=MessageKind.SUMMARY,
                recipient=f"channel:{channel}",
                detail=detail,
                made_at=now,
            )


def _due(policy: EscalationPolicy, drilled_at: datetime | None, now: datetime) -> Due:
    return Due(
        policy=policy,
        review_due=policy.review_after is not None and policy.review_after < now.date(),
        drill_due=drilled_at is None or drilled_at <= now - DRILLED_EVERY,
        drilled_at=drilled_at,
    )


def _what_is_due(due: Due) -> list[str]:
    said = []
    if due.review_due and due.policy.review_after is not None:
        said.append(f"Its review was due after {due.policy.review_after:%Y-%m-%d}.")
    if due.drill_due and due.drilled_at is not None:
        said.append(f"It was drilled on {due.drilled_at:%Y-%m-%d}, more than a quarter ago.")
    return said


def _silence(silent: Silent, now: datetime) -> Alarm:
    lasted = in_words(now - silent.since)
    lines = [
        f"No event from {silent.source} for {lasted}; the last one came at {silent.since:%Y-%m-%d %H:%M} UTC."
    ]
    if silent.usually is not None and silent.longest is not None:
        lines.append(f"Usually there is one every {in_words(silent.usually)}, at most {in_words(silent.longest)}.")
    return Alarm(
        about=f"silent/{silent.source}/{silent.since:%Y%m%dT%H%M}",
        title=f"{silent.source} has fallen silent",
        lines=tuple(lines),
        once=True,
    )


def summary_of(day: Day, of: date, catalogue: Catalogue) -> Mapping[str, object]:
    """The words of a day's summary."""
    unresolved = ", ".join(f"{n} {priority}" for priority, n in day.unresolved.items()) or "none"
    lines = [
        f"Opened: {day.opened}; resolved: {day.resolved}; decided otherwise by people: {day.changed}.",
        f"Unresolved: {unresolved}.",
    ]
    if day.recurring:
        lines.append("Recurring: " + "; ".join(f"{title} ({n} times)" for title, n in day.recurring) + ".")
    if day.pages:
        named = {person: catalogue.people[person].name for person in day.pages if person in catalogue.people}
        lines.append("Pages: " + ", ".join(f"{named.get(p, p)} {n}" for p, n in day.pages.items()) + ".")
    return {"title": f"{catalogue.organisation}: incidents of {of:%Y-%m-%d}", "lines": lines}
