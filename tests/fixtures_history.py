"""A made-up history: six teams of one company, written the way such teams write, the same on every run."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

ROWS = 400
STARTS_AT = datetime(2025, 3, 3, 7, 0, tzinfo=UTC)

_TEAMS = {
    "payments": (
        ("checkout", "billing", "ledger"),
        ("card payments declined by the acquirer", "refund stuck in pending", "settlement file missing"),
    ),
    "database": (
        ("orders-db", "customer-db"),
        ("replication lag above 30 seconds", "disk nearly full on the primary", "too many open connections"),
    ),
    "network": (
        ("edge", "vpn", "dns"),
        ("packet loss between sites", "name resolution fails for internal hosts", "tunnel to the branch is down"),
    ),
    "identity": (
        ("login", "directory"),
        ("users cannot sign in after the certificate change", "password reset mail not sent", "token rejected"),
    ),
    "storage": (
        ("object-store", "backup"),
        ("nightly backup did not finish", "bucket returns 503 slow down", "snapshot is older than a day"),
    ),
    "workplace": (
        ("laptops", "printing"),
        (
            "printer on the third floor does not print",
            "laptop does not wake up",
            "docking station loses the screen",
        ),
    ),
}
_PLACES = ("eu-west", "us-east", "the Malmö office", "node 7", "cluster blue", "the warehouse")
_TAILS = ("since this morning", "again", "after the release", "for some users", "", "customers are complaining")
_PRIORITIES = {"production": ("High", "Critical"), "staging": ("Medium",), "office": ("Low", "Medium")}


@pytest.fixture(scope="session")
def history_rows() -> list[dict[str, Any]]:
    """Rows as a history file holds them; priority follows the environment, in the company's own words."""
    chance = random.Random(7)
    return [_row(number, chance) for number in range(ROWS)]


@pytest.fixture(scope="session")
def muddled_rows(history_rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """That history as people would keep it, over twice the time: every fifth incident went to a team that another
    would not have sent it to, half of them name no service, and two teams had hardly any."""
    chance = random.Random(3)
    teams = sorted({row["team"] for row in history_rows})
    rows = [
        {
            **row,
            "id": f"{row['id']}-{again}",
            "title": f"{row['title']} {chance.choice(('', 'please look', 'urgent', 'as last week'))}",
            "occurred_at": (STARTS_AT + timedelta(hours=7 * (ROWS * again + number))).isoformat(),
            "service": None if chance.random() < 0.5 else row["service"],
            "team": chance.choice(teams) if chance.random() < 0.2 else row["team"],
        }
        for again in range(2)
        for number, row in enumerate(history_rows)
    ]
    return rows + [{**rows[7], "id": f"INC-{team}", "team": team} for team in ("facilities", "legal")]


def _row(number: int, chance: random.Random) -> dict[str, Any]:
    team = chance.choice(sorted(_TEAMS))
    services, problems = _TEAMS[team]
    environment = "office" if team == "workplace" else chance.choice(("production", "production", "staging"))
    service, problem, place = chance.choice(services), chance.choice(problems), chance.choice(_PLACES)
    first = team if chance.random() < 0.7 else chance.choice(sorted(_TEAMS))
    return {
        "id": f"INC-{number:05d}",
        "title": f"{problem.capitalize()} {chance.choice(_TAILS)}".strip(),
        "description": f"Seen on {service} in {place}. Ticket {chance.randrange(10_000, 99_999)}.",
        "occurred_at": (STARTS_AT + timedelta(hours=7 * number)).isoformat(),
        "source": "helpdesk",
        "service": service if chance.random() < 0.5 else None,
        "environment": environment,
        "labels": {"contact": chance.choice(("mail", "phone", "monitoring"))},
        "priority": chance.choice(_PRIORITIES[environment]),
        "team": team,
        "assigned_team": first,
        "duplicate_of": None,
    }
