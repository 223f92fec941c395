"""Two months of an invented company's history in which some things come again and again, the same on every run."""

import json
import random
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.fixtures_console import Console

DAYS = 60
BERLIN = ZoneInfo("Europe/Berlin")
FIXES = (
    "Freed space on the backup volume and started the job again",
    "Dropped the oldest snapshots of the backup volume",
)


def live_through(console: Console, folder: Path) -> None:
    """Import it into a service that runs."""
    file = folder / "history.jsonl"
    rows = sorted(_rows(datetime.now(BERLIN), random.Random(11)), key=lambda row: row["occurred_at"])
    lines = (json.dumps({"id": f"INC{number:05}", **row}) for number, row in enumerate(rows))
    file.write_text("\n".join(lines), encoding="utf-8")
    done = console.service.triage("import", str(file))
    assert done.returncode == 0, done.stderr


def _rows(now: datetime, chance: random.Random) -> Iterator[dict[str, Any]]:
    for ago in range(1, DAYS):
        day = (now - timedelta(days=ago)).date()
        night = datetime.combine(day, time(2, 10), BERLIN) + timedelta(minutes=chance.randint(0, 4))
        if ago % 17:
            yield _row(
                "Nightly backup of orders-db failed", night, "orders-db", "database", "P3", 95, FIXES[ago % 3 == 0]
            )
        for _ in range(chance.choice((0, 0, 1, 2)) + (ago < 14) * chance.choice((1, 2, 3))):
            at = datetime.combine(day, time(chance.randint(8, 21), chance.randint(0, 59)), BERLIN)
            rate = chance.randint(5, 30)
            yield _row(
                f"Checkout error rate above {rate}%", at, "checkout-api", "payments", "P2", 25,
                "Restarted the checkout pods" if chance.random() < 0.4 else None,
            )  # fmt: skip
        if ago % 5 == 0:
            at = datetime.combine(day, time(11, chance.randint(0, 59)), BERLIN)
            yield _row(
                f"Disk /var on db-{ago}.example.com 9{ago % 10}% full", at, "customer-db", "database", "P3", 50
            )
        if ago % 23 == 0:
            at = datetime.combine(day, time(16, 20), BERLIN)
            yield _row("Certificate of shop.example.com expires in 6 days", at, "edge", "network", "P4", 600)


def _row(
    title: str, at: datetime, service: str, team: str, priority: str, minutes: int, resolution: str | None = None
) -> dict[str, Any]:
    row = {
        "title": title,
        "occurred_at": at.isoformat(),
        "resolved_at": (at + timedelta(minutes=minutes)).isoformat(),
        "source": "monitor",
        "service": service,
        "environment": "production",
        "team": team,
        "priority": priority,
    }
    return row | ({"resolution": resolution} if resolution else {})
