"""``python -m bench``: measure this service and the plain one side by side, and print one table."""

import json
import os
import platform
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click

from bench.load import Order
from bench.preparation import KEPT, Prepared, prepare
from bench.report import Report, Starts
from bench.rounds import BATCH, Rounds, Side, Supply, drive
from bench.servers import Server, ours, plain
from bench.texts import batches, generate, read_texts
from bench.weights import empty_size, weigh


@click.command()
@click.option("--quick", is_flag=True, help="Two short rounds, for a first look; the figures vary more.")
@click.option("--rounds", type=click.IntRange(1), help="How many rounds.  [4, with --quick 2]")
@click.option("--seconds", type=click.FloatRange(0.2), help="How long a phase takes.  [5, with --quick 1.2]")
@click.option("--memory", type=click.IntRange(1), help="Incidents taken in beforehand.  [4000, with --quick 1000]")
@click.option(
    "--texts",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON lines with title, description.",
)
@click.option("--fresh", is_flag=True, help="Train both services anew.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, for programs.")
def main(
    quick: bool,
    rounds: int | None,
    seconds: float | None,
    memory: int | None,
    texts: Path | None,
    fresh: bool,
    as_json: bool,
) -> None:
    """Measure this service and the plain one that most teams would write, in turn, on this machine."""
    machine = describe_machine()
    prepared = prepare(_say, fresh=fresh)
    source = partial(read_texts, texts) if texts else generate
    with TemporaryDirectory(prefix="run-", dir=KEPT) as scratch:
        supply = Supply(source, Path(scratch))
        report = measure(
            machine,
            prepared,
            supply,
            rounds=rounds or (2 if quick else 4),
            seconds=seconds or (1.2 if quick else 5.0),
            memory=memory or (1_000 if quick else 4_000),
        )
    click.echo(json.dumps(report.figures(), indent=2) if as_json else report.table())


def measure(
    machine: dict[str, object], prepared: Prepared, supply: Supply, *, rounds: int, seconds: float, memory: int
) -> Report:
    """One run in ``supply.folder``, which is left with the logs of both services."""
    data = supply.folder / "data"
    bundle = prepared.bundle
    if bundle is None:
        raise SystemExit(f"training left no bundle with heads in {prepared.models}")
    start_ours = partial(ours, data, prepared.models, supply.folder / "triage.log")
    with start_ours() as server:
        _say(f"taking {memory} incidents into memory")
        empty = empty_size(data)
        filling = fill(server, supply, memory)
    _say("starting both services")
    lives, readies = [], []
    with ExitStack() as running:
        for last in (False, False, True):
            with ExitStack() as once:
                one = (running if last else once).enter_context(start_ours())
            lives.append(one.live_after)
            readies.append(one.ready_after)
        ready_mib = one.resident_mib
        other = running.enter_context(plain(prepared.plain_model, supply.folder / "plain.log"))
        other_mib = other.resident_mib
        measured = Rounds(supply, {"ours": one, "plain": other}, bundle / "encoder", seconds, _say)
        _say("warming up")
        measured.warm_up()
        measured.run(rounds)
        starts: dict[Side, Starts] = {
            "ours": Starts(median(lives), median(readies), ready_mib, one.resident_mib),
            "plain": Starts(other.live_after, other.ready_after, other_mib, other.resident_mib),
        }
        return Report(machine, measured, starts, memory, filling, weigh(data, empty))


def fill(server: Server, supply: Supply, count: int) -> float:
    """Incidents per second."""
    bodies = supply.write("memory", batches(supply.fresh(count), BATCH))
    order = Order(port=server.port, path="/v1/incidents/batch", bodies=str(bodies), clients=1, seconds=600.0)
    return count / drive(order).elapsed


def describe_machine() -> dict[str, object]:
    names = [line for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")]
    return {
        "processor": names[0].partition(":")[2].strip() if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
    }


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def _say(what: str) -> None:
    click.echo(f"bench: {what}", err=True)


if __name__ == "__main__":
    sys.exit(main())
