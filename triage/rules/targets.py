"""Whom a step means: target words, what they stand for in a catalogue, and who that is at a given time."""

from collections.abc import Collection, Mapping
from datetime import datetime

from triage.domain.catalogue import Catalogue, Team
from triage.domain.reach import Told, desk_targets, is_reachable, members, who_is
from triage.domain.schedule import OnCallOverride
from triage.rules.document import closest, near_or_known

SERVICE_VENDOR = "service.vendor"
OWNER_TARGETS = ("owner", "owner.senior", "owner.lead", "owner.parent", SERVICE_VENDOR)
TARGET_KINDS = ("team", "oncall", "person", "role", "vendor")
_RANKS = ("senior", "lead")


def target_fault(target: str, known: Mapping[str, Mapping[str, object]], owner: bool = True) -> str | None:
    """Why ``target`` is not one, or None. ``known`` holds the ids per kind of ``TARGET_KINDS``."""
    if owner and target in OWNER_TARGETS:
        return None
    kind, colon, rest = target.partition(":")
    if not colon or kind not in known:
        words = [*(OWNER_TARGETS if owner else ()), *(f"{name}:…" for name in known)]
        return f"unknown target {target!r}; expected one of {', '.join(words)}{closest(target, words)}"
    name = rest
    if kind == "team" and rest not in known[kind] and rest.rpartition(".")[2] in _RANKS:
        name = rest.rpartition(".")[0]
    if name not in known[kind]:
        return f"unknown {_SPOKEN[kind]} {name!r}{near_or_known(name, known[kind])}"
    return None


_SPOKEN = {"team": "team", "oncall": "schedule", "person": "person", "role": "role", "vendor": "vendor"}


def people_at_the_desk(
    catalogue: Catalogue, at: datetime, overrides: Collection[OnCallOverride] = ()
) -> tuple[str, ...]:
    """Whom the triage desk reaches at ``at``, which is always somebody."""
    targets = desk_targets(catalogue, Directory(catalogue).desk(), at, overrides)
    return tuple(person for target in targets for person in who_is(catalogue, target, at, overrides).people)


def known_ids(catalogue: Catalogue) -> dict[str, Mapping[str, object]]:
    return {
        "team": catalogue.teams,
        "oncall": catalogue.schedules,
        "person": catalogue.people,
        "role": catalogue.roles,
        "vendor": catalogue.vendors,
    }


class Directory:
    """Target words against one catalogue. Concrete targets do not depend on time and are remembered."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._concrete: dict[tuple[str, str], str] = {}

    def concrete(self, target: str, owner: Team, vendor: str | None = None) -> str | None:
        """``target`` as ``oncall:ID``, ``team:ID``, ``person:ID`` or ``vendor:ID``.

        Where nobody can be reached, the next in line stands in: for a senior the lead, then the team; for a team
        its schedule, its responders, the team above it, and at last the triage desk. None: ``service.vendor``
        of a service without ``vendor``.
        """
        if target == SERVICE_VENDOR:
            return f"vendor:{vendor}" if vendor else None
        known = self._concrete.get((target, owner.id))
        if known is None:
            known = self._concrete[target, owner.id] = self._resolve(target, owner)
        return known

    def desk(self) -> str:
        return self._of_team(self._catalogue.teams[self._catalogue.triage_desk])

    def desk_at(self, at: datetime, overrides: Collection[OnCallOverride] = ()) -> tuple[str, ...]:
        """Whom of the triage desk somebody is reached by at ``at``."""
        return desk_targets(self._catalogue, self.desk(), at, overrides)

    def who_is(self, target: str, at: datetime, overrides: Collection[OnCallOverride] = ()) -> Told:
        """The people a concrete target reaches at ``at``."""
        return who_is(self._catalogue, target, at, overrides)

    def answers(self, target: str) -> bool:
        """Whether anybody behind a concrete target can be reached at any time."""
        return any(is_reachable(self._catalogue.people.get(i)) for i in members(self._catalogue, target))

    def _resolve(self, target: str, owner: Team) -> str:
        catalogue = self._catalogue
        if target == "owner":
            return self._of_team(owner)
        if target == "owner.parent":
            return self._of_team(catalogue.answering_team(owner.parent))
        if target.startswith("owner."):
            return self._ranked(owner, target.removeprefix("owner."))
        kind, _, name = target.partition(":")
        if kind == "role":
            return self._resolve(catalogue.roles[name], owner)
        if kind != "team":
            return target
        if name in catalogue.teams:
            return self._of_team(catalogue.answering_team(name))
        team, _, rank = name.rpartition(".")
        return self._ranked(catalogue.answering_team(team), rank)

    def _ranked(self, team: Team, rank: str) -> str:
        wanted = (team.senior, team.lead) if rank == "senior" else (team.lead,)
        return next((target for target in wanted if target and self.answers(target)), None) or self._of_team(team)

    def _of_team(self, team: Team) -> str:
        seen: set[str] = set()
        while team.id not in seen:
            seen.add(team.id)
            ways = (f"oncall:{team.schedule}" if team.schedule else None, f"team:{team.id}")
            found = next((way for way in ways if way and self.answers(way)), None)
            if found:
                return found
            team = self._catalogue.answering_team(team.parent)
        return f"team:{self._catalogue.triage_desk}"
