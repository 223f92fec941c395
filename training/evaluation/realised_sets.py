"""What became of a promised coverage on the test part: covered or not, the size of the sets, and drift."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluation.drift_alarm import Moments, Watch, watch
from training.evaluation.intervals import Interval, clopper_pearson
from training.evaluation.realised import between
from triage.prediction.guarantees import Flags, Numbers, SetRule

Labels = NDArray[np.int64]
Groups = NDArray[Any]

_SHOWN_LABELS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCoverage:
    label: str
    incidents: int
    covered: int
    interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RealisedSets:
    """``unknown``: incidents whose label the head does not know, which count as not covered. ``singletons``: the
    share of sets of one label. ``by_class`` holds the labels of the test part, in the head's order."""

    coverage: float
    incidents: int
    covered: int
    interval: Interval | None
    unknown: int
    mean_size: float
    singletons: float
    by_class: tuple[ClassCoverage, ...]
    watch: Watch

    @property
    def covered_share(self) -> float:
        return self.covered / max(1, self.incidents)

    def describe(self) -> dict[str, Any]:
        own = asdict(self) | {"covered_share": self.covered_share, "watch": self.watch.describe()}
        return own | {"by_class": [asdict(one) for one in self.by_class]}

    def lines(self) -> Iterator[str]:
        """For people. One label in forty lies below by chance alone, and more where the promise is for all labels
        together."""
        yield (
            f"Asked for {self.coverage:.1%}, covered {self.covered} of {self.incidents}: "
            f"{between(self.interval)}; {self.unknown} with a label unknown in training."
        )
        yield f"{self.mean_size:.2f} labels a set on average, {self.singletons:.1%} of the sets hold one."
        below = [one for one in self.by_class if one.interval and one.interval.high < self.coverage]
        if below:
            worst = sorted(below, key=lambda one: one.covered / one.incidents)[:_SHOWN_LABELS]
            named = ", ".join(f"{one.label} ({one.covered} of {one.incidents})" for one in worst)
            yield f"Labels whose interval lies below what was asked: {len(below)}, the lowest {named}."
        yield from (f"  not covered, {line}" for line in self.watch.lines())


def realised_sets(
    rule: SetRule,
    probabilities: Numbers,
    truth: Labels,
    labels: Sequence[str],
    *,
    moments: Moments | None = None,
    groups: Groups | None = None,
    periods: int = 6,
) -> RealisedSets:
    """``probabilities``: (n, k), one column for each of ``labels``; ``truth``: (n,), columns of it, or -1.
    ``moments``, ``groups``, ``periods`` as in ``watch``."""
    chosen = rule.sets(probabilities)
    covered = _covered(chosen, truth)
    sizes = chosen.sum(axis=1)
    watched = watch(
        ~covered, units=rule.units, allowed=rule.allowed, moments=moments, groups=groups, periods=periods
    )
    return RealisedSets(
        coverage=rule.coverage,
        incidents=len(truth),
        covered=int(covered.sum()),
        interval=clopper_pearson(int(covered.sum()), len(truth)),
        unknown=int((truth < 0).sum()),
        mean_size=float(sizes.mean()) if len(sizes) else 0.0,
        singletons=float((sizes == 1).mean()) if len(sizes) else 0.0,
        by_class=_by_class(covered, truth, labels),
        watch=watched,
    )


def _covered(chosen: Flags, truth: Labels) -> Flags:
    covered: Flags = chosen[np.arange(len(truth)), truth] & (truth >= 0)
    return covered


def _by_class(covered: Flags, truth: Labels, labels: Sequence[str]) -> tuple[ClassCoverage, ...]:
    known = truth >= 0
    incidents = np.bincount(truth[known], minlength=len(labels))
    right = np.bincount(truth[known & covered], minlength=len(labels))
    return tuple(
        ClassCoverage(
            label=labels[at],
            incidents=int(incidents[at]),
            covered=int(right[at]),
            interval=clopper_pearson(int(right[at]), int(incidents[at])),
        )
        for at in np.flatnonzero(incidents).tolist()
    )
