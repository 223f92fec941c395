"""Whether escalation works: how often, how fast, at whose cost; and whether deadlines fit what people can do."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from triage.domain.catalogue import Catalogue
from triage.store.figures import Course, Figures, Paged, Waited

NIGHT = (22, 6)
"""Hours of a person's own clock between which a page wakes them."""
ENOUGH = 20
"""Answers from which a deadline is suggested."""
SUGGESTED_FOR = 0.9
"""Share of the answers that come within a suggested deadline."""
_ROUNDED = ((600, 60), (3600, 300), (14_400, 900), (math.inf, 3600))
"""Up to so many seconds, a suggestion is rounded up to a multiple of so many."""


class Grouping(Enum):
    TEAM = "team"
    SERVICE = "service"
    PRIORITY = "priority"
    WEEK = "week"


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Of ``count`` incidents of which it is known; seconds, None where there are none."""

    count: int
    mean: float | None
    median: float | None
    p90: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFigures:
    """Shares are of the incidents of the group in [0, 1], None where nothing can be said.

    ``escalated``: told beyond the first step, or because a person asked; ``repeatedly``: more than once; their
    rates are of those that were decided here, as histories do not tell;
    ``mobilise``: from the opening until somebody investigates or mitigates; ``hand_over``: from the last page
    after it had gone on until somebody took it; ``first_touch``: of the resolved ones of which it is known, those
    that the first who took it resolved, without going on or changing the team; ``with_context``: of further pages,
    those that told what people had done before; ``satisfaction``: mean score from 1 to 5, of ``scores``.
    """

    group: str
    incidents: int
    escalated: int
    escalation_rate: float | None
    repeatedly: int
    repeat_rate: float | None
    acknowledge: Times
    mobilise: Times
    escalate: Times
    resolve: Times
    hand_over: Times
    first_touch: float | None
    reassignments: float | None
    with_context: float | None
    acknowledge_breached: int
    resolve_breached: int
    satisfaction: float | None
    scores: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fatigue:
    """Pages of one person; ``by_hour`` of their own clock, 24 numbers."""

    person: str
    pages: int
    at_night: int
    by_hour: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A step's time to acknowledge against reality. Seconds; ``in_time``: share of those told who answered within
    it; ``suggested``: within which nine of ten answers come, None with too few of them."""

    policy: str
    step: int
    told: int
    answered: int
    given: float
    in_time: float | None
    median: float | None
    p90: float | None
    suggested: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    since: datetime
    until: datetime
    total: GroupFigures
    groups: tuple[GroupFigures, ...]
    fatigue: tuple[Fatigue, ...] = field(default=())
    deadlines: tuple[Deadline, ...] = field(default=())


class Insights:
    def __init__(self, figures: Figures, catalogue: Callable[[], Catalogue]) -> None:
        self._figures = figures
        self._catalogue = catalogue

    def report(self, since: datetime, until: datetime, grouping: Grouping | None = None) -> Report:
        """Raises StoreUnavailable, and Unavailable while no catalogue is in force."""
        catalogue = self._catalogue()
        courses = self._figures.courses(since, until)
        return Report(
            since=since,
            until=until,
            total=figures_of("all", courses),
            groups=tuple(_grouped(courses, grouping, catalogue.zone)) if grouping is not None else (),
            fatigue=tuple(fatigue_of(catalogue, self._figures.pages(since, until))),
            deadlines=tuple(deadlines_of(self._figures.waits(since, until))),
        )


def _grouped(courses: Sequence[Course], grouping: Grouping, zone: ZoneInfo) -> Iterable[GroupFigures]:
    groups: defaultdict[str, list[Course]] = defaultdict(list)
    for course in courses:
        groups[_group_of(course, grouping, zone)].append(course)
    return (figures_of(name, groups[name]) for name in sorted(groups))


def _group_of(course: Course, grouping: Grouping, zone: ZoneInfo) -> str:
    match grouping:
        case Grouping.TEAM:
            return course.team
        case Grouping.SERVICE:
            return course.service or "unknown"
        case Grouping.PRIORITY:
            return course.priority
        case Grouping.WEEK:
            year, week, _ = course.opened_at.astimezone(zone).isocalendar()
            return f"{year}-W{week:02}"


