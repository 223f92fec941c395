"""The beat that a pattern keeps, if it keeps one: every so often, every day or every week, tested against chance.

Occurrences are laid along a candidate period and counted in the window, some share of the period wide, that
holds most of them and the latest. How likely is such a window if there is no rhythm?

- *Daily and weekly*, on the local clock, so that a job keeps its hour when the clocks change. Without a rhythm,
  each occurrence falls by itself into the busy hours of people; the expected number of ways in which they
  fill as many windows as were filled bounds the probability from above (Markov's inequality).
- *Intervals*, on absolute time. The period is fitted, and things that rest before they return come at half-regular
  times; so nothing is made of one beat a period, only of the phases: uniform without a rhythm, hence a binomial
  tail. This is the question of Rayleigh's test (Mardia & Jupp, Directional Statistics, 2000, section 6.3.1),
  asked of a window, since a stray occurrence and late beats cost the mean resultant length too much.

Both are multiplied by the number of kinds and widths tried (Bonferroni). The phase, the nested windows of latest
beats and the fit of the period are not counted: the bounds leave room for them, as simulated patterns show.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from triage.domain.pattern import Rhythm

RHYTHM_CHANCE = 0.001
"""A flag that rules may act on must not be luck: one false rhythm in a thousand irregular patterns."""
FEWEST_BEATS = 5
LATEST_BEATS = (64, 32, 16, 8)
"""Older beats may belong to a schedule that has since been changed, and a timer set anew by each run drifts."""
BEAT_WIDTHS = (0.11, 0.05, 0.01)
"""Shares of the period, widest first: a run time that varies by 5 % either way, an hour in a day, a timer."""
KEPT_SHARE = 0.75
"""Share of the occurrences that must be on the beat, so that strays do not hide a rhythm, and are not one."""
FILLED_SHARE = 0.6
"""Share of the beats that must not be missed; at half of them, every second beat of another rhythm would do."""
WEEKEND_CHANCE = 0.05
"""From here on it is no coincidence that all the missed days of a daily job are its weekends."""
SHORTEST_PERIOD = timedelta(minutes=5)
"""A faster rhythm is that of the monitoring itself."""
SAME_BEAT = timedelta(minutes=1)
"""Occurrences this close are one beat: a job that fails on several machines."""

_TRIED = 4 * len(BEAT_WIDTHS)  # daily, on weekdays, weekly, interval
_HOUR, _DAY, _WEEK = 3_600.0, 86_400.0, 604_800.0
_BUSY_DAY, _BUSY_WEEK = 8 * _HOUR, 40 * _HOUR
_SHORTEST = SHORTEST_PERIOD.total_seconds() - 0.5  # rounds to the shortest
_FOLLOWED, _REFINED = 0.25, 0.15  # shares of the period by which a gap, then a beat, may be off while fitting it
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # a Thursday
_THURSDAY = 3
_EARLIEST = datetime.min.replace(tzinfo=UTC) + timedelta(days=2)
_LATEST = datetime.max.replace(tzinfo=UTC) - timedelta(days=2)


class _Fit(NamedTuple):
    """``cycles``: those with a beat on time, ascending, 0 the latest; ``centre``: where cycle 0's beat lies, in
    periods; ``occurrences``: beats on time and strays, ``width`` apart or more."""

    cycles: tuple[int, ...]
    centre: float
    occurrences: int
    width: float

    @property
    def beats(self) -> int:
        return len(self.cycles)

    @property
    def span(self) -> int:
        return 1 - self.cycles[0]


def find_rhythm(happened: Sequence[datetime], zone: tzinfo) -> Rhythm | None:
    """The rhythm of the latest beats, if the latest is part of it. ``happened``: aware moments in any order.

    Of the windows of latest beats, the longest that has a rhythm decides; within one, the calendar goes first.
    """
    beats: list[tuple[float, datetime]] = []
    for second, moment in sorted(((moment - _EPOCH).total_seconds(), moment) for moment in happened):
        if not beats or second - beats[-1][0] > SAME_BEAT.total_seconds():
            beats.append((second, moment))
    if len(beats) < FEWEST_BEATS:
        return None
    return _rhythm_of(tuple(beats[-LATEST_BEATS[0] :]), zone)


@lru_cache(maxsize=1_024)
def _rhythm_of(beats: tuple[tuple[float, datetime], ...], zone: tzinfo) -> Rhythm | None:
    """Remembered, since in a storm nothing but the count changes within a beat."""
    absolute = [second for second, _ in beats]
    local = [second + _offset(moment, zone) for second, moment in beats]
    for latest in LATEST_BEATS:
        if len(beats) > latest // 2 or latest == LATEST_BEATS[-1]:
            found = _find_calendar(local[-latest:]) or _find_interval(absolute[-latest:])
            if found is not None:
                return found
    return None


def _offset(moment: datetime, zone: tzinfo) -> float:
    """Seconds by which local time is ahead; the first and last days of the calendar have no local time."""
    offset = min(max(moment, _EARLIEST), _LATEST).astimezone(zone).utcoffset()
    return 0.0 if offset is None else offset.total_seconds()


def _find_calendar(local: Sequence[float]) -> Rhythm | None:
    """``local``: seconds of the local clock. On the day of a change, a job due in the hour that is left out runs
    up to an hour off, which the wider windows take; one that runs twice in the double hour is one beat."""
    daily = [_daily(fit) for fit in _fits([second / _DAY for second in local])]
    weekly = [_weekly(fit) for fit in _fits([second / _WEEK for second in local])]
    return _likeliest([found for found in (*daily, *weekly) if found is not None])


def _likeliest(found: Sequence[Rhythm]) -> Rhythm | None:
    best = min(found, key=lambda rhythm: rhythm.chance, default=None)
    return best if best is not None and best.chance < RHYTHM_CHANCE else None


def _daily(fit: _Fit) -> Rhythm | None:
    minute = round(fit.centre * _DAY / 60)
    latest_day = minute // (24 * 60) + _THURSDAY
    weekend = {cycle for cycle in range(fit.cycles[0], 1) if (latest_day + cycle) % 7 >= 5}
    weekdays_only = (
        bool(weekend)
        and weekend.isdisjoint(fit.cycles)
        # The hypergeometric probability that the missed days include every weekend.
        and math.comb(fit.span - len(weekend), fit.beats) <= WEEKEND_CHANCE * math.comb(fit.span, fit.beats)
    )
    days = fit.span - len(weekend) if weekdays_only else fit.span
    if fit.beats < FILLED_SHARE * days:
        return None
    return Rhythm(
        kind="daily",
        period_seconds=_DAY,
        at=_clock(minute),
        weekdays_only=weekdays_only,
        chance=_calendar_chance(fit, days, _share(fit.width * _DAY, _DAY)),
        beats=fit.beats,
        missed=days - fit.beats,
    )


def _weekly(fit: _Fit) -> Rhythm | None:
    minute = round(fit.centre * _WEEK / 60)
    if fit.beats < FILLED_SHARE * fit.span:
        return None
    return Rhythm(
        kind="weekly",
        period_seconds=_WEEK,
        at=_clock(minute),
        weekday=(minute // (24 * 60) + _THURSDAY) % 7,
        chance=_calendar_chance(fit, fit.span, _share(fit.width * _WEEK, _WEEK)),
        beats=fit.beats,
        missed=fit.span - fit.beats,
    )


def _clock(minute: int) -> str:
    return f"{minute // 60 % 24:02d}:{minute % 60:02d}"


def _find_interval(absolute: Sequence[float]) -> Rhythm | None:
    found = [
        Rhythm(
            kind="interval",
            period_seconds=period,
            chance=_interval_chance(fit, _share(fit.width * period, period)),
            beats=fit.beats,
            missed=fit.span - fit.beats,
        )
        for period in _periods(absolute)
        for fit in _fits([second / period for second in absolute])
        if fit.beats >= FILLED_SHARE * fit.span
    ]
    return _likeliest(found)


def _fits(places: Sequence[float]) -> Iterator[_Fit]:
    """The fullest window that holds the latest of ``places`` (in periods, ascending), for each width until too
    few are on time; what is not in a wide window is in no narrower one."""
    if places[-1] - places[0] < FEWEST_BEATS - 2:
        return
    for width in BEAT_WIDTHS:
        apart: list[float] = []
        for place in places:
            if not apart or place - apart[-1] > width:
                apart.append(place)
        if not _may_fill(apart):
            return
        near = []
        for place in apart:
            cycle = round(place - apart[-1])
            off = place - apart[-1] - cycle
            if abs(off) <= width:
                near.append((off, cycle))
        near.sort()
        best: list[tuple[float, int]] = []
        end = 0
        for start, (off, _) in enumerate(near):
            if off > 0:
                break
            while end < len(near) and near[end][0] <= off + width:
                end += 1
            best = max(best, near[start:end], key=len)
        cycles = tuple(sorted({cycle for _, cycle in best}))
        if len(cycles) < max(FEWEST_BEATS, KEPT_SHARE * len(apart)):
            return
        yield _Fit(cycles, apart[-1] + best[len(best) // 2][0], len(apart), width)


def _may_fill(apart: Sequence[float]) -> bool:
    """False where too many or too few for one a period leave nothing to count; most candidates end here."""
    oldest_kept = apart[int((1 - KEPT_SHARE) * len(apart))]
    return (
        len(apart) >= FEWEST_BEATS
        and KEPT_SHARE * len(apart) <= apart[-1] - apart[0] + 2
        and FILLED_SHARE * (apart[-1] - oldest_kept) * 5 / 7 <= len(apart)  # of a week, five days may count
    )


def _periods(beats: Sequence[float]) -> Iterator[float]:
    """Candidates in seconds: the median gap, and that between groups where beats come in groups, each fitted."""
    gaps = [later - earlier for earlier, later in pairwise(beats)]
    mean = (beats[-1] - beats[0]) / len(gaps)
    between_groups = median([gap for gap in gaps if gap > mean / 4])
    candidates = [median(gaps)]
    if between_groups > 1.1 * candidates[0]:
        candidates.append(between_groups)
    for candidate in candidates:
        period = _fitted(beats, candidate)
        if period >= _SHORTEST:
            yield period


def _fitted(beats: Sequence[float], period: float) -> float:
    """The period by least squares over the beats numbered by it; 0 where too few can be."""
    cycle, anchor = 0, beats[-1]
    numbered = [(0, anchor)]
    for beat in reversed(beats[:-1]):
        steps = (anchor - beat) / period
        if round(steps) >= 1 and abs(steps - round(steps)) <= _FOLLOWED:
            cycle, anchor = cycle - round(steps), beat
            numbered.append((cycle, anchor))
    for _ in range(2):
        numbers = {number for number, _ in numbered}
        if len(numbers) < FEWEST_BEATS or len(numbers) < FILLED_SHARE * (max(numbers) - min(numbers)):
            return 0.0
        middle = sum(number for number, _ in numbered) / len(numbered)
        centre = sum(beat for _, beat in numbered) / len(numbered)
        squares = sum((number - middle) ** 2 for number, _ in numbered)
        period = sum((number - middle) * (beat - centre) for number, beat in numbered) / squares
        if period < _SHORTEST:
            return 0.0
        places = [(middle + (beat - centre) / period, beat) for beat in beats]
        numbered = [(round(place), beat) for place, beat in places if abs(place - round(place)) <= _REFINED]
    return period


def _share(window: float, period: float) -> float:
    """How much of what happens by itself in a period may lie in a window of it, both in seconds. From 16 hours
    on, each period's window may meet the eight busy hours of a day, which are five days a week."""
    if period < 2 * _BUSY_DAY:
        return window / period
    days, rest = divmod(window, _DAY)
    busy = days * _BUSY_DAY + min(rest, _BUSY_DAY)
    return min(1.0, busy / (_BUSY_WEEK if period == _WEEK else period / 3))


def _calendar_chance(fit: _Fit, cycles: int, share: float) -> float:
    """``share``: that of the busy hours which a window of this width can hold. Beside the latest, ``others``
    occurrences fell anywhere in the busy hours of the other cycles, and filled the windows of ``filled``."""
    others, filled = fit.occurrences - 1, fit.beats - 1
    ways = math.comb(cycles - 1, filled) * math.perm(others, filled)
    return min(1.0, _TRIED * math.exp(math.log(ways) + filled * math.log(share / (cycles - 1))))


def _interval_chance(fit: _Fit, share: float) -> float:
    """Two beats set period and phase; each other is on time with probability ``share``."""
    others, kept = fit.occurrences - 2, fit.beats - 2
    tail = sum(math.comb(others, k) * share**k * (1 - share) ** (others - k) for k in range(kept, others + 1))
    return min(1.0, _TRIED * tail)
