"""A pattern's life and what people changed of it, in plain words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.console.charts import Chart, Series, took
from triage.console.templating import percent, short
from triage.domain.catalogue import Catalogue
from triage.domain.pattern import PatternLife, Rhythm, Trend
from triage.recurrence import naming
from triage.store.pattern_glances import PatternGlance
from triage.store.pattern_history import PatternChange

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_BUCKETS = {"day": "Day", "week": "Week from", "month": "Month"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLine:
    """What somebody did: ``before`` the ``link`` (a pattern's id and name), and ``after`` it. ``quoted``: words of
    theirs; ``undone``: by whom and when it was taken back."""

    id: str
    at: datetime
    by: str
    before: str
    link: tuple[str, str] | None = None
    after: str = ""
    quoted: str = ""
    reason: str = ""
    undone: tuple[str, datetime] | None = None


def called(glance: PatternGlance, catalogue: Catalogue) -> str:
    known = catalogue.find_service(glance.service)
    return glance.name or naming.name_of(glance.titles, known.id if known else glance.service)


def rhythm_words(rhythm: Rhythm | None) -> str:
    if rhythm is None:
        return "It keeps no rhythm that could not be chance."
    match rhythm.kind:
        case "daily":
            beat = f"every {'working ' if rhythm.weekdays_only else ''}day at about {rhythm.at}"
        case "weekly":
            beat = f"every {WEEKDAYS[rhythm.weekday or 0]} at about {rhythm.at}"
        case "interval":
            beat = f"about every {short(timedelta(seconds=rhythm.period_seconds))}"
    missed = f", left out {_times(rhythm.missed)}" if rhythm.missed else ""
    return f"It comes {beat}: kept {_times(rhythm.beats)}{missed}."


def trend_words(trend: Trend | None) -> str:
    if trend is None:
        return "There is too little of it to tell a trend."
    word = {"rising": "It becomes more", "falling": "It becomes less", "steady": "It is steady"}[trend.direction]
    return (
        f"{word}: {_rate(trend.recent_per_day)} a day in the last {trend.recent_days} days,"
        f" {_rate(trend.earlier_per_day)} in the {trend.earlier_days} days before."
    )


def life_words(life: PatternLife) -> list[str]:
    """How it comes and goes, sentence by sentence; what nothing is known of is left out."""
    said = [rhythm_words(life.rhythm), trend_words(life.trend)]
    if life.rhythm is None and life.trend is None:
        said = ["It has come too seldom, or with too little order, to tell a rhythm or a trend."]
    if life.gap_median_seconds is not None and life.gap_median_seconds >= 1:
        said.append(
            f"Half of the time it comes again within {took(life.gap_median_seconds)},"
            f" nine times of ten within {took(life.gap_p90_seconds)}."
        )
    if life.resolve_median_seconds is not None:
        said.append(f"It lasts {took(life.resolve_median_seconds)} in the median.")
    going = life.coming_and_going
    if going.quickly_closed_share:
        said.append(f"{percent(going.quickly_closed_share)} of its incidents were over within ten minutes.")
    if going.most_in_an_hour > 2:
        said.append(f"It opened and closed {_times(going.most_in_an_hour)} within one hour.")
    return said


def chart_of(life: PatternLife, timezone: str) -> Chart:
    shown = "%b %Y" if life.bucket_width == "month" else "%d %b"
    return Chart(
        title="Occurrences",
        says=f"By {life.bucket_width}, in {timezone}.",
        x_label=_BUCKETS[life.bucket_width],
        x=[f"{bucket.start:{shown}}" for bucket in life.chart],
        series=(Series(label="occurrences", values=[bucket.count for bucket in life.chart], kind="bars"),),
    )


def changes_of(
    changes: Sequence[PatternChange], here: Sequence[str], names: Mapping[str, str], catalogue: Catalogue
) -> list[ChangeLine]:
    """``here``: the members of the pattern that the page shows; ``names``: of all others that are named."""
    return [_line(change, here, names, catalogue) for change in changes]


def _line(
    change: PatternChange, here: Sequence[str], names: Mapping[str, str], catalogue: Catalogue
) -> ChangeLine:
    own = change.pattern_id == here[0]
    other = change.other_id if own or change.other_id not in here else change.pattern_id
    link = (other, names.get(other, "a pattern")) if other else None
    before, after, quoted = "", "", ""
    match change.kind:
        case "merge" if own:
            before, after = "merged", "into this one"
        case "merge":
            before = "merged it into"
        case "split":
            incidents = len(change.detail.get("incidents", ()))
            split = f"{incidents} incident{'' if incidents == 1 else 's'}"
            now = "which is now" if incidents == 1 else "which are now"
            before = f"split {split} off, {now}" if own else f"split this off, {split}, from"
        case "difference":
            before = "said that it is not the same problem as"
        case "name" | "known_fix":
            link, said = None, change.detail.get("after")
            quoted = said or ""
            before = {
                ("name", True): "called it",
                ("name", False): "took its name away",
                ("known_fix", True): "said what mends it:",
                ("known_fix", False): "took the known fix away",
            }[change.kind, bool(said)]
    undone = (catalogue.person_name(change.undone_by or ""), change.undone_at) if change.undone_at else None
    return ChangeLine(
        id=change.id,
        at=change.made_at,
        by=catalogue.person_name(change.made_by),
        before=before,
        link=link,
        after=after,
        quoted=quoted,
        reason=change.reason,
        undone=undone,
    )


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _rate(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"
