"""What the product is compared with, on the very rows of a split: plain baselines, and people's first choice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.quality_product import moments_of, write_lines
from bench.quality_sets import Question, Record, Split, as_opened, column_of
from training.embedding import EmbeddingCache
from training.evaluation.baselines import BASELINES, BaselineRows, acting_threshold, baseline_rows
from training.learning.judged import UNKNOWN, Judged
from triage.history.rows import read_history
from triage.prediction.features import FactScope
from triage.prediction.text import incident_text

PEOPLE = "people's first choice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rivals:
    """``folder`` is scratch. Without ``thresholds`` no baseline acts alone, which saves half of the time."""

    folder: Path
    cache: EmbeddingCache
    thresholds: bool

    def judged(self, split: Split, question: Question) -> Iterator[tuple[str, Judged]]:
        """Name and predictions on the test rows that have an answer, the same rows for each."""
        labels = split.learnt(question.target)
        answers = split.truth[column_of(question.target)]
        known = [at for at, answer in enumerate(answers) if answer is not None]
        test = [split.test[at] for at in known]
        words = [str(answers[at]) for at in known]
        groups = split.groups[known]
        if question.people:
            chosen = [row[question.people] for row in test]
            yield PEOPLE, _as_people_say(question, chosen, words, test, groups)
        learnt = self._rows(
            split.train, [row[column_of(question.target)] for row in split.train], labels, question
        )
        asked = self._rows([as_opened(row, question.hidden) for row in test], words, labels, question)
        for name, fit_predict in BASELINES.items():
            probabilities = fit_predict(learnt, asked, labels)
            least = acting_threshold(fit_predict, learnt, labels) if self.thresholds else np.inf
            yield (
                name,
                Judged(
                    target=question.target,
                    labels=labels,
                    probabilities=probabilities,
                    truth=asked.truth,
                    acting=probabilities.max(axis=1) >= least,
                    chosen=probabilities.argmax(axis=1),
                    moments=moments_of(test),
                    ids=tuple(str(row["id"]) for row in test),
                    groups=groups,
                ),
            )

    def _rows(
        self, rows: Sequence[Record], words: Sequence[str | None], labels: Sequence[str], question: Question
    ) -> BaselineRows:
        """By the product's own reader, so that both sides see the same incidents."""
        history = read_history(write_lines(self.folder / "rows.jsonl", rows), require_labels=False)
        if len(history.rows) != len(rows):
            raise SystemExit(f"{len(rows) - len(history.rows)} rows of the set cannot be read")
        embeddings = self.cache.embed([incident_text(row.incident) for row in history.rows])
        scope: FactScope = "assigned" if question.target == "second_look" else "plain"
        return baseline_rows(history.rows, words, labels, embeddings, scope)


def _as_people_say(
    question: Question, chosen: Sequence[str], words: Sequence[str], rows: Sequence[Record], groups: np.ndarray
) -> Judged:
    """Sure of what they chose, and always acting on it."""
    labels = tuple(sorted({*chosen, *words}))
    number = {label: at for at, label in enumerate(labels)}
    said = np.array([number[label] for label in chosen], dtype=np.int64)
    return Judged(
        target=question.target,
        labels=labels,
        probabilities=np.eye(len(labels))[said],
        truth=np.array([number.get(word, UNKNOWN) for word in words], dtype=np.int64),
        acting=np.ones(len(said), dtype=np.bool_),
        chosen=said,
        moments=moments_of(rows),
        ids=tuple(str(row["id"]) for row in rows),
        groups=groups,
    )
