"""A pattern's life as its page tells it: its rhythm, its trend, how it comes and goes, a chart of its counts."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

RhythmKind = Literal["interval", "daily", "weekly"]
Direction = Literal["rising", "falling", "steady"]
BucketWidth = Literal["day", "week", "month"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """The beat that a pattern keeps: a fixed ``interval``, or a local time of each day or of one day a week.

    ``period_seconds``: 86,400 for ``daily`` and 604,800 for ``weekly``, whatever the clocks do.
    ``at``: local ``HH:MM``, and ``weekday``: 0 (Monday) to 6, only where the calendar sets the beat.
    ``chance``: an upper bound of the probability that irregular occurrences look this regular, corrected for
    the rhythms tried. ``beats`` were kept and ``missed`` left out from the first of them to the latest; with
    ``weekdays_only``, a daily rhythm that pauses on Saturdays and Sundays, those are not missed.
    """

    kind: RhythmKind
    period_seconds: float
    at: str | None = None
    weekday: int | None = None
    weekdays_only: bool = False
    chance: float
    beats: int
    missed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """How the last ``recent_days`` compare with the ``earlier_days`` before them; today is in neither.

    ``chance``: two-sided probability of ranks this different if nothing changed. ``steady``: no change shown.
    """

    direction: Direction
    chance: float
    recent_days: int
    earlier_days: int
    recent_per_day: float
    earlier_per_day: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ComingAndGoing:
    """How a pattern's incidents open and close.

    ``within_an_hour``: incidents that opened and closed within an hour; ``most_in_an_hour``: of those, the most
    that lay within any one hour. ``quickly_closed_share``: of the incidents of which it can be said, in [0, 1].
    """

    within_an_hour: int = 0
    most_in_an_hour: int = 0
    quickly_closed_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Occurrences of the day, the week from Monday, or the month that begins on ``start``, a local date."""

    start: date
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternLife:
    """``flags``: those of an occurrence's statistics, in their order, then ``rare``. Durations in seconds; None
    where there is nothing to measure. ``trend``: None where there is too little to say. ``chart``: oldest first.
    """

    flags: tuple[str, ...]
    gap_median_seconds: float | None
    gap_p90_seconds: float | None
    rhythm: Rhythm | None
    trend: Trend | None
    coming_and_going: ComingAndGoing
    resolve_mean_seconds: float | None
    resolve_median_seconds: float | None
    bucket_width: BucketWidth
    chart: tuple[Bucket, ...]
