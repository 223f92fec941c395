"""What a pattern's page tells of its life."""

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.pattern import Bucket, ComingAndGoing, PatternLife
from triage.recurrence.life import MOST_BUCKETS, TREND_CHANCE, Lasting, describe_life
from triage.recurrence.statistics import describe_occurrences

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)  # a Monday
TODAY = NOW.date()
BERLIN = ZoneInfo("Europe/Berlin")


def ago(**units: float) -> datetime:
    return NOW - timedelta(**units)


def life(
    happened: Sequence[datetime] = (),
    *,
    daily: Mapping[date, int] | None = None,
    incidents: Sequence[Lasting] = (),
    occurrences: int | None = None,
    first_seen_at: datetime | None = None,
    now: datetime = NOW,
    zone: tzinfo = UTC,
) -> PatternLife:
    counted = daily if daily is not None else Counter(moment.astimezone(zone).date() for moment in happened)
    return describe_life(
        daily=counted,
        recent=happened,
        incidents=incidents,
        first_seen_at=first_seen_at or min(happened, default=now),
        last_seen_at=max(happened, default=now),
        occurrences=occurrences if occurrences is not None else max(len(happened), sum(counted.values())),
        now=now,
        zone=zone,
    )


def counted(*newest_first: int, born_days_ago: int | None = None) -> PatternLife:
    """The life of a pattern with these occurrences a day, yesterday first."""
    daily = {TODAY - timedelta(days=place): count for place, count in enumerate(newest_first, 1)}
    return life(daily=daily, first_seen_at=ago(days=born_days_ago or len(newest_first) + 1))


def lasted(*minutes: float, every: float = 120) -> list[Lasting]:
    """Incidents that open every so many minutes and last this long."""
    opened = [ago(days=20) + timedelta(minutes=every * place) for place in range(len(minutes))]
    return [(at, at + timedelta(minutes=lasting)) for at, lasting in zip(opened, minutes, strict=True)]


# --- gaps and flags -------------------------------------------------------------------------------------------
def test_gaps_are_told_in_seconds() -> None:
    found = life([ago(minutes=minutes) for minutes in (0, 1, 3, 6, 10, 15, 21, 28, 36, 45, 145)])
    assert found.gap_median_seconds == 5.5 * 60
    assert found.gap_p90_seconds == pytest.approx(60 * (9 + 0.1 * 91))


def test_one_occurrence_has_no_gap_and_two_have_one() -> None:
    assert life([NOW]).gap_median_seconds is life([NOW]).gap_p90_seconds is None
    found = life([NOW, ago(hours=1)])
    assert found.gap_median_seconds == found.gap_p90_seconds == 3_600


def test_flags_are_those_of_the_statistics_in_their_order() -> None:
    happened = [ago(minutes=minutes) for minutes in (0, 15, 30, 45, 60, 75)]
    found = life(happened)
    assert found.flags == describe_occurrences(happened, NOW).flags == ("frequent", "periodic", "flapping")
    assert found.rhythm is not None
    assert found.rhythm.period_seconds == pytest.approx(900)


def test_a_rhythm_is_told_in_local_time() -> None:
    happened = [datetime(2026, 4, day, 2, 30, tzinfo=BERLIN).astimezone(UTC) for day in range(1, 12)]
    found = life(happened, zone=BERLIN)
    assert found.rhythm is not None
    assert (found.rhythm.kind, found.rhythm.at) == ("daily", "02:30")


def test_only_the_first_occurrence_ever_is_novel() -> None:
    assert life([NOW]).flags == ("novel",)
    assert life([NOW], occurrences=2).flags == ()


def test_what_comes_back_after_weeks_is_rare() -> None:
    assert life([NOW, ago(days=14)]).flags == ("rare",)
    assert life([NOW, ago(days=13)]).flags == ()
    assert life([NOW, ago(days=1), ago(days=40), ago(days=100), ago(days=101), ago(days=150)]).flags == ("rare",)
    assert life([NOW, ago(days=1), ago(days=2), ago(days=100), ago(days=101), ago(days=150)]).flags == ()


def test_many_voices_of_a_rare_outage_leave_it_rare() -> None:
    happened = [ago(days=days, seconds=voice) for days in (3, 50, 110) for voice in range(20)]
    assert life(happened).flags == ("rare",)


def test_nothing_is_rare_and_frequent() -> None:
    assert life([NOW, *(ago(hours=hours) for hours in (3, 4, 7, 11)), ago(days=60)]).flags == ("frequent",)


def test_a_job_every_four_weeks_is_periodic_and_rare() -> None:
    assert life([ago(days=28 * month) for month in range(8)]).flags == ("periodic", "rare")


