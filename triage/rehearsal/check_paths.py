"""Faults of paths: policies built for every team that incidents come to, and incidents decided on for trial.

Both use the very code that will run, at hours that differ: of work, of the night, of a weekend and of a holiday.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from triage.domain.catalogue import Catalogue, Service, Team
from triage.domain.decision import DecisionSource, Suggestion
from triage.domain.escalation import EscalationPath, EscalationPolicy, Mode, Part
from triage.domain.incident import Incident
from triage.domain.priority import Priority
from triage.domain.reach import who_is
from triage.domain.recurrence import Recurrence
from triage.domain.schedule import OnCallOverride
from triage.rehearsal import findings as kinds
from triage.rehearsal.check_steps import checkpoints, named_people, vendors
from triage.rehearsal.findings import Finding, Kind, Places
from triage.rules.chooser import RuleBook, RuleFacts
from triage.rules.path import BuiltPath, PathBuilder, Wanted
from triage.rules.rule import Adjustment

URGENT = (Priority.P1, Priority.P2)
MOST_SERVICES = 200
"""Services that incidents are decided on for; those that differ in nothing that rules ask about count once."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A path and what it was chosen for."""

    path: EscalationPath
    priority: Priority
    about: str
    opened_at: datetime


def check_paths(
    rulebook: RuleBook, places: Places, start: datetime, days: int, overrides: tuple[OnCallOverride, ...]
) -> Iterator[Finding]:
    catalogue = rulebook.catalogue
    moments = trial_moments(catalogue, start, days)
    teams = _teams(rulebook)
    for policy in rulebook.policies.values():
        yield from _policy(policy, rulebook, places, moments, teams, overrides)
    yield from checkpoints(rulebook, places)
    seen = list(_decide(rulebook, moments, overrides))
    yield from _promises(seen, places)
    yield from _commanders(seen, places)
    yield from _priorities(seen, rulebook, places)


def trial_moments(catalogue: Catalogue, start: datetime, days: int) -> list[datetime]:
    """3 at night and noon of each day of a week, and of each holiday within ``days``; in UTC."""
    zone = catalogue.zone
    first = start.astimezone(zone).date()
    coming = [first + timedelta(days=n) for n in range(1, max(days, 7) + 1)]
    chosen: list[date] = [*coming[:7], *(day for day in coming[7:] if day in catalogue.holidays)]
    return [datetime.combine(day, time(hour), zone).astimezone(UTC) for day in chosen for hour in (3, 12)]


def _teams(rulebook: RuleBook) -> list[Team]:
    """Those that incidents are given to: owners of services, teams that rules assign, and the desk."""
    catalogue = rulebook.catalogue
    ids = [service.owner for service in catalogue.services.values()]
    ids += [r.then.assign for r in rulebook.rules if isinstance(r.then, Adjustment) and r.then.assign]
    answering = (catalogue.answering_team(team_id) for team_id in dict.fromkeys([*ids, catalogue.triage_desk]))
    return list({team.id: team for team in answering}.values())


def _policy(
    policy: EscalationPolicy,
    rulebook: RuleBook,
    places: Places,
    moments: list[datetime],
    teams: list[Team],
    overrides: tuple[OnCallOverride, ...],
) -> Iterator[Finding]:
    catalogue = rulebook.catalogue
    if policy.mode is Mode.OBSERVE:
        return
    builder = PathBuilder(catalogue)
    whole = {
        (team.id, at): builder.build(_wanted(policy, team, at, overrides)) for team in teams for at in moments
    }
    built = {key: found.path for key, found in whole.items()}
    here = ("policies", policy.id)
    yield from _dead_ends(policy, whole, places, catalogue)
    for number in range(len(policy.steps)):
        where = f"policy {policy.id}, step {number + 1}"
        path = (*here, "steps", number)
        steps = [found.steps[number] for found in built.values()]
        if all(_reaches_nobody(step.targets, step.at, catalogue, overrides) for step in steps):
            message = f"nobody of {', '.join(policy.steps[number].targets)} can ever be reached"
            yield places.in_policy(kinds.STEP_WITHOUT_OWNER, where, message, path)
        yield from named_people(policy, number, catalogue, places)
        yield from vendors(policy, number, catalogue, places)
        for channel in dict.fromkeys(name for step in steps for name in step.channels):
            if not catalogue.channels[channel].address:
                message = f"channel {channel} has no address, so nobody reads it"
                yield places.in_policy(kinds.CHANNEL_WITHOUT_ADDRESS, where, message, (*path, "channels"))
    ladders = [(team, _rungs(found)) for (team, _), found in built.items() if len(found.steps) > 1]
    alone = sorted({team for team, rungs in ladders if len(rungs) == 1 and len(next(iter(rungs))) == 1})
    everywhere = {team for team, _ in ladders} == set(alone)
    if alone and everywhere:
        message = "every step reaches the same one person, whichever team it is for"
        yield places.in_policy(kinds.LADDER_GOES_NOWHERE, f"policy {policy.id}", message, here)


def _wanted(policy: EscalationPolicy, team: Team, at: datetime, overrides: tuple[OnCallOverride, ...]) -> Wanted:
    return Wanted(
        policy=policy,
        rule="check",
        owner=team,
        priority=Priority.P1,
        customer_tier=None,
        opened_at=at,
        starts_at=at,
        overrides=overrides,
    )


def _rungs(path: EscalationPath) -> set[tuple[str, ...]]:
    return {step.forecast for step in path.steps if step.forecast}


def _reaches_nobody(
    targets: tuple[str, ...], at: datetime, catalogue: Catalogue, overrides: tuple[OnCallOverride, ...]
) -> bool:
    desk = f"team:{catalogue.triage_desk}"
    own = [target for target in targets if target != desk or len(targets) == 1]
    return not any(who_is(catalogue, target, at, overrides).people for target in own)


