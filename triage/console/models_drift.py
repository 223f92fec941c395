"""Whether the bundle in force still fits, as a person sees it at a glance."""

from dataclasses import dataclass

from triage.console.charts import Chart, Series
from triage.drift import Report, TargetDrift

TITLES = {"team": "Owning team", "priority": "Priority"}


@dataclass(frozen=True, slots=True)
class TargetView:
    title: str
    said: str
    alarm: bool
    chart: Chart | None


@dataclass(frozen=True, slots=True)
class DriftView:
    """``targets`` is None while it is being added up."""

    targets: tuple[TargetView, ...] | None


def drift_view(found: Report | None) -> DriftView:
    return DriftView(tuple(_target(one) for one in (found.team, found.priority)) if found is not None else None)


def _target(found: TargetDrift) -> TargetView:
    if found.reasons:
        said = f"It drifts: {'; '.join(found.reasons)}. Train again on newer incidents, or let it act less."
    elif found.is_enough:
        said = "No drift beyond chance."
    else:
        said = f"Too few decisions to see a drift: {found.decisions} so far."
    return TargetView(TITLES[found.target], said, bool(found.reasons), _chart(found))


def _chart(found: TargetDrift) -> Chart | None:
    if len(found.weeks) < 2:
        return None
    expected = [
        Series(label=label, values=[value] * len(found.weeks), dash=True, colour="--quiet")
        for label, value in (("acted alone in training", found.expected_acts),)
        if value is not None
    ]
    return Chart(
        title=f"{TITLES[found.target]}, week by week",
        says="What it acts alone on, and how much of that people said too.",
        x_label="Week of",
        x=[f"{week.begins:%d %b}" for week in found.weeks],
        unit="%",
        options={"range": [0, 1]},
        series=(
            Series(
                label="acts alone on",
                values=[week.acts.value for week in found.weeks],
                low=[week.acts.low for week in found.weeks],
                high=[week.acts.high for week in found.weeks],
            ),
            Series(
                label="right of these",
                values=[week.right.value for week in found.weeks],
                low=[week.right.low if week.right.n else None for week in found.weeks],
                high=[week.right.high if week.right.n else None for week in found.weeks],
                kind="points",
                colour="--p2",
            ),
            *expected,
        ),
    )
