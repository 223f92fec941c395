from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from training.learning.components import Component, Lesson, fit_component
from training.learning.lessons import Lessons
from training.recipes import RECIPES, ComponentRecipe

MakeLessons = Callable[..., Lessons]
RECIPE = RECIPES["default"]
COMPONENTS = RECIPE.components
EACH = pytest.mark.parametrize("recipe", COMPONENTS, ids=[one.name for one in COMPONENTS])
LEARNT = pytest.mark.parametrize(
    "recipe",
    [one for one in COMPONENTS if one.method != "names"],
    ids=[one.name for one in COMPONENTS if one.method != "names"],
)


def lesson_of(lessons: Lessons, rows: np.ndarray | None = None) -> Lesson:
    return lessons.task.lesson(np.arange(len(lessons.task.rows)) if rows is None else rows, RECIPE)[1]


def fit(recipe: ComponentRecipe, lesson: Lesson) -> Component:
    component = fit_component(recipe, lesson, RECIPE.seed)
    assert component is not None
    return component


@EACH
@pytest.mark.parametrize("width", [2, 4])
def test_scores_have_one_column_a_label_and_mean_nothing_over_them(
    make_lessons: MakeLessons, recipe: ComponentRecipe, width: int
):
    lesson = lesson_of(make_lessons(120, width))
    scores = fit(recipe, lesson).scores(lesson.rows)
    assert scores.shape == (120, width)
    np.testing.assert_allclose(scores.mean(axis=1), 0, atol=1e-4)


@LEARNT
@pytest.mark.parametrize("width", [2, 4])
def test_what_was_learnt_tells_other_rows_apart(make_lessons: MakeLessons, recipe: ComponentRecipe, width: int):
    lessons = make_lessons(400, width, noise=0.3)
    learnt, lesson = lessons.task.lesson(np.arange(300), RECIPE)
    scores = fit(recipe, lesson).scores(learnt.blocks(np.arange(300, 400)))
    right = scores.argmax(axis=1) == lessons.task.labels[300:]
    assert right.mean() > 1 / width + 0.2


def test_a_label_whose_name_the_text_speaks_scores_higher(make_lessons: MakeLessons):
    lesson = lesson_of(make_lessons(200, 4, noise=0.1))
    named = next(one for one in COMPONENTS if one.name == "named alike")
    right = fit(named, lesson).scores(lesson.rows).argmax(axis=1) == lesson.labels
    assert right.mean() > 0.8


@LEARNT
def test_a_label_without_a_row_is_no_likelier_than_the_least_likely_other(
    make_lessons: MakeLessons, recipe: ComponentRecipe
):
    lessons = make_lessons(200, 4)
    seen = np.flatnonzero(lessons.task.labels != 2)
    lesson = lesson_of(lessons, seen)
    scores = fit(recipe, lesson).scores(lesson.rows)
    assert (scores[:, 2] <= scores[:, [0, 1, 3]].min(axis=1) + 1e-9).all()


@LEARNT
def test_fitted_twice_it_is_the_same(make_lessons: MakeLessons, recipe: ComponentRecipe):
    lesson = lesson_of(make_lessons(150))
    first, second = (fit(recipe, lesson).scores(lesson.rows) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", ["lexical", "metadata"])
def test_a_component_reads_its_own_blocks_only(make_lessons: MakeLessons, name: str):
    lesson = lesson_of(make_lessons(150))
    recipe = RECIPE.component(name)
    component = fit(recipe, lesson)
    other = {block for block in ("words", "facts") if block not in recipe.blocks}.pop()
    changed = replace(lesson.rows, meaning=lesson.rows.meaning * 0, **{other: getattr(lesson.rows, other) * 0})
    np.testing.assert_array_equal(component.scores(changed), component.scores(lesson.rows))


def test_facts_that_weigh_half_are_believed_less(make_lessons: MakeLessons):
    """The regularisation shrinks what is scaled down more, so the joint component leans on its words."""
    lesson = lesson_of(make_lessons(150))
    joint = RECIPE.component("joint")
    whole, half = (fit(replace(joint, fact_weight=weight), lesson) for weight in (1.0, 0.25))
    assert np.abs(half.facts).sum() < np.abs(whole.facts).sum()


def test_nothing_is_fitted_on_a_single_label(make_lessons: MakeLessons):
    lesson = replace(lesson_of(make_lessons(60)), labels=np.zeros(60, dtype=np.int64))
    assert [one.name for one in COMPONENTS if fit_component(one, lesson, 1) is not None] == []


def test_a_component_of_which_the_rows_say_nothing_is_not_fitted(make_lessons: MakeLessons):
    lesson = lesson_of(make_lessons(60))
    rows = lesson.rows
    same = np.repeat(rows.meaning[:1], 60, axis=0)
    silent = replace(lesson, rows=replace(rows, words=rows.words[:, :0], meaning=same))
    there = [one.name for one in COMPONENTS if fit_component(one, silent, 1) is not None]
    assert there == ["metadata", "joint"]


def test_a_fact_that_every_row_states_says_nothing(make_lessons: MakeLessons):
    lesson = lesson_of(make_lessons(60))
    facts = csr_matrix(np.ones((60, 2), dtype=np.float32))
    stated = replace(lesson, rows=replace(lesson.rows, facts=facts))
    assert fit_component(RECIPE.component("metadata"), stated, 1) is None
    assert fit_component(RECIPE.component("joint"), stated, 1) is not None


def test_a_storm_of_equal_rows_votes_once_for_each_label_it_was_given(make_lessons: MakeLessons):
    lesson = lesson_of(make_lessons([0, 1] * 30, 2))
    meaning = np.zeros_like(lesson.rows.meaning)
    meaning[:, 0] = 1
    # Fifty equal rows of the first label, nine others nearby of the second, each a little different.
    meaning[50:59, 1] = np.linspace(0.01, 0.09, 9)
    meaning[59, :2] = 0, 1
    storm = replace(lesson, rows=replace(lesson.rows, meaning=meaning), labels=np.repeat([0, 1], [50, 10]))
    neighbours = fit(RECIPE.component("neighbours"), storm)
    shares = softmax(neighbours.scores(storm.rows.take(np.array([0]))), axis=1)[0]
    assert shares[1] > 0.8


@pytest.mark.parametrize("width", [2, 4])
def test_the_softmax_of_a_logistic_components_scores_is_the_classifiers_own_probability(
    make_lessons: MakeLessons, width: int
):
    lesson = lesson_of(make_lessons(200, width))
    recipe = RECIPE.component("semantic")
    meaning = lesson.rows.meaning
    classifier = LogisticRegression(C=recipe.strength, max_iter=200, tol=1e-3).fit(meaning, lesson.labels)
    found = softmax(fit(recipe, lesson).scores(lesson.rows), axis=1)
    np.testing.assert_allclose(found, classifier.predict_proba(meaning), atol=1e-5)
