"""Which patterns keep a beat, which only look as if they did, and how often either is mistaken for the other."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import accumulate
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.pattern import Rhythm
from triage.recurrence.rhythm import RHYTHM_CHANCE, find_rhythm

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 5, 4, tzinfo=UTC)
MINUTE, HOUR, DAY, WEEK = 60, 3_600, 86_400, 604_800


def at(*seconds: float, start: datetime = MONDAY) -> list[datetime]:
    return [start + timedelta(seconds=second) for second in seconds]


def rhythm_of(*seconds: float, zone: tzinfo = UTC) -> Rhythm | None:
    return find_rhythm(at(*seconds), zone)


def every(period: float, beats: int, start: float = 0) -> list[float]:
    return [start + beat * period for beat in range(beats)]


def berlin(first: datetime, days: int, step: int = 1) -> list[datetime]:
    """The same wall-clock time every ``step`` days. Where it does not exist, an hour later."""
    return [(first + timedelta(days=step * day)).astimezone(UTC) for day in range(days)]


@pytest.mark.parametrize("minutes", [5, 15, 60, 6 * 60, 12 * 60, 2 * 24 * 60, 10 * 24 * 60])
def test_equal_gaps_are_an_interval(minutes: int) -> None:
    found = rhythm_of(*every(minutes * MINUTE, 6))
    assert found is not None
    assert (found.kind, found.beats, found.missed) == ("interval", 6, 0)
    assert found.period_seconds == pytest.approx(minutes * MINUTE)
    assert (found.at, found.weekday) == (None, None)


def test_four_beats_are_no_rhythm_and_five_exact_ones_are() -> None:
    assert rhythm_of(*every(HOUR, 4)) is None
    assert rhythm_of(*every(HOUR, 5)) is not None


def test_what_is_faster_than_five_minutes_is_the_monitoring() -> None:
    assert rhythm_of(*every(4 * MINUTE, 20)) is None


def test_missed_beats_are_counted() -> None:
    found = rhythm_of(*(beat * HOUR for beat in range(12) if beat not in {3, 4, 9}))
    assert found is not None
    assert (found.beats, found.missed) == (9, 3)


def test_the_latest_beat_must_be_part_of_it() -> None:
    beats = every(HOUR, 12)
    assert rhythm_of(*beats) is not None
    assert rhythm_of(*beats, 11.5 * HOUR) is None
    assert rhythm_of(*beats, 12 * HOUR + 9 * MINUTE) is None


def test_a_beat_among_many_others_is_no_rhythm() -> None:
    beats, others = every(DAY, 20), [day * DAY + (5 + day % 15) * HOUR for day in range(0, 19, 2)]
    assert rhythm_of(*beats, *others[::4]) is not None
    assert rhythm_of(*beats, *others) is None


def test_several_machines_at_each_beat_are_one_beat() -> None:
    close = [beat * HOUR + machine for beat in range(6) for machine in range(0, 200, 50)]
    found = rhythm_of(*close)
    assert found is not None
    assert found.period_seconds == pytest.approx(HOUR, rel=0.02)
    assert found.beats == 6


def test_a_timer_set_anew_by_each_run_is_an_interval_though_it_drifts() -> None:
    chance = random.Random(3)
    found = rhythm_of(*accumulate(HOUR * chance.uniform(0.95, 1.05) for _ in range(64)))
    assert found is not None
    assert found.period_seconds == pytest.approx(HOUR, rel=0.03)


def test_a_daily_job_is_told_with_its_local_time() -> None:
    found = find_rhythm(berlin(datetime(2026, 6, 1, 2, 30, tzinfo=BERLIN), 7), BERLIN)
    assert found is not None
    assert (found.kind, found.at, found.weekday, found.period_seconds) == ("daily", "02:30", None, DAY)
    assert (found.weekdays_only, found.beats, found.missed) == (False, 7, 0)


def test_a_daily_job_around_midnight_has_one_time() -> None:
    found = rhythm_of(*(day * DAY + (-10, 10, 5)[day % 3] for day in range(1, 12)))
    assert found is not None
    assert (found.kind, found.at, found.missed) == ("daily", "00:00", 0)


@pytest.mark.parametrize("first", [datetime(2026, 3, 23, tzinfo=BERLIN), datetime(2026, 10, 19, tzinfo=BERLIN)])
@pytest.mark.parametrize("hour", [1, 4, 23])
def test_a_daily_job_keeps_its_hour_across_the_change_of_clocks(first: datetime, hour: int) -> None:
    happened = berlin(first.replace(hour=hour, minute=30), 12)
    found = find_rhythm(happened, BERLIN)
    assert found is not None
    assert (found.kind, found.at, found.beats) == ("daily", f"{hour:02d}:30", 12)
    assert found.chance < 1e-9


@pytest.mark.parametrize("ran_at", [(1, 0), (1, 30), None], ids=["at once", "an hour later", "not at all"])
@pytest.mark.parametrize("days_after", [0, 1, 5])
def test_the_missing_half_past_two_breaks_no_daily_job(ran_at: tuple[int, int] | None, days_after: int) -> None:
    # On 29 March 2026 the clocks of Berlin went from 02:00 to 03:00 at 01:00 UTC.
    before = berlin(datetime(2026, 3, 20, 2, 30, tzinfo=BERLIN), 9)
    on_the_day = [datetime(2026, 3, 29, *ran_at, tzinfo=UTC)] if ran_at else []
    after = berlin(datetime(2026, 3, 30, 2, 30, tzinfo=BERLIN), days_after)
    found = find_rhythm([*before, *on_the_day, *after], BERLIN)
    assert found is not None
    assert (found.kind, found.at) == ("daily", "02:30")


def test_the_double_half_past_two_is_one_beat() -> None:
    # On 25 October 2026 it was 02:30 in Berlin at 00:30 and again at 01:30 UTC.
    twice = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1)]
    for on_the_day in (twice, twice[:1], twice[1:]):
        for days_after in (0, 4):
            after = berlin(datetime(2026, 10, 26, 2, 30, tzinfo=BERLIN), days_after)
            found = find_rhythm(
                [*berlin(datetime(2026, 10, 19, 2, 30, tzinfo=BERLIN), 6), *on_the_day, *after], BERLIN
            )
            assert found is not None
            assert (found.kind, found.at, found.beats, found.missed) == ("daily", "02:30", 7 + days_after, 0)


def test_an_interval_keeps_to_absolute_time_when_the_clocks_change() -> None:
    start = datetime(2026, 3, 28, 12, tzinfo=UTC)
    found = find_rhythm(at(*every(3 * HOUR, 12), start=start), BERLIN)
    assert found is not None
    assert (found.kind, found.period_seconds, found.missed) == ("interval", pytest.approx(3 * HOUR), 0)


def test_a_job_of_the_working_days_misses_no_weekend() -> None:
    days = [day for day in range(14) if day % 7 < 5 and day != 8]
    found = rhythm_of(*(day * DAY + 6 * HOUR for day in days))
    assert found is not None
    assert (found.kind, found.at, found.weekdays_only) == ("daily", "06:00", True)
    assert (found.beats, found.missed) == (9, 1)


def test_a_daily_job_that_missed_one_weekend_among_other_days_is_no_job_of_the_working_days() -> None:
    found = rhythm_of(*(day * DAY for day in range(20) if day not in {1, 5, 6, 8, 15}))
    assert found is not None
    assert (found.weekdays_only, found.missed) == (False, 5)


def test_one_missed_weekend_may_be_luck() -> None:
    found = rhythm_of(*(day * DAY for day in range(12) if day not in {2, 5, 6, 9}))
    assert found is not None
    assert (found.weekdays_only, found.missed) == (False, 4)


def test_the_weekend_is_that_of_the_zone() -> None:
    auckland = ZoneInfo("Pacific/Auckland")
    local = [datetime(2026, 6, 1, 7, tzinfo=auckland) + timedelta(days=day) for day in range(19) if day % 7 < 5]
    found = find_rhythm([moment.astimezone(UTC) for moment in local], auckland)
    assert found is not None
    assert (found.at, found.weekdays_only, found.missed) == ("07:00", True, 0)
    in_utc = find_rhythm(local, UTC)
    assert in_utc is not None
    assert (in_utc.at, in_utc.weekdays_only) == ("19:00", False)


def test_a_weekly_batch_is_told_with_its_day_and_time_across_the_change_of_clocks() -> None:
    found = find_rhythm(berlin(datetime(2026, 3, 5, 22, 15, tzinfo=BERLIN), 8, step=7), BERLIN)
    assert found is not None
    assert (found.kind, found.weekday, found.at, found.period_seconds) == ("weekly", 3, "22:15", WEEK)
    assert (found.beats, found.missed) == (8, 0)


def test_every_other_day_is_neither_daily_nor_weekly() -> None:
    found = rhythm_of(*every(2 * DAY, 15))
    assert found is not None
    assert (found.kind, found.period_seconds) == ("interval", pytest.approx(2 * DAY))


def test_working_hours_are_no_daily_job_until_they_are_one_time() -> None:
    chance = random.Random(5)
    spread = [day * DAY + chance.uniform(9, 17) * HOUR for day in range(30) if day % 7 < 5]
    morning = [day * DAY + chance.uniform(9, 10) * HOUR for day in range(30) if day % 7 < 5]
    assert rhythm_of(*spread) is None
    found = rhythm_of(*morning)
    assert found is not None
    assert (found.kind, found.weekdays_only) == ("daily", True)


def test_a_new_schedule_is_seen_behind_the_old_one() -> None:
    old = every(DAY, 40)
    found = rhythm_of(*old, *every(15 * MINUTE, 12, start=old[-1] + 5 * HOUR))
    assert found is not None
    assert found.period_seconds == pytest.approx(15 * MINUTE)


def test_more_beats_leave_less_to_chance() -> None:
    few, many = rhythm_of(*every(HOUR, 6)), rhythm_of(*every(HOUR, 12))
    assert few is not None
    assert many is not None
    assert many.chance < few.chance < RHYTHM_CHANCE


# --- simulated patterns ---------------------------------------------------------------------------------------
Process = Callable[[random.Random, int], list[float]]


def poisson(chance: random.Random, count: int) -> list[float]:
    mean = 10 ** chance.uniform(2.8, 6.2)
    return list(accumulate(chance.expovariate(1 / mean) for _ in range(count)))


def half_regular(chance: random.Random, count: int) -> list[float]:
    """Gaps between half and one and a half of their mean."""
    mean = 10 ** chance.uniform(2.8, 6.2)
    return list(accumulate(mean * chance.uniform(0.5, 1.5) for _ in range(count)))


def bursts(chance: random.Random, count: int) -> list[float]:
    mean, second, happened = 10 ** chance.uniform(3.6, 6), 0.0, list[float]()
    while len(happened) < count:
        second += chance.expovariate(1 / mean)
        within = mean / 2 * chance.random() ** 3 + 20
        voice = second
        for _ in range(1 + int(chance.expovariate(1 / 4))):
            happened.append(voice)
            voice += chance.expovariate(1 / within)
    return sorted(happened)[:count]


def working_hours(chance: random.Random, count: int) -> list[float]:
    """Irregular from nine to five, on five days of seven."""
    an_hour, day, happened = 10 ** chance.uniform(-0.8, 0.8) / 8, 0, list[float]()
    while len(happened) < count:
        hour = 9 + chance.expovariate(an_hour)
        while day % 7 < 5 and hour < 17:
            happened.append(day * DAY + hour * HOUR)
            hour += chance.expovariate(an_hour)
        day += 1
    return happened[:count]


@pytest.mark.parametrize("process", [poisson, half_regular, bursts, working_hours])
def test_chance_is_hardly_ever_a_rhythm(process: Process) -> None:
    chance = random.Random(20)
    patterns = 1_500
    found = [rhythm_of(*process(chance, chance.randint(5, 64)), zone=BERLIN) for _ in range(patterns)]
    assert sum(rhythm is not None for rhythm in found) <= 3 * RHYTHM_CHANCE * patterns


def jittered(chance: random.Random, period: float, beats: int, strays: int) -> list[float]:
    """Beats up to 5 % of the period early or late, 10 to 20 % of them missed, and strays before the last."""
    missed, phase, cycle, happened = chance.uniform(0.1, 0.2), chance.random() * period, 0, list[float]()
    while len(happened) < beats:
        if not happened or chance.random() > missed:
            happened.append(phase + period * (cycle + chance.uniform(-0.05, 0.05)))
        cycle += 1
    return happened + [chance.uniform(happened[0], happened[-1] - period / 4) for _ in range(strays)]


@pytest.mark.parametrize(
    ("period", "kind"), [(900, "interval"), (6 * HOUR, "interval"), (DAY, "daily"), (WEEK, "weekly")]
)
@pytest.mark.parametrize(("beats", "strays"), [(8, 0), (10, 1), (16, 1), (64, 1)])
def test_a_jittered_rhythm_with_missed_beats_is_found(period: float, kind: str, beats: int, strays: int) -> None:
    chance = random.Random(21)
    patterns = 200
    found = [rhythm_of(*jittered(chance, period, beats, strays)) for _ in range(patterns)]
    right = [r for r in found if r and r.kind == kind and r.period_seconds == pytest.approx(period, rel=0.02)]
    assert len(right) >= 0.95 * patterns


# --- any moments ----------------------------------------------------------------------------------------------
offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
zones = st.one_of(st.just(UTC), offsets, st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe"]).map(ZoneInfo))
anywhere = st.datetimes(timezones=zones)
nearby = st.integers(0, 40 * 96).map(lambda quarter: MONDAY + timedelta(minutes=15 * quarter))


@given(st.lists(anywhere, max_size=70) | st.lists(nearby, max_size=70), zones, st.randoms())
def test_any_moments_have_a_rhythm_or_none_whatever_their_order(
    happened: list[datetime], zone: tzinfo, order: random.Random
) -> None:
    found = find_rhythm(happened, zone)
    shuffled = happened.copy()
    order.shuffle(shuffled)
    assert find_rhythm(shuffled, zone) == found
    if found is not None:
        assert 0 <= found.chance < RHYTHM_CHANCE
        assert found.period_seconds >= 299
        assert found.beats >= 5
        assert 0 <= found.missed <= found.beats
        assert (found.at is None) == (found.kind == "interval")
        assert (found.weekday is None) == (found.kind != "weekly")


@given(
    st.integers(5, 40),
    st.sampled_from([300, 1_000, HOUR, 7 * HOUR, DAY, 3 * DAY, WEEK]),
    st.integers(-700_000, 2_900_000),
)
def test_a_clockwork_is_always_found(beats: int, period: int, day: int) -> None:
    found = find_rhythm(at(*every(period, beats), start=MONDAY + timedelta(days=day)), UTC)
    assert found is not None
    assert found.period_seconds == pytest.approx(period)
    assert found.missed == 0
