"""Which heads a history can teach, and the rows that teach each."""

from collections.abc import Sequence
from dataclasses import dataclass

from training.history.leaks import Leak, find_leaks, ids_of
from training.history.rows import HistoryRow
from training.learning.fit import TrainingRows
from triage.domain.catalogue import fold
from triage.prediction.encoder import Embeddings, Encoder
from triage.prediction.features import FactScope, extract
from triage.prediction.predictor import PRIORITY, SECOND_LOOK, TEAM
from triage.prediction.text import text_key

_LEAST_CHANGED = 5
"""So many rows must have ended with another team than the one first chosen for a second look to be learnt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadPlan:
    """``name`` of the head, the ``target`` column it learns, and whether it sees the team already chosen."""

    name: str
    target: str
    scope: FactScope


HEADS = (
    HeadPlan(name=PRIORITY, target=PRIORITY, scope="plain"),
    HeadPlan(name=TEAM, target=TEAM, scope="plain"),
    HeadPlan(name=SECOND_LOOK, target=TEAM, scope="assigned"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedHistory:
    """Rows with their texts and embeddings, in one order."""

    rows: Sequence[HistoryRow]
    texts: Sequence[str]
    embeddings: Embeddings
    encoder: Encoder


def teaches(plan: HeadPlan, history: EncodedHistory) -> str | None:
    """Why this head cannot even be tried; None where it can."""
    rows = [history.rows[at] for at in _labelled(plan, history.rows)]
    if not rows:
        return (
            f"no row has both a {plan.target} and the team first chosen" if _second(plan) else f"no {plan.target}"
        )
    changed = sum(fold(row.incident.assigned_team or "") != fold(row.team or "") for row in rows)
    if _second(plan) and changed < _LEAST_CHANGED:
        return f"the team first chosen was changed in {changed} rows; at least {_LEAST_CHANGED} are needed"
    return None


def training_rows(plan: HeadPlan, history: EncodedHistory) -> tuple[TrainingRows, list[Leak]]:
    """The labelled rows of this head, without the facts that spell its answer."""
    chosen = _labelled(plan, history.rows)
    incidents = [history.rows[at].incident for at in chosen]
    labels = [str(_label(plan, history.rows[at])) for at in chosen]
    texts = [history.texts[at] for at in chosen]
    leaks = find_leaks(incidents, labels, plan.target)
    vectors = [
        extract(incident, history.encoder.pieces_of(text), history.embeddings[at], plan.scope)
        for incident, text, at in zip(incidents, texts, chosen, strict=True)
    ]
    rows = TrainingRows(
        target=plan.target,
        scope=plan.scope,
        vectors=vectors,
        labels=labels,
        groups=[text_key(text) + vector.facts.tobytes() for text, vector in zip(texts, vectors, strict=True)],
        moments=[incident.occurred_at for incident in incidents],
        left_out_facts=ids_of(leaks, incidents),
    )
    return rows, leaks


def _labelled(plan: HeadPlan, rows: Sequence[HistoryRow]) -> list[int]:
    return [
        at
        for at, row in enumerate(rows)
        if _label(plan, row) is not None and (row.incident.assigned_team or not _second(plan))
    ]


def _label(plan: HeadPlan, row: HistoryRow) -> str | None:
    return row.priority if plan.target == PRIORITY else row.team


def _second(plan: HeadPlan) -> bool:
    return plan.scope == "assigned"
