"""The labels of one target as numbers, and what becomes of those that teach nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from training.history.cleaning_report import FoldedLabel, InactiveTeam
from training.history.facts import Codes, numbered
from training.history.teams import KnownTeams
from triage.domain.catalogue import fold
from triage.history.rows import HistoryRow

NO_LABEL = -1

_LABEL_OF: Mapping[str, Callable[[HistoryRow], str | None]] = {
    "priority": lambda row: row.priority,
    "team": lambda row: row.team,
    "impact": lambda row: row.incident.impact,
    "urgency": lambda row: row.incident.urgency,
}

_STANDS_FOR_NONE = frozenset(
    {
        *("not assigned", "tba", "tbd", "to be assigned", "to be defined", "to be determined", "unassigned"),
        *("undecided", "unknown", "untriaged"),
    }
)
"""What people write where nobody has decided yet. A model that learnt to say it would decide nothing."""

_SECONDS_OF_A_DAY = 86_400
_LEAST_SPAN = 60 * _SECONDS_OF_A_DAY
_SILENT_SHARE = 0.25
# A team of steady work and so many incidents is silent for a quarter of the time by chance once in 300 times.
_LEAST_TEAM_ROWS = 20
_LEAST_DATED = 0.8


@dataclass(slots=True, kw_only=True)
class LabelColumn:
    """``codes``, of shape (n,), are positions in ``words``, or ``NO_LABEL``. Changed by the functions below."""

    target: str
    words: list[str]
    codes: Codes

    @property
    def given(self) -> NDArray[np.bool_]:
        return np.not_equal(self.codes, NO_LABEL)

    def counts(self) -> Codes:
        """Rows of each word."""
        return np.bincount(self.codes[self.given], minlength=len(self.words)).astype(np.int64)

    def named_counts(self) -> dict[str, int]:
        """Rows of each word that has any, the most frequent first."""
        counts = self.counts()
        order = sorted(np.flatnonzero(counts), key=lambda at: (-counts[at], self.words[at]))
        return {self.words[at]: int(counts[at]) for at in order}

    def labels(self) -> list[str | None]:
        return [None if code == NO_LABEL else self.words[code] for code in self.codes]


def read_labels(rows: Sequence[HistoryRow], target: str) -> LabelColumn:
    """``target``: priority, team, impact or urgency."""
    label_of = _LABEL_OF[target]
    found, codes = numbered(label_of(row) for row in rows)
    words = [word for word in found if word is not None]
    given = np.array([word is not None for word in found], dtype=np.bool_)
    moved = np.where(given, np.cumsum(given) - 1, NO_LABEL)
    return LabelColumn(target=target, words=words, codes=moved[codes])


def stand_for_none(column: LabelColumn) -> NDArray[np.bool_]:
    """Shape (n,): where somebody wrote a word for no label."""
    no_word = np.array([fold(word) in _STANDS_FOR_NONE for word in column.words] + [False])
    return no_word[column.codes]


def spell_alike(column: LabelColumn) -> dict[str, str]:
    """Give labels that the catalogue would take for one word their most frequent spelling; what became what."""
    counts = column.counts()
    best: dict[str, int] = {}
    # Not every label has something left to compare: "++" and "+-" are two.
    folded = [fold(word) or word for word in column.words]
    for at in np.argsort(-counts, kind="stable"):
        best.setdefault(folded[at], int(at))
    becomes = np.array([best[word] for word in folded] + [NO_LABEL], dtype=np.int64)
    column.codes = becomes[column.codes]
    return {
        word: column.words[becomes[at]] for at, word in enumerate(column.words) if becomes[at] != at and counts[at]
    }


def drop_inactive(column: LabelColumn, times: NDArray[np.float64], known: KnownTeams) -> dict[str, InactiveTeam]:
    """Take away the labels of teams that no longer take incidents; which they were.

    Those are the teams that the catalogue calls inactive, and those of at least 20 rows without one in the last
    quarter of the history, if it spans at least 60 days and the catalogue does not call them active. ``times``,
    of shape (n,), are POSIX seconds, NaN where unknown; with fewer than four in five known, silence says nothing.
    """
    counts = column.counts()
    last = np.full(len(column.words), np.nan)
    np.fmax.at(last, column.codes[column.given], times[column.given])
    dropped = np.zeros(len(column.words) + 1, dtype=np.bool_)
    inactive, active = _folded(known.inactive), _folded(known.active)
    silent = _silent(times, last) & (counts >= _LEAST_TEAM_ROWS)
    for at, word in enumerate(column.words):
        dropped[at] = counts[at] and (fold(word) in inactive or (silent[at] and fold(word) not in active))
    found = {
        column.words[at]: InactiveTeam(
            rows=int(counts[at]),
            last_at=None if np.isnan(last[at]) else datetime.fromtimestamp(float(last[at]), UTC),
        )
        for at in np.flatnonzero(dropped)
    }
    column.codes = np.where(dropped[column.codes], NO_LABEL, column.codes)
    return found


def _silent(times: NDArray[np.float64], last: NDArray[np.float64]) -> NDArray[np.bool_]:
    dated = times[~np.isnan(times)]
    if not len(dated) or len(dated) < _LEAST_DATED * len(times) or np.ptp(dated) < _LEAST_SPAN:
        return np.zeros(len(last), dtype=np.bool_)
    return np.asarray(last < dated.max() - _SILENT_SHARE * np.ptp(dated))


def fold_small(
    column: LabelColumn, known: KnownTeams, least_rows: int
) -> tuple[dict[str, FoldedLabel], dict[str, int]]:
    """Give labels of fewer than ``least_rows`` rows to the nearest parent that then has as many; take the others
    away. What was folded into what, and the rows of each label that was taken away, the most frequent first."""
    counts = column.counts()
    parents = _parents(column, known)
    depths = [_depth(at, parents) for at in range(len(column.words))]
    rows = np.concatenate((counts, np.zeros(len(column.words) - len(counts), np.int64)))
    into = np.arange(len(column.words))
    for at in sorted(range(len(into)), key=lambda at: -depths[at]):
        parent = parents.get(at)
        if parent is not None and rows[at] < least_rows and depths[parent] < depths[at]:
            rows[parent] += rows[at]
            into[at] = parent
    for at in sorted(range(len(into)), key=lambda at: depths[at]):
        into[at] = into[into[at]]  # parents first, so that one step reaches the end
    enough = rows[into] >= least_rows
    before = column.named_counts()
    column.codes = np.append(np.where(enough, into, NO_LABEL), NO_LABEL)[column.codes]
    ends = {word: int(into[at]) for at, word in enumerate(column.words) if enough[at]}
    folded = {
        word: FoldedLabel(into=column.words[ends[word]], rows=n)
        for word, n in before.items()
        if word in ends and column.words[ends[word]] != word
    }
    return folded, {word: n for word, n in before.items() if word not in ends}


def _parents(column: LabelColumn, known: KnownTeams) -> dict[int, int]:
    """Positions of parents by position; a parent without rows becomes a word of the column."""
    if column.target != "team":
        return {}
    place = {fold(word): at for at, word in reversed(list(enumerate(column.words)))}
    inactive = _folded(known.inactive)
    parents: dict[int, int] = {}
    by_child = {fold(child): parent for child, parent in known.parents.items()}
    for at, word in enumerate(column.words):  # grows while it is read: a new parent may have one itself
        parent = by_child.get(fold(word))
        if parent is not None and fold(parent) not in inactive:
            if fold(parent) not in place:
                place[fold(parent)] = len(column.words)
                column.words.append(parent)
            parents[at] = place[fold(parent)]
    return parents


def _depth(at: int, parents: Mapping[int, int]) -> int:
    """Steps to the top; parents that go round in a circle are all equally deep."""
    seen = {at}
    while (parent := parents.get(at)) is not None and parent not in seen:
        seen.add(parent)
        at = parent
    return len(seen)


def _folded(words: Iterable[str]) -> frozenset[str]:
    return frozenset(fold(word) for word in words)
