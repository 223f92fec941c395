"""``python -m bench.quality``: the figures that the heads must reach, beside plain means, on real histories.

The histories are not part of this repository; ``--data`` or ``TRIAGE_BENCH_DATA`` names the folder they are in.
Every set is parted into a training and a test file, triage is trained and asked by its own commands, and every
figure is computed from its output lines. Nothing is tuned here.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.__main__ import describe_machine
from bench.preparation import KEPT as BENCH
from bench.quality_goals import verdicts
from bench.quality_measures import FULL, QUICK, Measured, measure_set
from bench.quality_sets import SETS, QualitySet
from bench.quality_table import described, table

KEPT = BENCH / "quality"
"""Where the starter bundle that every training begins with is kept from run to run."""

_NAMES = [one.name for one in SETS]


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="TRIAGE_BENCH_DATA",
    required=True,
    help="The folder of the histories.  [TRIAGE_BENCH_DATA]",
)
@click.option("--set", "names", type=click.Choice(_NAMES), multiple=True, help="Only this one; may be repeated.")
@click.option("--quick", is_flag=True, help="Few rows and one split: whether it works, not how good it is.")
@click.option(
    "--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="Everything, for programs."
)
def main(data: Path, names: tuple[str, ...], quick: bool, output: Path | None) -> None:
    """Measure triage beside plain means on real histories, and say what is reached."""
    machine = describe_machine()
    click.echo(_head(machine, quick))
    done: list[Measured] = []
    for asked in SETS:
        if names and asked.name not in names:
            continue
        for measured in _measure(asked, data, quick):
            click.echo(f"\n{table(measured)}")
            done.append(measured)
    if output is not None:
        content = {"machine": machine, "quick": quick, "measured": [described(one) for one in done]}
        output.write_text(json.dumps(content, indent=1, default=str), "utf-8")
    found = [verdict.reached for measured in done for verdict in verdicts(measured)]
    click.echo(
        f"\n{found.count(True)} goals reached, {found.count(False)} missed, {found.count(None)} not measured."
    )


def _measure(asked: QualitySet, data: Path, quick: bool) -> list[Measured]:
    with TemporaryDirectory(prefix="triage-quality-") as scratch:
        return measure_set(asked, data, KEPT, Path(scratch), QUICK if quick else FULL, _say)


def _head(machine: dict[str, object], quick: bool) -> str:
    kind = "A QUICK RUN on few rows: its figures say nothing of quality.\n" if quick else ""
    return (
        f"{kind}{machine['processor']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']},"
        f" load {machine['load']:.1f} before the start\n"
        "Intervals are of 95 %, by bootstrap over patterns; of shares acted on, Clopper-Pearson."
    )


def _say(what: str) -> None:
    click.echo(f"bench: {what}", err=True)


if __name__ == "__main__":
    sys.exit(main())
