"""The same figures on a terminal, in up to 100 columns."""

from collections.abc import Iterator, Sequence

from training.evaluation import sentences
from training.evaluation.intervals import PairedFigures
from training.evaluation.measures import TargetFigures
from training.evaluation.report import Report, TargetReport
from training.evaluation.sentences import percent, points, with_interval
from training.evaluation.svg import shorten

_SHOWN = 15
_NAME = 26
_LINE = 100

Row = tuple[str, ...]


def report_text(report: Report) -> str:
    """Everything a person needs to decide, without the drawings: the models, then each head."""
    lines = [f"Bundle {report.bundle}: {report.history}.", "", summary_table(report.targets)]
    for target in report.targets:
        lines += ["", "", target_text(target)]
    for title, given in (
        ("Guarantees", report.guarantees),
        ("Cleaning", report.cleaning),
        ("Leaks", report.leaks),
    ):
        if given:
            lines += ["", "", title, *_bullets(given)]
    return "\n".join(lines)


def summary_table(targets: Sequence[TargetReport]) -> str:
    """A line for each model of each target, ours first. The calibration error is beside what chance gives a
    perfect model on as many rows."""
    titles = ("", "accuracy", "macro-F1", "top 3", "error/chance", "acts", "right of those")
    rows: list[Row | None] = []
    for target in targets:
        rows += [None] if rows else []
        for at, (model, found) in enumerate(target.models().items()):
            name = target.title if at == 0 else f"  {model}"
            rows.append((shorten(name, _NAME), *_summary(found)))
    return _table(titles, rows)


def target_text(target: TargetReport) -> str:
    found = target.figures
    lines = [f"{target.title}: {found.rows:,} rows, {target.rows}", *_bullets(sentences.sentences(found))]
    lines += _bullets([sentences.beside(rival.name, rival.paired) for rival in target.rivals if rival.paired])
    return "\n".join([*lines, "", class_table(found)])


def class_table(found: TargetFigures, most: int = _SHOWN) -> str:
    """The most frequent labels; the others in one line."""
    titles = ("label", "rows", "said", "precision", "recall", "F1", "acts", "right of those")
    rows: list[Row | None] = [
        (
            shorten(one.label, _NAME),
            f"{one.rows:,}",
            f"{one.said:,}",
            percent(one.precision),
            percent(one.recall),
            percent(one.f1),
            f"{one.acting:,}",
            percent(one.precision_acting),
        )
        for one in found.classes[:most]
    ]
    rest = found.classes[most:]
    lines = [_table(titles, rows)]
    if rest:
        scored = [one.f1 for one in rest if one.f1 is not None]
        mean = percent(sum(scored) / len(scored)) if scored else "–"
        lines.append(f"{len(rest):,} rarer labels with {sum(one.rows for one in rest):,} rows: mean F1 {mean}")
    if found.confusion.pairs:
        pairs = [f"{one.true} → {one.said} ({one.rows:,})" for one in found.confusion.pairs[:5]]
        lines += _wrapped(f"Most often taken for another: {'; '.join(pairs)}", "")
    return "\n".join(lines)


def comparison_table(compared: Sequence[tuple[str, PairedFigures]]) -> str:
    """A candidate beside an incumbent: a line for each head, by its name. Differences in points of a hundred."""
    titles = ("", "rows", "accuracy", "macro-F1", "acts", "acts wrongly", "fixed", "broken", "p", "")
    rows: list[Row | None] = [
        (
            shorten(name, _NAME),
            f"{one.rows:,}",
            points(one.accuracy),
            points(one.macro_f1).split(" ")[0],
            points(one.coverage).split(" ")[0],
            points(one.acting_wrong).split(" ")[0],
            f"{one.fixed:,}",
            f"{one.broken:,}",
            sentences.p(one.p_mid),
            {"better": "better", "worse": "WORSE"}.get(one.verdict, "even"),
        )
        for name, one in compared
    ]
    return _table(titles, rows)


def _summary(found: TargetFigures) -> Row:
    right = found.coverage.precision
    return (
        with_interval(found.accuracy),
        percent(found.macro_f1.value),
        percent(found.top_3),
        f"{found.calibration.error.value:.3f}/{found.calibration.floor:.3f}",
        percent(found.coverage.acting.value),
        percent(right.value if right else None),
    )


def _table(titles: Row, rows: Sequence[Row | None]) -> str:
    """Columns as wide as they need, the first to the left; None is a rule."""
    widths = [max(len(row[at]) for row in (titles, *(row for row in rows if row))) for at in range(len(titles))]
    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))

    def put(row: Row) -> str:
        cells = [cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in _cells(row, widths)]
        return "  ".join(cells).rstrip()

    return "\n".join([put(titles), rule, *(put(row) if row else "" for row in rows)])


def _cells(row: Row, widths: Sequence[int]) -> Iterator[tuple[int, tuple[str, int]]]:
    return iter(enumerate(zip(row, widths, strict=True)))


def _bullets(given: Sequence[str]) -> list[str]:
    return [line for one in given for line in _wrapped(f"- {one}", "")]


def _wrapped(content: str, indent: str) -> list[str]:
    lines, line = [], indent
    for word in content.split():
        if len(line) + len(word) > _LINE and line.strip():
            lines.append(line.rstrip())
            line = indent + "  "
        line += word + " "
    return [*lines, line.rstrip()]
