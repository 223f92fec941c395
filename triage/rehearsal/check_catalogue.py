"""Faults of the catalogue: people who cannot be reached, schedules with gaps, teams that nobody answers for."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from triage.domain.catalogue import Catalogue
from triage.domain.reach import is_reachable, members
from triage.domain.rotation import Shift, gaps
from triage.domain.schedule import OnCallOverride, Schedule
from triage.rehearsal import findings as kinds
from triage.rehearsal.findings import Finding, Places
from triage.rules.rule import Adjustment, Rule
from triage.rules.targets import Directory

GAPS_SHOWN = 3
"""For each schedule; a schedule for working hours has one every night."""


def check_catalogue(
    catalogue: Catalogue,
    rules: tuple[Rule, ...],
    places: Places,
    start: datetime,
    end: datetime,
    overrides: tuple[OnCallOverride, ...],
) -> Iterator[Finding]:
    yield from _people(catalogue, places)
    yield from _gateways(catalogue, places)
    for schedule in catalogue.schedules.values():
        yield from _schedule(schedule, catalogue, places)
        yield from _gaps(schedule, places, gaps(schedule, start, end, overrides))
    yield from _teams(catalogue, rules, places)


def _why(catalogue: Catalogue, person_id: str) -> str:
    person = catalogue.people.get(person_id)
    if person is None:
        return "is not in the catalogue"
    return "has no contact method" if person.active else "is not active"


def _people(catalogue: Catalogue, places: Places) -> Iterator[Finding]:
    named: defaultdict[str, list[tuple[str, tuple[str | int, ...]]]] = defaultdict(list)
    for schedule in catalogue.schedules.values():
        for person in schedule.participants:
            named[person].append((f"schedule {schedule.id}", ("schedules", schedule.id)))
    for team in catalogue.teams.values():
        if not team.active:
            continue
        for person in team.responders:
            named[person].append((f"team {team.id}", ("teams", team.id, "responders")))
        for rank, target in (("senior", team.senior), ("lead", team.lead)):
            if target and target.startswith("person:"):
                named[target[7:]].append((f"team {team.id}, {rank}", ("teams", team.id, rank)))
    for role, target in catalogue.roles.items():
        if target.startswith("person:"):
            named[target[7:]].append((f"role {role}", ("roles", role)))
    for person, entries in named.items():
        if not is_reachable(catalogue.people.get(person)):
            for where, path in entries:
                message = f"{person} {_why(catalogue, person)}, and is passed over"
                yield places.in_catalogue(kinds.PERSON_UNREACHABLE, where, message, path)


def _gateways(catalogue: Catalogue, places: Places) -> Iterator[Finding]:
    """Once for each that is missing, where the first who needs it stands."""
    needed: dict[str, tuple[str, tuple[str | int, ...], int]] = {}
    for person in catalogue.people.values():
        for number, contact in enumerate(person.contacts if person.active else ()):
            if "://" not in contact.address and contact.channel not in catalogue.gateways:
                here = ("people", person.id, "contacts", number)
                where, path, count = needed.get(contact.channel, (f"person {person.id}", here, 0))
                needed[contact.channel] = where, path, count + 1
    for gateway, (where, path, count) in needed.items():
        others = f" and {count - 1} more contacts" if count > 1 else ""
        message = f"no gateway {gateway!r} carries messages to this{others}"
        yield places.in_catalogue(kinds.GATEWAY_MISSING, where, message, path)
    for channel in catalogue.channels.values():
        address = channel.address
        if address and not channel.gateway and "://" not in address and not address.startswith("${"):
            message = "no gateway carries messages to its address"
            yield places.in_catalogue(
                kinds.GATEWAY_MISSING, f"channel {channel.id}", message, ("channels", channel.id)
            )


def _schedule(schedule: Schedule, catalogue: Catalogue, places: Places) -> Iterator[Finding]:
    here = ("schedules", schedule.id)
    where = f"schedule {schedule.id}"
    if not any(is_reachable(catalogue.people.get(person)) for person in schedule.participants):
        message = f"none of {', '.join(schedule.participants)} can be reached"
        yield places.in_catalogue(kinds.SCHEDULE_UNREACHABLE, where, message, here)
    limits = schedule.limits
    if limits.nights_in_a_row is None and limits.pages_a_shift is None:
        return
    for layer in schedule.layers:
        if len(layer.participants) == 1:
            message = f"{layer.participants[0]} is alone on layer {layer.id}, so the limits cannot spare them"
            yield places.in_catalogue(kinds.LIMIT_CANNOT_HOLD, where, message, (*here, "limits"))


def _gaps(schedule: Schedule, places: Places, found: tuple[Shift, ...]) -> Iterator[Finding]:
    zone = ZoneInfo(schedule.timezone)
    if not found:
        return
    shown = ", ".join(_told(gap, zone) for gap in found[:GAPS_SHOWN])
    total = sum(((gap.ends_at - gap.starts_at) for gap in found), timedelta(0))
    more = f" and {len(found) - GAPS_SHOWN} times more" if len(found) > GAPS_SHOWN else ""
    message = (
        f"nobody is on call {shown}{more} ({total.total_seconds() / 3600:.0f} hours in all, {schedule.timezone})"
    )
    yield places.in_catalogue(kinds.GAP, f"schedule {schedule.id}", message, ("schedules", schedule.id))


def _told(gap: Shift, zone: ZoneInfo) -> str:
    start, end = gap.starts_at.astimezone(zone), gap.ends_at.astimezone(zone)
    return f"from {start:%a %Y-%m-%d %H:%M} to {end:%a %H:%M}"


def _teams(catalogue: Catalogue, rules: tuple[Rule, ...], places: Places) -> Iterator[Finding]:
    """Teams that incidents are given to, whose way upwards ends at the desk though they are not the desk."""
    directory = Directory(catalogue)
    given: dict[str, list[tuple[str, bool, tuple[str | int, ...]]]] = defaultdict(list)
    for service in catalogue.services.values():
        given[service.owner].append((f"service {service.id}", False, ("services", service.id, "owner")))
    for number, rule in enumerate(rules):
        if isinstance(rule.then, Adjustment) and rule.then.assign:
            given[rule.then.assign].append((f"rule {rule.id}", True, ("rules", number, "then", "assign")))
    for team_id, entries in given.items():
        team = catalogue.teams[team_id]
        target = directory.concrete("owner", catalogue.answering_team(team_id))
        at_the_desk = target == directory.desk() and team_id != catalogue.triage_desk
        has_nobody = team.active and not _somebody(catalogue, team_id)
        for where, by_rule, path in entries:
            find = places.in_policy if by_rule else places.in_catalogue
            if at_the_desk or has_nobody:
                message = f"team {team_id} has nobody who can be reached; {target} answers"
                yield find(kinds.TEAM_WITHOUT_ANSWER, where, message, path)
            elif by_rule and not team.active:
                answering = catalogue.answering_team(team_id).id
                yield find(kinds.TEAM_INACTIVE, where, f"team {team_id} is not active; {answering} answers", path)


def _somebody(catalogue: Catalogue, team_id: str) -> bool:
    team = catalogue.teams[team_id]
    ways = (f"team:{team_id}", f"oncall:{team.schedule}" if team.schedule else f"team:{team_id}")
    return any(is_reachable(catalogue.people.get(person)) for way in ways for person in members(catalogue, way))
