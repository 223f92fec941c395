"""Which heads a history can teach, and what it teaches each."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from training.history.cleaning import Cleaned
from training.history.facts import FactTable
from training.history.leaks import Leak, find_leaks
from training.history.mentions import Mentions
from training.learning.lessons import Lessons
from training.learning.matrix import HistoryMatrix
from training.learning.screening import Task
from training.learning.split import Moments
from triage.domain.catalogue import Catalogue, fold
from triage.domain.incident import Incident
from triage.history.rows import HistoryRow
from triage.prediction.encoder import Encoder
from triage.prediction.features import ASSIGNED, RATINGS, FactScope, FeatureVector, extract
from triage.prediction.predictor import IMPACT, PRIORITY, SECOND_LOOK, TEAM, URGENCY

_LEAST_CHANGED = 5
"""So many rows must have ended with another team than the one first chosen for a second look to be learnt."""

_HIDDEN: dict[FactScope, frozenset[str]] = {
    "plain": frozenset({ASSIGNED}),
    "assigned": frozenset(),
    "unrated": frozenset({ASSIGNED}) | RATINGS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadPlan:
    """``name`` of the head, the ``target`` column it learns, and what it may see."""

    name: str
    target: str
    scope: FactScope


HEADS = (
    HeadPlan(name=PRIORITY, target=PRIORITY, scope="plain"),
    HeadPlan(name=TEAM, target=TEAM, scope="plain"),
    HeadPlan(name=SECOND_LOOK, target=TEAM, scope="assigned"),
    HeadPlan(name=IMPACT, target=IMPACT, scope="unrated"),
    HeadPlan(name=URGENCY, target=URGENCY, scope="unrated"),
)
TARGETS = tuple(dict.fromkeys(plan.target for plan in HEADS))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncodedHistory:
    """Rows with their texts, features, facts, patterns and cleaned labels, in one order; ``mentions``: what texts
    say of the labels."""

    rows: Sequence[HistoryRow]
    texts: Sequence[str]
    matrix: HistoryMatrix
    facts: FactTable
    groups: NDArray[np.int64]
    cleaned: Cleaned
    mentions: Sequence[Mentions]
    name_vector: Callable[[str], FeatureVector]

    @property
    def moments(self) -> Moments:
        return moments_of([row.incident.occurred_at for row in self.rows])


def moments_of(times: Sequence[datetime | None]) -> Moments:
    """datetime64[s], in UTC; NaT where unknown."""
    return np.array(
        [np.datetime64("NaT") if at is None else at.astimezone(UTC).replace(tzinfo=None) for at in times],
        dtype="datetime64[s]",
    )


def name_vectors(encoder: Encoder) -> Callable[[str], FeatureVector]:
    """The features of a label's own name, as if an incident said nothing else."""

    def vector(name: str) -> FeatureVector:
        incident = Incident(title=name, source="")
        return extract(incident, encoder.pieces_of(name), encoder.encode([name])[0])

    return vector


def lessons_for(
    plan: HeadPlan,
    history: EncodedHistory,
    leave_out: Collection[str] = (),
    catalogue: Catalogue | None = None,
) -> tuple[Lessons, list[Leak]]:
    """What the history teaches this head, without the facts that spell its answer or that ``leave_out`` names. The
    catalogue says which priority is more urgent, where it knows all of them and no two are one."""
    cleaned = history.cleaned.labels[plan.target]
    rare = history.cleaned.rare[plan.target]
    usable = [
        (label is not None or is_rare) and (plan.scope != "assigned" or row.incident.assigned_team is not None)
        for label, is_rare, row in zip(cleaned, rare.tolist(), history.rows, strict=True)
    ]
    rows = _by_time(np.flatnonzero(np.array(usable, dtype=np.bool_)), history.moments)
    names = tuple(sorted({label for at in rows.tolist() if (label := cleaned[at]) is not None}))
    number: dict[str | None, int] = {name: at for at, name in enumerate(names)}
    numbers = np.array([number.get(cleaned[at], -1) for at in rows.tolist()], dtype=np.int64)
    chosen = [history.rows[at] for at in rows.tolist()]
    taught = rows[numbers >= 0]
    found = find_leaks(
        [history.rows[at].incident for at in taught.tolist()],
        [str(cleaned[at]) for at in taught.tolist()],
        plan.target,
        history.facts.take(taught),
    )
    leaks = [leak for leak in found if leak.key not in _HIDDEN[plan.scope]]
    dropped = frozenset(leak.key for leak in leaks if leak.dropped)
    task = Task(
        matrix=history.matrix,
        rows=rows,
        labels=numbers,
        names=names,
        named=[history.name_vector(name) for name in names],
        without=_HIDDEN[plan.scope] | dropped | frozenset(leave_out),
    )
    # A team is final once the incident is over; how bad it is was said when it opened.
    known = [row.known_at if plan.target == TEAM else None for row in chosen]
    lessons = Lessons(
        name=plan.name,
        target=plan.target,
        scope=plan.scope,
        task=task,
        groups=history.groups[rows],
        moments=history.moments[rows],
        known_at=moments_of(known),
        ids=[row.id for row in chosen],
        left_out=_left_out(plan, history.cleaned),
        assigned=_assigned(chosen, names) if plan.scope == "assigned" else None,
        order=_order(names, catalogue) if plan.target == PRIORITY and catalogue is not None else (),
    )
    return lessons, leaks


def not_taught(plan: HeadPlan, lessons: Lessons, history: EncodedHistory) -> str | None:
    """Why this head cannot even be tried; None where it can."""
    if plan.scope != "assigned":
        return None
    if not len(lessons.task.rows):
        return "no row has both a team and the team first chosen"
    assert lessons.assigned is not None
    changed = int(np.count_nonzero((lessons.task.labels >= 0) & (lessons.task.labels != lessons.assigned)))
    if changed < _LEAST_CHANGED:
        return f"the team first chosen was changed in {changed} rows; at least {_LEAST_CHANGED} are needed"
    return None


def _assigned(rows: Sequence[HistoryRow], names: Sequence[str]) -> NDArray[np.int64]:
    number = {fold(name): at for at, name in enumerate(names)}
    return np.array([number.get(fold(row.incident.assigned_team or ""), -1) for row in rows], dtype=np.int64)


def _by_time(rows: NDArray[np.int64], moments: Moments) -> NDArray[np.int64]:
    """The oldest first, as files often have them last; those without a date before all others."""
    found = moments[rows]
    return rows[np.lexsort((found, ~np.isnat(found)))]


def _order(names: Sequence[str], catalogue: Catalogue) -> tuple[str, ...]:
    found = {name: priority.rank for name in names if (priority := catalogue.find_priority(name)) is not None}
    clear = len(found) == len(names) == len(set(found.values()))
    return tuple(sorted(names, key=found.__getitem__)) if clear else ()


def _left_out(plan: HeadPlan, cleaned: Cleaned) -> dict[str, int]:
    return next(dict(found.left_to_rules) for found in cleaned.report.targets if found.target == plan.target)
