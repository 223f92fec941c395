from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.learning.split import Split, known_before, later_rows, split_rows
from training.recipes import SplitRecipe

RECIPE = SplitRecipe(blocks=3, block_share=0.2, least_dated=100)
DAY = np.datetime64("2025-01-01T00:00:00", "s")
NEVER = np.datetime64("NaT")


def days(numbers: np.ndarray) -> np.ndarray:
    """Whole days after the first, as moments."""
    return DAY + np.asarray(numbers, dtype=np.int64).astype("timedelta64[D]").astype("timedelta64[s]")


def at_once(rows: int) -> np.ndarray:
    return np.full(rows, NEVER, dtype="datetime64[s]")


def split(
    rows: int,
    *,
    moments: np.ndarray | None = None,
    known_at: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    recipe: SplitRecipe = RECIPE,
) -> Split:
    """By default one row a day in a mixed order, each of a pattern of its own, two labels in turn."""
    order = np.random.default_rng(4).permutation(rows)
    return split_rows(
        np.arange(rows) % 2 if labels is None else labels,
        np.arange(rows) if groups is None else groups,
        days(order) if moments is None else moments,
        at_once(rows) if known_at is None else known_at,
        recipe,
        7,
    )


@given(st.integers(100, 160), st.integers(0, 1_000))
def test_by_time_nothing_later_or_not_yet_known_is_fitted_on(rows: int, seed: int):
    chance = np.random.default_rng(seed)
    # Many rows share a moment, and labels become known up to 60 days later.
    moments = days(chance.integers(0, 40, rows))
    known_at = moments + (days(chance.integers(0, 60, rows)) - DAY)
    known_at[chance.random(rows) < 0.2] = NEVER
    found = split(rows, moments=moments, known_at=known_at, groups=chance.integers(0, 30, rows))
    if found.by == "pattern":
        return
    for fold in found.folds:
        cut = moments[fold.held_out].min()
        assert (moments[fold.fitted] < cut).all()
        known = known_at[fold.fitted]
        assert (np.isnat(known) | (known <= cut)).all()
        assert (np.diff(fold.fitted) > 0).all()
        assert (np.diff(fold.held_out) > 0).all()


def test_by_time_the_last_parts_are_held_out_one_after_the_other():
    order = np.random.default_rng(1).permutation(200)
    found = split(200, moments=days(order))
    assert found.by == "time"
    assert [sorted(order[fold.held_out].tolist()) for fold in found.folds] == [
        list(range(80, 120)),
        list(range(120, 160)),
        list(range(160, 200)),
    ]
    assert [len(fold.fitted) for fold in found.folds] == [80, 120, 160]
    assert found.judged == found.folds[-1:]


def test_labels_not_known_yet_are_counted():
    moments = days(np.arange(200))
    known_at = moments + np.timedelta64(10, "D")
    found = split(200, moments=moments, known_at=known_at)
    # Known on the day of the cut is known; the nine days before each of the three cuts are not.
    assert found.unknown_yet == 3 * 9
    assert [len(fold.fitted) for fold in found.folds] == [71, 111, 151]


def test_a_row_without_a_date_is_neither_fitted_nor_held_out_by_time():
    moments = days(np.arange(200))
    moments[::10] = NEVER
    found = split(200, moments=moments)
    used = np.concatenate([rows for fold in found.folds for rows in (fold.fitted, fold.held_out)])
    assert found.by == "time"
    assert not np.isnat(moments[used]).any()


def test_only_held_out_rows_of_patterns_that_were_not_fitted_on_are_new():
    groups = np.arange(200)
    groups[190], groups[195] = groups[10], groups[191]
    last = split(200, moments=days(np.arange(200)), groups=groups).folds[-1]
    assert last.held_out[~last.new].tolist() == [190]


@pytest.mark.parametrize(
    ("rows", "moments"),
    [
        (99, days(np.arange(99))),
        (200, at_once(200)),
        (200, np.where(np.arange(200) % 2, days(np.arange(200)), NEVER)),
        (200, days(np.zeros(200))),
        (200, days(np.arange(200) % 3)),
    ],
    ids=["few", "undated", "half dated", "one moment", "no more moments than parts"],
)
def test_what_time_cannot_split_is_split_by_pattern(rows: int, moments: np.ndarray):
    found = split(rows, moments=moments)
    assert found.by == "pattern"
    assert found.unknown_yet == 0
    assert found.judged == found.folds


