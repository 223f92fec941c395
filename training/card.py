"""What a training came to, for people: the bundle's card and the summary on the screen."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from training.history.leaks import Leak
from training.learning.fit import HeadFit, HeadQuality

_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSummary:
    """What a person wants to know of a training. ``fits`` by head name, also of heads that could not be made."""

    history: str
    rows: int
    bad_rows: tuple[str, ...]
    machine_labelled: int
    other_sources: int
    first_at: datetime | None
    last_at: datetime | None
    encoder: str
    recipe: str
    leaks: tuple[Leak, ...] = ()
    fits: dict[str, HeadFit] = field(default_factory=dict)


def card_of(summary: TrainSummary) -> str:
    """The text of ``card.md``."""
    return "# Trained bundle\n\n" + "\n".join(_lines(summary)) + _LIMITS


def summary_of(summary: TrainSummary) -> str:
    return "\n".join(_lines(summary))


def _lines(summary: TrainSummary) -> Iterator[str]:
    yield f"History: {summary.history}, {summary.rows:,} rows{_span(summary)}."
    if summary.bad_rows:
        yield f"Skipped as bad: {len(summary.bad_rows):,} ({_some(list(summary.bad_rows))})."
    if summary.machine_labelled:
        yield f"Skipped since only a machine labelled them: {summary.machine_labelled:,}."
    if summary.other_sources:
        yield f"Skipped since they are of other sources: {summary.other_sources:,}."
    yield f"Encoder: {summary.encoder}. Recipe: {summary.recipe}."
    yield from (f"Possible leak: {leak}." for leak in summary.leaks)
    for name, fit in summary.fits.items():
        yield ""
        yield from _head_lines(name, fit)
    yield ""


def _head_lines(name: str, fit: HeadFit) -> Iterator[str]:
    title = name.replace("_", " ").capitalize()
    if fit.head is None or fit.quality is None:
        yield f"{title}: no head. {fit.reason}."
        return
    yield f"{title}: {fit.quality.rows:,} rows, {len(fit.head.settings.labels)} labels."
    if fit.left_out:
        yield f"  Left out for too few rows: {_some([f'{label} ({n})' for label, n in fit.left_out.items()])}."
    if fit.later:
        yield f"  On the last fifth of the time: {_quality(fit.later)}"
    yield f"  On held-out rows of the whole history: {_quality(fit.quality)}"
    never = [label for label in fit.head.settings.labels if fit.head.settings.thresholds.of(label) is None]
    if never:
        precision = fit.head.settings.thresholds.precision
        yield f"  Never acts alone (no threshold gives precision {precision:.0%}): {_some(never)}."


def _quality(found: HeadQuality) -> str:
    acting = (
        f"acts alone on {found.coverage:.0%}, right in {found.accuracy_acting:.1%} of those"
        if found.accuracy_acting is not None
        else "never acts alone"
    )
    return (
        f"accuracy {found.accuracy:.1%} (always the most frequent: {found.majority:.1%}), "
        f"macro-F1 {found.macro_f1:.2f}; {acting}; calibration error {found.calibration_error:.3f}."
    )


def _span(summary: TrainSummary) -> str:
    if summary.first_at is None or summary.last_at is None:
        return ", undated"
    return f", {summary.first_at:%Y-%m-%d} to {summary.last_at:%Y-%m-%d}"


def _some(items: list[str]) -> str:
    more = f" and {len(items) - _SHOWN:,} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more


_LIMITS = """
## Limits

It knows the teams and priorities of this history only, in its words. It has no opinion on a label with too few
rows, and it drifts as services and teams change: train again when held-out figures and overrides move apart.
Probabilities are calibrated on held-out rows of this history; on another organisation's they mean nothing.
"""
