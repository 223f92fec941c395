"""What a catalogue says of the teams of a history, in the history's own words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from triage.domain.catalogue import Catalogue
from triage.history.rows import HistoryRow


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTeams:
    """``parents``: a team's label and its parent team's label; ``inactive`` and ``active`` are labels too. Labels
    are compared as the catalogue compares words. Empty without a catalogue."""

    parents: Mapping[str, str] = field(default_factory=dict)
    inactive: frozenset[str] = frozenset()
    active: frozenset[str] = frozenset()


def known_teams(catalogue: Catalogue, labels: Iterable[str]) -> KnownTeams:
    """Of those ``labels`` that are ids, names or aliases of teams. A parent that the history does not speak of
    goes by its id."""
    found = {label: team for label in labels if (team := catalogue.find_team(label)) is not None}
    said = {team.id: label for label, team in found.items()}
    return KnownTeams(
        parents={
            label: said.get(team.parent, team.parent)
            for label, team in found.items()
            if team.parent is not None and team.parent != team.id
        },
        inactive=frozenset(label for label, team in found.items() if not team.active),
        active=frozenset(label for label, team in found.items() if team.active),
    )


def known_among(rows: Iterable[HistoryRow], catalogue: Catalogue | None) -> KnownTeams:
    """As ``known_teams``, of the teams that ``rows`` name."""
    if catalogue is None:
        return KnownTeams()
    return known_teams(catalogue, dict.fromkeys(row.team for row in rows if row.team is not None))