# --- trend ----------------------------------------------------------------------------------------------------
def test_twice_as_often_for_a_fortnight_is_rising_and_half_is_falling() -> None:
    few, many = (4, 5, 6, 5, 4, 7, 5), (9, 11, 10, 8, 12, 10, 9)
    rising, falling = counted(*many * 2, *few * 6).trend, counted(*few * 2, *many * 6).trend
    assert rising is not None
    assert falling is not None
    assert (rising.direction, falling.direction) == ("rising", "falling")
    assert rising.chance < 1e-4
    assert (rising.recent_days, rising.earlier_days) == (14, 42)
    assert (rising.recent_per_day, rising.earlier_per_day) == (pytest.approx(69 / 7), pytest.approx(36 / 7))


def test_one_bad_day_is_no_trend() -> None:
    usual = (1, 0, 2, 0, 1, 0, 1) * 8
    for bad_day in (0, 5, 13, 20):
        found = counted(*usual[:bad_day], 1_000, *usual[bad_day + 1 :]).trend
        assert found is not None
        assert found.direction == "steady"


def test_one_outage_of_six_days_is_no_trend() -> None:
    found = counted(0, 0, 9, 14, 12, 8, 11, 7, *[0] * 6, *(0, 0, 0, 0, 0, 0, 1) * 6).trend
    assert found is not None
    assert found.direction == "steady"


def test_the_chance_of_a_trend_is_that_of_the_rank_sum_test() -> None:
    # As scipy.stats.mannwhitneyu has it, by its asymptotic method, with continuity; neighbours are not alike.
    recent = (4, 0, 2, 5, 1, 4, 0, 3, 6, 0, 3, 1, 5, 2)
    earlier = (1, 0, 2, 0, 3, 0, 1, 0, 2, 1, 0, 4, 0, 1, 0, 2, 0, 1, 3, 0, 0, 1, 0, 2, 0, 0, 1, 0)
    found = counted(*recent, *earlier).trend
    assert found is not None
    assert (found.direction, found.earlier_days) == ("rising", 28)
    assert found.chance == pytest.approx(0.007269364023168764)


def test_what_has_stopped_is_falling() -> None:
    found = counted(*[0] * 14, *(1, 2, 0, 3, 1, 1, 2) * 6).trend
    assert found is not None
    assert (found.direction, found.recent_per_day) == ("falling", 0)


def test_weekends_are_no_trend() -> None:
    found = counted(*(0, 0, 5, 5, 5, 5, 5) * 8).trend
    assert found is not None
    assert (found.direction, found.chance) == ("steady", 1.0)


def test_what_is_seldom_is_compared_by_quarters() -> None:
    weeks = [1] * 13 + [1 if week % 4 == 0 else 0 for week in range(39)]
    found = life(
        daily={TODAY - timedelta(days=7 * week + 3): n for week, n in enumerate(weeks) if n},
        first_seen_at=ago(days=400),
    ).trend
    assert found is not None
    assert (found.direction, found.recent_days, found.earlier_days) == ("rising", 91, 273)


@pytest.mark.parametrize("counts", [(), (9,) * 27, (0,) * 56, (3, 3, 3, 3) + (0,) * 52, (1,) * 9 + (0,) * 47])
def test_too_little_says_nothing_of_a_trend(counts: tuple[int, ...]) -> None:
    assert counted(*counts).trend is None


def test_today_and_the_day_of_birth_say_nothing() -> None:
    usual = {TODAY - timedelta(days=days): 1 + days % 3 for days in range(1, 29)}
    born = TODAY - timedelta(days=29)
    trends = {
        life(daily=usual | {TODAY: today, born: birth}, first_seen_at=ago(days=29)).trend
        for today, birth in ((0, 0), (5_000, 1), (0, 5_000))
    }
    assert len(trends) == 1
    assert None not in trends


def test_a_young_pattern_is_compared_in_whole_weeks() -> None:
    found = counted(*[2, 3] * 20).trend
    assert found is not None
    assert (found.recent_days, found.earlier_days) == (14, 21)


def steady(chance: random.Random) -> int:
    return sum(chance.random() < 0.1 for _ in range(12))


def overdispersed(chance: random.Random) -> int:
    return int(chance.expovariate(0.02)) if chance.random() < 0.15 else 0


@pytest.mark.parametrize("occurrences", [steady, overdispersed])
def test_chance_is_seldom_a_trend(occurrences: Callable[[random.Random], int]) -> None:
    chance = random.Random(8)
    found = [counted(*(occurrences(chance) for _ in range(chance.randint(28, 70)))).trend for _ in range(600)]
    told = [trend for trend in found if trend is not None]
    assert len(told) > 400
    assert sum(trend.direction != "steady" for trend in told) <= 1.5 * TREND_CHANCE * len(told)


