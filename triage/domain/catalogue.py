"""The organisation's catalogue: teams, people, services, and who answers for what.

Every look-up that an incident depends on answers: an unknown service, an inactive team or a
missing owner ends at a parent team, and at last at the named triage desk.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

from triage.domain.incident import Incident
from triage.domain.priority import Priority
from triage.domain.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactMethod:
    """How a person is reached. ``channel`` names the gateway; ``address`` is what the gateway understands, or a
    whole address with ``://`` of its own. It may hold ``${ENV}`` references, and is never logged."""

    channel: str
    address: str


class GatewayKind(Enum):
    """``record`` tells nobody: what would have gone out is only kept, which is for trying things out."""

    APPRISE = "apprise"
    WEBHOOK = "webhook"
    RECORD = "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A service through which people are told. ``url`` and ``secret`` may hold ``${ENV}`` references, and ``url``
    the word ``{address}``. ``short``: its messages are read aloud or on a lock screen. ``receipt``: it has to name
    the message's key in its answer, or did not take it."""

    id: str
    kind: GatewayKind = GatewayKind.APPRISE
    url: str = ""
    secret: str = ""
    short: bool = False
    receipt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    id: str
    name: str
    active: bool = True
    timezone: str | None = None
    contacts: tuple[ContactMethod, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """``examples`` are phrases its incidents are written in; they make a first suggestion possible.
    ``senior`` and ``lead`` are targets, ``person:ID`` or ``oncall:SCHEDULE``."""

    id: str
    name: str
    description: str = ""
    examples: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    parent: str | None = None
    active: bool = True
    responders: tuple[str, ...] = ()
    schedule: str | None = None
    senior: str | None = None
    lead: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    id: str
    name: str
    contact: str = ""
    gateway: str | None = None
    contract: str = ""
    respond_within: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """``tier`` 1 is the most important. ``environment`` narrows an entry to one environment."""

    id: str
    name: str
    owner: str
    description: str = ""
    examples: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    environment: str | None = None
    tier: int = 3
    function: str | None = None
    regulated: bool = False
    dependencies: tuple[str, ...] = ()
    deployment: str | None = None
    runbook: str | None = None
    vendor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityWords:
    """The organisation's label for a priority and further words that mean the same."""

    priority: Priority
    label: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityWord:
    """A severity as reported: the priority it suggests, and the floor below which the model alone may not go."""

    word: str
    priority: Priority
    floor: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Sla:
    """What is promised, counted from the opening; ``in_hours``: in business hours only."""

    priority: Priority
    acknowledge_within: timedelta
    resolve_within: timedelta
    customer_tier: str | None = None
    in_hours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A place people are told in. ``stage``: critical, war_room, leadership, communications, retrospective.
    ``address`` is what the ``gateway`` understands, or a whole address with ``://``."""

    id: str
    stage: str
    address: str = ""
    gateway: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Who watches the watchers. ``alarm``: targets (``person:ID``, ``oncall:ID``, ``team:ID``) and channels
    (``channel:ID``) told when messages cannot be delivered or a source falls silent; without any, the triage desk.
    ``heartbeat``: an address that is called while all is well; it may hold ``${ENV}`` references."""

    alarm: tuple[str, ...] = ()
    heartbeat: str = ""
    heartbeat_every: timedelta = timedelta(minutes=1)
    summary_channels: tuple[str, ...] = ()
    summary_at: str = "08:00"


_Named = TypeVar("_Named", Team, Service)


@lru_cache(maxsize=4096)
def fold(word: str) -> str:
    """The form in which names and words are compared: case, spaces and ``-``, ``_``, ``.`` do not matter."""
    return " ".join(word.casefold().replace("-", " ").replace("_", " ").replace(".", " ").split())


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """How long an open incident keeps joining events, and when a forgotten one is closed. ``silent_after``: how
    long the source may say nothing; None: judged by its own past, unless ``silence_ignored``."""

    id: str
    join_window: timedelta = timedelta(days=7)
    auto_resolve_after: timedelta | None = timedelta(days=14)
    silent_after: timedelta | None = None
    silence_ignored: bool = False


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Everything of ``catalogue.yaml`` after its references were checked. ``version`` names its content;
    ``roles`` map a name to a target; ``business_days`` count from Monday, 0."""

    version: str
    organisation: str
    timezone: str
    triage_desk: str
    teams: Mapping[str, Team]
    services: Mapping[str, Service] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    vendors: Mapping[str, Vendor] = field(default_factory=dict)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    gateways: Mapping[str, Gateway] = field(default_factory=dict)
    watch: Watch = Watch()
    roles: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, SourceSettings] = field(default_factory=dict)
    priorities: tuple[PriorityWords, ...] = ()
    severities: tuple[SeverityWord, ...] = ()
    matrix: Mapping[tuple[str, str], Priority] = field(default_factory=dict)
    slas: tuple[Sla, ...] = ()
    default_priority: Priority = Priority.P3
    business_hours: tuple[str, str] = ("09:00", "17:00")
    business_days: frozenset[int] = frozenset(range(5))
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "_teams_by_word", _index(self.teams.values()))
        object.__setattr__(self, "_services_by_word", _index(self.services.values()))
        object.__setattr__(self, "_priority_by_word", dict(self._priority_words()))
        object.__setattr__(self, "_severity_by_word", {fold(s.word): s for s in self.severities})
        object.__setattr__(self, "_matrix_by_word", {(fold(i), fold(u)): p for (i, u), p in self.matrix.items()})

    _teams_by_word: Mapping[str, tuple[Team, ...]] = field(init=False, repr=False, compare=False)
    _services_by_word: Mapping[str, tuple[Service, ...]] = field(init=False, repr=False, compare=False)
    _priority_by_word: Mapping[str, Priority] = field(init=False, repr=False, compare=False)
    _severity_by_word: Mapping[str, SeverityWord] = field(init=False, repr=False, compare=False)
    _matrix_by_word: Mapping[tuple[str, str], Priority] = field(init=False, repr=False, compare=False)

    def _priority_words(self) -> Iterator[tuple[str, Priority]]:
        for priority in Priority:
            yield fold(priority.value), priority
        for entry in self.priorities:
            for word in (entry.label, *entry.words):
                yield fold(word), entry.priority

    def team_name(self, team_id: str) -> str:
        """The name of the team of this id; an id that it does not know, as it is."""
        return self.teams[team_id].name if team_id in self.teams else team_id

    def person_name(self, person_id: str) -> str:
        """The name of the person of this id; a source, or whoever it does not know, as they are."""
        return self.people[person_id].name if person_id in self.people else person_id

    def find_team(self, word: str | None) -> Team | None:
        """The team of this id, name or alias, active or not."""
        found = self._teams_by_word.get(fold(word), ()) if word else ()
        return found[0] if found else None

    def find_service(self, word: str | None, environment: str | None = None) -> Service | None:
        """The service of this id, name or alias; an entry for this very environment wins over a general one."""
        found = self._services_by_word.get(fold(word), ()) if word else ()
        wanted = fold(environment) if environment else None
        exact = [s for s in found if s.environment and fold(s.environment) == wanted]
        general = [s for s in found if s.environment is None]
        return next(iter(exact or general), None)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which the organisation keeps its hours."""
        return ZoneInfo(self.timezone)

    def named(self, incident: Incident) -> str | None:
        """The service that an incident is about: the catalogue's id; the reported word if it is unknown."""
        service = self.find_service(incident.service, incident.environment)
        return service.id if service is not None else incident.service

    def connected(self, service_id: str) -> Mapping[str, str]:
        """Services of which an outage shows in this one or the other way round, each with a phrase that says why.

        The service itself, what it depends on and what depends on it, through at most two steps, and what depends
        directly on the same thing. Further away, everything is connected with everything.
        """
        found = {service_id: "the same service"}
        service = self.services.get(service_id)
        if service is None:
            return found
        below, above = list(service.dependencies), self._dependents(service_id)
        for near in below:
            found.setdefault(near, f"{service_id} depends on it")
        for near in above:
            found.setdefault(near, f"it depends on {service_id}")
        for near in below:
            for far in self.services[near].dependencies if near in self.services else ():
                found.setdefault(far, f"{service_id} depends on it through {near}")
            for beside in self._dependents(near):
                found.setdefault(beside, f"both depend on {near}")
        for near in above:
            for far in self._dependents(near):
                found.setdefault(far, f"it depends on {service_id} through {near}")
        return found

    def _dependents(self, service_id: str) -> list[str]:
        return [service.id for service in self.services.values() if service_id in service.dependencies]

    def answering_team(self, team_id: str | None) -> Team:
        """The nearest active team from ``team_id`` upwards; the triage desk when there is none."""
        seen: set[str] = set()
        team = self.teams.get(team_id) if team_id else None
        while team is not None and team.id not in seen:
            if team.active:
                return team
            seen.add(team.id)
            team = self.teams.get(team.parent) if team.parent else None
        return self.teams[self.triage_desk]

    def owner_of(self, service: str | None, environment: str | None = None) -> Team:
        """Who answers for ``service``. Always a team: unknown services belong to the triage desk."""
        found = self.find_service(service, environment)
        return self.answering_team(found.owner if found else None)

    def find_priority(self, word: str | None) -> Priority | None:
        """The priority this word of the organisation (or a reported severity) stands for."""
        if not word:
            return None
        folded = fold(word)
        severity = self._severity_by_word.get(folded)
        return self._priority_by_word.get(folded) or (severity.priority if severity else None)

    def find_severity(self, word: str | None) -> SeverityWord | None:
        return self._severity_by_word.get(fold(word)) if word else None

    def find_matrix_priority(self, impact: str | None, urgency: str | None) -> Priority | None:
        if not impact or not urgency:
            return None
        return self._matrix_by_word.get((fold(impact), fold(urgency)))

    def label_of(self, priority: Priority) -> str:
        return next((p.label for p in self.priorities if p.priority is priority), priority.value)

    def find_sla(self, priority: Priority, customer_tier: str | None = None) -> Sla | None:
        """The SLA for this tier of customer, else the general one."""
        tier = fold(customer_tier) if customer_tier else None
        matching = [s for s in self.slas if s.priority is priority]
        special = [s for s in matching if tier and s.customer_tier and fold(s.customer_tier) == tier]
        general = [s for s in matching if s.customer_tier is None]
        return next(iter(special or general), None)

    def source_settings(self, source: str) -> SourceSettings:
        return self.sources.get(source) or SourceSettings(id=source)


def _index(entries: Iterable[_Named]) -> dict[str, tuple[_Named, ...]]:
    """Entries by every word that names them: ids first, then names, then aliases, so that none hides an id."""
    found: dict[str, list[_Named]] = {}
    ordered: list[_Named] = list(entries)
    named = [(entry.id, entry) for entry in ordered]
    named += [(entry.name, entry) for entry in ordered]
    named += [(alias, entry) for entry in ordered for alias in entry.aliases]
    for word, entry in named:
        known = found.setdefault(fold(word), [])
        if entry not in known:
            known.append(entry)
    return {word: tuple(known) for word, known in found.items()}
