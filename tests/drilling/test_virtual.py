"""A drill runs the very engine within seconds, sends nothing, leaves nothing, and says what went otherwise."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures_store import CATALOGUE, POLICY
from triage.domain.priority import Priority
from triage.drilling.drawing import draw_report
from triage.drilling.report import DrillReport, differences_of
from triage.drilling.subject import urgent_report
from triage.drilling.virtual import VirtualDrill
from triage.errors import BadRequest
from triage.rehearsal.scenario import ScenarioShape
from triage.rules.configuration import Configuration, configuration_from_texts, load_configuration
from triage.store.apart import place_apart
from triage.store.database import Database

AT = datetime(2026, 3, 9, 2, 40, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


def run(
    database: Database, configuration: Configuration, environment: dict[str, str] | None = None, **said: Any
) -> DrillReport:
    urgent = urgent_report(configuration, Priority.P1).model_dump(exclude_unset=True)
    incident = said.pop("incident", urgent)
    scenario = ScenarioShape.model_validate({"at": AT, "incident": incident, **said})
    with place_apart(database.url) as apart:
        return VirtualDrill(apart, configuration, scenario, environment or {}).run()


def test_a_p1_that_nobody_answers_reaches_its_last_step(database: Database, configuration: Configuration) -> None:
    found = run(database, configuration)
    assert (found.priority, found.policy, found.acknowledged_after) == ("P1", "fast", None)
    assert [(one.after, one.recipient) for one in found.told][:3] == [
        (0, "person:ann"),
        (300, "person:ann"),
        (600, "person:ann"),
    ]
    assert (found.as_planned, found.faults) == (True, ())
    assert all(one.way == "email" and one.title for one in found.told)


def test_an_answer_stops_it(database: Database, configuration: Configuration) -> None:
    found = run(database, configuration, answer_within="3m", until="1h")
    assert (found.acknowledged_after, len(found.told), found.as_planned) == (180, 1, True)


def test_what_people_and_alerts_do_is_practised_too(database: Database, configuration: Configuration) -> None:
    then = [
        {"after": "1m", "status": "investigating"},
        {"after": "2m", "acknowledge": "first"},
        {"after": "3m", "override": {"by": "ann", "team": "payments"}},
        {"after": "4m", "acknowledge": "ann"},
        {"after": "9m", "resolve": "ann"},
    ]
    found = run(database, configuration, then=then)
    assert (found.acknowledged_after, found.resolved_after) == (120, 540)
    assert [one.kind for one in found.told][-1] == "stand_down"
    assert found.as_planned, found.differences


def test_nothing_of_it_stays(database: Database, configuration: Configuration) -> None:
    run(database, configuration, until="10m")
    with database.connection() as db:
        schemas = db.execute("SELECT count(*) AS n FROM pg_namespace WHERE nspname LIKE 'drill%%'").fetchone()
        incidents = db.execute("SELECT count(*) AS n FROM incident").fetchone()
    assert schemas == {"n": 0}
    assert incidents == {"n": 0}


def test_whom_no_message_would_reach_is_said(database: Database) -> None:
    text = CATALOGUE.replace("email: {kind: record}", 'email: {url: "mailto://${DRILL_HOST}?to={address}"}')
    configuration = configuration_from_texts(text, POLICY)
    found = run(database, configuration, until="3h")
    assert any("the environment variable DRILL_HOST is not set" in fault for fault in found.faults)
    assert run(database, configuration, {"DRILL_HOST": "mail.example"}, until="3h").faults == ()


def test_what_is_not_urgent_is_not_practised(database: Database, configuration: Configuration) -> None:
    with pytest.raises(BadRequest, match="a drill is of a P1 or P2"):
        run(database, configuration, incident={"title": "Slow", "severity": "warning"})
    with pytest.raises(BadRequest, match="say what comes in"):
        run(database, configuration, priority="P1")


@pytest.mark.parametrize("hours", range(0, 168, 29))
@pytest.mark.parametrize("answer", [None, "12m"])
def test_the_shipped_policies_do_what_a_rehearsal_says(database: Database, hours: int, answer: str | None) -> None:
    configuration = load_configuration(ROOT / "config")
    found = run(database, configuration, at=AT + timedelta(hours=hours), until="5h", answer_within=answer)
    assert found.as_planned, found.differences


def test_a_report_is_read_by_people(database: Database, configuration: Configuration) -> None:
    drawn = draw_report(run(database, configuration, answer_within="3m", until="1h"), configuration.catalogue)
    assert "as the policy says" in drawn
    assert "page to Ann (step 1), by email" in drawn
    assert "Acknowledged by Ann after +00:03:00" in drawn


def test_differences_are_told_both_ways() -> None:
    planned = [(0, "page", "person:ann"), (300, "page", "person:bob")]
    said = [(0, "page", "person:ann"), (301, "page", "person:bob")]
    assert list(differences_of(planned, said)) == [
        "planned and not said: page to person:bob after 300 s",
        "said and not planned: page to person:bob after 301 s",
    ]
