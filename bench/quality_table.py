"""What was measured as one aligned table for each question, and as one object for programs."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from bench.quality_goals import between, share_held, signed, verdicts
from bench.quality_measures import Measured, Rival
from bench.quality_promises import over_time
from bench.quality_rivals import PEOPLE
from bench.spent import Spent
from training.evaluation.measures import TargetFigures

_HEAD = ("", "top-1", "top-3", "macro-F1", "calibration error", "acts on", "right of these", "0.90 at best")
_BESIDE = ("less what it is compared with", "top-1", "macro-F1", "fixed", "broken", "McNemar p")

Row = tuple[str, ...]


def table(measured: Measured) -> str:
    """Our row, a row for each rival, the paired differences, and the goals with what came of them."""
    rows = [_HEAD, _figures("triage", measured.figures)]
    if measured.kept is not None:
        rows.append(_figures("triage, flags only", measured.kept))
    rows += [_figures(rival.name, rival.figures) for rival in measured.rivals]
    parts = [_title(measured), aligned(rows)]
    if measured.rivals:
        parts.append(aligned([_BESIDE, *(_beside(rival) for rival in measured.rivals)]))
    goals = [(one.goal, one.measured, one.wanted, one.word) for one in verdicts(measured)]
    parts.append(aligned([("goal", "measured", "wanted", ""), *goals]))
    parts += ["\n".join(lines)] if (lines := [*_over_time(measured)]) else []
    return "\n\n".join(parts)


def described(measured: Measured) -> dict[str, Any]:
    """Everything but single rows."""
    return {
        "set": measured.asked.name,
        "target": measured.question.target,
        "protocol": measured.asked.protocol,
        "learnt_from": measured.learnt,
        "figures": asdict(measured.figures),
        "flags_only": None if measured.kept is None else asdict(measured.kept),
        "compared_with": [asdict(rival) for rival in measured.rivals],
        "goals": [asdict(verdict) for verdict in verdicts(measured)],
        "trainings": [asdict(training) for training in measured.trainings],
    }


def aligned(rows: Sequence[Row]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def cost_of(trainings: Sequence[Spent]) -> str:
    """The first training of a set embeds its texts; later ones find most of them kept."""
    seconds = ", ".join(f"{training.seconds:.0f}" for training in trainings)
    cores = ", ".join(f"{training.cpu_seconds:.0f}" for training in trainings)
    most = max(training.peak_mib for training in trainings)
    return f"training took {seconds} s ({cores} s of all cores), {most:,.0f} MiB at most"


def _title(measured: Measured) -> str:
    asked, figures = measured.asked, measured.figures
    unknown = f", {figures.unknown} with a label never learnt" if figures.unknown else ""
    return (
        f"{asked.name}: {measured.question.title}\n"
        f"{asked.protocol}; {measured.learnt:,} rows to learn from, {figures.rows:,} judged,"
        f" {figures.patterns:,} patterns{unknown}\n{cost_of(measured.trainings)}"
    )


def _over_time(measured: Measured) -> Iterator[str]:
    """Of rows in time, which no guarantee is about: what came of it, and what drifts."""
    promise = measured.promise
    if promise is not None and not measured.asked.exchangeable:
        yield f"sets of {promise.coverage:g} hold the truth: {share_held(promise, measured.ours)}"
        yield from (f"  {line}" for line in over_time(promise, measured.ours))
    if measured.figures.drift is not None:
        yield from (f"drift: {reason}" for reason in measured.figures.drift.reasons)


def _figures(name: str, figures: TargetFigures) -> Row:
    calibration, coverage = figures.calibration, figures.coverage
    if name == PEOPLE:
        # They name one team and give no probability.
        return (name, between(figures.accuracy), "", between(figures.macro_f1), "", "", "", "")
    return (
        name,
        between(figures.accuracy),
        f"{figures.top_3:.3f}",
        between(figures.macro_f1),
        f"{calibration.error.value:.3f} (floor {calibration.floor:.3f})",
        f"{coverage.acting.value:.3f}",
        between(coverage.precision) if coverage.precision else "",
        next(f"{at.coverage:.3f}" for at in coverage.at if at.precision == 0.9),
    )


def _beside(rival: Rival) -> Row:
    paired = rival.paired
    return (
        rival.name,
        signed(paired.accuracy),
        signed(paired.macro_f1),
        str(paired.fixed),
        str(paired.broken),
        f"{paired.p_mid:.2g}",
    )
