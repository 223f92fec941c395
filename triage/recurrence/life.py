"""What a pattern's page tells of its life: how often, in which rhythm, whether it becomes more, how it comes and
goes, how long it lasts. Every input is bounded by the caller, and nothing here costs more than sorting it."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from statistics import fmean, median, quantiles

from triage.domain.pattern import Bucket, BucketWidth, ComingAndGoing, PatternLife, Trend
from triage.recurrence.rhythm import find_rhythm
from triage.recurrence.statistics import describe_occurrences, is_rare

QUICKLY_CLOSED_WITHIN = timedelta(minutes=10)
"""Within one on-call reaction time: it was over before anybody could have mended it."""

TREND_CHANCE = 0.01
"""A page shows many patterns, and each is looked at again and again."""
TREND_SPANS = ((1, 14, 42), (7, 13, 39))
"""Days in a unit, recent units, earlier units at most: a fortnight against the six weeks before it, whole weeks,
so that weekends weigh alike; where that is too little to say, a quarter against the year's other three."""
TREND_OCCURRENCES = 10
TREND_UNITS = 5
"""Units that saw any: fewer are a burst or two."""

MOST_BUCKETS = 90

_HOUR = timedelta(hours=1)

Lasting = tuple[datetime, datetime | None]
"""When an incident was opened and, unless it is still open, resolved."""


def describe_life(
    *,
    daily: Mapping[date, int],
    recent: Sequence[datetime],
    incidents: Sequence[Lasting],
    first_seen_at: datetime,
    last_seen_at: datetime,
    occurrences: int,
    now: datetime,
    zone: tzinfo = UTC,
) -> PatternLife:
    """The life of a pattern as it stands at ``now``.

    ``daily``: occurrences by local date of ``zone`` over its whole life; days without any may be left out.
    ``recent``: its latest occurrences, some 1,000 at most, of which gaps, rhythm and flags are told.
    ``occurrences``: of its whole life, however many. A moment or a day in the future counts as now.
    """
    today = now.astimezone(zone).date()
    first_day = min(first_seen_at, now).astimezone(zone).date()
    counts: dict[date, int] = {}
    for day, count in daily.items():
        if count > 0:
            counts[min(day, today)] = counts.get(min(day, today), 0) + count
    born = min([first_day, *counts])
    times = sorted(min(moment, now) for moment in recent)
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    lasted = [_lasted(opened_at, resolved_at) for opened_at, resolved_at in incidents if resolved_at is not None]
    seconds = [duration.total_seconds() for duration in lasted]
    width, chart = _chart(counts, born, today)
    return PatternLife(
        flags=flags_of(
            recent=times,
            days=counts,
            first_seen_at=first_seen_at,
            last_seen_at=last_seen_at,
            occurrences=occurrences,
            now=now,
            zone=zone,
        ),
        gap_median_seconds=median(gaps) if gaps else None,
        gap_p90_seconds=_ninetieth_percentile(gaps),
        rhythm=find_rhythm(times, zone),
        trend=_trend(counts, born, today),
        coming_and_going=_coming_and_going(incidents, now),
        resolve_mean_seconds=fmean(seconds) if seconds else None,
        resolve_median_seconds=median(seconds) if seconds else None,
        bucket_width=width,
        chart=chart,
    )


def _lasted(opened_at: datetime, resolved_at: datetime) -> timedelta:
    """None is shorter than nothing, whatever the clocks of two machines say."""
    return max(resolved_at - opened_at, timedelta())


def _ninetieth_percentile(gaps: Sequence[float]) -> float | None:
    if len(gaps) < 2:
        return gaps[0] if gaps else None
    return quantiles(gaps, n=10, method="inclusive")[-1]


def flags_of(
    *,
    recent: Sequence[datetime],
    days: Iterable[date],
    first_seen_at: datetime,
    last_seen_at: datetime,
    occurrences: int,
    now: datetime,
    zone: tzinfo = UTC,
) -> tuple[str, ...]:
    """The flags of ``describe_life`` alone, at a tenth of its cost. ``days``: local dates on which it occurred, at
    least those of ``recent``; ``rare`` is told of them, since one outage has many voices, and of nothing that is
    frequent at present."""
    today = now.astimezone(zone).date()
    seen = {min(at, now).astimezone(zone).date() for at in (first_seen_at, last_seen_at)}
    seen.update(min(day, today) for day in days)
    latest = describe_occurrences(recent, now, zone).flags
    flags = [flag for flag in latest if flag != "rare" and (flag != "novel" or occurrences <= 1)]
    if is_rare(day.toordinal() for day in seen) and "frequent" not in flags:
        flags.append("rare")
    return tuple(flags)


