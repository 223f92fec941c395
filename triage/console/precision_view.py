"""How right the machine is in production, by a random sample that people looked at: in words, with how sure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triage.console.charts import Chart, Series
from triage.domain.catalogue import Catalogue
from triage.precision import Estimate, ModelReport, Since


@dataclass(frozen=True, slots=True)
class Better:
    """What became of a team since somebody first corrected it. ``sure``: the intervals do not overlap, so that
    chance alone is hardly why; ``verdict``: ``good``, ``bad`` or neither."""

    since: Since
    sure: bool
    verdict: str


def weekly_chart(report: ModelReport) -> Chart | None:
    """None with fewer than two weeks that anybody looked at."""
    known = [(week, one) for week, one in report.weekly if one.value is not None]
    if len(known) < 2:
        return None
    return Chart(
        title="Right about the team, week by week",
        says="Where it was sure enough to act alone; the band holds the true share in 95 of 100 cases.",
        x_label="Week",
        x=[week.partition("-")[2] for week, _ in known],
        unit="%",
        options={"range": [0, 1]},
        series=(_series("precision", [one for _, one in known]),),
    )


def _series(label: str, estimates: Sequence[Estimate]) -> Series:
    return Series(
        label=label,
        values=[one.value for one in estimates],
        low=[one.low for one in estimates],
        high=[one.high for one in estimates],
    )


def corrected(report: ModelReport) -> list[Better]:
    """The greatest changes first."""
    found = [_better(one) for one in report.corrected]
    return sorted(found, key=lambda one: -abs((one.since.after.value or 0) - (one.since.before.value or 0)))


def _better(since: Since) -> Better:
    before, after = since.before, since.after
    sure = after.low > before.high or after.high < before.low
    gained = (after.value or 0) - (before.value or 0)
    return Better(since, sure, "" if not sure else "good" if gained > 0 else "bad")


def rows_of(report: ModelReport, catalogue: Catalogue) -> list[Mapping[str, Any]]:
    """For a file: precision by target, team and week."""
    told = [
        ("target", "team", report.team),
        ("target", "priority", report.priority),
        *(("team", catalogue.team_name(team), one) for team, one in report.teams),
        *(("week", week, one) for week, one in report.weekly),
    ]
    return [
        {"by": by, "group": group, "looked_at": one.n, "precision": one.value, "low": one.low, "high": one.high}
        for by, group, one in told
    ]
