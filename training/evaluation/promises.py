"""What became of a bundle's promises on incidents that it had not seen, also after the organisation's own
rules."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from training.evaluation.realised import realised, remeasured
from training.evaluation.realised_sets import realised_sets
from training.learning.heads import EncodedHistory
from training.learning.judged import Judged
from triage.decider import Case, Decider
from triage.domain.catalogue import Catalogue
from triage.domain.decision import DecisionInputs
from triage.domain.recurrence import Recurrence
from triage.prediction.bundle import Bundle
from triage.prediction.cold_start import ColdStart
from triage.prediction.predictor import PRIORITY, TEAM, Predictor
from triage.rules.configuration import Configuration

_UNDATED = datetime(2000, 1, 3, 12, 0, tzinfo=UTC)
"""A Monday noon, for rules that ask for the time of an incident without one."""


def promise_lines(
    bundle: Bundle,
    judged: Mapping[str, Judged],
    history: EncodedHistory,
    rows: Mapping[str, NDArray[np.int64]],
    rules: Configuration | None = None,
) -> list[str]:
    """Ready lines; none where nothing was promised. ``judged`` and the ``rows`` of the history that it is of, by
    head."""
    lines: list[str] = []
    if PRIORITY in judged:
        lines += _bound_lines(bundle, judged[PRIORITY], history, rows[PRIORITY], rules)
    if TEAM in judged:
        lines += _set_lines(bundle, judged[TEAM])
    return lines


def _bound_lines(
    bundle: Bundle,
    judged: Judged,
    history: EncodedHistory,
    rows: NDArray[np.int64],
    rules: Configuration | None,
) -> Iterator[str]:
    head = bundle.heads[PRIORITY]
    rule = head.settings.conclusion.raising
    if rule is None or judged.order is None:
        return
    place = np.zeros(len(head.labels) + 1, dtype=np.int64)
    place[list(judged.order)] = np.arange(1, len(judged.order) + 1)
    place[-1] = len(judged.order) + 1
    truth = place[judged.truth]
    yield from rule.lines()
    yield from realised(
        rule,
        truth,
        place[judged.top],
        rule.scores(judged.probabilities, head.labels),
        moments=judged.moments,
        groups=judged.groups,
    ).lines()
    if rules is not None:
        final = decided_ranks(bundle, history, rows, rules)
        urgent = _rank(rules.catalogue, head.settings.conclusion.order[0])
        if urgent is None:
            yield f"After the rules: {head.settings.conclusion.order[0]!r} is not a word of the catalogue."
            return
        kept = remeasured(
            rule, truth, np.where(final <= urgent, 1, 2), moments=judged.moments, groups=judged.groups
        )
        first, *rest = kept.lines()
        yield f"After the rules of {rules.rulebook.version}: {first}"
        yield from rest


def decided_ranks(
    bundle: Bundle, history: EncodedHistory, rows: NDArray[np.int64], rules: Configuration
) -> NDArray[np.int64]:
    """(n,): the rank, 1 for P1, of the priority that the service would decide on for each row by itself: the
    model, what was reported, and the rules, with nothing remembered and nobody's override."""
    decider = Decider(rules, Predictor(bundle), ColdStart(rules.catalogue, bundle.encoder))
    cases = []
    for at in rows.tolist():
        incident = history.rows[at].incident
        now = incident.occurred_at or _UNDATED
        inputs = DecisionInputs(incident=incident, now=now, opened_at=now, recurrence=Recurrence())
        cases.append(Case(inputs=inputs, embedding=history.matrix.meaning[at]))
    return np.array([decision.priority.value.rank for decision in decider.decide(cases)], dtype=np.int64)


def _rank(catalogue: Catalogue, word: str) -> int | None:
    priority = catalogue.find_priority(word)
    return priority.rank if priority is not None else None


def _set_lines(bundle: Bundle, judged: Judged) -> Iterator[str]:
    head = bundle.heads[TEAM]
    sets = head.settings.conclusion.sets
    if sets is None:
        return
    yield from sets.lines()
    yield from realised_sets(
        sets, judged.probabilities, judged.truth, head.labels, moments=judged.moments, groups=judged.groups
    ).lines()