# --- opening and closing --------------------------------------------------------------------------------------
def test_times_to_resolve_leave_the_open_incidents_out() -> None:
    found = life(incidents=[*lasted(10, 20, 90), (ago(hours=3), None)])
    assert found.resolve_mean_seconds == 40 * 60
    assert found.resolve_median_seconds == 20 * 60
    assert life(incidents=[(ago(hours=3), None)]).resolve_mean_seconds is None


def test_closing_before_opening_takes_no_time() -> None:
    found = life(incidents=lasted(-5))
    assert found.resolve_mean_seconds == 0
    assert found.coming_and_going.quickly_closed_share == 1


def test_opening_and_closing_within_an_hour_is_counted() -> None:
    found = life(incidents=lasted(5, 60, 61, 9, 10, 600)).coming_and_going
    assert found == ComingAndGoing(within_an_hour=4, most_in_an_hour=1, quickly_closed_share=0.5)


def test_the_worst_hour_of_coming_and_going_is_found() -> None:
    assert life(incidents=lasted(60)).coming_and_going.most_in_an_hour == 1
    flapping = lasted(5, 5, 5, 5, 5, 5, every=15)
    assert life(incidents=flapping).coming_and_going.most_in_an_hour == 4
    assert life(incidents=[*flapping, *lasted(55, 2, 2, every=1)]).coming_and_going.most_in_an_hour == 7


def test_what_has_just_opened_is_not_told_as_slow() -> None:
    one = lasted(5)
    assert life(incidents=[*one, (ago(minutes=9), None)]).coming_and_going.quickly_closed_share == 1
    assert life(incidents=[*one, (ago(minutes=11), None)]).coming_and_going.quickly_closed_share == 0.5
    assert life(incidents=[(ago(minutes=9), None)]).coming_and_going.quickly_closed_share is None


# --- chart ----------------------------------------------------------------------------------------------------
def test_a_short_life_is_charted_by_days_to_today() -> None:
    found = life([ago(days=3), ago(days=3), ago(days=1)])
    assert found.bucket_width == "day"
    assert [bucket.count for bucket in found.chart] == [2, 0, 1, 0]
    assert found.chart[-1].start == TODAY


@pytest.mark.parametrize(
    ("days", "width", "buckets", "first"),
    [
        (0, "day", 1, TODAY),
        (89, "day", 90, TODAY - timedelta(days=89)),
        (90, "week", 14, date(2026, 2, 2)),
        (600, "week", 87, date(2024, 9, 9)),
        (622, "week", 90, date(2024, 8, 19)),
        (623, "month", 22, date(2024, 8, 1)),
        (700, "month", 24, date(2024, 6, 1)),
        (20 * 365, "month", 90, date(2018, 12, 1)),
    ],
)
def test_a_longer_life_is_charted_in_wider_buckets(days: int, width: str, buckets: int, first: date) -> None:
    found = life(first_seen_at=ago(days=days))
    assert (found.bucket_width, len(found.chart), found.chart[0].start) == (width, buckets, first)


def test_days_are_those_of_the_zone() -> None:
    late = datetime(2026, 5, 4, 23, tzinfo=UTC)
    assert life([late], now=late).chart == (Bucket(start=date(2026, 5, 4), count=1),)
    assert life([late], now=late, zone=BERLIN).chart == (Bucket(start=date(2026, 5, 5), count=1),)


def test_a_clock_ahead_counts_as_now() -> None:
    ahead = life([NOW + timedelta(days=9)], first_seen_at=NOW + timedelta(days=9))
    assert ahead == life([NOW])


@given(st.dictionaries(st.integers(-3, 4_000), st.integers(0, 10**6), max_size=80), st.integers(0, 3_000))
def test_every_occurrence_of_a_life_is_in_its_chart(ago_days: dict[int, int], born: int) -> None:
    daily = {TODAY - timedelta(days=days): count for days, count in ago_days.items()}
    found = life(daily=daily, first_seen_at=ago(days=born))
    starts = [bucket.start for bucket in found.chart]
    assert 1 <= len(starts) <= MOST_BUCKETS
    assert starts == sorted(set(starts))
    assert sum(bucket.count for bucket in found.chart) == sum(n for day, n in daily.items() if day >= starts[0])
    assert starts[0] <= TODAY - timedelta(days=born) or len(starts) == MOST_BUCKETS


def test_a_million_occurrences_are_told_at_once() -> None:
    chance = random.Random(1)
    daily = {TODAY - timedelta(days=days): chance.randint(0, 800) for days in range(2_500)}
    recent = [ago(seconds=chance.uniform(0, 10**6)) for _ in range(1_000)]
    incidents = lasted(*(chance.expovariate(1 / 40) for _ in range(1_000)), every=25)
    started = time.process_time()
    found = life(recent, daily=daily, incidents=incidents, first_seen_at=ago(days=2_500), occurrences=10**6)
    assert time.process_time() - started < 0.5
    assert found.trend is not None
    assert found.bucket_width == "month"
