"""Whether a bundle still fits: changes are told, what chance and storms make of it is not."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from tests.fixtures_api import OpenApi
from training.__main__ import cli
from triage.drift import LATELY, drift_of
from triage.prediction.manifest import read_manifest
from triage.prediction.measured import Measured, find_measured
from triage.store.spoken import Spoken, Word

NOW = datetime(2026, 3, 9, tzinfo=UTC)
DAYS = 56
TEAMS = ("database", "network", "payments", "storage")


def spoken(
    drawn: random.Random,
    *,
    acts: Callable[[bool], float] = lambda lately: 0.7,
    weights: Callable[[bool], tuple[int, ...]] = lambda lately: (1, 1, 1, 1),
    patterns: int = 300,
) -> list[Spoken]:
    """Patterns of one to twenty incidents within a day, each with one team and as sure of one as of the other.
    ``acts`` and ``weights``: by whether it is within the last two weeks."""
    found = []
    for pattern in range(patterns):
        ago = timedelta(days=drawn.random() * DAYS)
        lately = ago < LATELY
        team = drawn.choices(TEAMS, weights(lately))[0]
        sure = drawn.random() < acts(lately)
        word = Word(value=team, acts=sure, probability=0.9 if sure else None)
        for number in range(drawn.choice((1, 1, 1, 2, 4, 20))):
            moment = NOW - ago + timedelta(minutes=number)
            ident = f"{pattern}-{number}"
            found.append(
                Spoken(incident_id=ident, opened_at=moment, pattern_id=str(pattern), team=word, priority=None)
            )
    return sorted(found, key=lambda one: one.opened_at)


def reasons(rows: list[Spoken], right: dict[str, bool] | None = None, measured: Measured | None = None) -> str:
    return "; ".join(drift_of("team", rows, right or {}, measured).reasons)


def test_chance_and_storms_are_no_drift() -> None:
    drawn = random.Random(5)
    alarms = sum(bool(reasons(spoken(drawn))) for _ in range(300))
    assert alarms <= 15, "two tests of one percent each, and three times as many at most"


def test_acting_less_than_before_is_told() -> None:
    drawn = random.Random(6)
    found = [reasons(spoken(drawn, acts=lambda lately: 0.3 if lately else 0.8)) for _ in range(50)]
    assert sum("it acts alone on" in said and "and did on" in said for said in found) >= 47


def test_other_teams_than_before_are_told_by_name() -> None:
    drawn = random.Random(7)
    found = [
        reasons(spoken(drawn, weights=lambda lately: (1, 1, 1, 7) if lately else (1, 1, 1, 1))) for _ in range(50)
    ]
    assert sum("it says other things than before, of patterns: storage" in said for said in found) >= 47


def test_being_less_right_than_in_training_is_told(muddled_bundle: Path) -> None:
    measured = find_measured(read_manifest(muddled_bundle).quality, "team")
    assert measured is not None
    assert measured.precision_acting is not None
    rows = [one for one in spoken(random.Random(8)) if one.team and one.team.acts][:200]
    as_before = {one.incident_id: n % 10 != 0 for n, one in enumerate(rows)}
    worse = {one.incident_id: n % 2 == 0 for n, one in enumerate(rows)}
    assert "when it was trained" not in reasons(rows, as_before, measured)
    assert "people said the same in 50 % of what it acted on (43 % – 57 %)" in reasons(rows, worse, measured)


def test_little_is_called_too_little() -> None:
    rows = spoken(random.Random(9), patterns=30)
    found = drift_of("team", rows, {}, None)
    assert (found.is_enough, found.reasons, found.decisions) == (False, (), len(rows))
    assert drift_of("priority", rows, {}, None).decisions == 0


def test_weeks_add_up() -> None:
    rows = spoken(random.Random(10))
    weeks = drift_of("team", rows, {}, None).weeks
    assert sum(week.acts.n for week in weeks) == len(rows)
    assert all(week.begins.weekday() == 0 for week in weeks)
    assert len(weeks) in (8, 9)


def test_what_is_in_force_is_looked_at(
    open_api: OpenApi,
    new_database: Callable[[], str],
    muddled_bundle: Path,
    starter_bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = new_database()
    models = muddled_bundle.parent
    api = open_api(models_dir=models, database_url=SecretStr(address))
    api.wait_until(lambda: bool(api.get("/v1/models").json()["active"]))
    for number in range(8):
        api.fire(title=f"refund stuck in pending ({number})", service=f"s{number}", environment="production")
    sources = []
    for _ in range(6):
        fired = api.fire(title="token rejected", service="badges", environment="production")
        sources.append(fired["decision"]["team"]["source"])
        api.post(f"/v1/incidents/{fired['incident']['id']}/resolve", {"resolution": ""})
    assert "rule" in sources, "what a rule decides says nothing of the model"
    found = api.get("/v1/models/drift").json()["report"]
    assert (found["version"], found["alarm"]) == (muddled_bundle.name, False)
    assert found["priority"]["decisions"] == 14
    assert found["team"]["decisions"] == 8 + sum(source != "rule" for source in sources)
    assert found["priority"]["expected_acts"] > 0
    [week] = found["priority"]["weeks"]
    assert week["acts"]["n"] == 14
    assert week["acts"]["value"] > 0
    monkeypatch.setenv("TRIAGE_DATABASE_URL", address)
    result = CliRunner().invoke(cli, ["drift", "--models", str(models), "--strict"])
    assert result.exit_code == 0, result.output
    assert "priority: 14 decisions looked at" in result.stdout
    assert "too few decisions to see a drift" in result.stdout
    told = CliRunner().invoke(cli, ["drift", "--models", str(models), "--json"])
    assert json.loads(told.stdout)["report"]["team"]["reasons"] == []


def test_a_starter_has_nothing_to_drift_from(open_api: OpenApi, starter_bundle: Path) -> None:
    api = open_api(models_dir=starter_bundle.parent)
    api.wait_until(lambda: bool(api.get("/v1/models").json()["active"]))
    assert api.get("/v1/models/drift").json() == {"report": None}
