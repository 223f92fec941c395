"""``python -m bench.scale``: what training costs as a history grows, each size in a process of its own.

Two kinds of rows. Metadata with placeholder titles: the ServiceNow history, and beyond its 19,636 rows the same
incidents again, later, with a tenth of their values exchanged and new callers, so that words, facts and texts grow
as they do in a real desk; such rows cost what real ones do, but say nothing of quality. Texts: bug reports, status
reports and alert rules. See `bench.quality` for where the histories are.
"""

import json
import math
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from bench.__main__ import describe_machine
from bench.quality import KEPT
from bench.quality_goals import Verdict
from bench.quality_product import Product
from bench.quality_sets import Record, read
from bench.quality_table import aligned
from bench.spent import Spent

SIZES = (5_000, 20_000, 80_000, 200_000)
TICKETS = 6_000

_METADATA = "servicenow_history.jsonl.gz"
_TEXTS = ("gitbugs_history.jsonl.gz", "cloud_status_history.jsonl.gz", "alert_rules_history.jsonl.gz")
_TITLE = ("category", "subcategory", "u_symptom")
_EXCHANGED = 0.1
_NEW_CALLERS = 0.3
_SEED = 20260105


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    kind: str
    rows: int
    spent: Spent


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="TRIAGE_BENCH_DATA",
    required=True,
    help="The folder of the histories.  [TRIAGE_BENCH_DATA]",
)
@click.option("--size", "sizes", type=click.IntRange(100), multiple=True, help=f"Rows of metadata.  [{SIZES}]")
@click.option("--tickets", type=click.IntRange(0), default=TICKETS, show_default=True, help="Texts; 0 for none.")
@click.option("--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="The same, for programs.")
def main(data: Path, sizes: tuple[int, ...], tickets: int, output: Path | None) -> None:
    """Measure time and memory of training as a history grows."""
    machine = describe_machine()
    real = read(data / _METADATA)
    points = [_train("metadata", rows, resampled(real, rows)) for rows in sorted(sizes or SIZES)]
    if tickets:
        texts = [row for file in _TEXTS for row in read(data / file)]
        points.append(_train("texts", min(tickets, len(texts)), evenly(texts, tickets)))
    click.echo(
        f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']},"
        f" load {machine['load']:.1f} before the start; metadata beyond {len(real):,} rows is resampled\n"
    )
    click.echo(table(points))
    if output is not None:
        content = {"machine": machine, "points": [asdict(one) for one in points], "growth": growth(points)}
        output.write_text(json.dumps(content, indent=1), "utf-8")


def resampled(real: Sequence[Record], wanted: int) -> Iterator[Record]:
    """The last ``wanted`` rows; beyond all of them, later copies with exchanged values and new callers."""
    yield from real[-wanted:]
    chance = random.Random(_SEED)
    span = _moment(real[-1]["occurred_at"]) - _moment(real[0]["occurred_at"]) + timedelta(hours=1)
    for number in range(len(real), wanted):
        copy, at = divmod(number, len(real))
        yield _again(real[at], real, copy, copy * span, chance)


def evenly(rows: Sequence[Record], wanted: int) -> list[Record]:
    return [rows[at * len(rows) // wanted] for at in range(wanted)] if wanted < len(rows) else list(rows)


def growth(points: Sequence[Point]) -> list[float | None]:
    """By which power of the rows the time of the cores grew since the point before; None for a kind's first."""
    found: list[float | None] = []
    for before, point in zip([None, *points], points, strict=False):
        if before is None or before.kind != point.kind or before.rows == point.rows:
            found.append(None)
        else:
            found.append(
                math.log(point.spent.cpu_seconds / before.spent.cpu_seconds) / math.log(point.rows / before.rows)
            )
    return found


def table(points: Sequence[Point]) -> str:
    rows = [("kind", "rows", "seconds", "of all cores", "rows/s", "MiB at most", "growth")]
    for point, power in zip(points, growth(points), strict=True):
        rows.append(
            (
                point.kind,
                f"{point.rows:,}",
                f"{point.spent.seconds:.1f}",
                f"{point.spent.cpu_seconds:.1f}",
                f"{point.rows / point.spent.seconds:.0f}",
                f"{point.spent.peak_mib:,.0f}",
                "" if power is None else f"rows^{power:.2f}",
            )
        )
    goals = [(one.goal, one.measured, one.wanted, one.word) for one in verdicts(points)]
    return f"{aligned(rows)}\n\n{aligned([('goal', 'measured', 'wanted', ''), *goals])}"


def verdicts(points: Sequence[Point]) -> list[Verdict]:
    """On two cores without a graphics card, with the default recipe."""

    def at_most(goal: str, kind: str, rows: int, most: float, value_of: Callable[[Spent], float]) -> Verdict:
        found = next((value_of(one.spent) for one in points if (one.kind, one.rows) == (kind, rows)), None)
        measured = "" if found is None else f"{found:,.0f}"
        return Verdict(
            goal=goal, measured=measured, wanted=f"≤ {most:,}", reached=None if found is None else found <= most
        )

    return [
        at_most("20,000 rows of metadata, seconds", "metadata", 20_000, 120, lambda spent: spent.seconds),
        at_most("6,000 texts, seconds", "texts", 6_000, 180, lambda spent: spent.seconds),
        at_most("200,000 rows of metadata, MiB", "metadata", 200_000, 4_096, lambda spent: spent.peak_mib),
    ]


def _train(kind: str, count: int, rows: Iterable[Record]) -> Point:
    """With no embedding known yet."""
    click.echo(f"bench: training on {count:,} rows of {kind}", err=True)
    with TemporaryDirectory(prefix="triage-scale-") as scratch:
        product = Product(folder=Path(scratch))
        product.start(KEPT)
        product.train(rows)
        return Point(kind=kind, rows=count, spent=product.trainings[0])


def _again(row: Record, real: Sequence[Record], copy: int, later: timedelta, chance: random.Random) -> Record:
    labels = dict(row["labels"])
    for key in labels:
        if chance.random() < _EXCHANGED:
            labels[key] = chance.choice(real)["labels"].get(key, labels[key])
    if chance.random() < _NEW_CALLERS:
        labels["caller_id"] = f"{labels.get('caller_id', 'Caller')} of year {copy}"
    changed: dict[str, Any] = {**row, "id": f"{row['id']}-{copy}", "labels": labels}
    changed["title"] = " / ".join(labels[key] for key in _TITLE if key in labels) or row["title"]
    for name in ("occurred_at", "resolved_at"):
        if row.get(name):
            changed[name] = (_moment(row[name]) + later).isoformat()
    return changed


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


if __name__ == "__main__":
    sys.exit(main())
