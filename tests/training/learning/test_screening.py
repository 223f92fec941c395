from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from training.learning import screening
from training.learning.lessons import Lessons
from training.learning.screening import HeldOut, compare, cross_weighed, fit_components, held_out_scores
from training.learning.split import Split, split_rows
from training.recipes import RECIPES, Recipe, SplitRecipe

MakeLessons = Callable[..., Lessons]
RECIPE = replace(RECIPES["default"], split=SplitRecipe(blocks=3, block_share=0.2, least_dated=100))
NAMES = tuple(one.name for one in RECIPE.components)


def split_of(lessons: Lessons) -> Split:
    return split_rows(
        lessons.task.labels, lessons.groups, lessons.moments, lessons.known_at, RECIPE.split, RECIPE.seed
    )


def held_out_of(lessons: Lessons, names: tuple[str, ...] = NAMES) -> HeldOut:
    return held_out_scores(lessons.task, split_of(lessons), names, RECIPE, lambda: None)


def only(*combinations: tuple[str, ...], names: tuple[str, ...]) -> Recipe:
    """The recipe with these components and combinations of them."""
    components = tuple(replace(RECIPE.components[0], name=name) for name in names)
    return replace(RECIPE, components=components, combinations=combinations)


def made_up(rows: int = 600, **strength: float) -> tuple[HeldOut, np.ndarray]:
    """Scores of three labels by components that say so much of the truth."""
    chance = np.random.default_rng(2)
    labels = chance.integers(0, 3, rows)
    truth = np.eye(3)[labels]
    scores = {
        name: truth * much + np.random.default_rng(at).normal(size=(rows, 3))
        for at, (name, much) in enumerate(strength.items())
    }
    new = np.ones(rows, dtype=np.bool_)
    return HeldOut(rows=np.arange(rows), fold=np.arange(rows) // 200, new=new, scores=scores), labels


@pytest.mark.parametrize("dated", [True, False], ids=["by time", "by pattern"])
def test_labels_of_held_out_rows_and_of_later_ones_change_no_score(make_lessons: MakeLessons, dated: bool):
    lessons = make_lessons(240, dated=dated)
    split = split_of(lessons)
    before = held_out_scores(lessons.task, split, NAMES, RECIPE, lambda: None)
    for number, fold in enumerate(split.folds):
        labels = lessons.task.labels.copy()
        unseen = np.setdiff1d(np.arange(240), fold.fitted)
        labels[unseen] = (labels[unseen] + 1) % 3
        after = held_out_scores(replace(lessons.task, labels=labels), split, NAMES, RECIPE, lambda: None)
        here = before.fold == number
        for name in NAMES:
            np.testing.assert_array_equal(after.scores[name][here], before.scores[name][here])


def test_words_of_held_out_rows_are_no_columns(make_lessons: MakeLessons):
    lessons = make_lessons(240)
    last = split_of(lessons).folds[-1]
    words = lessons.task.matrix.words.tolil()
    words[:, 0] = 0
    words[last.held_out, 0] = 5
    changed = replace(lessons.task, matrix=replace(lessons.task.matrix, words=words.tocsr()))
    learnt, _ = changed.lesson(last.fitted, RECIPE)
    assert changed.matrix.word_ids[0] not in learnt.columns.word_ids


def test_a_component_that_cannot_be_fitted_in_every_fold_is_left_out(make_lessons: MakeLessons):
    lessons = make_lessons(240)
    first = split_of(lessons).folds[0]
    facts = lessons.task.matrix.facts.tolil()
    facts[first.fitted] = 0
    changed = replace(
        lessons, task=replace(lessons.task, matrix=replace(lessons.task.matrix, facts=facts.tocsr()))
    )
    found = held_out_of(changed)
    assert "metadata" not in found.scores
    assert {"lexical", "joint"} <= found.scores.keys()
    assert len({len(scores) for scores in found.scores.values()} | {len(found.rows)}) == 1
    compared = compare(found, lessons.task.labels[found.rows], RECIPE)
    assert compared
    assert not [one for one in compared if "metadata" in one.components]


def test_progress_is_told_after_each_fold(make_lessons: MakeLessons):
    told: list[None] = []
    lessons = make_lessons(240)
    held_out_scores(lessons.task, split_of(lessons), NAMES, RECIPE, lambda: told.append(None))
    assert len(told) == RECIPE.split.blocks


def test_the_component_that_knows_more_comes_first():
    held_out, labels = made_up(little=0.5, much=2.0)
    compared = compare(held_out, labels, only(("little", "much"), names=("little", "much")))
    assert [one.components for one in compared][-1] == ("little",)
    losses = {one.components: one.log_loss for one in compared}
    assert losses["much",] < losses["little",]
    assert all(one.rows == 600 for one in compared)


def test_two_that_know_different_things_beat_each_alone():
    held_out, labels = made_up(first=1.5, second=1.5)
    best = compare(held_out, labels, only(("first", "second"), names=("first", "second")))[0]
    assert best.components == ("first", "second")
    assert best.accuracy > 0.7


@pytest.mark.parametrize(("price", "best"), [(0.0, "dear"), (0.2, "cheap")])
def test_a_dear_component_must_be_better_by_its_price(monkeypatch: pytest.MonkeyPatch, price: float, best: str):
    held_out, labels = made_up(cheap=2.0, dear=2.2)
    monkeypatch.setattr(screening, "PRICE", {"dear": price})
    recipe = only(names=("cheap", "dear"))
    compared = compare(held_out, labels, recipe)
    losses = {one.components: one.log_loss for one in compared}
    assert losses["dear",] < losses["cheap",] < 1.2 * losses["dear",]
    assert compared[0].components == (best,)


def test_of_two_that_are_as_good_the_simpler_one_comes_first():
    held_out, labels = made_up(one=2.0)
    held_out = replace(held_out, scores={**held_out.scores, "other": held_out.scores["one"]})
    compared = compare(held_out, labels, only(names=("one", "other")))
    assert [one.components for one in compared] == [("one",), ("other",)]


def test_rows_of_known_patterns_do_not_judge_where_there_are_others():
    held_out, labels = made_up(one=2.0)
    known = np.arange(600) % 3 == 0
    found = compare(replace(held_out, new=~known), labels, only(names=("one",)))[0]
    everything = compare(held_out, labels, only(names=("one",)))[0]
    assert (found.rows, everything.rows) == (400, 600)
    only_known = compare(replace(held_out, new=np.zeros(600, dtype=np.bool_)), labels, only(names=("one",)))[0]
    assert only_known.rows == 600


def test_rows_of_labels_left_to_rules_neither_choose_nor_weigh():
    held_out, labels = made_up(one=2.0)
    left = np.arange(600) % 4 == 0
    rare = np.where(left, -1, labels)
    found = compare(held_out, rare, only(names=("one",)))[0]
    apart = compare(held_out.take(~left), labels[~left], only(names=("one",)))[0]
    assert found.rows == 450
    assert (found.log_loss, found.accuracy) == pytest.approx((apart.log_loss, apart.accuracy))


def test_new_patterns_of_labels_left_to_rules_alone_do_not_choose():
    held_out, labels = made_up(one=2.0)
    new = np.arange(600) < 100
    found = compare(replace(held_out, new=new), np.where(new, -1, labels), only(names=("one",)))[0]
    assert found.rows == 500


def test_a_folds_own_labels_do_not_weigh_its_rows():
    held_out, labels = made_up(one=1.0, two=1.0)
    before = cross_weighed(held_out, ("one", "two"), labels)
    here = held_out.fold == 1
    changed = labels.copy()
    changed[here] = (changed[here] + 1) % 3
    after = cross_weighed(held_out, ("one", "two"), changed)
    np.testing.assert_array_equal(after[here], before[here])
    assert not np.allclose(after[~here], before[~here])
    np.testing.assert_allclose(before.sum(axis=1), 1.0)


def test_a_single_fold_is_weighed_by_itself():
    held_out, labels = made_up(one=1.0)
    single = replace(held_out, fold=np.zeros(600, dtype=np.int64))
    np.testing.assert_allclose(cross_weighed(single, ("one",), labels).sum(axis=1), 1.0)


@pytest.mark.parametrize("cores", [1, 8])
def test_components_are_the_same_on_any_number_of_cores(
    make_lessons: MakeLessons, monkeypatch: pytest.MonkeyPatch, cores: int
):
    lessons = make_lessons(150)
    learnt, lesson = lessons.task.lesson(np.arange(150), RECIPE)
    blocks = learnt.blocks(np.arange(150))
    expected = {name: one.scores(blocks) for name, one in fit_components(NAMES, lesson, RECIPE).items() if one}
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    for name, component in fit_components(NAMES, lesson, RECIPE).items():
        assert component is not None
        np.testing.assert_array_equal(component.scores(blocks), expected[name])
