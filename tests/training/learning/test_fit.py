from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from training.learning.fit import HeadFit, fit_head, steps
from training.learning.lessons import Lessons
from training.learning.matrix import HistoryMatrix
from training.learning.pool import fit_pool
from training.learning.screening import fit_components, held_out_scores
from training.recipes import RECIPES, Recipe, SplitRecipe
from triage.errors import GuaranteeRefused
from triage.prediction.bundle_writer import FittedHead
from triage.prediction.features import FeatureVector
from triage.prediction.head import Head

MakeLessons = Callable[..., Lessons]
VectorOf = Callable[[HistoryMatrix, int], FeatureVector]

RECIPE = replace(RECIPES["default"], split=SplitRecipe(blocks=3, block_share=0.2, least_dated=100))
PRIORITIES = ("P1", "P2", "P3")


def only(names: Sequence[str], **changes: Any) -> Recipe:
    """The recipe with these components, of which all must be taken together."""
    taken = {**changes, "combinations": (tuple(names),)}
    return replace(RECIPE, components=tuple(RECIPE.component(name) for name in names), **taken)


def fitted(lessons: Lessons, recipe: Recipe = RECIPE) -> tuple[HeadFit, FittedHead]:
    fit = fit_head(lessons, recipe)
    assert fit.head is not None, fit.reason
    return fit, fit.head


def served(made: FittedHead, lessons: Lessons, vector_of: VectorOf) -> np.ndarray:
    """The probabilities that serving gives each row of the history."""
    head = Head(made.settings, made.weights)
    vectors = (vector_of(lessons.task.matrix, at) for at in range(len(lessons.task.rows)))
    return np.stack([head.probabilities(head.row(vector)) for vector in vectors])


@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize("dated", [True, False], ids=["by time", "by pattern"])
def test_the_one_head_gives_the_probabilities_of_all_its_components_together(
    make_lessons: MakeLessons, vector_of: VectorOf, monkeypatch: pytest.MonkeyPatch, width: int, dated: bool
):
    # So that the combination of all components, neighbours too, is the best by far.
    monkeypatch.setattr("training.learning.fit.compare", whole_combination)
    lessons = make_lessons(200, width, dated=dated)
    fit, made = fitted(lessons)
    names = made.settings.combination
    assert made.settings.neighbours is not None
    assert fit.split is not None
    assert fit.split.by == ("time" if dated else "pattern")
    held_out = held_out_scores(lessons.task, fit.split, names, RECIPE, lambda: None)
    pool = fit_pool(names, held_out.scores, lessons.task.labels[held_out.rows])
    rows = np.arange(200)
    learnt, lesson = lessons.task.lesson(rows, RECIPE)
    blocks = learnt.blocks(rows)
    components = fit_components(names, lesson, RECIPE)
    expected = pool.probabilities({name: one.scores(blocks) for name, one in components.items() if one})
    np.testing.assert_allclose(served(made, lessons, vector_of), expected, atol=2e-5)


def whole_combination(held_out: Any, labels: np.ndarray, recipe: Recipe) -> list[Any]:
    from training.learning.screening import Compared

    return [Compared(components=recipe.combinations[-1], rows=len(labels), log_loss=0.0, accuracy=1.0)]


def test_the_best_combination_is_taken_and_all_are_told(make_lessons: MakeLessons):
    fit, made = fitted(make_lessons(200))
    assert made.settings.combination == fit.compared[0].components
    told = {one.components for one in fit.compared}
    assert told == {(one.name,) for one in RECIPE.components} | set(RECIPE.combinations)


def test_a_history_longer_than_the_screening_chooses_on_its_newest_part(make_lessons: MakeLessons):
    lessons = make_lessons(300)
    fit, _ = fitted(lessons, replace(RECIPE, screening_rows=150))
    assert fit.compared[0].rows < fit_head(lessons, RECIPE).compared[0].rows
    assert fit.split is not None
    assert sum(len(fold.held_out) for fold in fit.split.folds) == 180


def test_by_time_the_last_part_judges_and_nothing_is_chosen_on_it(make_lessons: MakeLessons):
    lessons = make_lessons(300, noise=0.3)
    names = ["lexical", "metadata"]
    recipe = replace(only(names), components=(RECIPE.component("lexical"),), combinations=(("lexical",),))
    before = fit_head(lessons, recipe).judged
    labels = lessons.task.labels.copy()
    labels[240:] = (labels[240:] + 1) % 3
    after = fit_head(replace(lessons, task=replace(lessons.task, labels=labels)), recipe).judged
    assert before is not None
    assert after is not None
    assert before.ids == after.ids == tuple(f"INC-{at}" for at in range(240, 300))
    np.testing.assert_array_equal(after.probabilities, before.probabilities)
    np.testing.assert_array_equal(after.acting, before.acting)
    np.testing.assert_array_equal(after.truth, labels[240:])
    assert before.right.mean() > 0.7
    assert after.right.mean() < 0.3


