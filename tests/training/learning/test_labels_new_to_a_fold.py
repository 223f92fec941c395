"""A label that came up for the first time in the part that was held out."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from training.learning.lessons import Lessons
from training.learning.screening import cross_weighed, held_out_scores
from training.learning.split import split_rows
from training.recipes import RECIPES, SplitRecipe

RECIPE = replace(RECIPES["default"], split=SplitRecipe(blocks=3, block_share=0.2))
NAMES = ("lexical", "metadata")


def test_it_counts_as_a_mistake_where_thresholds_and_promises_are_chosen_and_draws_the_bias(
    make_lessons: Callable[..., Lessons],
):
    """Of 600 rows in order of time every other one of the last fifth has a label that nobody had used before."""
    labels = np.random.default_rng(4).integers(0, 3, 600)
    labels[480::2] = 3
    lessons = make_lessons(labels, width=4, noise=0.3)
    split = split_rows(labels, lessons.groups, lessons.moments, lessons.known_at, RECIPE.split, RECIPE.seed)
    held_out = held_out_scores(lessons.task, split, NAMES, RECIPE, lambda: None)
    truth = labels[held_out.rows]
    probabilities = cross_weighed(held_out, NAMES, truth)
    assert len(probabilities) == len(truth)
    assert (probabilities[truth == 3].argmax(axis=1) != 3).all()
    pool = held_out.pool(NAMES, truth, np.ones(len(truth), dtype=np.bool_))
    assert pool.bias[3] > pool.bias[:3].max()
