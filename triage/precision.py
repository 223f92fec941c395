"""How well the machine does in production, by what reviewers say: estimates that say how sure they are.

Only the random sample counts (``triage.domain.assessment.draw_of``): what the queue chooses is what the machine is
least sure of, and would make it look worse than it is. What is judged is what the machine said first.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from triage.domain.catalogue import Catalogue
from triage.domain.estimate import Estimate as Estimate
from triage.domain.estimate import Z, wilson
from triage.store.database import Database
from triage.store.judgements import Judged, Judgements, Pair

Target = Literal["team", "priority"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What became better for a team since somebody first corrected it, at ``since``."""

    team: str
    since: datetime
    before: Estimate
    after: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Between two reviewers who did not know of each other. ``share``: of the pairs that said the same; ``kappa``:
    beyond chance, in [-1, 1], with its interval at 95 %; None with too little to tell chance by."""

    target: Target
    share: Estimate
    kappa: float | None
    kappa_low: float | None = None
    kappa_high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReport:
    """``team`` and ``priority``: precision where the machine was sure enough to act alone; ``weekly``: of the
    team; ``coverage_…``: the share of incidents of which it was; ``overruled``: of all incidents, those of which a
    person said otherwise."""

    since: datetime
    until: datetime
    incidents: int
    reviewed: int
    team: Estimate
    priority: Estimate
    coverage_team: float | None
    coverage_priority: float | None
    overruled: float | None
    teams: tuple[tuple[str, Estimate], ...]
    weekly: tuple[tuple[str, Estimate], ...]
    corrected: tuple[Since, ...]
    agreement: tuple[Agreement, ...]
    disagreements: tuple[Pair, ...]


class Precision:
    """``sample``: the rate at which incidents are drawn."""

    def __init__(self, database: Database, catalogue: Callable[[], Catalogue], sample: float) -> None:
        self._store = Judgements(database)
        self._catalogue = catalogue
        self._sample = sample

    def report(self, since: datetime, until: datetime) -> ModelReport:
        """Of incidents opened from ``since`` on, before ``until``. Raises StoreUnavailable."""
        everything = self._store.judged(self._sample)
        judged = [one for one in everything if since <= one.opened_at < until]
        counts = self._store.coverage(since, until)
        pairs = self._store.pairs(since)
        incidents = int(counts.get("incidents", 0))
        return ModelReport(
            since=since,
            until=until,
            incidents=incidents,
            reviewed=len(judged),
            team=precision_of(judged, "team"),
            priority=precision_of(judged, "priority"),
            coverage_team=_share(counts.get("acts_team", 0), incidents),
            coverage_priority=_share(counts.get("acts_priority", 0), incidents),
            overruled=_share(counts.get("overruled", 0), incidents),
            teams=tuple(_by(judged, lambda one: one.suggested_team)),
            weekly=tuple(_by(judged, _week_in(self._catalogue().zone))),
            corrected=tuple(since_corrected(everything)),
            agreement=tuple(agreement_of(pairs, target) for target in ("team", "priority")),
            disagreements=tuple(pair for pair in pairs if pair.is_open),
        )


def precision_of(judged: Iterable[Judged], target: Target) -> Estimate:
    """Of what the machine was sure enough of, how much people said too."""
    acted = [one for one in judged if (one.acts_team if target == "team" else one.acts_priority)]
    return wilson(sum(_is_right(one, target) for one in acted), len(acted))


def _is_right(one: Judged, target: Target) -> bool:
    return one.suggested_team == one.team if target == "team" else one.suggested_priority == one.priority


def since_corrected(judged: Sequence[Judged]) -> Iterable[Since]:
    """For each team that people took something from or gave something to: before they first did, and since.

    Whoever was looked at after that moment, but came in before it, was decided without the correction.
    """
    first: dict[str, datetime] = {}
    for one in judged:
        if one.team != one.suggested_team:
            for team in (one.team, one.suggested_team):
                first[team] = min(first.get(team, one.made_at), one.made_at)
    for team, moment in sorted(first.items()):
        of = [one for one in judged if one.suggested_team == team]
        before = precision_of((one for one in of if one.opened_at < moment), "team")
        after = precision_of((one for one in of if one.opened_at >= moment), "team")
        if before.n and after.n:
            yield Since(team=team, since=moment, before=before, after=after)


def agreement_of(pairs: Sequence[Pair], target: Target) -> Agreement:
    """Raw, and as Cohen's kappa with the standard error that he gives for it ("A Coefficient of Agreement for
    Nominal Scales", 1960, formula 7), which is rough with few pairs."""
    said = [(getattr(pair.first, target), getattr(pair.second, target)) for pair in pairs]
    share = wilson(sum(one == other for one, other in said), len(said))
    if share.value is None:
        return Agreement(target=target, share=share, kappa=None)
    n = len(said)
    firsts, seconds = Counter(one for one, _ in said), Counter(other for _, other in said)
    chance = sum(firsts[label] * seconds[label] for label in firsts) / n**2
    if chance >= 1:
        return Agreement(target=target, share=share, kappa=None)
    kappa = (share.value - chance) / (1 - chance)
    half = Z * math.sqrt(share.value * (1 - share.value) / n) / (1 - chance)
    return Agreement(
        target=target,
        share=share,
        kappa=kappa,
        kappa_low=max(-1.0, kappa - half),
        kappa_high=min(1.0, kappa + half),
    )


def _by(judged: Sequence[Judged], name: Callable[[Judged], str]) -> Iterable[tuple[str, Estimate]]:
    groups: defaultdict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        groups[name(one)].append(one)
    return ((group, precision_of(groups[group], "team")) for group in sorted(groups))


def _week_in(zone: ZoneInfo) -> Callable[[Judged], str]:
    def week(one: Judged) -> str:
        year, number, _ = one.opened_at.astimezone(zone).isocalendar()
        return f"{year}-W{number:02}"

    return week


def _share(part: Any, whole: int) -> float | None:
    return int(part) / whole if whole else None


def as_json(report: ModelReport) -> dict[str, Any]:
    """For programs; disagreements without what the incidents say."""
    told = asdict(report)
    told["disagreements"] = [pair.incident_id for pair in report.disagreements]
    told["teams"] = [{"team": team, **asdict(estimate)} for team, estimate in report.teams]
    told["weekly"] = [{"week": week, **asdict(estimate)} for week, estimate in report.weekly]
    return told


DEFAULT_PERIOD = timedelta(days=90)
