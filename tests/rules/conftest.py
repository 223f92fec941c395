"""The shipped configuration, a small one to change, and facts with readable defaults."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from triage.domain.decision import DecisionSource, Suggestion
from triage.domain.incident import Incident
from triage.domain.priority import Priority
from triage.domain.recurrence import WINDOWS, Recurrence, RecurrenceKind
from triage.rules.chooser import RuleFacts
from triage.rules.configuration import Configuration, configuration_from_texts, load_configuration

ROOT = Path(__file__).parents[2]
MONDAY_NOON = datetime(2027, 2, 1, 11, 0, tzinfo=UTC)

SMALL_CATALOGUE = """\
organisation: Small
triage_desk: desk
people:
  ann: {name: Ann, contacts: [{channel: email, address: ann@small.example}]}
  bob: {name: Bob, contacts: [{channel: email, address: bob@small.example}]}
  eve: {name: Eve, contacts: [{channel: email, address: eve@small.example}]}
  gone: {name: Gone, active: false, contacts: [{channel: email, address: gone@small.example}]}
  mute: {name: Mute}
schedules:
  ops: {timezone: UTC, participants: [bob, eve], starts_on: 2027-01-04}
teams:
  desk: {name: Desk, responders: [ann]}
  ops: {name: Operations, schedule: ops, responders: [bob, eve], lead: person:eve, parent: desk}
  lost: {name: Lost, responders: [gone, mute], senior: person:gone, parent: ops}
  closed: {name: Closed, active: false, responders: [bob], parent: ops}
services:
  shop: {name: Shop, owner: ops, tier: 1, function: web, vendor: host}
  old: {name: Old, owner: closed}
vendors:
  host: {name: Host, contact: help@host.example}
channels:
  room: {stage: war_room}
  page: {stage: communications}
  mail: {stage: communications}
roles:
  approver: person:ann
slas:
  - {priority: P2, acknowledge_within: 15m, resolve_within: 4h}
  - {priority: P2, acknowledge_within: 5m, resolve_within: 1h, customer_tier: vip}
"""
SMALL_POLICIES = """\
policies:
  ladder:
    owner: ops
    review_after: 2027-12-31
    kinds: [hierarchical, time]
    steps:
      - {targets: [owner], acknowledge_within: 10m, repeat: 1, channels: [war_room]}
      - {targets: [owner.lead, service.vendor], after: 5m, channels: [page], resolve_within: 2h}
      - {targets: [owner.parent]}
"""
LAST_RULE = "  - {id: always, owner: ops, review_after: 2027-12-31, then: {policy: ladder}}\n"


def rule_text(rule_id: str, then: str, when: str | None = None) -> str:
    """One rule as YAML; ``then`` as a flow mapping."""
    condition = f"    when: |\n      {when}\n" if when else ""
    return f"  - id: {rule_id}\n    owner: ops\n    review_after: 2027-12-31\n{condition}    then: {then}\n"


@pytest.fixture(scope="session")
def shipped() -> Configuration:
    return load_configuration(ROOT / "config")


@pytest.fixture(scope="session")
def catalogue_text() -> str:
    return SMALL_CATALOGUE


@pytest.fixture(scope="session")
def configured() -> Callable[..., Configuration]:
    """A small configuration with these rules, each ``(id, then)`` or ``(id, then, when)``, before the last one."""

    def configure(*rules: tuple[str, ...], policies: str = SMALL_POLICIES) -> Configuration:
        text = "rules:\n" + "".join(rule_text(*rule) for rule in rules) + LAST_RULE + policies
        return configuration_from_texts(SMALL_CATALOGUE, text)

    return configure


@pytest.fixture(scope="session")
def facts_for() -> Callable[..., RuleFacts]:
    """Facts about an incident with these fields; what begins with ``_`` is not of the incident."""

    def make(configuration: Configuration, **fields: object) -> RuleFacts:
        own = {name[1:]: fields.pop(name) for name in list(fields) if name.startswith("_")}
        incident = Incident(**{"title": "Something is wrong", **fields})  # type: ignore[arg-type]
        service = configuration.catalogue.find_service(incident.service, incident.environment)
        defaults: dict[str, object] = {
            "incident": incident,
            "service": service,
            "suggestion": Suggestion(),
            "recurrence": Recurrence(),
            "priority": Priority.P3,
            "priority_source": DecisionSource.FALLBACK,
            "team": configuration.catalogue.owner_of(incident.service, incident.environment).id,
            "team_source": DecisionSource.CATALOGUE if service else DecisionSource.FALLBACK,
            "now": MONDAY_NOON,
            "opened_at": MONDAY_NOON,
        }
        return RuleFacts(**{**defaults, **own})  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def seen() -> Callable[..., Recurrence]:
    """A recurrence with ``times`` occurrences in the last 24 hours."""

    def make(times: int, *flags: str) -> Recurrence:
        counts = {**dict.fromkeys(WINDOWS, times), "1h": min(times, 1)}
        return Recurrence(kind=RecurrenceKind.RECURRENCE, occurrences=counts, flags=flags)

    return make
