"""Whose word a label is: a person's, or only a machine's."""

from datetime import UTC, datetime, timedelta

import pytest

from triage.domain.catalogue import Catalogue
from triage.domain.decision import TriageOverride
from triage.domain.incident import Incident
from triage.domain.priority import Priority
from triage.domain.provenance import (
    HISTORY,
    Label,
    LabelSource,
    PastIncident,
    Told,
    members_of,
    priority_label,
    team_label,
)
from triage.rules.catalogue import load_catalogue

OPENED_AT = datetime(2026, 3, 9, 9, 42, tzinfo=UTC)
RESOLVED_AT = OPENED_AT + timedelta(hours=2)
SAID_AT = OPENED_AT + timedelta(minutes=5)
CATALOGUE = """
organisation: Northwind Test
timezone: UTC
triage_desk: desk
people:
  ann: {name: Ann, contacts: [{channel: email, address: ann@northwind.example}]}
  bob: {name: Bob, contacts: [{channel: email, address: bob@northwind.example}]}
  cat: {name: Cat, contacts: [{channel: email, address: cat@northwind.example}]}
  dan: {name: Dan, contacts: [{channel: email, address: dan@northwind.example}]}
  eve: {name: Eve, contacts: [{channel: email, address: eve@northwind.example}]}
schedules:
  databases: {timezone: UTC, participants: [cat], starts_on: 2026-01-05}
  seniors: {timezone: UTC, participants: [eve], starts_on: 2026-01-05}
teams:
  desk: {name: Triage desk, responders: [ann]}
  databases:
    name: Databases
    aliases: [DBA]
    responders: [bob]
    schedule: databases
    lead: person:dan
    senior: oncall:seniors
"""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(CATALOGUE)


def past(**facts: object) -> PastIncident:
    """Held by the databases team and resolved by its source, changed where the test says so."""
    known: dict[str, object] = {
        "id": "1",
        "event": Incident(title="Replication lag"),
        "opened_at": OPENED_AT,
        "team": "databases",
        "catalogue": "catalogue:1",
        "resolved_at": RESOLVED_AT,
        "resolved_by": "source:monitor",
    }
    return PastIncident(**{**known, **facts})  # type: ignore[arg-type]


def said(by: str = "ann", **what: object) -> TriageOverride:
    return TriageOverride(by=by, at=SAID_AT, **what)  # type: ignore[arg-type]


def resolved(team: str) -> Label:
    return Label(value=team, source=LabelSource.RESOLVED, known_at=RESOLVED_AT)


def test_an_override_is_a_label_from_when_it_was_made(catalogue: Catalogue) -> None:
    incident = past(priority_said=said(priority=Priority.P2), team_said=said(team="desk"))
    assert priority_label(incident) == Label(value="P2", source=LabelSource.REVIEWED, known_at=SAID_AT)
    assert team_label(incident, catalogue) == Label(value="desk", source=LabelSource.REVIEWED, known_at=SAID_AT)


def test_an_override_counts_on_an_open_incident_too() -> None:
    incident = past(resolved_at=None, resolved_by=None, team_said=said(team="desk"))
    assert team_label(incident, None).value == "desk"


def test_who_sits_at_a_service_without_tokens_is_a_person() -> None:
    assert priority_label(past(priority_said=said("local", priority=Priority.P1))).value == "P1"


def test_what_a_sources_token_said_is_a_programs_word(catalogue: Catalogue) -> None:
    incident = past(
        priority_said=said("source:bot", priority=Priority.P1), team_said=said("source:bot", team="databases")
    )
    assert priority_label(incident) == team_label(incident, catalogue) == Label()


@pytest.mark.parametrize("person", ["bob", "cat", "dan", "eve"])
@pytest.mark.parametrize("did", ["resolved_by", "acknowledged_by"])
def test_a_team_whose_people_resolved_or_took_it_is_its_label(catalogue: Catalogue, person: str, did: str) -> None:
    assert team_label(past(**{did: person}), catalogue) == resolved("databases")


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"resolved_by": "ann"},
        {"resolved_by": "somebody who left"},
        {"resolved_by": "local"},
        {"resolved_by": "triage", "acknowledged_by": "bob"},
        {"resolved_by": None, "resolved_at": None, "acknowledged_by": "bob"},
        {"resolved_by": "bob", "team": "dissolved"},
    ],
    ids=[
        "by its source",
        "by another team",
        "by nobody known",
        "by no name",
        "by silence",
        "open",
        "no such team",
    ],
)
def test_a_team_that_none_of_its_people_confirmed_is_a_machines_word(
    catalogue: Catalogue, facts: dict[str, object]
) -> None:
    assert team_label(past(**facts), catalogue) == Label()