def test_by_pattern_every_row_is_judged_by_what_had_not_seen_it(make_lessons: MakeLessons):
    chance = np.random.default_rng(8)
    labels = np.repeat(chance.integers(0, 3, 40), 5)
    # Five equal rows a pattern with labels that nothing tells: whoever has seen one knows the other four.
    lessons = make_lessons(labels, noise=1.0, dated=False)
    matrix = lessons.task.matrix
    first = np.repeat(np.arange(0, 200, 5), 5)
    same = replace(matrix, words=matrix.words[first], facts=matrix.facts[first], meaning=matrix.meaning[first])
    groups = np.repeat(np.arange(40), 5)
    fit = fit_head(replace(lessons, task=replace(lessons.task, matrix=same), groups=groups), RECIPE)
    assert fit.judged is not None
    assert sorted(fit.judged.ids) == sorted(lessons.ids)
    assert fit.judged.right.mean() < 0.6


def test_a_label_of_the_last_days_only_is_learnt_and_judged_as_never_said(make_lessons: MakeLessons):
    labels = np.random.default_rng(0).integers(0, 2, 300)
    labels[240::3] = 2
    fit, made = fitted(make_lessons(labels, 3))
    assert fit.judged is not None
    late = fit.judged.truth == 2
    assert late.any()
    assert np.isfinite(fit.judged.probabilities).all()
    assert not fit.judged.right[late].any()
    assert made.settings.labels == ("team 0", "team 1", "team 2")


def test_probabilities_of_the_final_head_are_calibrated_where_labels_are_partly_chance(make_lessons: MakeLessons):
    fit, _ = fitted(make_lessons(2_000, 3, noise=0.85), only(["lexical", "metadata"]))
    judged = fit.judged
    assert judged is not None
    assert 0.4 < judged.right.mean() < 0.95
    assert judged.probabilities.max(axis=1).mean() == pytest.approx(judged.right.mean(), abs=0.06)


def test_a_priority_is_concluded_by_cost_and_no_other_target_is(make_lessons: MakeLessons):
    _, priority = fitted(make_lessons(200, target="priority", names=PRIORITIES))
    assert priority.settings.conclusion.order == PRIORITIES
    costs = priority.settings.conclusion.costs
    assert costs is not None
    assert costs[0][2] > costs[2][0]
    for target in ("impact", "urgency"):
        _, made = fitted(make_lessons(200, target=target, names=PRIORITIES))
        assert (made.settings.conclusion.order, made.settings.conclusion.costs) == (PRIORITIES, None)
    _, team = fitted(make_lessons(200, names=PRIORITIES))
    assert (team.settings.conclusion.order, team.settings.conclusion.costs) == ((), None)


def test_words_without_a_clear_order_have_no_costs(make_lessons: MakeLessons):
    _, made = fitted(make_lessons(200, target="priority", names=("green", "red", "yellow")))
    assert made.settings.conclusion.costs is None


def test_a_bound_on_missed_p1s_is_kept_by_the_judged_rows_or_nearly(make_lessons: MakeLessons):
    lessons = make_lessons(1_500, target="priority", names=PRIORITIES, noise=0.8, dated=False)
    fit, made = fitted(lessons, only(["lexical"], max_p1_miss=0.05))
    raising = made.settings.conclusion.raising
    assert raising is not None
    assert (raising.labels, raising.bound, raising.by_pattern) == (("P1",), 0.05, True)
    assert fit.judged is not None
    urgent = fit.judged.truth == 0
    missed = (fit.judged.chosen[urgent] != 0).mean()
    assert missed < 0.08
    without = fit_head(lessons, only(["lexical"])).judged
    assert without is not None
    assert (without.chosen[urgent] != 0).mean() > missed


def test_a_bound_for_which_there_are_too_few_is_refused_with_how_many_are_needed(make_lessons: MakeLessons):
    lessons = make_lessons(120, target="priority", names=PRIORITIES)
    with pytest.raises(GuaranteeRefused, match=r"needs at least 99 .* of P1|needs at least 99 .* P1"):
        fit_head(lessons, only(["lexical"], max_p1_miss=0.01))


