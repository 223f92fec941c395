"""Which of the words that people gave on a pattern holds for its next incident.

The newest word holds for the next of its pattern at once. But a pattern is what reads alike, and what reads alike
need not be one team's: in an organisation whose patterns mostly do not tell, the newest word holds only where most
of what was said before it, of other incidents of the pattern, is the same. Whether it is such a one is measured,
by how often the word before was right of the next one somebody looked at; until that is known, by how often it
would have been in an imported history; and without one the newest word holds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from triage.domain.decision import TriageOverride

T = TypeVar("T")

LATEST = 200
"""Of so many of the latest looks it is measured how words carry over."""
LEAST_CARRIED = 2 / 3
"""Where fewer words than this carry over, a single one is wrong of the next incident too often to act alone."""
EXPECTED = 3 / 4
EXPECTED_LOOKS = 8
"""What people expect of a word, as if so many had been looked at before: a few that differ may be chance."""
COMPARED = 9
"""So many words before the newest say whether its pattern is of one mind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrying:
    """Of ``looks`` at an incident whose pattern had a word already, how many said the same. ``told``: the same of
    an imported history, whose labels nobody gave for this, so that it counts as what is expected and no more."""

    looks: int = 0
    same: int = 0
    told: "Carrying | None" = None

    @property
    def share(self) -> float:
        """The mean of a beta distribution (Gelman et al., "Bayesian Data Analysis", 2013, section 2.4) that begins
        with what is expected."""
        expected = self.told.share if self.told is not None else EXPECTED
        return (self.same + EXPECTED_LOOKS * expected) / (self.looks + EXPECTED_LOOKS)

    @property
    def lets_one_hold(self) -> bool:
        return self.share >= LEAST_CARRIED


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What people said of a pattern: of how many of its incidents, and whether always the same team."""

    looks: int = 0
    agree: bool = True

    @property
    def left(self) -> float:
        """What is left of the worth of a further look, in (0, 1]: looks are dealt out as seats are by D'Hondt, in
        proportion to what they may save. A second one shows whether words agree here, and where they do there is
        far less left to learn."""
        return (self.looks + 1.0) ** (-2 if self.looks > 1 and self.agree else -1)


UNSAID = Words()


def words_of(said: Iterable[tuple[str, TriageOverride]]) -> Words:
    """``said``: incidents and what was said of them."""
    told = list(said)
    teams = {word.team for _, word in told if word.team is not None}
    return Words(looks=len({incident_id for incident_id, _ in told}), agree=len(teams) < 2)


def holding(words: Sequence[T], carrying: Carrying) -> T | None:
    """``words``: the newest first, one for each incident. None: no word holds."""
    if not words:
        return None
    newest, before = words[0], words[1 : 1 + COMPARED]
    agrees = bool(before) and sum(word == newest for word in before) >= LEAST_CARRIED * len(before)
    return newest if agrees or carrying.lets_one_hold else None


def correction_of(
    said: Iterable[tuple[str, TriageOverride]], priorities: Carrying, teams: Carrying
) -> TriageOverride | None:
    """What holds for the next of a pattern. ``said``: incidents and what was said of them, the newest first."""
    by_priority: dict[str, TriageOverride] = {}
    by_team: dict[str, TriageOverride] = {}
    for incident_id, word in said:
        if word.priority is not None:
            by_priority.setdefault(incident_id, word)
        if word.team is not None:
            by_team.setdefault(incident_id, word)
    priority = holding([word.priority for word in by_priority.values()], priorities)
    team = holding([word.team for word in by_team.values()], teams)
    if priority is None and team is None:
        return None
    newest = next(
        word
        for word in sorted((*by_priority.values(), *by_team.values()), key=lambda word: word.at, reverse=True)
        if (priority is not None and word.priority is priority) or (team is not None and word.team == team)
    )
    return TriageOverride(by=newest.by, at=newest.at, priority=priority, team=team, reason=newest.reason)
