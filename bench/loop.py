"""``python -m bench.loop --data FOLDER``: what reviewers who look at 5 % of the incidents teach the service.

Ten weeks of real incidents (ServiceNow, UCI) in the order of time. Three systems start with the same bundle,
fitted on the first two weeks as far as it was known by their end who had resolved what. The first learns nothing
more. In the other two somebody looks at one of twenty incidents, and says which team resolved it in the end: in
the second the product's review queue says which one, its random sample mixed in as in the product; in the third
chance alone. What was said holds for the next of the pattern as in the product, to which the start is an imported
history, and once a week each of the two is trained anew on the start and on what was said so far, by the
product's own training.

What is judged is what the service says when an incident opens, before anybody looked at it.
"""

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click
import numpy as np

from bench.loop_drawing import Curve, drawing
from bench.loop_replay import WEEK, Choice, Plan, Routed, known_at_start, moment, replay, train
from bench.preparation import KEPT as BENCH
from training.starter import make_starter
from triage.domain.estimate import Estimate, wilson
from triage.history.rows import HistoryRow, read_history

HISTORY = "servicenow_history.jsonl.gz"
KEPT = BENCH / "loop"
START_WEEKS = 2
LAST_WEEKS = 4
"""The figures at the end are of so many last weeks; what was chosen, was chosen on earlier ones."""
NAMES: Mapping[Choice, str] = {
    "none": "without the loop",
    "worth": "5 % by the queue",
    "random": "5 % at random",
}
DRAWS = 2_000
SEED = 20260105


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False, exists=True), required=True)
@click.option("--weeks", type=click.IntRange(START_WEEKS + 1), help="Only so many; by default all.")
@click.option(
    "--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="Every week, for programs."
)
def main(data: Path, weeks: int | None, output: Path | None) -> None:
    """Replay a history through the loop, and draw what it brings week by week."""
    started = time.perf_counter()
    plan = prepare(data, weeks)
    with ProcessPoolExecutor(max_workers=2) as pool:
        running = {choice: pool.submit(replay, plan, choice) for choice in ("worth", "random", "none")}
        routed: dict[Choice, list[Routed]] = {choice: running[choice].result() for choice in NAMES}
    for choice, found in routed.items():
        click.echo(f"\n{NAMES[choice]}")
        click.echo(_table(found))
    last = max(one.week for one in routed["none"])
    for after, which in ((last - LAST_WEEKS, "on which nothing was chosen"), (START_WEEKS, "all of them")):
        click.echo(f"\nWeeks {after + 1} to {last}, {which}: of all incidents the team named first is right:")
        click.echo(_comparison(routed, after))
    KEPT.mkdir(parents=True, exist_ok=True)
    file = KEPT / "loop.svg"
    curves = [Curve(words=NAMES[choice], points=_by_week(found, named)) for choice, found in routed.items()]
    file.write_text(drawing("What reviewing 5 % of the incidents brings", "right team", curves), "utf-8")
    click.echo(f"\ndrawn in {file}; {time.perf_counter() - started:.0f} s")
    if output is not None:
        told = {choice: _told(found) for choice, found in routed.items()}
        output.write_text(json.dumps(told, indent=1), "utf-8")


def prepare(data: Path, weeks: int | None) -> Plan:
    """The history without what was known later, and the bundle that all begin with."""
    rows = [_as_opened(row) for row in read_history(data / HISTORY).rows if row.team]
    rows.sort(key=lambda row: (moment(row), row.id))
    begins_at = moment(rows[0])
    start = begins_at + START_WEEKS * WEEK
    if weeks is not None:
        rows = [row for row in rows if moment(row) < begins_at + weeks * WEEK]
    shutil.rmtree(KEPT / "models", ignore_errors=True)
    models = KEPT / "models"
    models.mkdir(parents=True)
    click.echo("making the encoder ready …", err=True)
    starter = make_starter(models, datetime.now(UTC)).folder
    known = known_at_start(rows, start)
    bundle = train(known, models, start)
    click.echo(
        f"{len(rows):,} incidents from {begins_at:%Y-%m-%d}; the first bundle knows {len(known):,} of the"
        f" {sum(moment(row) < start for row in rows):,} of the first {START_WEEKS} weeks"
    )
    return Plan(rows=rows, start=start, starter=starter, bundle=bundle)


def _as_opened(row: HistoryRow) -> HistoryRow:
    """Without the team that somebody chose first: nobody has, where the service is asked."""
    return replace(row, incident=row.incident.with_changes(assigned_team=None))


def named(found: Sequence[Routed]) -> Estimate:
    return wilson(sum(one.named for one in found), len(found))


def acted(found: Sequence[Routed]) -> Estimate:
    """Precision where it acts alone."""
    return wilson(sum(one.right for one in found), sum(one.acted for one in found))


def _by_week(
    found: Sequence[Routed], measure: Callable[[Sequence[Routed]], Estimate]
) -> list[tuple[int, Estimate]]:
    weeks = sorted({one.week for one in found})
    return [(week, measure([one for one in found if one.week == week])) for week in weeks]


def _table(found: Sequence[Routed]) -> str:
    lines = ["  week  incidents  right team named first   acts alone on   right where it acts   by a word"]
    groups = [(str(week), [one for one in found if one.week == week]) for week, _ in _by_week(found, named)]
    for name, group in (*groups, ("all", list(found))):
        share = sum(one.acted for one in group) / len(group)
        lines.append(
            f"  {name:>4}  {len(group):9,}  {_shown(named(group)):>22}  {share:14.1%}  {_shown(acted(group)):>20}"
            f"  {sum(one.learnt for one in group):9,}"
        )
    return "\n".join(lines)


def _shown(one: Estimate) -> str:
    return "–" if one.value is None else f"{one.value:.3f} [{one.low:.3f}–{one.high:.3f}]"


def _comparison(routed: Mapping[Choice, Sequence[Routed]], after: int) -> str:
    """Each system, and each pair of them on the same incidents, by bootstrap over patterns."""
    late = {choice: [one for one in found if one.week > after] for choice, found in routed.items()}
    lines = [f"  {NAMES[choice]}: {_shown(named(found))}" for choice, found in late.items()]
    pairs: Sequence[tuple[Choice, Choice]] = (("worth", "none"), ("random", "none"), ("worth", "random"))
    for better, worse in pairs:
        value, low, high = paired(late[better], late[worse])
        lines.append(f"  {NAMES[better]} less {NAMES[worse]}: {value:+.3f} [{low:+.3f}, {high:+.3f}]")
    return "\n".join(lines)


def paired(better: Sequence[Routed], worse: Sequence[Routed]) -> tuple[float, float, float]:
    """The mean difference in the share that is named right, and its interval at 95 %. Whole patterns are drawn,
    for incidents of one are not independent."""
    gained = np.array([int(one.named) - int(other.named) for one, other in zip(better, worse, strict=True)])
    _, group = np.unique([one.pattern for one in better], return_inverse=True)
    sums, sizes = np.bincount(group, weights=gained), np.bincount(group)
    drawn = np.random.default_rng(SEED).integers(0, len(sums), (DRAWS, len(sums)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(gained.mean()), float(low), float(high)


def _told(found: Sequence[Routed]) -> list[dict[str, object]]:
    return [
        {
            "week": week,
            "incidents": one.n,
            "named": one.value,
            "low": one.low,
            "high": one.high,
            "acted": sum(two.acted for two in found if two.week == week),
            "right": sum(two.right for two in found if two.week == week),
        }
        for week, one in _by_week(found, named)
    ]


if __name__ == "__main__":
    main()