def test_a_bound_without_a_clear_order_is_refused(make_lessons: MakeLessons):
    lessons = make_lessons(120, target="priority", names=("green", "red", "yellow"))
    with pytest.raises(GuaranteeRefused, match="'green', 'red', 'yellow' is not clear"):
        fit_head(lessons, only(["lexical"], max_p1_miss=0.05))


def test_sets_of_teams_hold_the_true_one_as_often_as_promised(make_lessons: MakeLessons):
    lessons = make_lessons(1_500, 4, noise=0.8, dated=False)
    fit, made = fitted(lessons, only(["lexical"], coverage=0.9))
    sets = made.settings.conclusion.sets
    assert sets is not None
    assert fit.judged is not None
    inside = sets.sets(fit.judged.probabilities)
    covered = inside[np.arange(len(inside)), fit.judged.truth].mean()
    assert 0.87 < covered < 0.95
    assert inside.sum(axis=1).mean() < 3.5


def test_sets_that_cannot_be_promised_are_left_out_with_the_reason(make_lessons: MakeLessons):
    fit, made = fitted(make_lessons(60), only(["lexical"], coverage=0.999))
    assert made.settings.conclusion.sets is None
    assert "a coverage of 0.999" in str(fit.refused)


def too_many_labels(make_lessons: MakeLessons) -> Lessons:
    lessons = make_lessons(12, 2)
    return replace(lessons, task=replace(lessons.task, names=tuple(map(str, range(2_001)))))


def few(make_lessons: MakeLessons) -> Lessons:
    return make_lessons(11)


def one_pattern(make_lessons: MakeLessons) -> Lessons:
    return replace(make_lessons(100), groups=np.zeros(100, dtype=np.int64))


def one_pattern_each(make_lessons: MakeLessons) -> Lessons:
    lessons = make_lessons(100, 2, dated=False)
    return replace(lessons, groups=lessons.task.labels)


def nothing_to_read(make_lessons: MakeLessons) -> Lessons:
    """Rows of many patterns of which no two share a word or fact, and whose meaning is one."""
    lessons = make_lessons(200)
    matrix = lessons.task.matrix
    silent = replace(matrix, words=matrix.words * 0, facts=matrix.facts * 0, meaning=np.ones_like(matrix.meaning))
    silent.words.eliminate_zeros()
    silent.facts.eliminate_zeros()
    return replace(lessons, task=replace(lessons.task, matrix=silent))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (too_many_labels, "2,001 labels; at most 2,000"),
        (few, "11 usable rows; at least 12 are needed"),
        (one_pattern, "all rows read the same"),
        (one_pattern_each, "could be told apart"),
        (nothing_to_read, "could be told apart"),
    ],
)
def test_what_teaches_nothing_is_no_head_and_says_why(
    make_lessons: MakeLessons, make: Callable[[MakeLessons], Lessons], reason: str
):
    fit = fit_head(make(make_lessons), RECIPE)
    assert fit.head is None
    assert reason in str(fit.reason)


def test_a_label_of_one_pattern_is_learnt_and_never_acts_since_nothing_judges_it(make_lessons: MakeLessons):
    labels = np.repeat([0, 1], [60, 6])
    groups = np.concatenate((np.arange(60), np.full(6, 60)))
    fit, made = fitted(make_lessons(labels, 2, groups=groups, dated=False))
    assert fit.judged is not None
    assert 1 not in fit.judged.truth
    assert made.settings.conclusion.thresholds.of("team 1") is None


@pytest.mark.parametrize("dated", [True, False], ids=["by time", "by pattern"])
def test_rows_left_to_rules_judge_and_teach_nothing(make_lessons: MakeLessons, vector_of: VectorOf, dated: bool):
    """What they say could be anything: the head is the same, but their mistakes count."""
    lessons = make_lessons(300, noise=0.3, dated=dated)
    left = np.arange(300) % 5 == 0
    task = replace(lessons.task, labels=np.where(left, -1, lessons.task.labels))
    turned = task.matrix.words[np.where(left, np.arange(300)[::-1], np.arange(300))]
    recipe = only(["lexical"])
    fit, made = fitted(replace(lessons, task=task), recipe)
    _, other = fitted(replace(lessons, task=replace(task, matrix=replace(task.matrix, words=turned))), recipe)
    np.testing.assert_array_equal(made.weights.columns.word_ids, other.weights.columns.word_ids)
    np.testing.assert_array_equal(made.weights.coef, other.weights.coef)
    np.testing.assert_array_equal(made.weights.intercept, other.weights.intercept)
    assert fit.judged is not None
    unknown = fit.judged.truth == -1
    assert unknown.mean() == pytest.approx(0.2, abs=0.05)
    assert not fit.judged.right[unknown].any()