def test_a_past_that_knows_one_label_only_is_not_split_by_time():
    labels = np.where(np.arange(200) < 150, 0, 1)
    assert split(200, moments=days(np.arange(200)), labels=labels).by == "pattern"


def test_labels_that_all_became_known_at_the_end_are_not_split_by_time():
    found = split(200, moments=days(np.arange(200)), known_at=days(np.full(200, 500)))
    assert found.by == "pattern"


@given(st.integers(0, 1_000), st.integers(12, 90), st.integers(2, 20))
def test_by_pattern_no_row_is_held_out_twice_and_patterns_are_on_one_side(seed: int, rows: int, patterns: int):
    chance = np.random.default_rng(seed)
    groups = np.concatenate((np.arange(2), chance.integers(0, patterns, rows - 2)))
    labels = np.concatenate((np.repeat([0, 1], 6), chance.integers(0, 3, rows - 12)))
    found = split(rows, groups=groups, labels=labels)
    held_out = [at for fold in found.folds for at in fold.held_out.tolist()]
    assert len(set(held_out)) == len(held_out)
    for fold in found.folds:
        assert fold.new.all()
        assert not set(groups[fold.fitted]) & set(groups[fold.held_out])
        assert sorted([*fold.fitted.tolist(), *fold.held_out.tolist()]) == list(range(rows))
        assert len(set(labels[fold.fitted])) > 1


def test_by_pattern_every_row_is_held_out_once():
    found = split(90, groups=np.arange(90) // 3)
    assert len(found.folds) == RECIPE.folds
    assert sorted(at for fold in found.folds for at in fold.held_out.tolist()) == list(range(90))


def test_labels_with_fewer_rows_than_folds_are_split_all_the_same():
    found = split(12, labels=np.arange(12) % 4)
    assert sum(len(fold.held_out) for fold in found.folds) == 12


def test_what_would_leave_a_single_label_to_learn_from_is_not_held_out():
    labels = np.repeat([0, 1], [20, 4])
    groups = np.concatenate((np.arange(20), np.full(4, 20)))
    found = split(24, labels=labels, groups=groups)
    held_out = np.concatenate([fold.held_out for fold in found.folds])
    assert found.folds
    assert 1 not in labels[held_out]


@pytest.mark.parametrize("groups", [np.zeros(20, dtype=np.int64), np.arange(20) % 2], ids=["one", "one a label"])
def test_patterns_that_cannot_be_taken_apart_have_no_split(groups: np.ndarray):
    assert split(20, groups=groups).folds == ()


@pytest.mark.parametrize("dated", [True, False], ids=["by time", "by pattern"])
def test_rows_of_labels_left_to_rules_are_held_out_and_never_fitted_on(dated: bool):
    labels = np.arange(200) % 3 - 1
    found = split(200, labels=labels, moments=days(np.arange(200)) if dated else at_once(200))
    assert found.by == ("time" if dated else "pattern")
    assert all((labels[fold.fitted] >= 0).all() for fold in found.folds)
    assert all((labels[fold.held_out] == -1).any() for fold in found.folds)


@pytest.mark.parametrize("dated", [True, False])
def test_rows_of_which_all_labels_are_left_to_rules_have_no_split(dated: bool):
    labels = np.full(200, -1)
    found = split(200, labels=labels, moments=days(np.arange(200)) if dated else at_once(200))
    assert found.folds == ()


def test_the_same_rows_are_split_the_same():
    first, second = split(60), split(60)
    for one, other in zip(first.folds, second.folds, strict=True):
        np.testing.assert_array_equal(one.held_out, other.held_out)


def test_the_parts_and_their_share_are_the_recipes():
    found = split(100, moments=days(np.arange(100)), recipe=replace(RECIPE, blocks=2, block_share=0.3))
    assert [(len(fold.fitted), len(fold.held_out)) for fold in found.folds] == [(40, 30), (70, 30)]


def test_the_later_rows_are_the_last_share_of_the_dated_ones():
    moments = days(np.array([9, 0, 5, 7, 3, 1, 8, 2, 6, 4]))
    moments[3] = NEVER
    rows, cut = later_rows(moments, 0.3)
    assert rows.tolist() == [8, 6, 0]
    assert cut == moments[8]


def test_known_before_a_cut_is_what_happened_earlier_and_was_labelled_by_then():
    moments = days(np.array([0, 0, 0, 5, 9]))
    known_at = np.array([NEVER, *days([4, 6]), NEVER, NEVER], dtype="datetime64[s]")
    moments[4] = NEVER
    assert known_before(moments, known_at, days(np.array([5]))[0]).tolist() == [True, True, False, False, False]
