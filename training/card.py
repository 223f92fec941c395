"""What a training came to, for people: the bundle's card and the summary on the screen."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Self

from training.evaluation.measured import measured_of
from training.evaluation.measures import TargetFigures, measure
from training.history.cleaning_report import CleaningReport, counted, some
from training.history.leaks import Leak
from training.learning.fit import HeadFit
from training.learning.screening import Compared
from triage.prediction.head import HeadSettings
from triage.prediction.measured import MEASURED

_REPETITIONS = 300
_ENOUGH = 30
"""Fewer rows of new patterns say too little for figures of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSummary:
    """``figures`` are of rows that the head, made the same way without them, had not seen: by ``by`` time the last
    part of the history, by pattern all of it. Rows whose pattern it had seen are not among them; ``as_they_come``
    is with these, None where there are none. ``unknown_yet`` as in ``Split``."""

    name: str
    settings: HeadSettings | None = None
    figures: TargetFigures | None = None
    by: Literal["time", "pattern"] | None = None
    as_they_come: TargetFigures | None = None
    unknown_yet: int = 0
    compared: tuple[Compared, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)
    refused: str | None = None
    reason: str | None = None

    @classmethod
    def of(cls, fit: HeadFit, seed: int) -> Self:
        split, judged, new = fit.split, fit.judged, fit.new
        figures = everything = None
        if judged is not None and new is not None:
            everything = measure(judged, seed=seed, repetitions=_REPETITIONS)
            if _ENOUGH <= new.sum() < len(new):
                figures = measure(judged.take(new), seed=seed, repetitions=_REPETITIONS)
        return cls(
            name=fit.name,
            settings=fit.head.settings if fit.head is not None else None,
            figures=figures or everything,
            as_they_come=everything if figures is not None else None,
            by=split.by if split is not None else None,
            unknown_yet=split.unknown_yet if split is not None else 0,
            compared=fit.compared,
            left_out=fit.left_out or {},
            refused=fit.refused,
            reason=fit.reason,
        )

    def describe(self) -> dict[str, Any]:
        """As the manifest records it."""
        return {
            "reason": self.reason,
            "left_out": self.left_out,
            "split_by": self.by,
            "held_out": None if self.figures is None else _brief(self.figures),
            "as_they_come": None if self.as_they_come is None else _brief(self.as_they_come),
            "compared": [one.describe() for one in self.compared],
            MEASURED: None if self.figures is None else measured_of(self.figures).describe(),
        }

    def lines(self) -> Iterator[str]:
        title = self.name.replace("_", " ").capitalize()
        if self.settings is None:
            yield f"{title}: no head. {self.reason}."
            return
        yield f"{title}: {len(self.settings.labels)} labels, by {' + '.join(self.settings.combination)}."
        if self.left_out:
            yield f"  Left out for too few rows: {counted(self.left_out)}."
        if self.figures is not None:
            where = "the last part of the time" if self.by == "time" else "rows of patterns it had not seen"
            yield f"  On {self.figures.rows:,} rows, {where}: {_figures(self.figures)}"
        else:
            yield "  Too little to hold any rows out: it was not judged."
        if self.as_they_come is not None:
            rows = self.as_they_come.rows
            yield f"  With recurrences, {rows:,} rows as they came: {_figures(self.as_they_come)}"
        if self.unknown_yet:
            yield f"  While judging, not learnt from, since not yet known then: {self.unknown_yet:,} labels."
        yield from self._promises(self.settings)

    def _promises(self, settings: HeadSettings) -> Iterator[str]:
        thresholds = settings.conclusion.thresholds
        never = [label for label in settings.labels if thresholds.of(label) is None]
        if never:
            yield f"  Never acts alone (no threshold gives precision {thresholds.precision:.0%}): {some(never)}."
        for promise in (settings.conclusion.raising, settings.conclusion.sets):
            if promise is not None:
                yield from (f"  {line}" for line in promise.lines())
        if self.refused:
            yield f"  No sets are promised: {self.refused}."


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSummary:
    """What a person wants to know of a training. ``heads`` by name, also those that could not be made."""

    history: str
    bad_rows: tuple[str, ...]
    other_sources: int
    first_at: datetime | None
    last_at: datetime | None
    encoder: str
    recipe: str
    cleaning: CleaningReport
    leaks: tuple[Leak, ...] = ()
    warnings: tuple[str, ...] = ()
    heads: dict[str, HeadSummary] = field(default_factory=dict)


def card_of(summary: TrainSummary) -> str:
    """The text of ``card.md``."""
    return "# Trained bundle\n\n" + "\n".join(_lines(summary)) + _LIMITS


def summary_of(summary: TrainSummary) -> str:
    return "\n".join(_lines(summary))


def _lines(summary: TrainSummary) -> Iterator[str]:
    yield f"History: {summary.history}, {summary.cleaning.rows:,} rows{_span(summary)}."
    if summary.bad_rows:
        yield f"Skipped as bad: {len(summary.bad_rows):,} ({some(list(summary.bad_rows))})."
    if summary.other_sources:
        yield f"Skipped since they are of other sources: {summary.other_sources:,}."
    yield from summary.cleaning.lines()
    yield f"Encoder: {summary.encoder}. Recipe: {summary.recipe}."
    yield from (f"Possible leak: {leak}." for leak in summary.leaks)
    yield from summary.warnings
    for head in summary.heads.values():
        yield ""
        yield from head.lines()
    yield ""


def _brief(figures: TargetFigures) -> dict[str, Any]:
    coverage = figures.coverage
    return {
        "rows": figures.rows,
        "labels": figures.labels,
        "accuracy": figures.accuracy.value,
        "macro_f1": figures.macro_f1.value,
        "majority": figures.majority,
        "coverage": coverage.acting.value,
        "accuracy_acting": coverage.precision.value if coverage.precision is not None else None,
        "calibration_error": figures.calibration.error.value,
    }


def _figures(found: TargetFigures) -> str:
    coverage = found.coverage
    acts = (
        f"acts alone on {coverage.acting.value:.0%}, right in {coverage.precision.value:.1%} of those"
        if coverage.precision is not None
        else "never acts alone"
    )
    return (
        f"accuracy {found.accuracy.value:.1%} (always the most frequent: {found.majority:.1%}), "
        f"macro-F1 {found.macro_f1.value:.2f}; {acts}; calibration error {found.calibration.error.value:.3f} "
        f"(chance alone: up to {found.calibration.floor:.3f})."
    )


def _span(summary: TrainSummary) -> str:
    if summary.first_at is None or summary.last_at is None:
        return ", undated"
    return f", {summary.first_at:%Y-%m-%d} to {summary.last_at:%Y-%m-%d}"


_LIMITS = """
## Limits

It knows the teams and priorities of this history only, in its words. It has no opinion on a label with too few
rows, and it drifts as services and teams change: train again when held-out figures and overrides move apart.
Probabilities are calibrated on held-out rows of this history; on another organisation's they mean nothing.
"""
