"""From calibrated probabilities to what may be said: the label, whether it acts alone, and what is promised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from triage.prediction.guarantees import RaiseRule, SetRule

Probabilities = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The least probability at which a label may act alone: above it, at least ``precision`` of held-out
    suggestions were right, with ``confidence`` (one-sided). ``by_label`` where a label has enough of them, else
    ``general``, which was chosen on those labels together; None: no threshold was good enough."""

    precision: float
    confidence: float
    general: float | None
    by_label: Mapping[str, float | None] = field(default_factory=dict)

    def of(self, label: str) -> float | None:
        return self.by_label.get(label, self.general)

    def limits(self, labels: Sequence[str]) -> NDArray[np.float64]:
        """One for each of ``labels``; infinite where there is none."""
        return np.array([np.inf if (limit := self.of(label)) is None else limit for label in labels])


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """How a head concludes. ``order``: an ordered target's labels from most to least urgent, else empty.
    ``costs``: of concluding the column where the row is true, in the head's order of labels; the conclusion is
    the label of least expected cost. ``raising`` and ``sets``: what was promised, None where nothing was.
    ``doubt``: of a second look, how improbable the team that somebody chose must be to look wrong; None: it never
    does."""

    thresholds: Thresholds
    order: tuple[str, ...] = ()
    costs: tuple[tuple[float, ...], ...] | None = None
    raising: RaiseRule | None = None
    sets: SetRule | None = None
    doubt: float | None = None

    def choose(self, probabilities: Probabilities, labels: Sequence[str]) -> Places:
        """(n,) positions in ``labels`` of what is concluded from ``probabilities`` of shape (n, k)."""
        chosen = least_cost(probabilities, self.costs)
        if self.raising is not None:
            rank = np.array([self.order.index(label) for label in labels])
            least = labels.index(self.raising.labels[-1])
            low = self.raised(probabilities, labels) & (rank[chosen] > rank[least])
            chosen[low] = least
        return chosen

    def raised(self, probabilities: Probabilities, labels: Sequence[str]) -> Flags:
        """(n,) which incidents the bound on missed ones makes urgent, whatever else is concluded."""
        if self.raising is None:
            return np.zeros(len(probabilities), dtype=np.bool_)
        return self.raising.raises(self.raising.scores(probabilities, labels))

    def acts(self, probabilities: Probabilities, labels: Sequence[str]) -> Flags:
        """(n,) whether the most probable label is at least as probable as its threshold."""
        limits = self.thresholds.limits(labels)
        acting: Flags = probabilities.max(axis=1) >= limits[probabilities.argmax(axis=1)]
        return acting


def least_cost(probabilities: Probabilities, costs: tuple[tuple[float, ...], ...] | None) -> Places:
    """(n,) the label of least expected cost; without costs, the most probable."""
    if costs is None:
        chosen: Places = probabilities.argmax(axis=1)
    else:
        chosen = (probabilities @ np.array(costs)).argmin(axis=1)
    return chosen
