"""What a head was measured to be worth, as charts."""

from triage.console.charts import Chart, Series
from triage.prediction.measured import Measured


def charts_of(found: Measured) -> list[Chart]:
    """Those for which there are figures."""
    return [chart for chart in (_calibration(found), _coverage(found), _periods(found)) if chart is not None]


def _calibration(found: Measured) -> Chart | None:
    if not found.reliability:
        return None
    points, gap = found.reliability, f"{100 * found.calibration_error.value:.1f}"
    by_chance = found.calibration_error.value <= found.calibration_floor
    chance = (
        "no more than chance makes of it"
        if by_chance
        else f"chance makes up to {100 * found.calibration_floor:.1f}"
    )
    return Chart(
        title="Do its probabilities mean what they say?",
        says=f"Of what it was 80 % sure of, 80 % should be right. The mean gap is {gap} points; {chance}.",
        x_label="How sure it was",
        x=[0.0, *(point.confidence for point in points), 1.0],
        x_unit="%",
        unit="%",
        options={"range": [0, 1], "xRange": [0, 1]},
        series=(
            Series(
                label="right",
                values=[None, *(point.accuracy.value for point in points), None],
                low=[None, *(point.accuracy.low for point in points), None],
                high=[None, *(point.accuracy.high for point in points), None],
                kind="points",
            ),
            Series(
                label="as it should be",
                values=[0.0, *(point.confidence for point in points), 1.0],
                dash=True,
                colour="--quiet",
                in_table=False,
            ),
        ),
    )


def _coverage(found: Measured) -> Chart | None:
    """Beside the curve the point at which it works: by thresholds that were chosen before."""
    if not found.curve:
        return None
    points: dict[float, tuple[float | None, float | None]] = {share: (right, None) for share, right in found.curve}
    today = "The point is where it works today." if found.precision_acting else "Today it never acts alone."
    if found.precision_acting is not None:
        share = found.acting.value
        points[share] = points.get(share, (None, None))[0], found.precision_acting.value
    x = sorted(points)
    lowest = min((right for pair in points.values() for right in pair if right is not None), default=0.0)
    return Chart(
        title="How much could it do alone, and how well?",
        says=f"The more it acts alone, the more often it is wrong. {today}",
        x_label="Acts alone on",
        x=x,
        x_unit="%",
        unit="%",
        options={"range": [max(0.0, lowest - 0.1), 1.005], "xRange": [0, 1.01]},
        series=(
            Series(label="right, by threshold", values=[points[one][0] for one in x]),
            *(
                [Series(label="today", values=[points[one][1] for one in x], kind="points", colour="--p2")]
                if found.precision_acting is not None
                else []
            ),
        ),
    )


def _periods(found: Measured) -> Chart | None:
    if len(found.periods) < 2:
        return None
    return Chart(
        title="Did it get worse with time?",
        says=_drift(found.drift),
        x_label="Until",
        x=[f"{one.last_at:%d %b %y}" for one in found.periods],
        unit="%",
        options={"range": [0, 1]},
        series=(
            Series(
                label="right",
                values=[one.accuracy.value for one in found.periods],
                low=[one.accuracy.low for one in found.periods],
                high=[one.accuracy.high for one in found.periods],
            ),
            Series(
                label="acts alone on", values=[one.coverage for one in found.periods], dash=True, colour="--quiet"
            ),
        ),
    )


def _drift(reasons: tuple[str, ...] | None) -> str:
    if reasons is None:
        return "Too few dated incidents to see a drift."
    if not reasons:
        return "No drift beyond chance over the time it was judged on."
    said = "; ".join(reasons)
    return f"It drifts: {said}. Train again on newer incidents, or let it act less."
