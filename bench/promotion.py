"""Bundles changed under load: a promotion by the command line, then a rollback by the API, and nothing else stops.

    python -m bench.promotion [--seconds 5] [--clients 8]

Half of the clients predict, half open incidents, none pauses, and every text is new. Says how many requests there
were, how many failed, how long they took before, while and after a bundle changed, how long it took until the new
one decided, and which bundles decisions named. Exit code 1 if a request failed or a decision names neither bundle.
The command shares the cores with the service; on a machine of its own it would cost the service nothing.
"""

import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import quantiles
from typing import Any

import click

from bench.preparation import KEPT, prepare
from bench.servers import REPOSITORY, Server, ours
from bench.texts import generate, generate_history
from triage.errors import BundleError
from triage.prediction.bundle import bundles, verify

SETTLED_AFTER = 1.0
"""Seconds after the switch that still count as the change."""
MOST_TO_SWITCH = 30.0
SECOND_HISTORY_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Answer:
    """``at``: when it was there; ``status`` 0: none came. ``bundle``: of a decision that this request caused."""

    at: float
    seconds: float
    status: int
    bundle: str | None

    @property
    def failed(self) -> bool:
        return self.status not in {200, 201}


@dataclass
class Load:
    server: Server
    clients: int
    answers: list[Answer] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1_000_000))

    @contextmanager
    def flowing(self) -> Iterator[None]:
        stop = threading.Event()
        threads = [threading.Thread(target=self._send, args=(stop, n)) for n in range(self.clients)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _send(self, stop: threading.Event, number: int) -> None:
        path = "/v1/predict" if number % 2 else "/v1/incidents"
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        while not stop.is_set():
            body = json.dumps(generate(next(self._numbers), 1)[0]).encode()
            started = time.perf_counter()
            try:
                connection.request("POST", path, body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                status, content = response.status, response.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                status, content = 0, b""
            ended = time.perf_counter()
            self.answers.append(Answer(ended, ended - started, status, _bundle(path, status, content)))
        connection.close()

    def wait_for(self, bundle: str, since: float) -> float:
        """When the first decision by this bundle after ``since`` was there."""
        while time.perf_counter() < since + MOST_TO_SWITCH:
            found = [a.at for a in list(self.answers) if a.bundle == bundle and a.at >= since]
            if found:
                return min(found)
            time.sleep(0.02)
        raise SystemExit(f"no decision by {bundle} within {MOST_TO_SWITCH:.0f} seconds")


def _bundle(path: str, status: int, content: bytes) -> str | None:
    """None where there is no new decision: a joined incident keeps the one it has."""
    if status not in {200, 201} or (path == "/v1/incidents" and status != 201):
        return None
    body = json.loads(content)
    return str(body.get("decision", body)["versions"]["bundle"])


@click.command(help=__doc__)
@click.option("--seconds", type=click.FloatRange(1.0), default=5.0, show_default=True, help="Of each quiet phase.")
@click.option("--clients", type=click.IntRange(2, 256), default=8, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, for programs.")
def main(seconds: float, clients: int, as_json: bool) -> None:
    models = prepare_two()
    with tempfile.TemporaryDirectory(prefix="triage-promotion-") as scratch:
        folder = Path(scratch)
        folder.chmod(0o711)
        with ours(folder / "data", models, folder / "log") as server:
            figures = measure(Load(server, clients), models, folder / "data", seconds)
    click.echo(json.dumps(figures, indent=2) if as_json else _table(figures))
    if figures["failed"] or len(figures["bundles"]) != 2:
        raise SystemExit(1)


def prepare_two() -> Path:
    """A models folder with two trained bundles that this code can use."""
    first = prepare(lambda what: click.echo(f"bench: {what}", err=True))
    if first.bundle is None:
        raise SystemExit(f"training left no bundle with heads in {first.models}")
    models = KEPT / "promotion"
    if not _whole(models) or first.bundle.name not in {bundle.name for bundle in bundles(models)}:
        shutil.rmtree(models, ignore_errors=True)
        shutil.copytree(first.bundle, models / first.bundle.name)
        history = models / "history.jsonl"
        rows = generate_history(SECOND_HISTORY_ROWS)
        history.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        click.echo("bench: training a second bundle (once; kept in build/bench)", err=True)
        _train(["train", "--history", str(history), "--models", str(models)], {})
    return models


def _whole(models: Path) -> bool:
    try:
        return len([verify(bundle) for bundle in bundles(models)]) == 2
    except BundleError:
        return False


def _train(arguments: list[str], settings: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "training", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise SystemExit(f"python -m training {arguments[0]} failed:\n{ended.stderr[-2000:]}")


def measure(load: Load, models: Path, data: Path, seconds: float) -> dict[str, Any]:
    """Figures by phase: ``before``, ``promotion``, ``between``, ``rollback``, ``after``."""
    newest, other = (bundle.name for bundle in bundles(models))
    with load.flowing():
        load.wait_for(newest, time.perf_counter())
        time.sleep(2.0)  # the first requests of a process are slower
        began = time.perf_counter()
        time.sleep(seconds)
        asked = time.perf_counter()
        _train(["promote", "--models", str(models), "--version", other], {"TRIAGE_DATA_DIR": str(data)})
        promoted = time.perf_counter()
        switched = load.wait_for(other, asked)
        time.sleep(SETTLED_AFTER + seconds)
        back_asked = time.perf_counter()
        _roll_back(load.server.port)
        back = time.perf_counter()
        back_switched = load.wait_for(newest, back_asked)
        time.sleep(SETTLED_AFTER + seconds)
        ended = time.perf_counter()
    marks = {
        "before": (began, asked),
        "promotion": (asked, max(promoted, switched) + SETTLED_AFTER),
        "between": (max(promoted, switched) + SETTLED_AFTER, back_asked),
        "rollback": (back_asked, max(back, back_switched) + SETTLED_AFTER),
        "after": (max(back, back_switched) + SETTLED_AFTER, ended),
    }
    return {
        "clients": load.clients,
        "requests": len(load.answers),
        "failed": sum(answer.failed for answer in load.answers),
        "bundles": sorted({answer.bundle for answer in load.answers if answer.bundle is not None}),
        "promote_command_seconds": promoted - asked,
        "promoted_to_first_decision_seconds": max(0.0, switched - promoted),
        "rollback_answer_seconds": back - back_asked,
        "rollback_to_first_decision_seconds": max(0.0, back_switched - back),
        "phases": {name: _phase(load.answers, *between) for name, between in marks.items()},
    }


def _roll_back(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    body = json.dumps({"reason": "measured"})
    connection.request("POST", "/v1/models/rollback", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    if response.status != 200:
        raise SystemExit(f"the rollback was answered {response.status}: {content[:500]!r}")


def _phase(answers: list[Answer], start: float, end: float) -> dict[str, float]:
    """Milliseconds, of the requests that were answered in this time."""
    within = [answer for answer in answers if start <= answer.at < end]
    latencies = [answer.seconds for answer in within] or [0.0]
    cuts = quantiles(latencies, n=100, method="inclusive") if len(latencies) > 1 else latencies * 99
    return {
        "seconds": end - start,
        "requests": len(within),
        "failed": sum(answer.failed for answer in within),
        "p50": 1e3 * cuts[49],
        "p99": 1e3 * cuts[98],
        "slowest": 1e3 * max(latencies),
    }


def _table(figures: dict[str, Any]) -> str:
    names = ("seconds", "requests", "failed", "p50", "p99", "slowest")
    lines = ["phase".ljust(10) + "".join(name.rjust(10) for name in names)]
    for phase, found in figures["phases"].items():
        lines.append(
            phase.ljust(10) + "".join(f"{found[name]:10.{int(name not in names[1:3])}f}" for name in names)
        )
    lines.append("(p50, p99 and slowest in milliseconds)\n")
    lines.append(
        f"{figures['requests']} requests by {figures['clients']} clients, {figures['failed']} failed;"
        f" decisions named {' and '.join(figures['bundles'])}"
    )
    lines.append(
        f"promotion: the command took {figures['promote_command_seconds']:.2f} s; the first decision by the new"
        f" bundle came {figures['promoted_to_first_decision_seconds']:.2f} s after it ended"
    )
    lines.append(
        f"rollback: answered after {figures['rollback_answer_seconds']:.2f} s; the first decision by the earlier"
        f" bundle came {figures['rollback_to_first_decision_seconds']:.2f} s after that"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
