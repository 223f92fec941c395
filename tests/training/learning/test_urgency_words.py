"""The priorities of well-known systems, most urgent first, as their users write them."""

import pytest

from training.learning.order import urgency_order


@pytest.mark.parametrize(
    "labels",
    [
        ("Blocker", "Critical", "Major", "Minor", "Trivial"),
        ("blocker", "critical", "major", "normal", "minor", "trivial", "enhancement"),
        ("Disaster", "High", "Average", "Warning", "Information"),
        ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"),
        ("critical", "major", "minor", "warning"),
        ("Highest", "High", "Medium", "Low", "Lowest"),
        ("Immediate", "Urgent", "High", "Normal", "Low"),
        ("fatal", "error", "warning", "info", "debug"),
        ("Very High", "High", "Medium", "Low", "Very Low"),
        ("Kritisch", "Hoch", "Mittel", "Niedrig"),
        ("critique", "élevée", "moyenne", "faible"),
        ("P0", "P1", "P2", "P3", "P4"),
        ("P1 - Urgent", "P2 - High", "P3"),
        ("Critical (P1)", "High (P2)", "Low (P3)"),
        ("Sev1", "SEV-2", "severity 3"),
    ],
    ids="/".join,
)
def test_usual_scales_are_read(labels: tuple[str, ...]):
    assert urgency_order(labels) == labels
    assert urgency_order(tuple(sorted(labels))) == labels


@pytest.mark.parametrize(
    "labels",
    [
        ("5 - Very high", "4 - High", "3 - Medium", "2 - Low", "1 - Very low"),
        ("Critical (4)", "High (3)", "Medium (2)", "Low (1)"),
        ("Level 3 - critical", "Level 2 - major", "Level 1"),
    ],
    ids="/".join,
)
def test_numbers_that_rise_with_urgency_are_seen_by_the_words_beside_them(labels: tuple[str, ...]):
    assert urgency_order(labels) == labels


@pytest.mark.parametrize(
    "labels",
    [
        ("1 - High", "2 - Critical", "3 - Low"),
        ("P1", "P2", "to be decided"),
        ("Blocker", "P1", "Minor"),
        ("normal", "medium", "high"),
    ],
    ids="/".join,
)
def test_what_words_and_numbers_say_differently_is_no_order(labels: tuple[str, ...]):
    assert urgency_order(labels) == ()
