"""Figures in words: what a person should take from them."""

from collections.abc import Iterator

from training.evaluation.intervals import Interval, PairedFigures
from training.evaluation.measures import TargetFigures

_VERDICTS = {
    "better": "better than chance explains",
    "worse": "worse than chance explains",
    "even": "these rows do not tell them apart",
}

_EVEN = 0.01


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def with_interval(share: Interval | None) -> str:
    """``91.2% [89.9–92.4]``."""
    return "–" if share is None else f"{share.value:.1%} [{100 * share.low:.1f}–{100 * share.high:.1f}]"


def points(difference: Interval) -> str:
    """In points of a hundred: ``+2.3 [+0.8 to +3.9]``."""
    value, low, high = (_signed(100 * end) for end in (difference.value, difference.low, difference.high))
    return f"{value} [{low} to {high}]"


def sentences(found: TargetFigures) -> list[str]:
    """The few things to know of a head, most important first."""
    return [
        headline(found),
        acting(found),
        calibration(found),
        *_ordered(found),
        *_over_time(found),
        *_unknown(found),
    ]


def headline(found: TargetFigures) -> str:
    return (
        f"Right in {with_interval(found.accuracy)} of {found.rows:,} incidents it had not seen; "
        f"always saying the most frequent label would be right in {percent(found.majority)}."
        + (f" The truth is among the first three in {percent(found.top_3)}." if _more_than_three(found) else "")
    )


def acting(found: TargetFigures) -> str:
    cover = found.coverage
    hindsight = "With a threshold chosen in hindsight it could cover "
    hindsight += ", ".join(f"{at.coverage:.0%} at {at.precision:.0%} precision" for at in cover.at) + "."
    if not any(at.coverage for at in cover.at):
        hindsight = f"No threshold, even chosen in hindsight, gives {cover.at[0].precision:.0%} precision."
    if cover.precision is None:
        return f"Never acts alone. {hindsight}"
    return (
        f"Acts alone on {percent(cover.acting.value)} of incidents; of those {with_interval(cover.precision)} "
        f"right. {hindsight}"
    )


def calibration(found: TargetFigures) -> str:
    one = found.calibration
    error = f"Calibration error {one.error.value:.3f} [{one.error.low:.3f}–{one.error.high:.3f}]"
    floor = f"a perfect model shows up to {one.floor:.3f} on as many rows by chance"
    if one.near_floor:
        return f"{error}; {floor}, so its probabilities can be taken at their word."
    if abs(one.confidence - one.accuracy) < _EVEN:
        return f"{error}; {floor}, so this is more than chance: right on average, not at each confidence."
    direction = "too sure" if one.confidence > one.accuracy else "too modest"
    return (
        f"{error}; {floor}, so this is more than chance: it is {direction}, saying {percent(one.confidence)} "
        f"on average and being right in {percent(one.accuracy)}."
    )


def drift(found: TargetFigures) -> str:
    if found.drift is None:
        return "Too few dated rows to see a drift."
    if found.drift.alarm:
        return f"Drift: {'; '.join(found.drift.reasons)}. Train again on newer incidents, or act less."
    return f"No drift beyond chance over {len(found.periods)} periods."


def beside(name: str, paired: PairedFigures) -> str:
    """``paired``: ours as the candidate, ``name`` as the incumbent."""
    return (
        f"Beside {name}, on the same {paired.rows:,} rows: {points(paired.accuracy)} points of accuracy; right "
        f"where it was wrong in {paired.fixed:,}, wrong where it was right in {paired.broken:,} (McNemar mid-p "
        f"{p(paired.p_mid)}): {_VERDICTS[paired.verdict]}."
    )


def _more_than_three(found: TargetFigures) -> bool:
    return len(found.classes) > 3


def _ordered(found: TargetFigures) -> Iterator[str]:
    one = found.urgency
    if one is not None:
        missed = (
            f"; of {one.most_urgent_rows:,} {one.most_urgent}, {with_interval(one.missed)} are taken for less"
            if one.missed is not None
            else f"; no row is {one.most_urgent}"
        )
        yield (
            f"Less urgent than it was in {with_interval(one.under)}, "
            f"more urgent in {with_interval(one.over)}{missed}. "
            f"Quadratic kappa {_decimal(one.kappa.value, 2)} "
            f"[{_decimal(one.kappa.low, 2)} to {_decimal(one.kappa.high, 2)}]."
        )
    if found.cost is not None:
        cost = found.cost
        yield (
            f"Cost {cost.concluded.value:.3f} an incident; always concluding the most probable label "
            f"would cost {cost.most_probable:.3f} (saved {_decimal(cost.saved.value, 3)} "
            f"[{_decimal(cost.saved.low, 3)} to {_decimal(cost.saved.high, 3)}])."
        )


def _over_time(found: TargetFigures) -> Iterator[str]:
    if found.drift is not None:
        yield drift(found)


def _unknown(found: TargetFigures) -> Iterator[str]:
    if found.unknown:
        yield (
            f"{found.unknown:,} rows ({percent(found.unknown / found.rows)}) have a label that the head does not "
            "know; they count as wrong."
        )


def _decimal(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


def _signed(value: float) -> str:
    rounded = round(value, 1)
    return "0.0" if rounded == 0 else f"{'+' if rounded > 0 else '−'}{abs(rounded):.1f}"


def p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"
