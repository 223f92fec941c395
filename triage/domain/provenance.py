"""Who gave a label: what of a past incident may be learnt from, and what was only a machine's word.

Strongest first. ``reviewed``: a person overrode this very incident; to agree, a reviewer says the same word again.
``resolved``: of the team only, that an incident was resolved under. Either a person who resolved or acknowledged
it belongs to that team, or somebody had chosen the team before we saw it and nobody moved it. ``history``: the
incident was imported with this label, in the history's own words. ``model``: all else, whichever machine it was
(model, rule, matrix, a correction made on another incident of the pattern); nobody is known to have agreed, so
there is no label.

A priority that nobody overrode is never a label: whoever resolves an incident closes the work and need not have
looked at how urgent a machine thought it was. Nor is a team on which an incident was closed because all was
silent: nobody closed it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from triage.domain.catalogue import Catalogue
from triage.domain.decision import TriageOverride
from triage.domain.incident import Incident

_NOBODY = "triage"
"""Who closes what everybody forgot."""

HISTORY = "history"
"""Who resolved what was imported: somebody, before it was known here."""


class LabelSource(Enum):
    """Strongest first."""

    REVIEWED = "reviewed"
    RESOLVED = "resolved"
    HISTORY = "history"
    MODEL = "model"

    def is_stronger_than(self, other: "LabelSource") -> bool:
        order = list(LabelSource)
        return order.index(self) < order.index(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """``value`` is None where only a machine gave one; ``known_at`` is when a person's word was complete."""

    value: str | None = None
    source: LabelSource = LabelSource.MODEL
    known_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a history said of an imported incident, in its own words. ``duplicate_of`` is a ``history_id`` too;
    ``label_source``: where the history has its labels from."""

    history_id: str
    priority: str | None = None
    team: str | None = None
    label_source: str | None = None
    duplicate_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastIncident:
    """One incident as its history tells it. ``event`` opened it and holds nothing that was known only later.

    ``team`` is the one that holds it now, an id of the catalogue; ``catalogue`` the version under which it was
    last decided on. ``priority_said`` and ``team_said`` are the newest overrides made on this incident that
    name a priority, or a team. ``duplicate_of``: the incident that its source's key held open when it opened.
    ``told`` is there for an imported incident, whose ``id`` and ``duplicate_of`` are the history's.
    """

    id: str
    event: Incident
    opened_at: datetime
    team: str
    catalogue: str | None
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    resolution: str | None = None
    priority_said: TriageOverride | None = None
    team_said: TriageOverride | None = None
    duplicate_of: str | None = None
    told: Told | None = None

    @property
    def occurred_at(self) -> datetime:
        """When it happened as far as anybody said; never after it was known here."""
        return self.event.happened_at(self.opened_at)


def priority_label(past: PastIncident) -> Label:
    """``P1`` to ``P5`` from an override, or a history's word."""
    said = past.priority_said
    if said is not None and said.priority is not None and _is_person(said.by):
        return Label(value=said.priority.value, source=LabelSource.REVIEWED, known_at=said.at)
    return _told(past, past.told.priority if past.told is not None else None)


def team_label(past: PastIncident, catalogue: Catalogue | None) -> Label:
    """A team's id, or a history's word for one. ``catalogue`` is the one that ``past`` names; without it nobody's
    team is known."""
    said = past.team_said
    if said is not None and said.team is not None and _is_person(said.by):
        return Label(value=said.team, source=LabelSource.REVIEWED, known_at=said.at)
    if past.told is not None and past.resolved_by == HISTORY:
        return _told(past, past.told.team)
    if catalogue is None or past.resolved_at is None or past.resolved_by in (None, _NOBODY):
        return Label()
    people = members_of(past.team, catalogue)
    chosen = catalogue.find_team(past.event.assigned_team)
    was_left = chosen is not None and chosen.id == past.team and said is None
    if was_left or past.resolved_by in people or past.acknowledged_by in people:
        return Label(value=past.team, source=LabelSource.RESOLVED, known_at=past.resolved_at)
    return Label()


def _told(past: PastIncident, word: str | None) -> Label:
    if word is None:
        return Label()
    return Label(value=word, source=LabelSource.HISTORY, known_at=past.resolved_at)


def members_of(team_id: str, catalogue: Catalogue) -> frozenset[str]:
    """The people who belong to a team: its responders, who is on its schedule, its senior and its lead."""
    team = catalogue.teams.get(team_id)
    if team is None:
        return frozenset()
    found = set(team.responders)
    schedules = [team.schedule] if team.schedule else []
    for target in filter(None, (team.senior, team.lead)):
        kind, _, name = target.partition(":")
        if kind == "person":
            found.add(name)
        else:
            schedules.append(name)
    for schedule in schedules:
        found.update(catalogue.schedules[schedule].participants)
    return frozenset(found)


def _is_person(actor: str) -> bool:
    """A source's token speaks for a program. Whoever sits at a service without tokens (``local``) is a person."""
    return actor != _NOBODY and not actor.startswith("source:")
