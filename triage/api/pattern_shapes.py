"""What the API answers with about patterns. Times are RFC 3339 in UTC, durations seconds, days local dates."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field


class PatternItemView(BaseModel):
    """A family of patterns as a list shows it, under its root; counts are of all its members."""

    id: str
    name: str = Field(description="The given name, else one made of what its newest titles share")
    named: bool = Field(description="Whether a person gave the name")
    template: str
    service: str | None
    environment: str | None
    first_seen_at: datetime
    last_seen_at: datetime
    occurrences: int
    open_incidents: int
    silenced_until: datetime | None
    known_fix: bool
    flags: list[str] = Field(description="As its latest 64 occurrences tell them")


class PatternListView(BaseModel):
    patterns: list[PatternItemView]
    next_cursor: str | None


class MemberView(BaseModel):
    """A pattern of the family as it stands for itself; the root first."""

    id: str
    name: str | None
    template: str
    service: str | None
    environment: str | None
    first_seen_at: datetime
    last_seen_at: datetime
    occurrences: int
    known_fix: str | None


class RhythmView(BaseModel):
    """``at``: local time, and ``weekday``, 0 for Monday, only where the calendar sets the beat."""

    kind: str
    period_seconds: float
    at: str | None
    weekday: int | None
    weekdays_only: bool
    chance: float = Field(description="At most so likely are irregular occurrences to look this regular")
    beats: int
    missed: int


class TrendView(BaseModel):
    direction: str
    chance: float
    recent_days: int
    earlier_days: int
    recent_per_day: float
    earlier_per_day: float


class ComingAndGoingView(BaseModel):
    within_an_hour: int = Field(description="Incidents that opened and closed within an hour")
    most_in_an_hour: int
    quickly_closed_share: float | None = Field(description="Of its incidents, closed within ten minutes")


class BucketView(BaseModel):
    start: date
    count: int


class ChartView(BaseModel):
    """``width``: of a bucket, ``day``, ``week`` or ``month``; ``start``: the local date that it begins on."""

    width: str
    buckets: list[BucketView]


class LifeView(BaseModel):
    """How it comes and goes. Durations in seconds; null where there is nothing to measure."""

    flags: list[str]
    gap_median_seconds: float | None
    gap_p90_seconds: float | None
    rhythm: RhythmView | None
    trend: TrendView | None
    coming_and_going: ComingAndGoingView
    resolve_mean_seconds: float | None
    resolve_median_seconds: float | None
    chart: ChartView


class ResolutionView(BaseModel):
    """What resolved it, in a responder's words, and the newest incident that says so."""

    resolution: str
    incident_id: str
    by: str | None
    at: datetime


class KnownFixView(BaseModel):
    fix: str
    by: str | None
    at: datetime | None


class DecidedHistoryView(BaseModel):
    """Of the newest 500 incidents: how many stand at each value, the latest value, and how often people changed
    what was decided, ever, with their latest word."""

    counts: dict[str, int]
    latest: str | None
    overridden: int
    latest_override: str | None


class SilenceView(BaseModel):
    """Until it ends, alerts of the pattern that are no more urgent than ``priority`` tell nobody."""

    id: str
    pattern_id: str
    priority: str
    reason: str
    active: bool
    by: str
    made_at: datetime
    ends_at: datetime
    ended_by: str | None = Field(description="Who ended it early")
    ended_at: datetime | None
    suppressed: int = Field(description="How many occurrences it hid")
    suppressed_at: datetime | None = Field(description="When it last hid one")


class ChangeView(BaseModel):
    """What somebody did to a pattern. ``undone_at``: when it was taken back; nothing is ever deleted."""

    id: str
    kind: str = Field(description="merge, split, difference, name or known_fix")
    pattern_id: str
    other_id: str | None = Field(description="The pattern that was merged, split off or told apart")
    by: str
    at: datetime
    reason: str
    undone_by: str | None
    undone_at: datetime | None
    detail: dict[str, Any] = Field(
        description="Of a merge `members`; of a split `incidents`, the `words` by which its texts are told from"
        " others, and `only_exact_texts` where there are none; of a name or a known fix `before` and `after`"
    )


class KnownByView(BaseModel):
    exact_texts: int
    templates: int
    refused_templates: int = Field(description="Templates under which only exact texts are recognised")
    words: list[list[str]] = Field(description="By which texts of a template belong here rather than elsewhere")


class DifferentView(BaseModel):
    id: str
    change_id: str


class PatternView(BaseModel):
    """Everything that is known of a family of patterns. ``id`` is its root's, whichever member was asked for."""

    id: str
    merged_into: str | None = Field(description="The root, where it was asked for by another member's identifier")
    name: str
    named: bool
    template: str
    service: str | None
    environment: str | None
    runbook: str | None = Field(description="The catalogue's, of its service")
    first_seen_at: datetime
    last_seen_at: datetime
    occurrences: int
    counts: dict[str, int] = Field(description="Occurrences in the last 1h, 24h, 7d and 30d")
    open_incidents: int
    members: list[MemberView]
    life: LifeView
    services: dict[str, int] = Field(description="Of its newest 500 incidents")
    hosts: dict[str, int] = Field(description="How many of its newest 200 incidents name each in their labels")
    priorities: DecidedHistoryView
    teams: DecidedHistoryView
    resolutions: list[ResolutionView] = Field(description="The newest distinct ones")
    known_fix: KnownFixView | None
    silences: list[SilenceView] = Field(description="Those in force and those that are over, newest first")
    changes: list[ChangeView] = Field(description="Newest first")
    different_from: list[DifferentView] = Field(description="Patterns that somebody told apart from this one")
    known_by: KnownByView


class PatternChangedView(BaseModel):
    """The pattern as it is after the change."""

    pattern: PatternView
    change_id: str
    change: ChangeView


class SilencedView(BaseModel):
    silence: SilenceView


class SilenceListView(BaseModel):
    silences: list[SilenceView]
    next_cursor: str | None
