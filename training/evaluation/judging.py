"""A bundle asked about incidents whose labels are known: its answers beside what was true."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.learning.heads import HEADS, EncodedHistory, HeadPlan
from training.learning.judged import UNKNOWN, Judged
from triage.domain.catalogue import fold
from triage.prediction.bundle import Bundle
from triage.prediction.encoder import Embeddings, Encoder
from triage.prediction.features import extract
from triage.prediction.head import Head
from triage.prediction.predictor import SECOND_LOOK, TEAM

PEOPLE = "people's first choice"


def judge(bundle: Bundle, history: EncodedHistory, rows: NDArray[np.int64]) -> dict[str, Judged]:
    """By head, of those ``rows`` of the history that have its label; a head without any is left out. ``history``
    is encoded by the bundle's own encoder."""
    found = {}
    for plan in HEADS:
        head = bundle.heads.get(plan.name)
        chosen = labelled(plan, history, rows)
        if head is not None and len(chosen):
            found[plan.name] = _judge(plan, head, bundle.encoder, history, chosen)
    return found


def labelled(plan: HeadPlan, history: EncodedHistory, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of ``rows`` that say whether this head is right."""
    labels = history.cleaned.labels[plan.target]
    return np.array(
        [
            at
            for at in rows.tolist()
            if labels[at] is not None and (plan.name != SECOND_LOOK or history.rows[at].incident.assigned_team)
        ],
        dtype=np.int64,
    )


def judge_people(history: EncodedHistory, rows: NDArray[np.int64], target: str = TEAM) -> Judged | None:
    """What people chose first, as if they were sure of it; None where nobody chose."""
    truth = history.cleaned.labels[TEAM]
    chosen = [at for at in rows.tolist() if truth[at] is not None and history.rows[at].incident.assigned_team]
    if not chosen:
        return None
    said = [str(history.rows[at].incident.assigned_team) for at in chosen]
    true = [str(truth[at]) for at in chosen]
    labels = tuple(sorted({*said, *true}))
    number = {fold(label): at for at, label in enumerate(labels)}
    places = np.array([number[fold(word)] for word in said], dtype=np.int64)
    return Judged(
        target=target,
        labels=labels,
        probabilities=np.eye(len(labels))[places],
        truth=np.array([number[fold(word)] for word in true], dtype=np.int64),
        acting=np.ones(len(chosen), dtype=np.bool_),
        chosen=places,
        **common(history, np.array(chosen, dtype=np.int64)),
    )


def common(history: EncodedHistory, rows: NDArray[np.int64]) -> dict[str, Any]:
    """What a ``Judged`` says of its rows whoever judged them."""
    moments = history.moments[rows]
    return {
        "moments": None if np.isnat(moments).all() else moments,
        "ids": tuple(history.rows[at].id for at in rows.tolist()),
        "groups": history.groups[rows],
    }


def probabilities_of(
    head: Head, encoder: Encoder, history: EncodedHistory, rows: Sequence[int]
) -> NDArray[np.float64]:
    """Shape (n, labels), by the road that serving takes."""
    embeddings: Embeddings = history.matrix.meaning
    vectors = (
        extract(
            history.rows[at].incident, encoder.pieces_of(history.texts[at]), embeddings[at], head.settings.scope
        )
        for at in rows
    )
    return np.stack([head.probabilities(head.row(vector)) for vector in vectors])


def _judge(
    plan: HeadPlan, head: Head, encoder: Encoder, history: EncodedHistory, rows: NDArray[np.int64]
) -> Judged:
    probabilities = probabilities_of(head, encoder, history, rows.tolist())
    labels = history.cleaned.labels[plan.target]
    conclusion = head.settings.conclusion
    places = [head.find_label(str(labels[at])) for at in rows.tolist()]
    return Judged(
        target=plan.name,
        labels=head.labels,
        probabilities=probabilities,
        truth=np.array([UNKNOWN if place is None else place for place in places], dtype=np.int64),
        acting=conclusion.acts(probabilities, head.labels),
        chosen=conclusion.choose(probabilities, head.labels),
        order=tuple(head.labels.index(label) for label in conclusion.order) or None,
        costs=None if conclusion.costs is None else np.array(conclusion.costs),
        **common(history, rows),
    )
