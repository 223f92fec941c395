"""What a well-formed catalogue must still answer: every reference leads somewhere, every word means one thing,
nobody is above themselves, and the triage desk has somebody to reach."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from triage.domain.catalogue import Catalogue, fold
from triage.domain.priority import Priority
from triage.rules.catalogue_shape import CatalogueShape, LayerShape, ScheduleShape
from triage.rules.document import Document, Path, closest
from triage.rules.holidays import calendar_fault
from triage.rules.targets import Directory, target_fault


def check_shape(shape: CatalogueShape, document: Document) -> None:
    """Collect the faults of ``shape`` in ``document``."""
    _check_references(shape, document)
    _check_zones_and_turns(shape, document)
    _check_parents(shape, document)
    _check_names(shape, document)


def _reference(document: Document, path: Path, kind: str, found: str | None, known: Iterable[str]) -> None:
    ids = list(known)
    if found is not None and found not in ids:
        document.fault(path, f"{path[-1]}: unknown {kind} {found!r}{closest(found, ids)}")


def _check_references(shape: CatalogueShape, document: Document) -> None:
    _reference(document, ("triage_desk",), "team", shape.triage_desk, shape.teams)
    for team_id, team in shape.teams.items():
        here: Path = ("teams", team_id)
        _reference(document, (*here, "parent"), "team", team.parent, shape.teams)
        _reference(document, (*here, "schedule"), "schedule", team.schedule, shape.schedules)
        for number, person in enumerate(team.responders):
            _reference(document, (*here, "responders", number), "person", person, shape.people)
        for rank, word in (("senior", team.senior), ("lead", team.lead)):
            if word is not None:
                _target(document, (*here, rank), word, shape, ("person", "oncall"))
    for schedule_id, schedule in shape.schedules.items():
        for place, layer in layers_of(schedule_id, schedule):
            for number, person in enumerate(layer.participants):
                _reference(document, (*place, "participants", number), "person", person, shape.people)
    for service_id, service in shape.services.items():
        here = ("services", service_id)
        _reference(document, (*here, "owner"), "team", service.owner, shape.teams)
        _reference(document, (*here, "vendor"), "vendor", service.vendor, shape.vendors)
        for number, dependency in enumerate(service.dependencies):
            _reference(document, (*here, "dependencies", number), "service", dependency, shape.services)
    for role, word in shape.roles.items():
        _target(document, ("roles", role), word, shape, ("person", "oncall", "team"))
    for channel_id, channel in shape.channels.items():
        _reference(document, ("channels", channel_id, "gateway"), "gateway", channel.gateway, shape.gateways)
    for vendor_id, vendor in shape.vendors.items():
        _reference(document, ("vendors", vendor_id, "gateway"), "gateway", vendor.gateway, shape.gateways)
    for number, channel_id in enumerate(shape.watch.summary.channels if shape.watch.summary else ()):
        _reference(document, ("watch", "summary", "channels", number), "channel", channel_id, shape.channels)
    for number, word in enumerate(shape.watch.alarm):
        _alarmed(document, ("watch", "alarm", number), word, shape)


def _alarmed(document: Document, path: Path, word: str, shape: CatalogueShape) -> None:
    kind, _, name = word.partition(":")
    if kind != "channel":
        _target(document, path, word, shape, ("person", "oncall", "team"))
    elif name not in shape.channels:
        document.fault(path, f"alarm: unknown channel {name!r}{closest(name, list(shape.channels))}")


def _target(document: Document, path: Path, word: str, shape: CatalogueShape, kinds: tuple[str, ...]) -> None:
    ids: dict[str, Mapping[str, object]] = {
        "person": shape.people,
        "oncall": shape.schedules,
        "team": shape.teams,
    }
    fault = target_fault(word, {kind: ids[kind] for kind in kinds}, owner=False)
    if fault:
        document.fault(path, f"{path[-1]}: {fault}")


def _check_zones_and_turns(shape: CatalogueShape, document: Document) -> None:
    _check_zone(document, ("timezone",), shape.timezone)
    for person_id, person in shape.people.items():
        _check_zone(document, ("people", person_id, "timezone"), person.timezone)
    for schedule_id, schedule in shape.schedules.items():
        here: Path = ("schedules", schedule_id)
        _check_zone(document, (*here, "timezone"), schedule.timezone)
        _check_calendar(document, (*here, "holiday_calendar"), schedule.holiday_calendar)
        if schedule.limits.night.start == schedule.limits.night.end:
            document.fault(
                (*here, "limits", "night"), "night: it ends when it starts; expected such as 22:00 to 06:00"
            )
        named: set[str] = set()
        for place, layer in layers_of(schedule_id, schedule):
            _check_zone(document, (*place, "timezone"), layer.timezone)
            _check_calendar(document, (*place, "holiday_calendar"), layer.holiday_calendar)
            if layer.turn < timedelta(days=1) or layer.turn % timedelta(days=1):
                document.fault((*place, "turn"), "turn: expected whole days, such as '1d' or '7d'")
            if layer.id in named:
                document.fault((*place, "id"), f"duplicate layer id {layer.id!r}; give each layer its own")
            named.add(layer.id)
    for number, calendar in enumerate(shape.holiday_calendars):
        _check_calendar(document, ("holiday_calendars", number), calendar)
    if shape.business_hours.start >= shape.business_hours.end:
        document.fault(("business_hours",), "business_hours: expected start before end")


def layers_of(schedule_id: str, schedule: ScheduleShape) -> Iterator[tuple[Path, LayerShape]]:
    """Each layer and where it stands in the file; the one rotation stands in the schedule itself."""
    here: Path = ("schedules", schedule_id)
    for number, layer in enumerate(schedule.as_layers()):
        yield (here if schedule.layers is None else (*here, "layers", number)), layer


def _check_calendar(document: Document, path: Path, name: str | None) -> None:
    fault = calendar_fault(name) if name is not None else None
    if fault:
        document.fault(path, f"holidays: {fault}")


def _check_zone(document: Document, path: Path, name: str | None) -> None:
    if name is None:
        return
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        document.fault(
            path, f"timezone: unknown time zone {name!r}; expected an IANA name such as 'Europe/Berlin'"
        )


def _check_parents(shape: CatalogueShape, document: Document) -> None:
    """Refuse teams that are above themselves."""
    for team_id in shape.teams:
        chain = [team_id]
        while (parent := shape.teams[chain[-1]].parent) in shape.teams and parent not in chain:
            chain.append(str(parent))
        if parent == team_id:
            document.fault(("teams", team_id, "parent"), f"parent: a circle, {' → '.join([*chain, team_id])}")


def _check_names(shape: CatalogueShape, document: Document) -> None:
    """Refuse words that would mean two teams, two services of one environment, or two priorities."""
    _check_unique(document, "teams", {(i, None): (t.name, *t.aliases) for i, t in shape.teams.items()})
    services = {(i, s.environment): (s.name, *s.aliases) for i, s in shape.services.items()}
    _check_unique(document, "services", services)
    meant: dict[str, Priority] = {fold(priority.value): priority for priority in Priority}
    for priority, entry in shape.priorities.items():
        for word in (entry.label, *entry.words):
            other = meant.setdefault(fold(word), priority)
            if other is not priority:
                path = ("priorities", priority.value)
                document.fault(path, f"the word {word!r} means both {other.value} and {priority.value}")


def _check_unique(document: Document, kind: str, entries: dict[tuple[str, str | None], tuple[str, ...]]) -> None:
    meant: dict[tuple[str, str | None], str] = {}
    for (entry_id, environment), words in entries.items():
        for word in (entry_id, *words):
            other = meant.setdefault((fold(word), fold(environment) if environment else None), entry_id)
            if other != entry_id:
                document.fault((kind, entry_id), f"the word {word!r} names both {other!r} and {entry_id!r}")


def check_that_somebody_answers(catalogue: Catalogue, document: Document) -> None:
    desk = catalogue.teams[catalogue.triage_desk]
    if not desk.active:
        document.fault(("triage_desk",), f"triage_desk: team {desk.id!r} is not active; it must always answer")
    ways = (f"oncall:{desk.schedule}" if desk.schedule else None, f"team:{desk.id}")
    directory = Directory(catalogue)
    if not any(directory.answers(way) for way in ways if way):
        message = "has nobody who is active and has a contact method; give it a schedule or responders"
        document.fault(("triage_desk",), f"triage_desk: team {desk.id!r} {message}")
