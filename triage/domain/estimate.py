"""A share of those that were looked at, and how sure it is."""

import math
from dataclasses import dataclass

Z = 1.959964
"""Of an interval that holds the true share in 95 of 100 cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A share in [0, 1] of ``n`` that were looked at, and the interval it lies in at 95 %; None of nothing."""

    n: int
    value: float | None
    low: float
    high: float


def wilson(right: int, n: int) -> Estimate:
    """The score interval of a share (Wilson, "Probable Inference, the Law of Succession, and Statistical
    Inference", 1927), which also holds with few and near the ends."""
    if n == 0:
        return Estimate(n=0, value=None, low=0.0, high=1.0)
    share, square = right / n, Z * Z
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = Z * math.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    return Estimate(n=n, value=share, low=max(0.0, middle - half), high=min(1.0, middle + half))
