"""``triage preview``: the curve for people and programs, and the threshold that is put in force."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.fixtures_store import CATALOGUE, POLICY
from triage.__main__ import triage
from triage.memory.likeness import Likeness
from triage.store.database import Database
from triage.store.likenesses import Likenesses

Run = Callable[..., Result]

PROBLEMS = 130
TEAMS = 25
THINGS = (
    *("lift", "printer", "badge reader", "payroll", "archive", "crane", "intranet"),
    *("greenhouse", "till", "radar", "library", "tram", "fountain"),
)
FAULTS = (
    *("smells of smoke", "shows yesterday's figures", "answers in Dutch", "needs a new key", "is painfully slow"),
    *("lost its licence", "prints blank pages", "drips oil", "forgets its users", "beeps all night"),
)


@pytest.fixture
def run(database_url: str, tmp_path: Path, starter_bundle: Path) -> Run:
    config = tmp_path / "config"
    config.mkdir()
    (config / "catalogue.yaml").write_text(CATALOGUE, encoding="utf-8")
    (config / "escalation.yaml").write_text(POLICY, encoding="utf-8")
    settings = {
        "TRIAGE_DATABASE_URL": database_url,
        "TRIAGE_CONFIG_DIR": str(config),
        "TRIAGE_MODELS_DIR": str(starter_bundle.parent),
    }

    def invoke(*arguments: str, **more: str) -> Result:
        return CliRunner().invoke(triage, list(arguments), env=settings | more)

    return invoke


@pytest.fixture
def recurring(run: Run, tmp_path: Path) -> Run:
    """A history of problems of different teams, each of which came back in other words."""
    file = tmp_path / "history.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows()), "utf-8")
    done = run("import", str(file))
    assert done.exit_code == 0, done.output
    return run


def rows() -> Iterator[dict[str, Any]]:
    started = datetime.now(UTC) - timedelta(days=50)
    for number in range(PROBLEMS):
        thing, fault = THINGS[number % len(THINGS)], FAULTS[number // len(THINGS)]
        for again, title in enumerate((f"The {thing} {fault}", f"Again the {thing} {fault}, says the porter")):
            yield {
                "id": f"{number}-{again}",
                "title": title,
                "occurred_at": (started + timedelta(hours=2 * number + 400 * again)).isoformat(),
                "team": f"team {number % TEAMS}",
            }


@pytest.fixture
def likenesses(database: Database) -> Likenesses:
    return Likenesses(database)


def told(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_the_recommended_threshold_is_shown_and_put_in_force(recurring: Run, likenesses: Likenesses) -> None:
    found = told(recurring("preview", "--json"))
    assert found["texts"] == 2 * PROBLEMS
    assert found["recommended"] is not None
    assert found["recommended"] < Likeness().threshold
    assert likenesses.find(found["encoder"]) is None
    shown = recurring("preview", "--apply", "--reason", "measured on the import")
    assert shown.exit_code == 0, shown.output
    assert f"Recommended: {found['recommended']:g}" in shown.stdout
    assert f"In force from now on: {found['recommended']:g}" in shown.stdout
    assert "recommended" in next(
        line for line in shown.stdout.splitlines() if f"{found['recommended']:.2f} " in line
    )
    assert "preview" in shown.stderr
    kept = likenesses.find(found["encoder"])
    assert kept is not None
    assert (kept.threshold, kept.reason) == (found["recommended"], "measured on the import")
    assert kept.measured["recommended"] == found["recommended"]
    again = told(recurring("preview", "--json"))
    assert (again["in_force"], again["merged"]["count"], again["split"]["count"]) == (found["recommended"], 0, 0)


def test_a_threshold_of_ones_own_shows_what_it_merges_and_splits(recurring: Run) -> None:
    shown = recurring("preview", "--threshold", "0.6")
    assert shown.exit_code == 0, shown.output
    assert "From 0.6 on" in shown.stdout
    assert " more:" in shown.stdout
    found = told(recurring("preview", "--threshold", "1", "--json"))
    assert found["linked_then"] == 0
    assert found["split"]["count"] == found["linked_now"]


def test_learned_weights_are_stored_with_the_threshold_measured_under_them(
    recurring: Run, likenesses: Likenesses
) -> None:
    found = told(recurring("preview", "--learn", "--threshold", "0.8", "--apply", "--reason", "learned", "--json"))
    assert found["turned"]["threshold"] == 0.8
    kept = likenesses.find(found["encoder"])
    assert kept is not None
    assert kept.weights["lexical"] == found["learned"]["lexical"]


def test_without_a_recommendation_nothing_is_put_in_force(run: Run, database: Database) -> None:
    done = run("preview", "--apply", "--reason", "perhaps")
    assert done.exit_code == 1
    assert "No recommendation: needs " in done.stdout
    with database.connection() as db:
        assert db.execute("SELECT FROM likeness").fetchall() == []


def test_putting_in_force_needs_a_reason(run: Run) -> None:
    assert run("preview", "--apply").exit_code == 2
    assert run("preview", "--threshold", "2").exit_code == 2


def test_without_a_bundle_it_says_what_is_missing(run: Run, tmp_path: Path) -> None:
    done = run("preview", TRIAGE_MODELS_DIR=str(tmp_path / "none"))
    assert done.exit_code == 1
    assert "expected a bundle" in done.stderr
