"""The measurements themselves: phases in rounds, ours and the plain service in turn, medians over the rounds."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Literal

from bench.load import Order, Record
from bench.servers import REPOSITORY, Server
from bench.texts import Body, batches, lines

Side = Literal["ours", "plain"]
BATCH = 250
REPEATED = 200


@dataclass(frozen=True, slots=True)
class Figures:
    """One phase on one side. Milliseconds; ``rate`` counts texts, so a batch counts as its size."""

    p50: float
    p99: float
    rate: float
    requests: int
    generator_ms: float
    """Processor time that the load generator spent on one request."""
    generator_share: float
    """The part of one core that the load generator took."""
    answer_bytes: float


@dataclass(frozen=True, slots=True)
class Phase:
    """``path``: on our side and on the plain one; None where that side has no such thing."""

    name: str
    clients: int
    share: float
    """Of the seconds that a long phase takes."""
    ours: str
    plain: str
    texts_per_request: int = 1
    reuse: Literal["", "occurrences", "texts"] = ""


PHASES = (
    Phase("predict_1", 1, 1.0, "/v1/predict", "/predict"),
    Phase("predict_32", 32, 1.0, "/v1/predict", "/predict"),
    Phase("batch", 1, 1.0, "/v1/predict/batch", "/predict/batch", texts_per_request=BATCH),
    Phase("same_occurrences_1", 1, 0.5, "/v1/incidents", "/predict", reuse="occurrences"),
    Phase("same_occurrences_32", 32, 0.5, "/v1/incidents", "/predict", reuse="occurrences"),
    Phase("same_texts_1", 1, 0.5, "/v1/incidents", "/predict", reuse="texts"),
    Phase("same_texts_32", 32, 0.5, "/v1/incidents", "/predict", reuse="texts"),
)
_MOST_PER_SECOND = 900
"""Texts prepared for each second of a phase: more than any side gets through."""

Texts = Callable[[int, int], list[Body]]


@dataclass
class Supply:
    """Hands out texts that were never sent before. ``texts(start, count)`` makes them."""

    texts: Texts
    folder: Path
    at: int = 0
    repeated: list[Body] = field(default_factory=list)

    def fresh(self, count: int) -> list[Body]:
        self.at += count
        return self.texts(self.at - count, count)

    def write(self, name: str, bodies: list[Body]) -> Path:
        file = self.folder / f"{name}.jsonl"
        file.write_bytes(lines(bodies))
        return file

    def for_phase(self, phase: Phase, seconds: float) -> Path:
        if phase.reuse:
            return self.write(phase.name, self._again(phase.reuse))
        bodies = self.fresh(int(_MOST_PER_SECOND * seconds) + phase.texts_per_request)
        if phase.texts_per_request > 1:
            bodies = batches(bodies, phase.texts_per_request)
        return self.write(phase.name, bodies)

    def _again(self, what: str) -> list[Body]:
        """The same bodies each time: with a key and a beginning the same occurrences; without, new ones."""
        if not self.repeated:
            self.repeated = self.fresh(REPEATED)
        if what == "texts":
            return self.repeated
        return [
            body | {"dedup_key": f"again-{number}", "started_at": "2026-03-09T09:42:00Z"}
            for number, body in enumerate(self.repeated)
        ]


@dataclass
class Rounds:
    supply: Supply
    servers: dict[Side, Server]
    encoder: Path
    seconds: float
    say: Callable[[str], None]
    figures: dict[tuple[str, Side], list[Figures]] = field(default_factory=lambda: defaultdict(list))
    encoder_alone: list[float] = field(default_factory=list)

    def warm_up(self) -> None:
        """Every path once on both sides; also opens the incidents that repeated alerts speak of."""
        for phase in PHASES:
            bodies = self.supply.for_phase(phase, 0.5)
            for side in self.servers:
                everything = bool(phase.reuse) and side == "ours" and phase.clients == 1
                self._drive(phase, side, bodies, 60.0 if everything else 0.5, repeat=False)

    def run(self, rounds: int) -> None:
        for number in range(1, rounds + 1):
            self.say(f"round {number} of {rounds}")
            self.encoder_alone.append(self._encode_alone())
            for phase in PHASES:
                seconds = self.seconds * phase.share
                bodies = self.supply.for_phase(phase, seconds)
                for side in self.servers:
                    record = self._drive(phase, side, bodies, seconds, repeat=bool(phase.reuse))
                    self.figures[phase.name, side].append(figures_of(record, phase.texts_per_request))

    def _drive(self, phase: Phase, side: Side, bodies: Path, seconds: float, *, repeat: bool) -> Record:
        order = Order(
            port=self.servers[side].port,
            path=phase.ours if side == "ours" else phase.plain,
            bodies=str(bodies),
            clients=phase.clients,
            seconds=seconds,
            repeat=repeat,
        )
        return drive(order)

    def _encode_alone(self) -> float:
        texts = self.supply.write("encoder", self.supply.fresh(int(_MOST_PER_SECOND * self.seconds)))
        command = [sys.executable, "-m", "bench.encoder_alone", str(self.encoder), str(texts), str(self.seconds)]
        ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
        return float(json.loads(ended.stdout)["texts_per_second"])


def drive(order: Order) -> Record:
    """Raises SystemExit when an answer is no success: such figures would mean nothing."""
    ended = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        cwd=REPOSITORY,
        input=json.dumps(asdict(order)),
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise SystemExit(f"the load generator failed: {ended.stderr[-2000:]}")
    content = json.loads(ended.stdout)
    record = Record(**content | {"statuses": {int(code): n for code, n in content["statuses"].items()}})
    refused = {code: times for code, times in record.statuses.items() if not 200 <= code < 300}
    if refused or not record.latencies:
        raise SystemExit(f"{order.path} with {order.clients} clients: answers by status {record.statuses}")
    return record


def figures_of(record: Record, texts_per_request: int = 1) -> Figures:
    requests = len(record.latencies)
    cuts = quantiles(record.latencies, n=100, method="inclusive") if requests > 1 else record.latencies * 99
    return Figures(
        p50=1000 * median(record.latencies),
        p99=1000 * cuts[98],
        rate=requests * texts_per_request / record.elapsed,
        requests=requests,
        generator_ms=1000 * record.cpu_seconds / requests,
        generator_share=record.cpu_seconds / record.elapsed,
        answer_bytes=record.answer_bytes / requests,
    )


def middle(rounds: list[Figures]) -> dict[str, float]:
    """The median of each figure over the rounds."""
    named = [asdict(one) for one in rounds]
    return {name: float(median(one[name] for one in named)) for name in named[0]}
