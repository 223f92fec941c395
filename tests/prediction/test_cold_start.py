from collections.abc import Iterator
from pathlib import Path

import pytest

from triage.domain.catalogue import Catalogue, Service, Team
from triage.domain.decision import DecisionSource
from triage.domain.incident import Incident
from triage.prediction.catalogue_words import words_of
from triage.prediction.cold_start import ColdStart
from triage.prediction.encoder import Encoder
from triage.prediction.text import incident_text


def team(name: str, description: str, *examples: str, aliases: tuple[str, ...] = (), active: bool = True) -> Team:
    return Team(
        id=name, name=name.title(), description=description, examples=examples, aliases=aliases, active=active
    )


TEAMS = (
    team("desk", "First look at everything that nobody owns."),
    team(
        "payments",
        "Card payments, invoices and refunds of shoppers.",
        "card payments are declined",
        "customers cannot pay by card",
        aliases=("billing", "betalningar"),
    ),
    team(
        "database",
        "PostgreSQL clusters, replication, backups of databases, disks of database hosts.",
        "replication lag on the primary",
        "database disk is nearly full",
    ),
    team("network", "DNS, VPN, firewalls, links between sites.", "VPN tunnel to the branch office is down"),
    team(
        "identity", "Login, single sign-on, certificates, passwords.", "users cannot log in after password reset"
    ),
    team("printing", "Printers and scanners.", "the printer jams", active=False),
)
SERVICES = (
    Service(id="settlement-engine", name="Settlement", owner="payments", aliases=("clearing",)),
    Service(id="orders-db", name="Orders database", owner="database"),
)


@pytest.fixture(scope="module")
def encoder(encoder_folder: Path) -> Iterator[Encoder]:
    encoder = Encoder.open(encoder_folder, workers=1)
    yield encoder
    encoder.close()


def catalogue(*teams: Team, services: tuple[Service, ...] = ()) -> Catalogue:
    return Catalogue(
        version="c1",
        organisation="Test",
        timezone="UTC",
        triage_desk="desk",
        teams={one.id: one for one in teams},
        services={one.id: one for one in services},
    )


@pytest.fixture(scope="module")
def cold_start(encoder: Encoder) -> ColdStart:
    return ColdStart(catalogue(*TEAMS, services=SERVICES), encoder)


@pytest.fixture
def ask(cold_start: ColdStart, encoder: Encoder):
    def suggest(title: str, **fields: str):
        incident = Incident(title=title, **fields)
        return cold_start.suggest_team(incident, encoder.encode([incident_text(incident)])[0])

    return suggest


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Shoppers report that their credit card is refused", "payments"),
        ("PostgreSQL replica is 90 seconds behind", "database"),
        ("settlement-engine does not answer", "payments"),
        ("OrdersDb: too many connections", "database"),
        ("Nobody can sign in since the certificate expired", "identity"),
        ("Betalningar fastnar i kön sedan klockan nio", "payments"),
        ("DNS-uppslag misslyckas för interna namn", "network"),
        ("VPN-Tunnel zur Filiale in Köln ist unterbrochen", "network"),
        ("PostgreSQL-Replikation hängt seit heute früh", "database"),
        ("Kortbetalningar och betalningsflöden står stilla", "payments"),
    ],
)
def test_the_team_whose_words_the_incident_speaks_is_suggested(ask, title: str, expected: str):
    suggestion, _ = ask(title)
    assert (suggestion.value, suggestion.abstained) == (expected, False)


def test_the_suggestion_says_that_it_comes_from_the_catalogue_and_is_not_calibrated(ask):
    suggestion, _ = ask("PostgreSQL replica is 90 seconds behind")
    assert suggestion.source is DecisionSource.CATALOGUE
    assert suggestion.probability is None
    assert suggestion.alternatives == ()


def test_the_words_and_the_phrase_that_matched_are_told(ask):
    _, features = ask("Replication lag on orders-db is above a minute")
    names = {feature.feature for feature in features}
    assert {"word: replication", "name: orders db", "like: replication lag on the primary"} <= names
    assert all(feature.weight > 0 for feature in features)


def test_a_compound_shares_its_parts_with_the_catalogue(ask):
    _, features = ask("Datenbankreplikation und betalningsflöden")
    assert "part of word: betalningsflöden" in {feature.feature for feature in features}


def test_words_that_two_teams_share_make_it_abstain(ask):
    suggestion, _ = ask("VPN tunnel to the branch is down and replication lag on the primary")
    assert suggestion.abstained


@pytest.mark.parametrize("title", ["Hello", "It does not work", "", "🚨🚨🚨", "1234567890", "Lunch is at noon"])
def test_what_says_nothing_of_any_team_abstains(ask, title: str):
    suggestion, _ = ask(title)
    assert suggestion.abstained


def test_an_inactive_team_is_not_suggested(ask):
    suggestion, _ = ask("the printer jams on the third floor")
    assert suggestion.value != "printing"


def test_an_inactive_owner_passes_its_services_to_its_parent(encoder: Encoder):
    old = Team(id="old", name="Old", active=False, parent="payments")
    service = Service(id="gift-cards", name="Gift cards", owner="old")
    cold_start = ColdStart(catalogue(*TEAMS, old, services=(service,)), encoder)
    suggestion, _ = cold_start.suggest_team(
        Incident(title="gift-cards is down"), encoder.encode(["gift-cards is down"])[0]
    )
    assert suggestion.value == "payments"


def test_a_catalogue_with_only_the_desk_suggests_nobody(encoder: Encoder):
    cold_start = ColdStart(catalogue(TEAMS[0]), encoder)
    suggestion, features = cold_start.suggest_team(Incident(title="disk full"), encoder.encode(["disk full"])[0])
    assert (suggestion.value, suggestion.abstained, features) == (None, True, ())


def test_camel_case_is_taken_apart_and_empty_words_are_dropped():
    assert words_of("KubePodCrashLooping: the HTTPServer is_down und der Fehler") == [
        "kube",
        "pod",
        "crash",
        "looping",
        "http",
        "server",
        "down",
    ]
