"""When a pattern is called frequent, bursting, flapping, periodic or novel."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.recurrence.statistics import OccurrenceStatistics, describe_occurrences

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def described(*minutes_ago: float) -> OccurrenceStatistics:
    """Statistics of occurrences this many minutes ago; the present one is added."""
    return describe_occurrences([NOW, *(NOW - timedelta(minutes=m) for m in minutes_ago)], NOW)


def test_the_first_occurrence_is_novel_and_nothing_else() -> None:
    assert described() == OccurrenceStatistics(flags=("novel",))
    assert described(60 * 24 * 9).flags == ()


def test_what_is_known_and_seen_again_after_weeks_is_rare() -> None:
    assert described(60 * 24 * 14).flags == ("rare",)
    assert described(60 * 24 * 60, 60 * 24 * 61, 60 * 24 * 90).flags == ("rare",)
    assert "rare" not in described(*(60 * 24 * day for day in (3, 6, 9, 60))).flags
    assert "rare" not in described(1, 2, 3, 4, 60 * 24 * 90).flags


def test_the_fifth_time_in_a_day_is_frequent() -> None:
    assert "frequent" not in described(100, 350, 900).flags
    assert "frequent" in described(100, 350, 900, 1_400).flags
    assert "frequent" not in described(100, 350, 900, 1_441).flags


def test_five_in_ten_minutes_are_a_burst() -> None:
    assert "burst" in described(0, 0, 1, 9).flags
    assert "burst" not in described(0, 0, 1, 11).flags


def test_coming_and_going_within_an_hour_is_flapping() -> None:
    assert "flapping" in described(10, 25, 40).flags
    assert "flapping" not in described(10, 25).flags
    assert "flapping" not in described(10, 25, 61).flags
    assert "flapping" not in described(30, 40, 50).flags


def test_many_voices_at_once_are_a_burst_and_no_flapping() -> None:
    assert described(0, 0.1, 0.1, 0.2).flags == ("frequent", "burst")


@pytest.mark.parametrize("period", [5, 60, 24 * 60, 7 * 24 * 60])
def test_equal_gaps_are_a_period(period: int) -> None:
    found = described(*(n * period for n in range(1, 6)))
    assert "periodic" in found.flags
    assert found.period_seconds == period * 60


def test_four_occurrences_are_no_period_yet() -> None:
    assert described(60, 120, 180).period_seconds is None
    assert described(60, 120, 180, 240).period_seconds == 3_600


def test_a_period_survives_jitter_missed_beats_and_a_stray() -> None:
    hours = [24.3, 47.8, 96.1, 120, 144.2, 167.9, 192, 200, 216.1, 240]
    found = described(*(hour * 60 for hour in hours))
    assert found.period_seconds == pytest.approx(86_400, rel=0.02)


def test_a_daily_job_stays_daily_when_the_clocks_change() -> None:
    found = described(*(60 * hours for hours in (24, 48, 73, 97, 121)))
    assert found.period_seconds == 86_400


def test_a_job_failing_on_several_machines_has_one_period() -> None:
    minutes = [beat * 60 + machine / 10 for beat in range(6) for machine in range(4)]
    assert described(*minutes).period_seconds == pytest.approx(3_600, abs=30)


def test_a_new_schedule_is_seen_behind_the_old_one() -> None:
    hourly = [60 * n for n in range(1, 17)]
    daily = [60 * (16 + 24 * n) for n in range(1, 40)]
    assert described(*hourly, *daily).period_seconds == 3_600


def test_an_occurrence_off_the_beat_is_not_periodic() -> None:
    assert described(*(30 + 60 * n for n in range(8))).period_seconds is None


def test_chance_is_hardly_ever_a_period() -> None:
    chance = random.Random(7)
    found = 0
    for _ in range(1_000):
        ago = 0.0
        minutes = [ago := ago + chance.expovariate(1 / 600) for _ in range(12)]
        found += described(*minutes).period_seconds is not None
    assert found <= 10


def test_a_clock_ahead_counts_as_now() -> None:
    ahead = [NOW + timedelta(days=400)] * 5
    assert describe_occurrences(ahead, NOW) == describe_occurrences([NOW] * 5, NOW)


moments = st.datetimes(timezones=st.just(UTC))


@given(st.lists(moments, max_size=70), moments)
def test_any_times_have_statistics_whatever_their_order(times: list[datetime], now: datetime) -> None:
    found = describe_occurrences(times, now)
    assert found == describe_occurrences(sorted(times), now)
    assert ("periodic" in found.flags) == (found.period_seconds is not None)
    assert found.period_seconds is None or found.period_seconds >= 300
