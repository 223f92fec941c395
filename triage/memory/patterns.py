"""Patterns as people look at them: lists with what each is called, and everything that is known of one."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from triage.active import Active
from triage.domain.catalogue import Catalogue, Service, fold
from triage.domain.pattern import PatternLife
from triage.recurrence.life import describe_life, flags_of
from triage.recurrence.naming import name_of
from triage.recurrence.statistics import (
    BURST_COUNT,
    BURST_WITHIN,
    FLAPPING_COUNT,
    FLAPPING_WITHIN,
    FREQUENT_COUNT,
    FREQUENT_WITHIN,
)
from triage.store.database import Database
from triage.store.pattern_page import Latest, PatternFacts, PatternPages
from triage.store.patterns import TITLES, PatternFilter, PatternLists, PatternRow

LOOKED_THROUGH = 500
"""How many patterns a page looks through for a flag; a flag is told of occurrences, and stored nowhere."""
_CHUNK = 100

# What a flag needs at least: (occurrences, seen within, occurrences at most).
FLAGS: Mapping[str, tuple[int, timedelta | None, int | None]] = {
    "frequent": (FREQUENT_COUNT, FREQUENT_WITHIN, None),
    "rare": (2, None, None),
    "novel": (1, None, 1),
    "flapping": (FLAPPING_COUNT, FLAPPING_WITHIN, None),
    "periodic": (5, None, None),
    "burst": (BURST_COUNT, BURST_WITHIN, None),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternSummary:
    """``name``: the given one, else one made of its titles; ``service`` in the catalogue's word, if it has one."""

    row: PatternRow
    name: str
    named: bool
    service: str | None
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PatternListing:
    """``next``: the position after which the next page starts; None at the end."""

    patterns: tuple[PatternSummary, ...]
    next: tuple[datetime | int, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternStory:
    """``asked``: the identifier that it was asked for by; ``service``: the catalogue's entry."""

    asked: str
    name: str
    facts: PatternFacts
    life: PatternLife
    service: Service | None
    now: datetime

    @property
    def root(self) -> str:
        return self.facts.members[0].id

    @property
    def services(self) -> Mapping[str, int]:
        return Counter(one.service for one in self.facts.incidents if one.service is not None)

    @property
    def priorities(self) -> Mapping[str, int]:
        return Counter(one.priority for one in self.facts.incidents)

    @property
    def teams(self) -> Mapping[str, int]:
        return Counter(one.team for one in self.facts.incidents)


class Patterns:
    def __init__(self, database: Database, active: Callable[[], Active], clock: Callable[[], datetime]) -> None:
        self._lists = PatternLists(database)
        self._pages = PatternPages(database)
        self._active = active
        self._clock = clock

    def find(self, wanted: PatternFilter, service: str | None = None, flag: str | None = None) -> PatternListing:
        """A page of at most ``wanted.limit``. With a ``flag`` (a key of FLAGS), LOOKED_THROUGH candidates are
        looked through, so that a page may hold fewer, or none, and still be followed by another."""
        catalogue, now = self._active().decider.catalogue, self._clock()
        if service is not None:
            wanted = replace(wanted, services=_words_of(catalogue, service))
        if flag is None:
            rows = self._lists.find(replace(wanted, limit=wanted.limit + 1), now)
            kept = [_summary(row, catalogue, _flags(row, catalogue, now)) for row in rows[: wanted.limit]]
            return PatternListing(tuple(kept), _position(rows, wanted) if len(rows) > wanted.limit else None)
        least, within, most = FLAGS[flag]
        since = max(filter(None, (wanted.since, now - within if within else None)), default=None)
        asked = replace(wanted, occurrences=(least, most), since=since, limit=_CHUNK)
        found: list[PatternSummary] = []
        for _ in range(LOOKED_THROUGH // _CHUNK):
            rows = self._lists.find(asked, now)
            for place, row in enumerate(rows):
                flags = _flags(row, catalogue, now)
                if flag in flags:
                    found.append(_summary(row, catalogue, flags))
                    if len(found) == wanted.limit:
                        seen, more = rows[: place + 1], place + 1 < len(rows) or len(rows) == _CHUNK
                        return PatternListing(tuple(found), _place(seen[-1], wanted) if more else None)
            if len(rows) < _CHUNK:
                return PatternListing(tuple(found), None)
            asked = replace(asked, before=_place(rows[-1], wanted))
        return PatternListing(tuple(found), asked.before)

    def get(self, pattern_id: str, at: datetime | None = None) -> PatternStory:
        """Of the family that any of its members belongs to, as it stood ``at`` a moment, else now. Raises
        NotFound."""
        catalogue, now = self._active().decider.catalogue, at or self._clock()
        facts = self._pages.get(pattern_id, now, catalogue.timezone)
        facts = replace(facts, incidents=tuple(_in_own_words(one, catalogue) for one in facts.incidents))
        root, newest = facts.members[0], next(iter(facts.incidents), None)
        life = describe_life(
            daily=facts.daily,
            recent=facts.recent,
            # One that nobody spoke of for days was closed as forgotten, which says nothing of how long it took.
            incidents=[_lasting(i, now) for i in facts.incidents if i.resolved_by != "triage"],
            first_seen_at=min(member.first_seen_at for member in facts.members),
            last_seen_at=max(facts.recent, default=max(member.last_seen_at for member in facts.members)),
            occurrences=sum(facts.daily.values()),
            now=now,
            zone=catalogue.zone,
        )
        service = catalogue.find_service(newest.service, newest.environment) if newest else None
        titles = [incident.title for incident in facts.incidents[:TITLES]]
        return PatternStory(
            asked=pattern_id,
            name=root.name or name_of(titles, newest.service if newest else None),
            facts=facts,
            life=life,
            service=service,
            now=now,
        )


def _in_own_words(incident: Latest, catalogue: Catalogue) -> Latest:
    """What a history calls a priority or a team, where the catalogue knows no such word."""
    priority, team = incident.told_priority, incident.told_team
    if priority is not None and catalogue.find_priority(priority) is None:
        incident = replace(incident, priority=priority)
    if team is not None and catalogue.find_team(team) is None:
        incident = replace(incident, team=team)
    return incident


def _lasting(incident: Latest, now: datetime) -> tuple[datetime, datetime | None]:
    """What was resolved later was open then."""
    resolved_at = incident.resolved_at
    return incident.opened_at, resolved_at if resolved_at is not None and resolved_at <= now else None


def _flags(row: PatternRow, catalogue: Catalogue, now: datetime) -> tuple[str, ...]:
    """Told of its latest occurrences alone, which show every one of them."""
    return flags_of(
        recent=row.recent,
        days={at.astimezone(catalogue.zone).date() for at in row.recent},
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        occurrences=row.occurrences,
        now=now,
        zone=catalogue.zone,
    )


def _summary(row: PatternRow, catalogue: Catalogue, flags: tuple[str, ...]) -> PatternSummary:
    known = catalogue.find_service(row.service, row.environment)
    service = known.id if known is not None else row.service
    return PatternSummary(
        row=row,
        name=row.name or name_of(row.titles, service),
        named=row.name is not None,
        service=service,
        flags=flags,
    )


def _words_of(catalogue: Catalogue, service: str) -> tuple[str, ...]:
    """Every word by which a source may have named this service, folded as scopes are."""
    known = catalogue.find_service(service)
    words = (known.id, known.name, *known.aliases, service) if known is not None else (service,)
    return tuple(dict.fromkeys(map(fold, words)))


def _position(rows: list[PatternRow], wanted: PatternFilter) -> tuple[datetime | int, str]:
    return _place(rows[wanted.limit - 1], wanted)


def _place(row: PatternRow, wanted: PatternFilter) -> tuple[datetime | int, str]:
    return (row.last_seen_at if wanted.sort == "last_seen" else row.occurrences, row.id)
