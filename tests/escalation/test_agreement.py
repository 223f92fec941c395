"""Who is on call by our rotation and by an independent computation on the exported calendar: the same person.

Forty schedules here; ``python -m bench.oncall`` asks about a thousand.
"""

from datetime import timedelta

import pytest

from bench import oncall_agreement as agreement
from bench.oncall_agreement import clock_changes, disagreements, disagreements_of_shifts, draw, moments


@pytest.mark.parametrize("tens", range(3))
def test_exported_rotation_says_the_same_person_at_every_moment(tens):
    for seed in range(tens * 10, tens * 10 + 10):
        assert list(disagreements(draw(seed), 1_000, seed)) == []


def test_exported_shifts_say_the_same_person_though_nights_are_limited():
    for seed in range(30, 36):
        assert list(disagreements_of_shifts(draw(seed), 1_000, seed)) == []


def test_hours_that_end_in_the_hour_that_the_clocks_skip_say_the_same():
    """Cairo's clocks go from midnight to one: half past midnight is read as half past one, after the hand-over."""
    assert list(disagreements(draw(139), 1_000, 139)) == []


def test_every_change_of_the_clocks_is_among_the_moments():
    changes = clock_changes()
    assert len(changes) == 20
    assert set(changes) <= set(moments(draw(0), 1_000, 0))


def test_comparison_would_notice_a_turn_that_is_an_hour_late(monkeypatch):
    ours = agreement.duty_at
    monkeypatch.setattr(agreement, "duty_at", lambda s, at, o=(): ours(s, at - timedelta(hours=1), o))
    assert sum(len(list(disagreements(draw(seed), 1_000, seed))) for seed in range(5)) > 50
