"""Whether the bundle in force still fits what comes in: what it does lately beside what it did before, and how
right it is beside what its training measured.

Incidents of one pattern are one another's copies, so each test lets them depend on each other; else every storm
would be a drift.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from triage.domain.estimate import Estimate, wilson
from triage.errors import BundleError
from triage.precision import Target
from triage.prediction.manifest import read_manifest
from triage.prediction.measured import Measured, find_measured
from triage.store.configurations import Configurations
from triage.store.database import Database
from triage.store.judgements import Judgements
from triage.store.spoken import Speech, Spoken, Word

LOOKED_BACK = timedelta(days=90)
LATELY = timedelta(days=14)
"""What is held against everything before it; of less than twice as much time, the later half."""
LEAST, LEAST_PATTERNS = 50, 20
"""Decisions and patterns of either part: fewer could hardly tell anything."""
SURE = 0.01
SHARE_MOVED, MIX_MOVED, PRECISION_LOST = 0.05, 0.1, 0.03
"""Changes worth saying, beyond being more than chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """From a Monday on. ``acts``: the share that it acted alone on; ``confidence``: how sure it was of these."""

    begins: date
    acts: Estimate
    confidence: float | None
    right: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDrift:
    """``expected_…``: what training measured on held-out incidents. ``right``: of what it acted on, how much
    people said too, of the random sample. ``is_enough``: whether there is enough to see a change by; ``reasons``:
    why it is an alarm, empty where it is none."""

    target: Target
    decisions: int
    weeks: tuple[Week, ...]
    expected_acts: float | None
    expected_right: float | None
    right: Estimate
    is_enough: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Of bundle ``version``, from ``since`` to ``until``."""

    version: str
    since: datetime
    until: datetime
    team: TargetDrift
    priority: TargetDrift

    @property
    def alarm(self) -> bool:
        return bool(self.team.reasons or self.priority.reasons)


class Drift:
    """``sample``: the rate at which incidents are drawn to be judged."""

    def __init__(self, database: Database, models: Path, sample: float, clock: Callable[[], datetime]) -> None:
        self._configurations = Configurations(database)
        self._speech = Speech(database)
        self._judgements = Judgements(database)
        self._models = models
        self._sample = sample
        self._clock = clock

    def report(self) -> Report | None:
        """None where nothing that learnt is in force, or its folder is gone. Raises StoreUnavailable."""
        pointer = self._configurations.read_pointers().get("bundle")
        if pointer is None:
            return None
        try:
            manifest = read_manifest(self._models / pointer.version)
        except BundleError:
            return None
        if not manifest.heads:
            return None
        until = self._clock()
        since = until - LOOKED_BACK
        spoken = self._speech.read(pointer.version, since, until)
        judged = {one.incident_id: one for one in self._judgements.judged(self._sample)}
        found: dict[Target, TargetDrift] = {}
        targets: tuple[Target, ...] = ("team", "priority")
        for target in targets:
            right = {
                key: getattr(one, f"suggested_{target}") == getattr(one, target) for key, one in judged.items()
            }
            found[target] = drift_of(target, spoken, right, find_measured(manifest.quality, target))
        return Report(
            version=pointer.version, since=since, until=until, team=found["team"], priority=found["priority"]
        )


def drift_of(
    target: Target, spoken: Sequence[Spoken], right: Mapping[str, bool], measured: Measured | None
) -> TargetDrift:
    """``spoken``: the oldest first; ``right``: by incident, whether people said the same."""
    asked = [(one, word) for one in spoken if (word := getattr(one, target)) is not None]
    acted = [right[one.incident_id] for one, word in asked if word.acts and one.incident_id in right]
    share = wilson(sum(acted), len(acted))
    expected = measured.precision_acting.value if measured and measured.precision_acting else None
    before, lately = _parted(asked)
    is_enough = all(_is_enough(part) for part in (before, lately))
    reasons = [*_moved(before, lately)] if is_enough else []
    if expected is not None and share.value is not None and share.high < expected - PRECISION_LOST:
        reasons.append(
            f"people said the same in {_percent(share.value)} of what it acted on ({_percent(share.low)} –"
            f" {_percent(share.high)}); when it was trained it was {_percent(expected)}"
        )
    return TargetDrift(
        target=target,
        decisions=len(asked),
        weeks=tuple(_weeks(asked, right)),
        expected_acts=measured.acting.value if measured else None,
        expected_right=expected,
        right=share,
        is_enough=is_enough,
        reasons=tuple(reasons),
    )


Asked = Sequence[tuple[Spoken, Word]]


def _parted(asked: Asked) -> tuple[Asked, Asked]:
    if not asked:
        return (), ()
    first, last = asked[0][0].opened_at, asked[-1][0].opened_at
    moment = last - min(LATELY, (last - first) / 2)
    return (
        [one for one in asked if one[0].opened_at < moment],
        [one for one in asked if one[0].opened_at >= moment],
    )


def _is_enough(part: Asked) -> bool:
    return len(part) >= LEAST and len({one.pattern_id for one, _ in part}) >= LEAST_PATTERNS


def _moved(before: Asked, lately: Asked) -> Iterator[str]:
    (earlier, error), (later, error_later) = _share(before), _share(lately)
    spread = math.hypot(error, error_later)
    if abs(later - earlier) > SHARE_MOVED and _two_sided(later - earlier, spread) < SURE:
        yield f"it acts alone on {_percent(later)} of incidents lately, and did on {_percent(earlier)} before"
    one, other = _mix(before), _mix(lately)
    labels = sorted(one.keys() | other.keys())
    if len(labels) < 2:
        return
    table = np.array([[part[label] for label in labels] for part in (one, other)], dtype=np.float64)
    shares = table / table.sum(axis=1, keepdims=True)
    moved = shares[1] - shares[0]
    if np.abs(moved).sum() / 2 > MIX_MOVED and _chi_squared(table) < SURE:
        most = [at for at in np.argsort(-np.abs(moved), kind="stable")[:3].tolist() if abs(moved[at]) >= 0.01]
        told = ", ".join(
            f"{labels[at]} {_percent(shares[1][at])} (before {_percent(shares[0][at])})" for at in most
        )
        yield f"it says other things than before, of patterns: {told}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _share(part: Asked) -> tuple[float, float]:
    """That on which it acts, and its standard error with patterns as clusters (Liang and Zeger, 1986)."""
    mean = sum(word.acts for _, word in part) / len(part)
    sums: defaultdict[str, float] = defaultdict(float)
    for one, word in part:
        sums[one.pattern_id] += word.acts - mean
    return mean, math.sqrt(sum(value * value for value in sums.values())) / len(part)


def _two_sided(value: float, error: float) -> float:
    """From the normal distribution. Where nothing varies, any difference is one."""
    if error <= 0.0:
        return 1.0 if abs(value) < 1e-12 else 0.0
    return math.erfc(abs(value) / error / math.sqrt(2))


def _mix(part: Asked) -> Counter[str]:
    """Patterns by what it said of most of their incidents."""
    said: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one, word in part:
        said[one.pattern_id][word.value] += 1
    return Counter(counts.most_common(1)[0][0] for counts in said.values())


def _chi_squared(table: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Of homogeneity (Pearson, 1900); labels of which fewer than five are expected in a part count as one."""
    from scipy.stats import chi2_contingency  # half a second to import, and asked once a minute at most

    rare = table.sum(axis=0) * table.sum(axis=1).min() / table.sum() < 5
    pooled = table[:, ~rare]
    if rare.any():
        pooled = np.column_stack([pooled, table[:, rare].sum(axis=1)])
    pooled = pooled[:, pooled.sum(axis=0) > 0]
    return float(chi2_contingency(pooled, correction=False).pvalue) if pooled.shape[1] > 1 else 1.0


def _weeks(asked: Asked, right: Mapping[str, bool]) -> Iterator[Week]:
    groups: defaultdict[date, list[tuple[Spoken, Word]]] = defaultdict(list)
    for one, word in asked:
        day = one.opened_at.date()
        groups[day - timedelta(days=day.weekday())].append((one, word))
    for monday, part in sorted(groups.items()):
        acting = [(one, word) for one, word in part if word.acts]
        sure = [word.probability for _, word in acting if word.probability is not None]
        judged = [right[one.incident_id] for one, _ in acting if one.incident_id in right]
        yield Week(
            begins=monday,
            acts=wilson(len(acting), len(part)),
            confidence=sum(sure) / len(sure) if sure else None,
            right=wilson(sum(judged), len(judged)),
        )


def as_json(report: Report) -> dict[str, Any]:
    return {"alarm": report.alarm, **asdict(report)}
