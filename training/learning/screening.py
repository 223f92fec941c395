"""Which components earn their place: every combination judged on the same held-out rows."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.learning.components import Component, Labels, Lesson, Scores, fit_component
from training.learning.matrix import HistoryMatrix, LearntColumns, Rows, blocks_of
from training.learning.pool import Pool, Probabilities, fit_pool, log_loss
from training.learning.split import Split
from training.recipes import Combination, Recipe
from triage.prediction.features import FeatureVector

Progress = Callable[[], None]

PRICE = {"semantic": 0.002, "joint": 0.005, "neighbours": 0.01}
"""By which share of the loss of knowing nothing a component that costs time must lower the log loss."""

LEAST_PRICE = 0.0005
"""That of any other: what changes nothing has no place."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """One head's rows: ``rows`` of ``matrix``, their ``labels`` as numbers into ``names`` (-1: one that is left to
    rules; nothing is fitted on it, but it judges), what the names say (``named``), and the keys of facts that the
    head must not see."""

    matrix: HistoryMatrix
    rows: Rows
    labels: Labels
    names: tuple[str, ...]
    named: Sequence[FeatureVector]
    without: frozenset[str]

    @property
    def width(self) -> int:
        return len(self.names)

    def lesson(self, at: Rows, recipe: Recipe) -> tuple[LearntColumns, Lesson]:
        """Columns and lesson of the task's rows numbered ``at``, as far as their label is one of the head's."""
        at = at[self.labels[at] >= 0]
        learnt = LearntColumns(self.matrix, self.rows[at], recipe, self.without)
        lesson = Lesson(
            rows=learnt.blocks(self.rows[at]),
            labels=self.labels[at],
            width=self.width,
            names=blocks_of(self.named, learnt.columns),
        )
        return learnt, lesson


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldOut:
    """``scores`` by component, of shape (n, width), of the held-out ``rows`` (numbers of the task's), the number
    of the ``fold`` that each was held out in, and whether its pattern was ``new`` there."""

    rows: Rows
    fold: Rows
    new: NDArray[np.bool_]
    scores: Mapping[str, Scores]

    def take(self, chosen: NDArray[np.bool_]) -> "HeldOut":
        scores = {name: found[chosen] for name, found in self.scores.items()}
        return HeldOut(rows=self.rows[chosen], fold=self.fold[chosen], new=self.new[chosen], scores=scores)

    def pool(self, names: Sequence[str], labels: Labels, among: NDArray[np.bool_]) -> Pool:
        """Fitted on the rows ``among``; ``labels`` are those of all rows. A label that a fold could not know
        counts too: without it heads were surer and less often right, since what came up lately comes up again."""
        among = among & (labels >= 0)
        return fit_pool(names, {name: self.scores[name][among] for name in names}, labels[among])


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One combination on held-out rows, weighed on the other folds."""

    components: Combination
    rows: int
    log_loss: float
    accuracy: float

    def describe(self) -> dict[str, Any]:
        return asdict(self)


def held_out_scores(
    task: Task, split: Split, components: Sequence[str], recipe: Recipe, progress: Progress
) -> HeldOut:
    """Each held-out row scored by components that were fitted on the fold's other side. A component that cannot be
    fitted in every fold is left out. ``progress`` is called after each fold."""
    found: dict[str, list[Scores]] = {name: [] for name in components}
    for fold in split.folds:
        learnt, lesson = task.lesson(fold.fitted, recipe)
        blocks = learnt.blocks(task.rows[fold.held_out])
        for name, component in fit_components(list(found), lesson, recipe).items():
            if component is None:
                del found[name]
            else:
                found[name].append(component.scores(blocks))
        progress()
    return HeldOut(
        rows=np.concatenate([fold.held_out for fold in split.folds]),
        fold=np.concatenate([np.full(len(fold.held_out), at) for at, fold in enumerate(split.folds)]),
        new=np.concatenate([fold.new for fold in split.folds]),
        scores={name: np.concatenate(parts) for name, parts in found.items()},
    )


def fit_components(names: Sequence[str], lesson: Lesson, recipe: Recipe) -> dict[str, Component | None]:
    """Side by side, each on one core: what takes the time leaves Python's lock alone."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as workers:
        fits = {name: workers.submit(fit_component, recipe.component(name), lesson, recipe.seed) for name in names}
        return {name: fit.result() for name, fit in fits.items()}


def compare(held_out: HeldOut, labels: Labels, recipe: Recipe) -> list[Compared]:
    """Every component alone and every combination whose parts could be fitted, the least log loss first, what
    costs serving time counted as a little worse. ``labels`` are those of the held-out rows."""
    wanted = [(one.name,) for one in recipe.components] + list(recipe.combinations)
    there = dict.fromkeys(tuple(name for name in names if name in held_out.scores) for names in wanted)
    # A handful of new patterns among many recurrences would choose by chance.
    known = labels >= 0
    new = held_out.new & known
    judging = new if new.sum() >= recipe.own_threshold_rows else known
    truth = labels[judging]
    compared = []
    for names in there:
        if names:
            probabilities = cross_weighed(held_out, names, labels)[judging]
            compared.append(
                Compared(
                    components=names,
                    rows=len(truth),
                    log_loss=float(log_loss(probabilities, truth).mean()),
                    accuracy=float((probabilities.argmax(axis=1) == truth).mean()),
                )
            )
    # Prices are shares of what knowing nothing but frequencies costs, so that they also count where little is
    # left.
    shares = np.bincount(truth) / max(1, len(truth))
    nothing_known = float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())

    def counted(one: Compared) -> float:
        return one.log_loss + nothing_known * sum(PRICE.get(name, LEAST_PRICE) for name in one.components)

    return sorted(compared, key=lambda one: (counted(one), len(one.components)))


def cross_weighed(held_out: HeldOut, names: Sequence[str], labels: Labels) -> Probabilities:
    """Shape (n, k): each fold's rows by weights that were fitted on the other folds."""
    width = next(iter(held_out.scores.values())).shape[1]
    probabilities = np.zeros((len(held_out.rows), width))
    for fold in np.unique(held_out.fold):
        here = held_out.fold == fold
        others = here if here.all() else ~here
        pool = held_out.pool(names, labels, others)
        probabilities[here] = pool.probabilities({name: held_out.scores[name][here] for name in names})
    return probabilities
