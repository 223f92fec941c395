"""The figures as one table that a person reads, and as one object for programs."""

from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bench.rounds import BATCH, PHASES, Rounds, Side, middle
from bench.weights import Weights

Row = tuple[str, ...]

TITLES = {
    "predict_1": "predict, new texts, 1 client",
    "predict_32": "predict, new texts, 32 clients",
    "batch": f"batch endpoint, {BATCH} new texts a request",
    "same_occurrences_1": "same occurrences again, 1 client",
    "same_occurrences_32": "same occurrences again, 32 clients",
    "same_texts_1": "same texts again, 1 client",
    "same_texts_32": "same texts again, 32 clients",
}


@dataclass(frozen=True, slots=True)
class Starts:
    """Seconds from the start of the process and MiB resident, medians; ``loaded`` is after all the rounds."""

    live_after: float
    ready_after: float
    resident_mib: float
    loaded_mib: float


@dataclass(frozen=True, slots=True)
class Report:
    machine: dict[str, Any]
    rounds: Rounds
    starts: dict[Side, Starts]
    memory: int
    filling: float
    weights: Weights

    def figures(self) -> dict[str, Any]:
        """Everything that was measured, single rounds included."""
        measured = self.rounds.figures
        return {
            "machine": self.machine,
            "seconds_per_phase": self.rounds.seconds,
            "encoder_alone_texts_per_second": median(self.rounds.encoder_alone),
            "encoder_alone_rounds": self.rounds.encoder_alone,
            "phases": {
                phase.name: {
                    side: {"median": middle(measured[phase.name, side])}
                    | {"rounds": [asdict(one) for one in measured[phase.name, side]]}
                    for side in self.rounds.servers
                }
                for phase in PHASES
            },
            "start": {side: asdict(start) for side, start in self.starts.items()},
            "incidents_in_memory_at_start": self.memory,
            "filling_incidents_per_second": self.filling,
            "weights": asdict(self.weights),
            "aims": [asdict(aim) for aim in self.aims()],
        }

    def aims(self) -> "list[Aim]":
        one, many = self._sides("predict_1"), self._sides("predict_32")
        batch, alone = self._sides("batch")["ours"]["rate"], median(self.rounds.encoder_alone)
        start = self.starts["ours"]
        return [
            Aim("p50 at 1 client, times lower than plain", one["plain"]["p50"] / one["ours"]["p50"], 6.0),
            Aim("throughput at 32 clients, times plain", many["ours"]["rate"] / many["plain"]["rate"], 8.0),
            Aim("batch endpoint, share of the encoder alone", batch / alone, 0.8),
            Aim("seconds to /livez", start.live_after, 1.0, at_most=True),
            Aim("seconds to /readyz", start.ready_after, 3.0, at_most=True),
            Aim("MiB resident under load", start.loaded_mib, 400.0, at_most=True),
        ]

    def table(self) -> str:
        alone = median(self.rounds.encoder_alone)
        rows: list[Row] = [
            ("", "triage", "plain", "ratio"),
            ("encoder alone, all cores, texts/s", f"{alone:.0f}", "", ""),
        ]
        for phase in PHASES:
            rows += self._rows(phase.name)
            if phase.name == "batch":
                share = self._sides("batch")["ours"]["rate"] / alone
                rows.append(("  share of the encoder alone", f"{100 * share:.0f} %", "", ""))
        rows += self._start_rows()
        aims: list[Row] = [("", "measured", "aim", "")] + [aim.row() for aim in self.aims()]
        return "\n\n".join((self._head(), _aligned(rows), _aligned(aims), self._foot()))

    def _rows(self, name: str) -> list[Row]:
        sides = self._sides(name)
        ours, plain = sides["ours"], sides["plain"]
        rate = ("  texts/s" if name == "batch" else "  requests/s", "rate", 1)
        rows: list[Row] = [(TITLES[name], "", "", "")]
        for label, figure, way in (("  p50, ms", "p50", -1), ("  p99, ms", "p99", -1), rate):
            ratio = (ours[figure] / plain[figure]) ** way
            rows.append((label, f"{ours[figure]:.1f}", f"{plain[figure]:.1f}", f"{ratio:.1f} ×"))
        return rows

    def _start_rows(self) -> list[Row]:
        ours, plain = self.starts["ours"], self.starts["plain"]
        return [
            ("start to /livez, s", f"{ours.live_after:.2f}", f"{plain.live_after:.2f}", ""),
            ("start to /readyz, s", f"{ours.ready_after:.2f}", f"{plain.ready_after:.2f}", ""),
            ("resident when ready, MiB", f"{ours.resident_mib:.0f}", f"{plain.resident_mib:.0f}", ""),
            ("resident after the rounds, MiB", f"{ours.loaded_mib:.0f}", f"{plain.loaded_mib:.0f}", ""),
            (
                "answer of predict, bytes",
                *(f"{self._sides('predict_1')[s]['answer_bytes']:.0f}" for s in self.starts),
                "",
            ),
            ("stored decision, bytes", f"{self.weights.decision:.0f}", "none", ""),
            ("database per incident, bytes", f"{self.weights.incident:.0f}", "none", ""),
            ("taking incidents in batches, incidents/s", f"{self.filling:.0f}", "", ""),
        ]

    def _head(self) -> str:
        machine = self.machine
        count = len(self.rounds.encoder_alone)
        return (
            f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']},"
            f" load {machine['load']:.1f} before the start\n"
            f"medians of {count} rounds, {self.rounds.seconds:g} s a phase, both services in turn;"
            f" {self.memory} incidents in memory before the first round"
        )

    def _foot(self) -> str:
        spent = self._sides("predict_32")
        return (
            "The load generator shares the cores: at 32 clients it took"
            f" {100 * spent['ours']['generator_share']:.0f} % of one core against triage"
            f" ({spent['ours']['generator_ms']:.3f} ms a request) and"
            f" {100 * spent['plain']['generator_share']:.0f} % against plain."
        )

    def _sides(self, name: str) -> dict[Side, dict[str, float]]:
        return {side: middle(self.rounds.figures[name, side]) for side in self.rounds.servers}


@dataclass(frozen=True, slots=True)
class Aim:
    name: str
    measured: float
    aim: float
    at_most: bool = False

    @property
    def is_met(self) -> bool:
        return self.measured <= self.aim if self.at_most else self.measured >= self.aim

    def row(self) -> Row:
        sign = "≤" if self.at_most else "≥"
        return self.name, f"{self.measured:.2f}", f"{sign} {self.aim:g}", "met" if self.is_met else "missed"


def _aligned(rows: list[Row]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for name, *cells in rows:
        right = "  ".join(cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        lines.append(f"{name.ljust(widths[0])}  {right}".rstrip())
    return "\n".join(lines)
