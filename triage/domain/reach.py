"""Whom a concrete target reaches at a moment: who is on call, active, contactable and not paged out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from triage.domain.catalogue import Catalogue, Person
from triage.domain.rotation import duty_at, shift_at
from triage.domain.schedule import OnCallOverride, Schedule


@dataclass(frozen=True, slots=True)
class Told:
    """Who a concrete target is at one moment; ``skipped`` says who was passed over, and why."""

    people: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What stands around every escalation: the catalogue, shift swaps, and how much people have borne already.

    ``pages``: per person the moments of the pages of late; ``turns``: how often each round robin was taken.
    """

    catalogue: Catalogue
    overrides: tuple[OnCallOverride, ...] = ()
    pages: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    turns: Mapping[str, int] = field(default_factory=dict)


def is_reachable(person: Person | None) -> bool:
    """Whether anybody answers there at all: active, with at least one way to be contacted."""
    return person is not None and person.active and bool(person.contacts)


def members(catalogue: Catalogue, target: str) -> tuple[str, ...]:
    """The people who may ever be meant by a concrete target; none for a vendor, nor for a team or schedule that a
    path names and the catalogue of today has no more."""
    kind, _, name = target.partition(":")
    if kind == "person":
        return (name,)
    if kind == "team":
        return catalogue.teams[name].responders if name in catalogue.teams else ()
    return catalogue.schedules[name].participants if kind == "oncall" and name in catalogue.schedules else ()


def targets_of_role(catalogue: Catalogue, role: str) -> tuple[str, ...]:
    """Who plays ``role``, in the order they are asked in: of a team who is on call, else its responders. None
    for a role that the catalogue of today has no more."""
    target = catalogue.roles.get(role)
    if target is None:
        return ()
    kind, _, name = target.partition(":")
    schedule = catalogue.teams[name].schedule if kind == "team" else None
    return (f"oncall:{schedule}", target) if schedule else (target,)


def who_is(
    catalogue: Catalogue,
    target: str,
    at: datetime,
    overrides: Collection[OnCallOverride] = (),
    pages: Mapping[str, tuple[datetime, ...]] | None = None,
) -> Told:
    """The people a concrete target (``oncall:ID``, ``team:ID``, ``person:ID``, ``vendor:ID``) reaches at ``at``.

    Of a schedule it is the first in turn who can be reached and has not had as many pages in this shift as its
    limit allows; where everybody has, the first who can be reached. A vendor is nobody here: it is told beside
    people, and never instead of them.
    """
    kind, _, name = target.partition(":")
    if kind == "oncall":
        schedule = catalogue.schedules.get(name)
        if schedule is None:
            return Told((), (f"{target}: no longer in the catalogue",))
        return _in_turn(catalogue, schedule, at, overrides, pages or {})
    ids = members(catalogue, target)
    people = tuple(person for person in ids if is_reachable(catalogue.people.get(person)))
    return Told(people, tuple(_why_skipped(catalogue, person) for person in ids if person not in people))


def desk_targets(
    catalogue: Catalogue, desk: str, at: datetime, overrides: Collection[OnCallOverride] = ()
) -> tuple[str, ...]:
    """Whom of the triage desk, a concrete target, somebody is reached by at ``at``: who is on call; in a gap its
    responders; without any, everybody of its schedule. The catalogue has made sure that there is somebody."""
    everybody = tuple(f"person:{person}" for person in members(catalogue, desk))
    ways = ((desk,), (f"team:{catalogue.triage_desk}",), everybody)
    reached = (way for way in ways if any(who_is(catalogue, one, at, overrides).people for one in way))
    return next(reached, ways[0])


def candidates(
    catalogue: Catalogue, target: str, at: datetime, overrides: Collection[OnCallOverride] = ()
) -> tuple[str, ...]:
    """Who takes turns in a round robin over a target: everybody behind it who can be reached; of a schedule nobody
    while nobody is on call."""
    kind, _, name = target.partition(":")
    if kind == "oncall" and name in catalogue.schedules:
        order = duty_at(catalogue.schedules[name], at, overrides).order
        ids = tuple(person for person in members(catalogue, target) if person in order)
    else:
        ids = members(catalogue, target)
    return tuple(person for person in ids if is_reachable(catalogue.people.get(person)))


def _in_turn(
    catalogue: Catalogue,
    schedule: Schedule,
    at: datetime,
    overrides: Collection[OnCallOverride],
    pages: Mapping[str, tuple[datetime, ...]],
) -> Told:
    order = duty_at(schedule, at, overrides).order
    if not order:
        return Told((), (f"oncall:{schedule.id}: nobody is on call",))
    reachable = [person for person in order if is_reachable(catalogue.people.get(person))]
    skipped = [_why_skipped(catalogue, person) for person in order if person not in reachable]
    if not reachable:
        return Told((), tuple(skipped))
    limit = schedule.limits.pages_a_shift
    first = reachable[0]
    if limit is not None and pages:
        since = shift_at(schedule, at, overrides).starts_at
        borne = {person: sum(since <= page <= at for page in pages.get(person, ())) for person in reachable}
        first = next((person for person in reachable if borne[person] < limit), first)
        passed = reachable[: reachable.index(first)]
        skipped += [f"{person}: had {borne[person]} pages in this shift" for person in passed]
    before = order[: order.index(first)]
    return Told((first,), tuple(note for note in skipped if note.partition(":")[0] in before))


def _why_skipped(catalogue: Catalogue, person_id: str) -> str:
    person = catalogue.people.get(person_id)
    if person is None:
        return f"{person_id}: not in the catalogue"
    return f"{person_id}: {'has no contact method' if person.active else 'inactive'}"
