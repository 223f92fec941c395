"""What became of a bound on missed urgent incidents on the test part: misses, their price, and drift."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluation.drift_alarm import Moments, Watch, watch
from training.evaluation.intervals import Interval, clopper_pearson
from training.learning.risk_limit import units_of
from triage.prediction.guarantees import Numbers, RaiseRule

Ranks = NDArray[np.int64]
Labels = NDArray[np.int64]
Groups = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MissFigures:
    """Of ``incidents``, ``urgent`` truly were and ``missed`` of these were triaged as less; ``decided`` were
    triaged as urgent, ``unneeded`` of them without being it. ``interval``: of the share of misses, as if incidents
    were independent; None where none is urgent. ``pattern_miss``: that share averaged over patterns, None
    without patterns."""

    incidents: int
    urgent: int
    missed: int
    interval: Interval | None
    pattern_miss: float | None
    decided: int
    unneeded: int

    @property
    def miss_share(self) -> float:
        return self.missed / max(1, self.urgent)

    @property
    def decided_share(self) -> float:
        """Of all incidents: the price."""
        return self.decided / max(1, self.incidents)

    @property
    def unneeded_share(self) -> float:
        """Of the incidents that are not urgent."""
        return self.unneeded / max(1, self.incidents - self.urgent)

    def describe(self) -> dict[str, Any]:
        shares = {name: getattr(self, name) for name in ("miss_share", "decided_share", "unneeded_share")}
        return asdict(self) | shares

    def line(self) -> str:
        by_pattern = "" if self.pattern_miss is None else f"; {self.pattern_miss:.1%} averaged over patterns"
        return (
            f"{self.missed} of {self.urgent} urgent ones missed: {between(self.interval)}{by_pattern}. "
            f"Triaged as urgent: {self.decided_share:.1%} of all incidents, "
            f"{self.unneeded_share:.1%} of those that are not."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBound:
    """A rule's promise held against what was decided."""

    bound: float
    figures: MissFigures
    watch: Watch

    def describe(self) -> dict[str, Any]:
        return {"bound": self.bound, **self.figures.describe(), "watch": self.watch.describe()}

    def lines(self) -> Iterator[str]:
        yield f"Bound {self.bound:.2%}. {self.figures.line()}"
        yield from (f"  missed, {line}" for line in self.watch.lines())


@dataclass(frozen=True, slots=True, kw_only=True)
class RealisedRaise:
    """Without the rule, and with it."""

    before: MissFigures
    after: KeptBound

    def describe(self) -> dict[str, Any]:
        return {"before": self.before.describe(), "after": self.after.describe()}

    def lines(self) -> Iterator[str]:
        yield f"Before raising: {self.before.line()}"
        first, *rest = self.after.lines()
        yield f"After raising: {first}"
        yield from rest


def realised(
    rule: RaiseRule,
    truth: Ranks,
    decided: Ranks,
    scores: Numbers,
    *,
    urgent: int = 1,
    moments: Moments | None = None,
    groups: Groups | None = None,
    periods: int = 6,
) -> RealisedRaise:
    """``truth`` and ``decided``: (n,), the rank of the true priority and of the one decided without the rule, 1
    for the most urgent; ``urgent``: the rank of the last guarded label; ``scores``: (n,), from ``rule.scores``.
    ``moments``, ``groups``, ``periods`` as in ``watch``."""
    raised = raised_ranks(rule, decided, scores, urgent=urgent)
    return RealisedRaise(
        before=miss_figures(truth, decided, urgent=urgent, groups=groups),
        after=remeasured(rule, truth, raised, urgent=urgent, moments=moments, groups=groups, periods=periods),
    )


def raised_ranks(rule: RaiseRule, decided: Ranks, scores: Numbers, *, urgent: int = 1) -> Ranks:
    """(n,): what was decided, made at least as urgent as ``urgent`` where the rule says so."""
    return np.where(rule.raises(scores), np.minimum(decided, urgent), decided)


def remeasured(
    rule: RaiseRule,
    truth: Ranks,
    final: Ranks,
    *,
    urgent: int = 1,
    moments: Moments | None = None,
    groups: Groups | None = None,
    periods: int = 6,
) -> KeptBound:
    """The same figures for ranks that something after the rule concluded, such as the organisation's own rules."""
    of = np.flatnonzero(truth <= urgent)
    watched = watch(
        final[of] > urgent,
        units=rule.units,
        allowed=rule.allowed,
        moments=None if moments is None else moments[of],
        groups=None if groups is None else groups[of],
        periods=periods,
    )
    figures = miss_figures(truth, final, urgent=urgent, groups=groups)
    return KeptBound(bound=rule.bound, figures=figures, watch=watched)


def miss_figures(truth: Ranks, decided: Ranks, *, urgent: int = 1, groups: Groups | None = None) -> MissFigures:
    """From ranks of shape (n,), 1 for the most urgent; urgent is what ranks up to ``urgent``."""
    is_urgent, said = truth <= urgent, decided <= urgent
    missed = is_urgent & ~said
    count, of = int(missed.sum()), int(is_urgent.sum())
    pattern_miss = None
    if groups is not None and of:
        units = units_of(groups[is_urgent], of)
        pattern_miss = float(missed[is_urgent] @ units.weights) / units.count
    return MissFigures(
        incidents=len(truth),
        urgent=of,
        missed=count,
        interval=clopper_pearson(count, of),
        pattern_miss=pattern_miss,
        decided=int(said.sum()),
        unneeded=int((said & ~is_urgent).sum()),
    )


def between(interval: Interval | None) -> str:
    return f"{interval.value:.1%} (95 %: {interval.low:.1%} to {interval.high:.1%})" if interval else "no case"
