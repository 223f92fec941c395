"""Whether escalation works: how often, how fast, at whose cost; and whether deadlines fit what people can do."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from triage.domain.catalogue import Catalogue
from triage.periods import clock_changes, weeks_of
from triage.store.figures import Figures, Paged, Sums, Waited

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
        groupings = (grouping,) if grouping is not None else ()
        found = self.groups(since, until, groupings)
        return Report(
            since=since,
            until=until,
            total=found[None][0],
            groups=found[grouping] if grouping is not None else (),
            fatigue=self.fatigue(since, until),
            deadlines=self.deadlines(since, until),
        )

    def groups(
        self, since: datetime, until: datetime, groupings: Sequence[Grouping] = ()
    ) -> Mapping[Grouping | None, tuple[GroupFigures, ...]]:
        """By None, of all incidents together; by grouping, of each group, by its name. Raises as ``report``."""
        weeks = weeks_of(self._catalogue().zone, since, until)
        sums = self._figures.sums(since, until, [one.value for one in groupings], [start for start, _ in weeks])
        found: dict[Grouping | None, list[GroupFigures]] = {by: [] for by in (None, *groupings)}
        for one in sums:
            name = weeks[one.group][1] if isinstance(one.group, int) else one.group or "all"
            found[Grouping(one.by) if one.by else None].append(figures_of(name, one))
        return {by: tuple(sorted(groups, key=lambda group: group.group)) for by, groups in found.items()}

    def fatigue(self, since: datetime, until: datetime) -> tuple[Fatigue, ...]:
        """Raises as ``report``."""
        catalogue = self._catalogue()
        changes = clock_changes(_zones_of(catalogue), since, until)
        return tuple(fatigue_of(catalogue, self._figures.pages(since, until, changes)))

    def deadlines(self, since: datetime, until: datetime) -> tuple[Deadline, ...]:
        """Raises StoreUnavailable."""
        return tuple(deadlines_of(self._figures.waits(since, until)))


def _zones_of(catalogue: Catalogue) -> set[ZoneInfo]:
    own = {ZoneInfo(person.timezone) for person in catalogue.people.values() if person.timezone}
    return own | {catalogue.zone}


def figures_of(group: str, sums: Sums) -> GroupFigures:
    times = {
        name: Times(count=n, mean=mean, median=median, p90=p90)
        for name, (n, mean, median, p90) in sums.spans.items()
    }
    return GroupFigures(
        group=group,
        incidents=sums.incidents,
        escalated=sums.escalated,
        escalation_rate=_share(sums.escalated, sums.decided),
        repeatedly=sums.repeatedly,
        repeat_rate=_share(sums.repeatedly, sums.decided),
        **times,
        first_touch=_share(sums.first_touch, sums.judged),
        reassignments=_share(sums.moves, sums.incidents),
        with_context=_share(sums.with_context, sums.handed_over),
        acknowledge_breached=sums.acknowledge_breached,
        resolve_breached=sums.resolve_breached,
        satisfaction=sums.satisfaction,
        scores=sums.scores,
    )


def _share(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest of the values that at least ``share`` of them are no greater than."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def fatigue_of(catalogue: Catalogue, pages: Sequence[Paged]) -> Iterable[Fatigue]:
    """Most pages first."""
    hours: defaultdict[str, list[int]] = defaultdict(lambda: [0] * 24)
    for page in pages:
        person = catalogue.people.get(page.person)
        zone = ZoneInfo(person.timezone) if person and person.timezone else catalogue.zone
        hours[page.person][page.at.astimezone(zone).hour] += page.pages
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
