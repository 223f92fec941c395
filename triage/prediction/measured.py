"""What training measured of a head on incidents that it had not seen, as the manifest keeps it for people.

Nothing reads it to decide. A bundle of before this was kept has none, and says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

MEASURED = "measured"
"""Its name in a head's part of the manifest's ``quality``."""
_DIGITS = 5
"""Behind the point: more would be noise, and a manifest is read whole."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ReliabilityPoint:
    """Rows of neighbouring confidence: its mean, and the share of them that was right."""

    rows: int
    confidence: float
    accuracy: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """``matrix[i][j]``: rows that are ``true[i]`` and were said to be ``said[j]``. ``pairs``: the most frequent
    mistakes as (true, said, rows)."""

    true: tuple[str, ...]
    said: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]
    pairs: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFigures:
    """Of one label: ``rows`` that are it, ``said`` to be it, ``acting`` on it alone. None where nothing was
    divided."""

    label: str
    rows: int
    said: int
    precision: float | None
    recall: float | None
    f1: float | None
    acting: int
    precision_acting: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodFigures:
    """Consecutive rows. ``coverage``: the share on which the head acts alone."""

    first_at: datetime
    last_at: datetime
    rows: int
    accuracy: Estimate
    coverage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Of one head on ``rows`` rows of ``patterns`` patterns; shares in [0, 1].

    ``unknown``: rows whose label the head does not know. ``acting``: the share on which it acts alone, and
    ``precision_acting`` of that; ``curve``: (coverage, precision) as its threshold falls. ``missed``: of the rows
    that were ``most_urgent``, the share that was concluded to be less urgent. ``by_label``: most frequent first.
    ``drift``: why accuracy changed over the time by more than chance; None with too few dated rows to see it.
    """

    rows: int
    patterns: int
    unknown: int
    accuracy: Estimate
    macro_f1: Estimate
    majority: float
    top_3: float
    acting: Estimate
    precision_acting: Estimate | None
    calibration_error: Estimate
    calibration_floor: float
    most_urgent: str | None
    missed: Estimate | None
    reliability: tuple[ReliabilityPoint, ...]
    curve: tuple[tuple[float, float], ...]
    confusion: Confusion
    by_label: tuple[LabelFigures, ...]
    periods: tuple[PeriodFigures, ...]
    drift: tuple[str, ...] | None

    def describe(self) -> dict[str, Any]:
        """As the manifest keeps it."""
        found: dict[str, Any] = _rounded(_adapter().dump_python(self, mode="json"))
        return found


def find_measured(quality: Mapping[str, Any], head: str) -> Measured | None:
    """From a manifest's ``quality``; None where it was not measured, or not in this form."""
    of_head = quality.get(head)
    kept = of_head.get(MEASURED) if isinstance(of_head, Mapping) else None
    if kept is None:
        return None
    try:
        return _adapter().validate_python(kept)
    except ValidationError:
        return None


def _rounded(value: object) -> Any:
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value


@cache
def _adapter() -> TypeAdapter[Measured]:
    return TypeAdapter(Measured)
