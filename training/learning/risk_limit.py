"""The least limit on a score beyond which few enough held-out units are lost.

A unit is an incident, or a pattern of incidents with its average loss: incidents of one pattern are not
exchangeable one by one. With losses in [0, 1] that can only fall as the limit rises, a limit is accepted

- on average, when (losses + 1) / (units + 1) is within the bound: conformal risk control (Angelopoulos, Bates,
  Fisch, Lei & Schuster, 2022), which for single incidents is split conformal prediction;
- with a confidence, when a test of "the risk is above the bound" is rejected there and at every larger limit:
  risk-controlling prediction sets (Bates, Angelopoulos, Lei, Malik & Jordan, 2021), or fixed-sequence testing as
  in Learn then Test (Angelopoulos, Bates, Candès, Jordan & Lei, 2021). For single incidents the test is the exact
  binomial one, so the same as Clopper and Pearson's upper limit; for patterns that of Hoeffding and Bentkus.

Since losses fall, the sequence of tests ends at the least limit that is accepted on its own.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, rel_entr

from triage.prediction.guarantees import Flags, Numbers

_SLACK = 1e-9
"""For sums of thirds and the like: far below one unit's share, far above their rounding."""


@dataclass(frozen=True, slots=True)
class Units:
    """``weights``: (n,), each row's share of its unit's average loss; ``single``: every unit is one row."""

    weights: Numbers
    count: int
    single: bool


@dataclass(frozen=True, slots=True)
class Limit:
    """``allowed``: how many of the ``units`` may be lost and the limit still be accepted."""

    at: float
    units: int
    allowed: int


@dataclass(frozen=True, slots=True)
class Aim:
    """At most ``bound`` of the loss: on average, or with this confidence over the calibration sample."""

    bound: float
    confidence: float | None

    def __post_init__(self) -> None:
        if not 0 < self.bound < 1 or not (self.confidence is None or 0 < self.confidence < 1):
            raise ValueError("bounds, coverages and confidences lie between 0 and 1")

    def needed(self) -> int:
        """How many units allow the bound when none of them is lost."""
        if self.confidence is None:
            return max(1, math.ceil(1 / self.bound - 1 - _SLACK))
        return max(1, math.ceil(math.log1p(-self.confidence) / math.log1p(-self.bound) - _SLACK))

    def reachable(self, units: int) -> float:
        """The smallest bound, rounded up, that so many units allow when none of them is lost."""
        if self.confidence is None or not units:
            exact = 1 / (units + 1)
        else:
            exact = -math.expm1(math.log1p(-self.confidence) / units)
        return math.ceil(exact * 1e4 - _SLACK) / 1e4

    def accepts(self, lost: Numbers, units: int, single: bool) -> Flags:
        """Which total losses of ``units`` are few enough."""
        if self.confidence is None:
            on_average: Flags = (lost + 1) / (units + 1) <= self.bound * (1 + _SLACK)
            return on_average
        if single:
            p_values = bdtr(np.round(lost), units, self.bound)
        else:
            p_values = _hoeffding_bentkus(lost, units, self.bound)
        rejected: Flags = p_values <= 1 - self.confidence + _SLACK
        return rejected

    def allowed(self, units: int, single: bool) -> int:
        """The largest accepted number of whole lost units; -1: not even none."""
        counts = np.arange(math.floor(self.bound * (units + 1)) + 1, dtype=np.float64)
        return int(np.count_nonzero(self.accepts(counts, units, single))) - 1


def units_of(groups: NDArray[Any] | None, rows: int) -> Units:
    """Every row a unit of its own, or ``groups``: (rows,), each row's pattern."""
    if groups is None:
        return Units(np.ones(rows), rows, True)
    _, of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    return Units(1 / sizes[of.ravel()], len(sizes), len(sizes) == rows)


def least_limit(distances: Numbers, units: Units, aim: Aim) -> Limit:
    """The least of ``distances`` (n,) beyond which the aim allows the loss; one equal to the limit is within it.
    There must be at least ``aim.needed()`` units."""
    order = np.argsort(distances, kind="stable")
    ordered, weights = distances[order], units.weights[order]
    beyond = np.cumsum(weights[::-1])[::-1] - weights
    # Of equal distances only the last has all its equals within; the others count some as lost, at the same value.
    accepted = aim.accepts(np.maximum(beyond, 0.0), units.count, units.single)
    return Limit(float(ordered[np.argmax(accepted)]), units.count, aim.allowed(units.count, units.single))


def _hoeffding_bentkus(lost: Numbers, units: int, bound: float) -> Numbers:
    """p-values of "the mean loss is above ``bound``" for losses anywhere in [0, 1] (Bates et al., 2021)."""
    mean = np.minimum(lost / units, bound)
    hoeffding = np.exp(-units * (rel_entr(mean, bound) + rel_entr(1 - mean, 1 - bound)))
    bentkus = math.e * bdtr(np.ceil(lost - _SLACK), units, bound)
    smaller: Numbers = np.minimum(hoeffding, bentkus)
    return smaller