def test_without_its_catalogue_nobody_belongs_to_a_team() -> None:
    assert team_label(past(resolved_by="bob"), None) == Label()


@pytest.mark.parametrize("word", ["databases", "Databases", "dba"])
def test_a_team_that_somebody_chose_and_nobody_moved_is_its_label(catalogue: Catalogue, word: str) -> None:
    chosen = Incident(title="Replication lag", assigned_team=word)
    assert team_label(past(event=chosen), catalogue) == resolved("databases")


@pytest.mark.parametrize(
    "facts",
    [
        {"team": "desk"},
        {"resolved_by": "triage"},
        {"resolved_at": None, "resolved_by": None},
        {"team_said": said("source:bot", team="databases")},
    ],
    ids=["moved", "closed by silence", "open", "a program had its say"],
)
def test_a_choice_that_did_not_stand_until_it_was_resolved_is_no_label(
    catalogue: Catalogue, facts: dict[str, object]
) -> None:
    chosen = Incident(title="Replication lag", assigned_team="databases")
    assert team_label(past(event=chosen, **facts), catalogue) == Label()


def test_a_priority_that_nobody_overrode_is_never_a_label() -> None:
    assert priority_label(past(resolved_by="bob", acknowledged_by="bob")) == Label()


def test_reviewed_is_stronger_than_resolved_and_both_than_a_machines_word() -> None:
    assert LabelSource.REVIEWED.is_stronger_than(LabelSource.RESOLVED)
    assert LabelSource.RESOLVED.is_stronger_than(LabelSource.MODEL)
    assert not LabelSource.MODEL.is_stronger_than(LabelSource.MODEL)


def test_nobody_belongs_to_a_team_that_is_not_there(catalogue: Catalogue) -> None:
    assert members_of("dissolved", catalogue) == frozenset()
    assert members_of("desk", catalogue) == {"ann"}


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"occurred_at": OPENED_AT - timedelta(days=1)}, OPENED_AT - timedelta(days=1)),
        ({"started_at": OPENED_AT - timedelta(hours=1)}, OPENED_AT - timedelta(hours=1)),
        ({"occurred_at": OPENED_AT + timedelta(days=1)}, OPENED_AT),
        ({}, OPENED_AT),
    ],
)
def test_an_incident_happened_when_it_was_said_to_and_not_after_it_was_known(
    times: dict[str, datetime], expected: datetime
) -> None:
    assert past(event=Incident(title="x", **times)).occurred_at == expected  # type: ignore[arg-type]


def test_an_imported_label_is_the_historys_own_word(catalogue: Catalogue) -> None:
    told = Told(history_id="INC-1", priority="2 - Rot", team="Group 70")
    imported = past(told=told, resolved_by=HISTORY, event=Incident(title="x", assigned_team="DBA"))
    assert priority_label(imported) == Label(value="2 - Rot", source=LabelSource.HISTORY, known_at=RESOLVED_AT)
    assert team_label(imported, catalogue) == Label(
        value="Group 70", source=LabelSource.HISTORY, known_at=RESOLVED_AT
    )


def test_what_a_history_leaves_out_is_not_made_up_for(catalogue: Catalogue) -> None:
    event = Incident(title="x", assigned_team="databases")
    imported = past(told=Told(history_id="INC-1"), resolved_by=HISTORY, event=event)
    assert (priority_label(imported), team_label(imported, catalogue)) == (Label(), Label())


def test_an_override_is_stronger_than_what_was_imported(catalogue: Catalogue) -> None:
    said = TriageOverride(by="ann", at=SAID_AT, priority=Priority.P1, team="desk")
    told = Told(history_id="INC-1", priority="2 - Rot", team="Group 70")
    imported = past(told=told, resolved_by=HISTORY, priority_said=said, team_said=said)
    assert priority_label(imported) == Label(value="P1", source=LabelSource.REVIEWED, known_at=SAID_AT)
    assert team_label(imported, catalogue) == Label(value="desk", source=LabelSource.REVIEWED, known_at=SAID_AT)
