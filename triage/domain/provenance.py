"""Who gave a label: what of a past incident may be learnt from, and what was only a machine's word.

Strongest first. ``reviewed``: a person overrode this very incident; to agree, a reviewer says the same word again.
``resolved``: of the team only, that an incident was resolved under. Either a person who resolved or acknowledged
it belongs to that team, or somebody had chosen the team before we saw it and nobody moved it. ``model``: all
else, whichever machine it was (model, rule, matrix, a correction made on another incident of the pattern);
nobody is known to have agreed, so there is no label.

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


class LabelSource(Enum):
    """Strongest first."""

    REVIEWED = "reviewed"
    RESOLVED = "resolved"
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
class PastIncident:
    """One incident as its history tells it. ``event`` opened it and holds nothing that was known only later.

    ``team`` is the one that holds it now, an id of the catalogue; ``catalogue`` the version under which it was
    last decided on. ``priority_said`` and ``team_said`` are the newest overrides made on this incident that
    name a priority, or a team. ``duplicate_of``: the incident that its source's key held open when it opened.
    """

    id: str
    event: Incident
    opened_at: datetime
    team: str
    catalogue: str | None
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    priority_said: TriageOverride | None = None
    team_said: TriageOverride | None = None
    duplicate_of: str | None = None

    @property
    def occurred_at(self) -> datetime:
        """When it happened as far as anybody said; never after it was known here."""
        return min(self.event.happened_at(self.opened_at), self.opened_at)


def priority_label(past: PastIncident) -> Label:
    """``P1`` to ``P5``, from an override only."""
    said = past.priority_said
    if said is None or said.priority is None or not _is_person(said.by):
        return Label()
    return Label(value=said.priority.value, source=LabelSource.REVIEWED, known_at=said.at)


def team_label(past: PastIncident, catalogue: Catalogue | None) -> Label:
    """A team's id. ``catalogue`` is the one that ``past`` names; without it nobody's team is known."""
    said = past.team_said
    if said is not None and said.team is not None and _is_person(said.by):
        return Label(value=said.team, source=LabelSource.REVIEWED, known_at=said.at)
    if catalogue is None or past.resolved_at is None or past.resolved_by in (None, _NOBODY):
        return Label()
    people = members_of(past.team, catalogue)
    chosen = catalogue.find_team(past.event.assigned_team)
    was_left = chosen is not None and chosen.id == past.team and said is None
    if was_left or past.resolved_by in people or past.acknowledged_by in people:
        return Label(value=past.team, source=LabelSource.RESOLVED, known_at=past.resolved_at)
    return Label()


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