def _dead_ends(
    policy: EscalationPolicy,
    built: dict[tuple[str, datetime], BuiltPath],
    places: Places,
    catalogue: Catalogue,
) -> Iterator[Finding]:
    """Where the desk had to stand in for the last step, and nobody was told before it."""
    for (team, at), found in built.items():
        ladder = [step for step in found.path.steps if not step.beside]
        if len(found.unanswered) == len(ladder):
            local = at.astimezone(catalogue.zone)
            message = (
                f"for team {team} on {local:%a %Y-%m-%d} at {local:%H:%M} nobody is reached but the triage desk"
            )
            yield places.in_policy(kinds.DEAD_END, f"policy {policy.id}", message, ("policies", policy.id))
            return


def _decide(rulebook: RuleBook, moments: list[datetime], overrides: tuple[OnCallOverride, ...]) -> Iterator[_Seen]:
    """An incident without words on each service that differs, of each priority and tier of customer."""
    catalogue = rulebook.catalogue
    tiers = [None, *dict.fromkeys(sla.customer_tier for sla in catalogue.slas if sla.customer_tier)]
    for service in _services(catalogue):
        for tier in tiers:
            incident = Incident(title="A trial", service=service.id if service else None, customer_tier=tier)
            for priority in Priority:
                for at in moments:
                    outcome = rulebook.decide(_facts(incident, service, priority, at, catalogue, overrides))
                    about = f"{priority.value} of {service.id if service else 'no known service'}"
                    about += f" for {tier} customers" if tier else ""
                    yield _Seen(outcome.path, outcome.priority, about, at)


def _services(catalogue: Catalogue) -> list[Service | None]:
    different = {
        (s.owner, s.tier, s.function, s.regulated, s.vendor, s.environment): s for s in catalogue.services.values()
    }
    return [None, *different.values()][:MOST_SERVICES]


def _facts(
    incident: Incident,
    service: Service | None,
    priority: Priority,
    at: datetime,
    catalogue: Catalogue,
    overrides: tuple[OnCallOverride, ...],
) -> RuleFacts:
    return RuleFacts(
        incident=incident,
        service=service,
        suggestion=Suggestion(),
        recurrence=Recurrence(),
        priority=priority,
        priority_source=DecisionSource.REPORTED,
        team=catalogue.owner_of(incident.service).id,
        team_source=DecisionSource.CATALOGUE,
        now=at,
        opened_at=at,
        oncall_overrides=overrides,
    )


def _promises(seen: list[_Seen], places: Places) -> Iterator[Finding]:
    """By the catalogue's SLA of what was concluded, once for each policy and priority."""
    found: set[tuple[str, Priority]] = set()
    for one in seen:
        path = one.path
        if path.suppressed or path.mode is Mode.OBSERVE or (path.policy, one.priority) in found:
            continue
        late = _late(path, one.opened_at)
        if late is not None:
            found.add((path.policy, one.priority))
            message = f"{one.about}: {late}"
            yield _of_policy(places, kinds.LONGER_THAN_SLA, path.policy, message)


def _late(path: EscalationPath, opened_at: datetime) -> str | None:
    ladder = [step for step in path.steps if not step.beside]
    first = next((step for step in ladder if step.forecast), ladder[0])
    again = first.at + first.acknowledge_within
    if path.acknowledge_by is not None and again > path.acknowledge_by:
        promised = path.acknowledge_by - opened_at
        return f"nobody is told again before {again - opened_at}, and the SLA promises an answer in {promised}"
    if path.resolve_by is not None and ladder[-1].at > path.resolve_by:
        promised = path.resolve_by - opened_at
        return f"the last step begins after {ladder[-1].at - opened_at}, and the SLA promises an end in {promised}"
    return None


def _commanders(seen: list[_Seen], places: Places) -> Iterator[Finding]:
    urgent = {one.path.policy: one for one in seen if one.priority is Priority.P1 and not one.path.suppressed}
    for policy, one in urgent.items():
        if not any(Part.COMMANDER.value in step.roles for step in one.path.steps):
            message = f"it is chosen for {one.about} and names no commander"
            yield _of_policy(places, kinds.NO_COMMANDER, policy, message)


def _priorities(seen: list[_Seen], rulebook: RuleBook, places: Places) -> Iterator[Finding]:
    """What is most urgent has a rule of its own where there is a choice; what is urgent is told, and at once."""
    last = rulebook.rules[-1]
    critical = [one for one in seen if one.priority is Priority.P1]
    if critical and len(rulebook.policies) > 1 and all(one.path.rule == last.id for one in critical):
        message = f"P1 has no rule of its own; only the last rule {last.id} answers for it"
        path = ("rules", len(rulebook.rules) - 1)
        yield places.in_policy(kinds.PRIORITY_WITHOUT_PATH, f"rule {last.id}", message, path)
    for priority in URGENT:
        mine = [one for one in seen if one.priority is priority]
        silent = next((one for one in mine if one.path.mode is Mode.OBSERVE), None)
        waits = next((one for one in mine if one.path.steps[0].in_hours), None)
        for one, why in (
            (silent, "is told to nobody, for the policy only observes"),
            (waits, "waits for the morning"),
        ):
            if one is not None:
                yield _of_policy(places, kinds.PRIORITY_WITHOUT_PATH, one.path.policy, f"{one.about} {why}")


def _of_policy(places: Places, kind: Kind, policy: str, message: str) -> Finding:
    return places.in_policy(kind, f"policy {policy}", message, ("policies", policy))
