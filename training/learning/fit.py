"""One head: its components compared, the best fitted on everything, calibrated, and judged on what it did not
see."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.learning.components import LinearComponent, NeighbourComponent
from training.learning.judge import Judge
from training.learning.judged import Judged
from training.learning.lessons import Lessons
from training.learning.order import urgency_order
from training.learning.pool import Pool
from training.learning.screening import Compared, HeldOut, compare, fit_components, held_out_scores
from training.learning.split import Moments, Rows, Split, split_rows
from training.recipes import Combination, Recipe
from triage.prediction.bundle_writer import FittedHead
from triage.prediction.conclusion import Conclusion
from triage.prediction.head import HeadSettings, HeadWeights
from triage.prediction.neighbours import Neighbours

Progress = Callable[[], None]

MOST_LABELS = 2_000

PRIORITY_LIKE = frozenset({"priority", "impact", "urgency"})
"""Targets that have an order; of these the priority alone has costs and a bound on what is missed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeadFit:
    """``head`` is None where nothing could be learnt, and ``reason`` says why. ``judged``: predictions on the test
    part, of which nothing was learnt or chosen: the last part of the time, or every row by the folds that did not
    have it; ``new``, beside them: whether nothing of their pattern was learnt from. ``compared``: the
    combinations, best first. ``refused``: a promise that the history is too small for.
    """

    name: str
    head: FittedHead | None = None
    judged: Judged | None = None
    new: NDArray[np.bool_] | None = None
    split: Split | None = None
    compared: tuple[Compared, ...] = ()
    left_out: dict[str, int] | None = None
    refused: str | None = None
    reason: str | None = None


def fit_head(lessons: Lessons, recipe: Recipe, progress: Progress = lambda: None) -> HeadFit:
    """``progress`` is called after each of ``steps(recipe)`` parts of the work at most.

    Raises ``GuaranteeRefused`` for a bound on missed urgent incidents that cannot be promised.
    """
    task = lessons.task
    reason = _nothing_to_learn(lessons, recipe)
    if reason:
        return HeadFit(name=lessons.name, left_out=lessons.left_out, reason=reason)
    split = _split(lessons, np.arange(len(task.rows)), recipe)
    compared, held_out = _screen(lessons, split, recipe, progress)
    names = compared[0].components if compared else ()
    if names and held_out is None:
        held_out = held_out_scores(task, split, names, recipe, progress)
        # What the newest rows taught may be missing from the older ones.
        names = tuple(name for name in names if name in held_out.scores)
    if held_out is None or not names:
        reason = "the rows say nothing by which their labels could be told apart"
        return HeadFit(name=lessons.name, left_out=lessons.left_out, reason=reason)
    order = lessons.order or (urgency_order(task.names) if lessons.target in PRIORITY_LIKE else ())
    judge = Judge(lessons=lessons, held_out=held_out, names=names, order=order, recipe=recipe, split=split)
    everything = np.ones(len(held_out.rows), dtype=np.bool_)
    conclusion, refused = judge.conclusion(everything, strict=True)
    judged, new = judge.judged()
    head = _final(lessons, names, judge.pool(everything), conclusion, recipe)
    progress()
    return HeadFit(
        name=lessons.name,
        head=head,
        judged=judged,
        new=new,
        split=split,
        compared=tuple(compared),
        left_out=lessons.left_out,
        refused=refused,
    )


def steps(recipe: Recipe) -> int:
    """How often ``fit_head`` reports progress at most."""
    return 2 * max(recipe.split.blocks, recipe.split.folds) + 1


def _nothing_to_learn(lessons: Lessons, recipe: Recipe) -> str | None:
    known = lessons.task.labels >= 0
    names, rows = lessons.task.names, int(known.sum())
    if not names:
        return f"no label has {recipe.min_label_rows} rows" if lessons.left_out else f"no {lessons.target}"
    if rows < recipe.min_rows:
        return f"{rows} usable rows; at least {recipe.min_rows} are needed"
    if len(names) < 2:
        return f"only {names[0]!r} has {recipe.min_label_rows} rows or more; there is nothing to tell apart"
    if len(names) > MOST_LABELS:
        return f"{len(names):,} labels; at most {MOST_LABELS:,} can be told apart"
    if len(np.unique(lessons.groups[known])) < 2:
        return "all rows read the same"
    return None


def _split(lessons: Lessons, at: Rows, recipe: Recipe) -> Split:
    """Of the task's rows numbered ``at``; the folds hold numbers of the task's rows."""
    split = split_rows(
        lessons.task.labels[at],
        lessons.groups[at],
        lessons.moments[at],
        lessons.known_at[at],
        recipe.split,
        recipe.seed,
    )
    folds = tuple(replace(fold, fitted=at[fold.fitted], held_out=at[fold.held_out]) for fold in split.folds)
    return replace(split, folds=folds)


def _screen(
    lessons: Lessons, split: Split, recipe: Recipe, progress: Progress
) -> tuple[list[Compared], HeldOut | None]:
    """The combinations, best first, and their held-out scores where those are of the whole history. The test part
    of a split by time has no say in the choice."""
    task = lessons.task
    every = [one.name for one in recipe.components]
    whole = len(task.rows) <= recipe.screening_rows
    test = split.folds[-1].held_out if split.by == "time" else np.empty(0, dtype=np.int64)
    if not whole:
        earlier = np.setdiff1d(np.arange(len(task.rows)), test)
        newest = _split(lessons, earlier[_newest(lessons.moments[earlier], recipe.screening_rows)], recipe)
        # The newest rows may all be of one label: a storm.
        split, whole = (newest, False) if newest.folds else (split, True)
    if not split.folds:
        return [], None
    held_out = held_out_scores(task, split, every, recipe, progress)
    judging = held_out.take(~np.isin(held_out.rows, test)) if whole and len(split.folds) > 1 else held_out
    compared = compare(judging, task.labels[judging.rows], recipe)
    return compared, held_out if whole else None


def _newest(moments: Moments, most: int) -> Rows:
    """The newest rows; of a history without dates as many, spread over the file."""
    if np.isnat(moments).all():
        return np.unique(np.linspace(0, len(moments) - 1, most).astype(np.int64))
    return np.sort(np.argsort(np.where(np.isnat(moments), moments[~np.isnat(moments)].min(), moments))[-most:])


def _final(lessons: Lessons, names: Combination, pool: Pool, conclusion: Conclusion, recipe: Recipe) -> FittedHead:
    """The components fitted on every row, added up to one head."""
    task = lessons.task
    learnt, lesson = task.lesson(np.arange(len(task.rows)), recipe)
    columns = learnt.columns
    coef = np.zeros((task.width, columns.total), dtype=np.float32)
    intercept = pool.bias.copy()
    votes: Neighbours | None = None
    for name, component in fit_components(names, lesson, recipe).items():
        weight = pool.weights[name]
        if isinstance(component, LinearComponent):
            parts = (component.words, component.facts, component.meaning)
            coef += np.float32(weight) * np.concatenate(parts, axis=1)
            intercept += weight * component.intercept
        elif isinstance(component, NeighbourComponent):
            votes = component.votes.weighed(weight)
    settings = HeadSettings(
        target=lessons.target,
        labels=task.names,
        scope=lessons.scope,
        conclusion=conclusion,
        combination=names,
        neighbours=votes.settings if votes is not None else None,
    )
    weights = HeadWeights(columns=columns, coef=coef, intercept=intercept.astype(np.float32), neighbours=votes)
    return FittedHead(settings=settings, weights=weights)
