"""``python -m bench.oncall``: on-call answers against an independent computation, on many random schedules."""

import sys
import time
from zoneinfo import ZoneInfo

import click

from bench.oncall_agreement import (
    ZONES,
    Disagreement,
    clock_changes,
    disagreements,
    disagreements_of_shifts,
    draw,
)

SHOWN = 5


@click.command()
@click.option("--schedules", type=click.IntRange(1), default=1_000, show_default=True)
@click.option("--moments", type=click.IntRange(250), default=1_000, show_default=True, help="For each schedule.")
@click.option("--first", type=int, default=0, help="The first seed.")
def main(schedules: int, moments: int, first: int) -> None:
    """Ask both about the same moments, every change of the clocks of 2026 and 2027 in five zones among them."""
    started = time.perf_counter()
    changes = clock_changes()
    click.echo(f"{len(changes)} changes of the clocks in {', '.join(ZONES)}")
    for title, compare in (
        ("rotations as written", disagreements),
        ("shifts with limits", disagreements_of_shifts),
    ):
        found: list[Disagreement] = []
        with click.progressbar(range(first, first + schedules), label=title, file=sys.stderr) as seeds:
            for seed in seeds:
                found += compare(draw(seed), moments, seed)
        asked = schedules * moments
        click.echo(f"{title}: {schedules} schedules x {moments} moments: {asked - len(found)} of {asked} agree")
        for one in found[:SHOWN]:
            click.echo(f"  {_told(one)}")
    click.echo(f"{time.perf_counter() - started:.0f} s")


def _told(one: Disagreement) -> str:
    local = one.at.astimezone(ZoneInfo(one.schedule.timezone))
    return f"{one.schedule.id} at {one.at:%Y-%m-%dT%H:%M:%SZ} ({local:%H:%M}): {one.ours} here, {one.theirs} there"


if __name__ == "__main__":
    main()
