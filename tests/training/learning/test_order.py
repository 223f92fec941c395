import pytest

from training.learning.order import cost_matrix, urgency_order
from training.recipes import CostRecipe


@pytest.mark.parametrize(
    "labels",
    [
        ("P1", "P2", "P3", "P4", "P5"),
        ("1 - Critical", "2 - High", "3 - Moderate", "4 - Low", "5 - Planning"),
        ("sev-1", "Sev 2", "SEV3"),
        ("P2", "P9", "P10"),
        ("Priority 1", "priority-2"),
        ("Critical", "High", "Medium", "Low"),
        ("blocker", "critical", "major", "minor", "info"),
        ("page", "error", "warning", "none"),
    ],
)
def test_the_order_is_read_from_numbers_or_common_words_whatever_the_labels_order(labels: tuple[str, ...]):
    assert urgency_order(labels) == labels
    assert urgency_order(tuple(sorted(labels, reverse=True))) == labels


@pytest.mark.parametrize(
    "labels",
    [
        ("red", "green"),
        ("High", "Major"),
        ("Critical", "High", "whenever"),
        ("P1", "p-1"),
        ("P1", "High"),
        ("Kriittinen", "Korkea"),
    ],
    ids=["unknown words", "two of one rank", "one unknown", "one number twice", "mixed", "other languages"],
)
def test_an_order_that_is_not_clear_is_no_order(labels: tuple[str, ...]):
    assert urgency_order(labels) == ()


def test_costs_grow_with_the_ranks_between_and_missing_the_most_urgent_costs_more():
    costs = CostRecipe(over=1.0, under=1.5, missed=2.0)
    assert cost_matrix(("P1", "P2", "P3"), ("P1", "P2", "P3"), costs) == (
        (0.0, 3.5, 5.0),
        (1.0, 0.0, 1.5),
        (2.0, 1.0, 0.0),
    )


def test_costs_are_told_in_the_heads_order_of_labels():
    costs = CostRecipe(over=1.0, under=1.5, missed=2.0)
    plain = cost_matrix(("P1", "P2", "P3"), ("P1", "P2", "P3"), costs)
    turned = cost_matrix(("P3", "P1", "P2"), ("P1", "P2", "P3"), costs)
    at = {"P1": 1, "P2": 2, "P3": 0}
    for true, row in zip(("P1", "P2", "P3"), plain, strict=True):
        for said, cost in zip(("P1", "P2", "P3"), row, strict=True):
            assert turned[at[true]][at[said]] == cost
