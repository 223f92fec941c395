"""From people's corrections to a bundle in force and back again, by the commands and requests that people use."""

import json
import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures_service import Service, StartService, event_body

PROBLEMS = {
    "databases": ("replication lag", "disk nearly full", "too many connections", "slow query on the primary"),
    "payments": ("card payments declined", "refund stuck", "settlement file missing", "acquirer times out"),
}
PLACES = ("Malmö", "Lund", "Ystad", "Kiruna", "Visby", "Falun", "Umeå", "Borås", "Kalmar", "Växjö")


def report_and_correct(service: Service, wanted: int) -> None:
    """Incidents of two teams, each put right by a reviewer."""
    chance = random.Random(3)
    for number in range(wanted):
        team = ("databases", "payments")[number % 2]
        problem, place = chance.choice(PROBLEMS[team]), chance.choice(PLACES)
        title = f"{problem.capitalize()} in {place}"
        description = f"Seen by shift {'abcdefghij'[number % 10]} {' '.join(str(number))}"
        body = event_body(title=title, description=description, service=None, source=f"desk-{number}")
        incident = service.post("/v1/incidents", body).json()["incident"]["id"]
        change = {"team": team, "priority": "P2" if "disk" in problem or "card" in problem else "P3"}
        answer = service.post(f"/v1/incidents/{incident}/override", change)
        assert answer.status_code == 200, answer.text


def bundle_of(service: Service, title: str, **fields: object) -> tuple[str, dict[str, Any]]:
    decision = service.post("/v1/predict", event_body(title=title, service=None, **fields)).json()
    return decision["versions"]["bundle"], decision


def succeed(service: Service, *arguments: str) -> str:
    done = service.training(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def service(start_service: StartService, starter_bundle: Path) -> Service:
    """Not started; its models folder holds a starter bundle."""
    service = start_service(started=False)
    shutil.copytree(starter_bundle, service.models / starter_bundle.name)
    return service


def test_what_people_corrected_becomes_a_bundle_that_decides_and_can_be_taken_back(service: Service) -> None:
    service.start()
    starter, _ = bundle_of(service, title="Before anything was learnt")
    report_and_correct(service, 60)

    history = service.home / "history.jsonl"
    exported = service.triage("export", "--output", str(history), "--json")
    assert exported.returncode == 0, exported.stderr
    rows = [json.loads(line) for line in history.read_text("utf-8").splitlines()]
    assert len(rows) == 60
    assert {(row["team"], row["label_source"]) for row in rows} == {
        ("databases", "reviewed"),
        ("payments", "reviewed"),
    }

    # As if it had taken sixty days and each had been labelled at once: all of it happened within seconds here.
    for day, row in enumerate(rows):
        row["occurred_at"] = (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)).isoformat()
        row["labelled_at"] = row["occurred_at"]
    history.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

    files = ("--history", str(history), "--models", str(service.models))
    first = succeed(service, "train", *files)
    service.wait_until(lambda: bundle_of(service, title="Who?")[0] == first, "decided by the first trained bundle")
    _, decision = bundle_of(service, title="Refund stuck in Lund", description="Seen by shift a")
    suggested = {decision["team"]["value"], *(one["value"] for one in decision["team"]["alternatives"])}
    assert decision["team"]["source"] in ("model", "catalogue")
    assert "payments" in suggested

    second = succeed(service, "train", *files, "--quick")
    page = service.home / "report.html"
    compared = succeed(service, "compare", *files, "--candidate", second, "--report", str(page))
    assert first in compared
    assert page.stat().st_size > 10_000
    assert bundle_of(service, title="Still?")[0] == first

    succeed(service, "promote", "--models", str(service.models), "--version", second, "--reason", "compared")
    service.wait_until(lambda: bundle_of(service, title="And now?")[0] == second, "decided by the promoted bundle")
    assert service.post("/v1/models/rollback", {"reason": "only trying"}).status_code == 200
    assert bundle_of(service, title="Back again?")[0] == first
    assert starter != first != second


def test_a_bound_that_cannot_be_promised_is_refused_with_what_is_missing(
    service: Service, tmp_path: Path, history_rows: list[dict[str, Any]]
) -> None:
    history = tmp_path / "history.jsonl"
    history.write_text("".join(json.dumps(row) + "\n" for row in history_rows), "utf-8")
    before = sorted(path.name for path in service.models.iterdir())
    files = ("--history", str(history), "--models", str(service.models))
    done = service.training("train", *files, "--max-p1-miss", "0.0001")
    assert done.returncode == 1
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "9999" in error.replace(",", "")
    assert "Critical" in error
    assert sorted(path.name for path in service.models.iterdir() if path.name != ".cache") == before