def _trend(counts: Mapping[date, int], born: date, today: date) -> Trend | None:
    """Today is not over, and on the day of its birth it was certain to occur: both are left out."""
    for unit, recent, most_earlier in TREND_SPANS:
        units = ((today - born).days - 1) // unit
        earlier = min(most_earlier, units - recent)
        if unit == 1:
            earlier -= earlier % 7
        if earlier < recent:
            continue
        values = [0] * (recent + earlier)  # newest first
        for day, count in counts.items():
            place = ((today - day).days - 1) // unit
            if 0 <= place < len(values):
                values[place] += count
        if sum(values) >= TREND_OCCURRENCES and len(values) - values.count(0) >= TREND_UNITS:
            return _compared(values[:recent], values[recent:], unit)
    return None


def _compared(recent: Sequence[int], earlier: Sequence[int], unit: int) -> Trend:
    """The rank-sum test (Mann & Whitney, 1947; normal approximation with ties and continuity: Lehmann,
    Nonparametrics, 1975, section 1.4). Of ranks, since counts come in bursts: the conditional test of Poisson
    rates (Przyborowski & Wilenski, 1940) takes one bad day for a rise. An outage of several days is no several
    witnesses, so the variance grows with the correlation of neighbours (Hamed & Rao, 1998, at lag one)."""
    ranked = sorted([*recent, *earlier])
    rank_of = {value: (bisect_left(ranked, value) + bisect_right(ranked, value) + 1) / 2 for value in set(ranked)}
    few, many, both = len(recent), len(earlier), len(ranked)
    off = [
        [rank_of[value] - fmean(map(rank_of.__getitem__, part)) for value in part] for part in (recent, earlier)
    ]
    squares = sum(x * x for part in off for x in part)
    alike = sum(x * y for part in off for x, y in pairwise(part)) / squares if squares > 0 else 0.0
    # The variance of middle ranks holds the correction for ties.
    variance = few * many / both * fmean((rank - (both + 1) / 2) ** 2 for rank in map(rank_of.__getitem__, ranked))
    variance *= both / (both - 1) * (1 + max(alike, 0.0)) / (1 - max(alike, 0.0))
    surplus = sum(rank_of[value] for value in recent) - few * (both + 1) / 2
    distance = max(0.0, abs(surplus) - 0.5)
    chance = math.erfc(distance / math.sqrt(2 * variance)) if variance > 0 else 1.0
    return Trend(
        direction="steady" if chance >= TREND_CHANCE else "rising" if surplus > 0 else "falling",
        chance=chance,
        recent_days=few * unit,
        earlier_days=many * unit,
        recent_per_day=sum(recent) / (few * unit),
        earlier_per_day=sum(earlier) / (many * unit),
    )


def _coming_and_going(incidents: Sequence[Lasting], now: datetime) -> ComingAndGoing:
    """An open incident says nothing of how quickly it closes until it has been open for longer than quickly."""
    short = [
        (opened_at, opened_at + _lasted(opened_at, resolved_at))
        for opened_at, resolved_at in incidents
        if resolved_at is not None and _lasted(opened_at, resolved_at) <= _HOUR
    ]
    opened = sorted(opened_at for opened_at, _ in short)
    closed = sorted(closed_at for _, closed_at in short)
    quick = sum(closed_at - opened_at <= QUICKLY_CLOSED_WITHIN for opened_at, closed_at in short)
    told = sum(
        resolved_at is not None or now - opened_at > QUICKLY_CLOSED_WITHIN for opened_at, resolved_at in incidents
    )
    return ComingAndGoing(
        within_an_hour=len(short),
        # What was opened before the hour that ends with a closing was closed before it, since each is short.
        most_in_an_hour=max(
            (bisect_right(closed, end) - bisect_left(opened, end - _HOUR) for end in closed), default=0
        ),
        quickly_closed_share=quick / told if told else None,
    )


def _chart(counts: Mapping[date, int], born: date, today: date) -> tuple[BucketWidth, tuple[Bucket, ...]]:
    """From birth to today in the narrowest buckets that are few enough; of a longer life, the latest months."""
    days = (today - born).days + 1
    width: BucketWidth = "day" if days <= MOST_BUCKETS else "week" if days <= 7 * (MOST_BUCKETS - 1) else "month"
    buckets: dict[date, int] = {}
    start = _start(born, width)
    while start <= today:
        buckets[start] = 0
        start = _start(start + timedelta(days={"day": 1, "week": 7, "month": 31}[width]), width)
    for day, count in counts.items():
        buckets[_start(day, width)] += count
    return width, tuple(Bucket(start=start, count=count) for start, count in buckets.items())[-MOST_BUCKETS:]


def _start(day: date, width: BucketWidth) -> date:
    if width == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if width == "month" else day
