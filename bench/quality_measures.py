"""One set measured: the product and what it is compared with, on the same rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from bench.quality_product import Product, SecondLook, judged_of, second_look_of
from bench.quality_promises import Promise, pooled_promise
from bench.quality_rivals import Rivals
from bench.quality_sets import QualitySet, Question, Split, as_opened, column_of
from bench.spent import Spent
from training.embedding import EmbeddingCache
from training.evaluation.intervals import PairedFigures, compare_judged
from training.evaluation.measures import TargetFigures, measure
from training.learning.judged import UNKNOWN, Judged
from triage.prediction.encoder import Encoder

SEED = 20260105


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """``training_rows``: at most so many of a split are learnt from, None for all; ``splits``: of a set."""

    training_rows: int | None = None
    splits: int | None = None
    thresholds: bool = True
    repetitions: int = 1_000


FULL = Effort()
QUICK = Effort(training_rows=2_500, splits=1, thresholds=False, repetitions=200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """``paired``: the product less this, on the same rows."""

    name: str
    figures: TargetFigures
    paired: PairedFigures


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """One question of a set, its splits pooled. ``learnt``: rows to learn from, the mean over splits. ``kept``:
    what somebody concludes who follows only the flags of the second look."""

    asked: QualitySet
    question: Question
    learnt: int
    ours: Judged
    figures: TargetFigures
    rivals: tuple[Rival, ...]
    trainings: tuple[Spent, ...]
    promise: Promise | None = None
    look: SecondLook | None = None
    kept: TargetFigures | None = None

    def rival(self, name: str) -> Rival:
        return next(rival for rival in self.rivals if rival.name == name)


@dataclass(kw_only=True)
class _Answered:
    """One question over the splits done so far."""

    ours: list[Judged] = field(default_factory=list)
    promises: list[Promise | None] = field(default_factory=list)
    looks: list[SecondLook] = field(default_factory=list)
    rivals: dict[str, list[Judged]] = field(default_factory=dict)


def measure_set(
    asked: QualitySet, data: Path, kept: Path, folder: Path, effort: Effort, say: Callable[[str], None]
) -> list[Measured]:
    """``folder`` is scratch and empty; in ``kept`` a starter bundle is looked for, or made."""
    product = Product(folder=folder)
    splits = [_thinned(split, effort) for split in asked.splits(data)[: effort.splits]]
    encoder = Encoder.open(product.start(kept))
    # Not the product's own embeddings, so that the time of its training is that of a first one.
    cache = EmbeddingCache(folder / "embeddings", encoder)
    rivals = Rivals(folder=folder, cache=cache, thresholds=effort.thresholds)
    answered = {question: _Answered() for question in asked.questions}
    for number, split in enumerate(splits, 1):
        say(f"{asked.name}, split {number} of {len(splits)}: training on {len(split.train):,} rows")
        version = product.train(split.train)
        for question, so_far in answered.items():
            _ask(product, version, split, question, so_far)
            if asked.compared:
                say(f"{asked.name}, split {number} of {len(splits)}: baselines, {question.title}")
                for name, judged in rivals.judged(split, question):
                    so_far.rivals.setdefault(name, []).append(judged)
    encoder.close()
    learnt = round(float(np.mean([len(split.train) for split in splits])))
    return [
        _measured(asked, question, so_far, learnt, tuple(product.trainings), effort.repetitions)
        for question, so_far in answered.items()
    ]


def pooled(parts: Sequence[Judged]) -> Judged:
    """The rows of all splits as rows of one, under all their labels; a row's ids say which split it was in."""
    labels = tuple(dict.fromkeys(label for part in parts for label in part.labels))
    number = {label: at for at, label in enumerate(labels)}
    rows = sum(len(part.ids) for part in parts)
    probabilities, done = np.zeros((rows, len(labels))), 0
    truth, chosen = [], []
    for part in parts:
        columns = np.array([*(number[label] for label in part.labels), UNKNOWN])
        probabilities[done : done + len(part.ids), columns[:-1]] = part.probabilities
        truth.append(columns[part.truth])
        chosen.append(columns[part.chosen])
        done += len(part.ids)
    moments = [part.moments for part in parts if part.moments is not None]
    return Judged(
        target=parts[0].target,
        labels=labels,
        probabilities=probabilities,
        truth=np.concatenate(truth),
        acting=np.concatenate([part.acting for part in parts]),
        chosen=np.concatenate(chosen),
        moments=np.concatenate(moments) if len(moments) == len(parts) else None,
        ids=tuple(f"{at}:{row}" for at, part in enumerate(parts) for row in part.ids),
        groups=np.concatenate([part.groups for part in parts]),
    )


def _ask(product: Product, version: str, split: Split, question: Question, so_far: _Answered) -> None:
    answers = product.predict(version, [as_opened(row, question.hidden) for row in split.test])
    truth = split.truth[column_of(question.target)]
    ours = judged_of(answers, question.target, split.learnt(question.target), truth, split.test, split.groups)
    so_far.ours.append(ours)
    so_far.promises.append(product.promise(version, answers, question.target, truth))
    if question.target == "second_look":
        so_far.looks.append(second_look_of(answers, ours, split.test))


def _measured(
    asked: QualitySet,
    question: Question,
    so_far: _Answered,
    learnt: int,
    trainings: tuple[Spent, ...],
    repetitions: int,
) -> Measured:
    ours = pooled(so_far.ours)
    rivals = []
    for name, parts in so_far.rivals.items():
        judged = pooled(parts)
        paired = compare_judged(judged, ours, seed=SEED, repetitions=repetitions)
        figures = measure(judged, seed=SEED, repetitions=repetitions)
        rivals.append(Rival(name=name, figures=figures, paired=paired))
    look, kept = None, None
    if so_far.looks:
        (look,) = so_far.looks
        kept = measure(look.followed(ours), seed=SEED, repetitions=repetitions)
    return Measured(
        asked=asked,
        question=question,
        learnt=learnt,
        ours=ours,
        figures=measure(ours, seed=SEED, repetitions=repetitions),
        rivals=tuple(rivals),
        trainings=trainings,
        promise=pooled_promise(so_far.promises),
        look=look,
        kept=kept,
    )


def _thinned(split: Split, effort: Effort) -> Split:
    """The last training rows: what a quick run learns from."""
    return split if effort.training_rows is None else replace(split, train=split.train[-effort.training_rows :])