def test_the_catalogues_order_goes_before_that_of_the_words(make_lessons: MakeLessons):
    order = ("P3", "P1", "P2")
    _, made = fitted(make_lessons(200, target="priority", names=PRIORITIES, order=order))
    assert made.settings.conclusion.order == order
    costs = made.settings.conclusion.costs
    assert costs is not None
    assert costs[2][0] > costs[0][2]


@pytest.mark.parametrize("screening_rows", [150, 4_000])
def test_a_storm_at_the_end_of_a_history_does_not_hide_the_rest(make_lessons: MakeLessons, screening_rows: int):
    labels = np.concatenate((np.random.default_rng(0).integers(0, 3, 200), np.zeros(200, dtype=np.int64)))
    groups = np.concatenate((np.arange(200), np.full(200, 200)))
    recipe = replace(only(["lexical", "metadata"]), screening_rows=screening_rows)
    _, made = fitted(make_lessons(labels, groups=groups), recipe)
    assert made.settings.combination


def test_what_only_the_newest_rows_say_is_no_part_of_a_head_that_all_rows_judge(make_lessons: MakeLessons):
    lessons = make_lessons(400)
    facts = lessons.task.matrix.facts.tolil()
    facts[:200] = 0
    matrix = replace(lessons.task.matrix, facts=facts.tocsr())
    changed = replace(lessons, task=replace(lessons.task, matrix=matrix))
    recipe = replace(only(["lexical", "metadata"]), screening_rows=140)
    fit, made = fitted(changed, recipe)
    assert "metadata" in {name for one in fit.compared for name in one.components}
    assert made.settings.combination == ("lexical",)


def test_the_test_part_has_no_say_in_the_choice_of_components(make_lessons: MakeLessons):
    lessons = make_lessons(400)
    spoiled = lessons.task.labels.copy()
    spoiled[340:] = np.random.default_rng(5).integers(0, 3, 60)
    changed = replace(lessons, task=replace(lessons.task, labels=spoiled))
    recipe = only(["lexical", "metadata"])
    before, after = (fitted(one, recipe)[0].compared for one in (lessons, changed))
    assert [one.log_loss for one in before] == [one.log_loss for one in after]


@pytest.mark.parametrize("labels", [np.arange(12) % 4, np.arange(12) % 2, np.repeat([0, 1], [9, 3])])
def test_the_smallest_histories_teach_a_head(make_lessons: MakeLessons, labels: np.ndarray):
    _, made = fitted(make_lessons(labels, int(labels.max()) + 1))
    assert len(made.settings.labels) == labels.max() + 1


@pytest.mark.parametrize("dated", [True, False])
@pytest.mark.parametrize("screening_rows", [100, 4_000])
def test_progress_never_goes_beyond_its_whole(make_lessons: MakeLessons, dated: bool, screening_rows: int):
    told: list[None] = []
    recipe = replace(only(["lexical", "metadata"]), screening_rows=screening_rows)
    fit_head(make_lessons(240, dated=dated), recipe, lambda: told.append(None))
    assert 0 < len(told) <= steps(recipe)


def test_the_same_lessons_make_the_same_head(make_lessons: MakeLessons):
    first, second = (fitted(make_lessons(200))[1] for _ in range(2))
    assert first.settings == second.settings
    for key, array in first.weights.content().items():
        np.testing.assert_array_equal(array, second.weights.content()[key])


def test_facts_that_must_not_be_seen_change_no_probability(make_lessons: MakeLessons, vector_of: VectorOf):
    hidden = frozenset({"severity", "assigned_team"})
    lessons = make_lessons(200, 2, without=hidden)
    matrix = lessons.task.matrix
    _, made = fitted(lessons)
    at = [number for number, key in enumerate(matrix.fact_keys) if key in hidden]
    facts = matrix.facts.tolil()
    facts[:, at] = 1
    changed = replace(lessons, task=replace(lessons.task, matrix=replace(matrix, facts=facts.tocsr())))
    np.testing.assert_array_equal(served(made, changed, vector_of), served(made, lessons, vector_of))
    np.testing.assert_array_equal(served(fitted(changed)[1], lessons, vector_of), served(made, lessons, vector_of))
