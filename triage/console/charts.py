"""Charts as ``charts.js`` draws them, each with the same numbers as a table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from triage.console.templating import percent, short

Unit = Literal["", "%", "s"]
Number = float | None


HEATS = 9
"""The warmest shade of ``heat-0`` …"""


def heat_of(count: int, most: int) -> int:
    """The shade of ``count`` where ``most`` is the warmest; whatever is not nothing has one. ``most`` > 0."""
    return -(-count * HEATS // most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """``values``, and ``low`` and ``high`` around them, one for each place of the chart; None where nothing is
    known. ``colour``: a variable of the style sheet."""

    label: str
    values: Sequence[Number]
    kind: Literal["line", "bars", "points"] = "line"
    low: Sequence[Number] | None = None
    high: Sequence[Number] | None = None
    dash: bool = False
    colour: str | None = None
    in_table: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """``x``: numbers, or words that stand side by side; ``options``: as ``charts.js`` names them; ``says``: in a
    sentence, for those who do not see it."""

    title: str
    says: str
    x_label: str
    x: Sequence[float | str]
    series: Sequence[Series]
    unit: Unit = ""
    x_unit: Unit = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> str:
        """For ``data-chart``."""
        words = all(isinstance(one, str) for one in self.x) and bool(self.x)
        told: dict[str, Any] = {
            "x": list(range(len(self.x))) if words else list(self.x),
            "unit": self.unit,
            "xUnit": self.x_unit,
            "xLabel": self.x_label,
            "series": [_described(one) for one in self.series],
            **self.options,
        }
        return json.dumps(told | ({"labels": list(self.x)} if words else {}))

    @property
    def columns(self) -> list[str]:
        return [self.x_label, *(one.label for one in self.series if one.in_table)]

    @property
    def rows(self) -> list[list[str]]:
        """As the table tells them; the first of each row is its head."""
        return [
            [_said(x, self.x_unit), *(self._cell(one, at) for one in self.series if one.in_table)]
            for at, x in enumerate(self.x)
        ]

    def _cell(self, one: Series, at: int) -> str:
        said = _said(one.values[at], self.unit)
        if one.low is None or one.high is None or one.values[at] is None:
            return said
        return f"{said} ({_said(one.low[at], self.unit)} – {_said(one.high[at], self.unit)})"


def took(seconds: float | None) -> str:
    """``12 min``, ``3 h 20 min``; of nothing a dash."""
    return "–" if seconds is None else short(timedelta(seconds=seconds))


def _described(one: Series) -> dict[str, Any]:
    told: dict[str, Any] = {"label": one.label, "values": list(one.values), "kind": one.kind}
    if one.low is not None and one.high is not None:
        told |= {"low": list(one.low), "high": list(one.high)}
    return told | ({"dash": True} if one.dash else {}) | ({"color": one.colour} if one.colour else {})


def _said(value: float | str | None, unit: Unit) -> str:
    if isinstance(value, str):
        return value
    if unit == "s":
        return took(value)
    if unit == "%":
        return percent(value)
    return "–" if value is None else f"{value:,.6g}"
