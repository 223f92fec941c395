"""Whether later incidents still are like those that a guarantee was learned from, period by period.

A limit that leaves ``allowed`` of ``units`` calibration units outside loses, under exchangeability, a number of
later ones that follows the beta-binomial law with parameters (allowed + 1, units - allowed), whatever the model
and the data (Vovk, 2012, Conditional validity of inductive conformal predictors; Marques, 2025, Universal
distribution of the empirical coverage in split conformal prediction). So the upper tail of that law is an exact
test of exchangeability, in the direction that hurts. Equal scores only make it more careful; with patterns as
units, whose losses are averages, and with one limit a label it is an approximation.

Chosen over the binomial tail at the bound, which takes the luck of a small calibration part for drift, and over a
test martingale on conformal p-values (Vovk, Nouretdinov & Gammerman, 2003), which needs random tie-breaking, has
less power on a test part of known length, and does not say which period is wrong. The periods share one
calibration, so their tests depend on each other: Holm's correction (1979) holds under any dependence.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, gammaln, logsumexp

from training.learning.risk_limit import units_of
from triage.prediction.guarantees import Flags, Numbers

Moments = NDArray[np.datetime64]

LEVEL = 0.01
"""The chance, over all periods of a report together, of an alarm without drift."""
_LEAST_CASES = 20
"""Fewer in a period could hardly alarm whatever happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedPeriod:
    """``cases``: incidents that could be lost, ``lost`` of them were; ``expected``: how many would be under
    exchangeability; ``p_value``: the chance of as many or more. ``starts_at`` and ``ends_at``: its first and last
    incident, None for the whole test part."""

    starts_at: datetime | None
    ends_at: datetime | None
    cases: int
    lost: int
    expected: float
    p_value: float
    alarm: bool

    def line(self) -> str:
        when = f"{self.starts_at:%Y-%m-%d} to {self.ends_at:%Y-%m-%d}" if self.starts_at else "whole test part"
        ending = "  DRIFT ALARM" if self.alarm else ""
        return f"{when}: {self.lost} of {self.cases} (expected {self.expected:.1f}, p {self.p_value:.2g}){ending}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """``whole`` is tested together with the periods, for drift that is everywhere a little."""

    whole: WatchedPeriod
    periods: tuple[WatchedPeriod, ...]

    @property
    def alarm(self) -> bool:
        return self.whole.alarm or any(period.alarm for period in self.periods)

    def describe(self) -> dict[str, Any]:
        return {
            "alarm": self.alarm,
            "level": LEVEL,
            "whole": _described(self.whole),
            "periods": [_described(period) for period in self.periods],
        }

    def lines(self) -> Iterator[str]:
        yield self.whole.line()
        yield from (period.line() for period in self.periods)
        if self.alarm:
            yield "Incidents are not like those the promise was learned from: train again before relying on it."


def watch(
    lost: Flags,
    *,
    units: int,
    allowed: int,
    moments: Moments | None = None,
    groups: NDArray[Any] | None = None,
    periods: int = 6,
) -> Watch:
    """``lost``: (c,), which cases were lost under a rule learned from ``units``, of which ``allowed`` might be.

    ``moments``: (c,), when each began; periods are consecutive and hold about equally many cases, at least 20
    each; rows with NaT belong to none, and without moments there is only the whole. ``groups``: (c,), patterns:
    each counts once in a period, by its average.
    """
    rows = [np.arange(len(lost))]
    if moments is not None:
        dated = np.flatnonzero(~np.isnat(moments))
        count = min(periods, len(dated) // _LEAST_CASES)
        if count > 1:
            rows += np.array_split(dated[np.argsort(moments[dated], kind="stable")], count)
    p_values = np.array(
        [_p_value(lost[of], None if groups is None else groups[of], units, allowed) for of in rows]
    )
    rate = (allowed + 1) / (units + 1)
    made = [
        WatchedPeriod(
            starts_at=_moment(moments, of[0]) if at else None,
            ends_at=_moment(moments, of[-1]) if at else None,
            cases=len(of),
            lost=int(lost[of].sum()),
            expected=len(of) * rate,
            p_value=float(p_values[at]),
            alarm=bool(alarm),
        )
        for at, (of, alarm) in enumerate(zip(rows, holm(p_values, LEVEL), strict=True))
    ]
    return Watch(whole=made[0], periods=tuple(made[1:]))


def tail(lost: int, cases: int, units: int, allowed: int) -> float:
    """The chance of ``lost`` or more of ``cases`` under exchangeability."""
    if lost <= 0:
        return 1.0
    counts = np.arange(lost, cases + 1)
    ways = gammaln(cases + 1) - gammaln(counts + 1) - gammaln(cases - counts + 1)
    law = betaln(counts + allowed + 1, cases - counts + units - allowed) - betaln(allowed + 1, units - allowed)
    return float(min(1.0, np.exp(logsumexp(ways + law))))


def holm(p_values: Numbers, level: float) -> Flags:
    """Which hypotheses are rejected with a chance of at most ``level`` of rejecting any true one (Holm, 1979)."""
    order = np.argsort(p_values, kind="stable")
    passed = p_values[order] < level / np.arange(len(order), 0, -1)
    rejected = np.zeros(len(order), dtype=np.bool_)
    rejected[order] = np.logical_and.accumulate(passed)
    return rejected


def _p_value(lost: Flags, groups: NDArray[Any] | None, units: int, allowed: int) -> float:
    cases = units_of(groups, len(lost))
    return tail(int(lost @ cases.weights + 1e-9), cases.count, units, allowed)


def _moment(moments: Moments | None, row: int) -> datetime | None:
    if moments is None:
        return None
    at: datetime = moments[row].astype("datetime64[s]").item()
    return at.replace(tzinfo=UTC)


def _described(period: WatchedPeriod) -> dict[str, Any]:
    moments = {"starts_at": period.starts_at, "ends_at": period.ends_at}
    return asdict(period) | {name: at.isoformat() if at else None for name, at in moments.items()}
