"""The report: medians, ratios that say who is better, and aims that are met or missed."""

from pathlib import Path

import pytest

from bench.report import Aim, Report, Starts
from bench.rounds import PHASES, Figures, Rounds, Supply
from bench.servers import Server
from bench.texts import generate
from bench.weights import Weights


def figures(p50: float, rate: float) -> Figures:
    return Figures(
        p50=p50, p99=2 * p50, rate=rate, requests=100, generator_ms=0.05, generator_share=0.01, answer_bytes=1500.0
    )


@pytest.fixture
def report(tmp_path: Path) -> Report:
    servers = {"ours": Server(1, 1, 0.3, 1.2), "plain": Server(2, 1, 6.0, 6.0)}
    rounds = Rounds(Supply(generate, tmp_path), servers, tmp_path, 5.0, print)  # type: ignore[arg-type]
    rounds.encoder_alone = [390.0, 400.0, 500.0]
    for phase in PHASES:
        rounds.figures[phase.name, "ours"] = [figures(p50, 350.0) for p50 in (4.0, 5.0, 90.0)]
        rounds.figures[phase.name, "plain"] = [figures(p50, 50.0) for p50 in (19.0, 20.0, 21.0)]
    starts = {"ours": Starts(0.3, 1.2, 170.0, 210.0), "plain": Starts(6.0, 6.0, 470.0, 980.0)}
    machine = {"processor": "a processor", "cores": 2, "system": "Linux", "python": "3.12", "load": 0.1}
    return Report(machine, rounds, starts, 4000, 200.0, Weights(4000, 4100, 2100.0, 8500.0))  # type: ignore[arg-type]


def test_one_slow_round_does_not_move_the_figures(report: Report) -> None:
    assert report.figures()["phases"]["predict_1"]["ours"]["median"]["p50"] == 5.0
    assert report.figures()["encoder_alone_texts_per_second"] == 400.0


def test_ratios_say_how_many_times_better_triage_is(report: Report) -> None:
    rows = report.table().splitlines()
    at = next(number for number, row in enumerate(rows) if row.startswith("predict, new texts, 1 client"))
    assert rows[at + 1].split() == ["p50,", "ms", "5.0", "20.0", "4.0", "×"]
    assert rows[at + 3].split() == ["requests/s", "350.0", "50.0", "7.0", "×"]


def test_a_missed_aim_is_said_to_be_missed(report: Report) -> None:
    verdicts = {aim.name: aim.is_met for aim in report.aims()}
    assert verdicts["p50 at 1 client, times lower than plain"] is False
    assert verdicts["batch endpoint, share of the encoder alone"] is True
    assert verdicts["MiB resident under load"] is True
    assert "missed" in report.table()


@pytest.mark.parametrize(
    ("measured", "at_most", "met"), [(2.9, True, True), (3.1, True, False), (3.1, False, True)]
)
def test_some_aims_are_to_be_reached_and_others_not_exceeded(measured: float, at_most: bool, met: bool) -> None:
    assert Aim("an aim", measured, 3.0, at_most=at_most).is_met is met


def test_every_round_is_in_the_object_for_programs(report: Report) -> None:
    assert len(report.figures()["phases"]["batch"]["plain"]["rounds"]) == 3
