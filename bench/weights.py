"""What a decision weighs once it is stored, asked of the running service's own database."""

from dataclasses import dataclass
from pathlib import Path

import psycopg

from triage.store.embedded import start_embedded


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes on average. ``incident``: what the whole database, indexes and all, holds more than when empty."""

    incidents: int
    decisions: int
    decision: float
    incident: float


def empty_size(data: Path) -> int:
    return int(_ask(data, "SELECT pg_database_size(current_database())")[0])


def weigh(data: Path, empty: int) -> Weights:
    incidents, decisions, decision, size = _ask(
        data,
        "SELECT (SELECT count(*) FROM incident), count(*), coalesce(avg(pg_column_size(d.*)), 0),"
        " pg_database_size(current_database()) FROM decision AS d",
    )
    grown = float(size) - empty
    return Weights(int(incidents), int(decisions), float(decision), grown / max(int(incidents), 1))


def _ask(data: Path, statement: str) -> tuple[float, ...]:
    database = start_embedded(data)
    try:
        with psycopg.connect(database.url) as connection:
            row = connection.execute(statement.encode()).fetchone()
    finally:
        database.stop()
    return tuple(row or ())
