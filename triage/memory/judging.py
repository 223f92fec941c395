"""Whether two incidents are the same problem, as far as anybody said so or how they ended tells."""

from collections.abc import Sequence

from triage.domain.catalogue import Catalogue, fold
from triage.domain.provenance import LabelSource, team_label
from triage.memory.catalogues import Catalogues
from triage.recurrence.threshold import Judged, Verdict
from triage.store.previewing import DuplicateLink, KnownSince


class Judge:
    """Knows what people said of patterns, and what histories link.

    A history that links duplicates seldom links all of them, and what it links is one occasion: the same problem
    may have a group for each. So a link within a group is right, and one that leaves it is not spoken of: how both
    incidents ended tells then.
    """

    def __init__(
        self,
        apart: set[frozenset[str]],
        duplicates: Sequence[DuplicateLink],
        catalogues: Catalogues,
        catalogue: Catalogue | None,
    ) -> None:
        self._apart = apart
        self._groups = _groups(duplicates)
        self._catalogues = catalogues
        self._catalogue = catalogue

    def judge(self, one: KnownSince, other: KnownSince, similarity: float) -> Judged:
        teams = [self._team(incident) for incident in (one, other)]
        resolutions = [fold(incident.past.resolution or "") for incident in (one, other)]
        return Judged(
            similarity=similarity,
            verdict=self._verdict(one, other),
            same_team=teams[0] == teams[1] if None not in teams else None,
            same_resolution=resolutions[0] == resolutions[1] if all(resolutions) else None,
        )

    def _verdict(self, one: KnownSince, other: KnownSince) -> Verdict:
        if frozenset((one.root, other.root)) in self._apart:
            return Verdict.DIFFERENT
        if one.root == other.root:
            return Verdict.SAME
        groups = [self._groups.get(_name(incident)) for incident in (one, other)]
        return Verdict.SAME if groups[0] is not None and groups[0] == groups[1] else Verdict.UNKNOWN

    def _team(self, incident: KnownSince) -> str | None:
        """As people said it, an override before all; what only a machine said tells nothing."""
        label = team_label(incident.past, self._catalogues.find(incident.past.catalogue))
        if label.value is None or label.source is not LabelSource.HISTORY:
            return label.value
        team = self._catalogue.find_team(label.value) if self._catalogue is not None else None
        return team.id if team is not None else fold(label.value)


def _name(incident: KnownSince) -> tuple[str, str] | None:
    told = incident.past.told
    return (incident.source, told.history_id) if told is not None else None


def _groups(links: Sequence[DuplicateLink]) -> dict[tuple[str, str] | None, tuple[str, str]]:
    """Each linked name to one that stands for its group, links being followed to their end."""
    leads: dict[tuple[str, str], tuple[str, str]] = {}

    def end_of(name: tuple[str, str]) -> tuple[str, str]:
        while (further := leads.setdefault(name, name)) != name:
            leads[name] = leads[further]
            name = leads[name]
        return name

    for link in links:
        one, other = (link.source, link.history_id), (link.source, link.duplicate_of)
        leads[end_of(one)] = end_of(other)
    return {name: end_of(name) for name in list(leads)}