def figures_of(group: str, courses: Sequence[Course]) -> GroupFigures:
    decided = sum(c.decided for c in courses)
    escalated = [c for c in courses if c.escalated_at is not None or c.asked]
    repeatedly = [c for c in courses if c.rungs + c.climbs + c.asked > 1]
    pages = sum(c.handed_over for c in courses)
    judged = [c for c in courses if c.resolved_at is not None and c.acknowledged_by is not None]
    scores = [c.satisfaction for c in courses if c.satisfaction is not None]
    return GroupFigures(
        group=group,
        incidents=len(courses),
        escalated=len(escalated),
        escalation_rate=_share(len(escalated), decided),
        repeatedly=len(repeatedly),
        repeat_rate=_share(len(repeatedly), decided),
        acknowledge=_times((c.opened_at, c.acknowledged_at) for c in courses),
        mobilise=_times((c.opened_at, c.mobilised_at) for c in courses),
        escalate=_times((c.opened_at, c.escalated_at) for c in courses),
        resolve=_times((c.opened_at, c.resolved_at) for c in courses),
        hand_over=_times((c.handed_at, c.acknowledged_at) for c in courses),
        first_touch=_share(sum(map(_at_first_touch, judged)), len(judged)),
        reassignments=_share(sum(map(_reassigned, courses)), len(courses)),
        with_context=_share(sum(c.with_context for c in courses), pages),
        acknowledge_breached=sum(c.acknowledge_breached for c in courses),
        resolve_breached=sum(c.resolve_breached for c in courses),
        satisfaction=_share(sum(scores), len(scores)),
        scores=len(scores),
    )


def _at_first_touch(course: Course) -> bool:
    same = course.resolved_by == course.acknowledged_by
    return same and course.escalated_at is None and not course.asked and not _reassigned(course)


def _reassigned(course: Course) -> int:
    return sum(one != other for one, other in zip(course.teams, course.teams[1:], strict=False))


def _share(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def _times(spans: Iterable[tuple[datetime | None, datetime | None]]) -> Times:
    known = sorted((end - start).total_seconds() for start, end in spans if start is not None and end is not None)
    mean = sum(known) / len(known) if known else None
    return Times(count=len(known), mean=mean, median=_quantile(known, 0.5), p90=_quantile(known, 0.9))


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest of the values that at least ``share`` of them are no greater than."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def fatigue_of(catalogue: Catalogue, pages: Sequence[Paged]) -> Iterable[Fatigue]:
    """Most pages first."""
    hours: defaultdict[str, list[int]] = defaultdict(lambda: [0] * 24)
    for page in pages:
        person = catalogue.people.get(page.person)
        zone = ZoneInfo(person.timezone) if person and person.timezone else catalogue.zone
        hours[page.person][page.at.astimezone(zone).hour] += 1
    start, end = NIGHT
    for person_id, by_hour in sorted(hours.items(), key=lambda found: (-sum(found[1]), found[0])):
        at_night = sum(by_hour[start:]) + sum(by_hour[:end])
        yield Fatigue(person=person_id, pages=sum(by_hour), at_night=at_night, by_hour=tuple(by_hour))


def deadlines_of(waits: Sequence[Waited]) -> Iterable[Deadline]:
    steps: defaultdict[tuple[str, int], list[Waited]] = defaultdict(list)
    for wait in waits:
        steps[wait.policy, wait.step].append(wait)
    for (policy, step), told in sorted(steps.items()):
        answers = sorted(wait.took for wait in told if wait.took is not None)
        given = sorted(wait.given for wait in told)[len(told) // 2]
        p90 = _quantile(answers, SUGGESTED_FOR)
        yield Deadline(
            policy=policy,
            step=step,
            told=len(told),
            answered=len(answers),
            given=given,
            in_time=_share(sum(took <= given for took in answers), len(told)),
            median=_quantile(answers, 0.5),
            p90=p90,
            suggested=_rounded_up(p90) if p90 is not None and len(answers) >= ENOUGH else None,
        )


def _rounded_up(seconds: float) -> float:
    unit = next(unit for upto, unit in _ROUNDED if seconds <= upto)
    return float(max(1, math.ceil(seconds / unit)) * unit)


def flat(group: GroupFigures) -> dict[str, Any]:
    """A group's figures as one row: times as ``acknowledge_median`` and so on."""
    row: dict[str, Any] = {}
    for name, value in asdict(group).items():
        if isinstance(value, dict):
            row |= {f"{name}_{part}": found for part, found in value.items()}
        else:
            row[name] = value
    return row


DEFAULT_PERIOD = timedelta(days=30)
