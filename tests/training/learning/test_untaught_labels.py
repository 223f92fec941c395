"""A label that came up for the first time in the part that was held out."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from training.learning.fit import Lessons
from training.learning.screening import HeldOut, cross_weighed, held_out_scores
from training.learning.split import split_rows
from training.recipes import RECIPES, SplitRecipe

RECIPE = replace(RECIPES["default"], split=SplitRecipe(blocks=3, block_share=0.2))
NAMES = ("lexical", "metadata")
MakeLessons = Callable[..., Lessons]


def lately_a_fourth_label(make_lessons: MakeLessons) -> Lessons:
    """600 rows in order of time; of the last fifth every other one is of a label that nobody had used before."""
    labels = np.random.default_rng(4).integers(0, 3, 600)
    labels[480::2] = 3
    return make_lessons(labels, width=4, noise=0.3)


def held_out_of(lessons: Lessons) -> tuple[HeldOut, np.ndarray]:
    split = split_rows(
        lessons.task.labels, lessons.groups, lessons.moments, lessons.known_at, RECIPE.split, RECIPE.seed
    )
    held_out = held_out_scores(lessons.task, split, NAMES, RECIPE, lambda: None)
    return held_out, lessons.task.labels[held_out.rows]


def test_what_a_fold_could_not_know_moves_no_label(make_lessons: MakeLessons):
    held_out, labels = held_out_of(lately_a_fourth_label(make_lessons))
    np.testing.assert_array_equal(held_out.taught, labels != 3)
    everything = np.ones(len(labels), dtype=np.bool_)
    pool = held_out.pool(NAMES, labels, everything)
    known = held_out.pool(NAMES, labels, labels != 3)
    np.testing.assert_array_equal(pool.bias, known.bias)
    assert dict(pool.weights) == dict(known.weights)
    # A head that has learnt the label needs no push towards it.
    assert pool.bias[3] <= pool.bias[:3].max()


def test_it_still_counts_as_a_mistake_where_thresholds_and_promises_are_chosen(make_lessons: MakeLessons):
    held_out, labels = held_out_of(lately_a_fourth_label(make_lessons))
    probabilities = cross_weighed(held_out, NAMES, labels)
    assert len(probabilities) == len(labels)
    assert (probabilities[labels == 3].argmax(axis=1) != 3).all()
