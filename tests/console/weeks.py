"""Weeks of an invented company, written into the store as if they had happened: for pages that look back.

The same on every run. Teams, people and services are those of the shipped example catalogue.
"""

import json
import random
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg

_OWNERS = {
    "payments": (("payment-gateway", "ledger"), ("ines", "tobias", "marta"), 0.20),
    "database": (("orders-db", "customer-db"), ("dana", "marcus", "rosa"), 0.35),
    "platform": (("kubernetes", "message-bus"), ("joel", "henrik", "selin"), 0.15),
    "network": (("edge", "corporate-network"), ("owen", "felix"), 0.45),
    "sre": (("identity", "api-gateway"), ("wei", "arjun", "mei"), 0.10),
}
_WHAT = ("error rate above 5%", "latency above 2 s", "replication lag", "disk nearly full", "pods restart")
_PRIORITIES = (("P1", 0.08, 600), ("P2", 0.22, 900), ("P3", 0.5, 1800), ("P4", 0.2, 3600))
_POLICIES = {"P1": "major-incident", "P2": "urgent", "P3": "standard", "P4": "standard"}
COLUMNS = {
    "decision": "id, incident_id, decided_at, inputs, record",
    "incident": "id, pattern_id, source, scope, service, environment, title, event, text_key, state, status,"
    " priority, team, decision_id, occurrences, deliveries, opened_at, last_occurred_at, last_seen_at,"
    " acknowledged_at, acknowledged_by, resolved_at, resolved_by",
    "timeline": "incident_id, at, kind, actor, detail",
    "message": "key, incident_id, kind, recipient, detail, made_at, state, due_at",
    "incident_review": "incident_id, satisfaction, made_by, made_at",
    "review_item": "incident_id, pattern_id, decision_id, opened_at, worth, saves, remaining,"
    " reasons, draw, suggested_priority, suggested_team, acts_priority, acts_team, done_at, done_by",
    "assessment": "id, incident_id, made_by, made_at, priority, team, second",
    "triage_override": "incident_id, pattern_id, priority, team, made_by, made_at",
}
SAMPLE = 0.19
"""The share that people looked at: more than a service asks for, so that few incidents say enough."""


class Weeks(NamedTuple):
    """``incidents`` opened in the ``weeks`` before ``until``; ``padding``: bytes by which a decision's record is
    larger than what is read of it."""

    until: datetime
    weeks: int = 8
    incidents: int = 400
    seed: int = 7
    padding: int = 0


def live_through(db: psycopg.Connection[Any], asked: Weeks) -> None:
    """Answers grow faster and escalations rarer from week to week."""
    chance = random.Random(asked.seed)
    pattern = uuid.UUID(int=chance.getrandbits(128))
    db.execute(
        "INSERT INTO pattern (id, root, scope, template, first_seen_at, last_seen_at)"
        " VALUES (%s, %s, 's', 't', %s, %s)",
        (pattern, pattern, asked.until - timedelta(weeks=asked.weeks), asked.until),
    )
    rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in COLUMNS}
    for _ in range(asked.incidents):
        for table, row in _incident(chance, asked, pattern):
            rows[table].append(row)
    rows["timeline"].sort(key=lambda row: row[1])
    for table, columns in COLUMNS.items():
        with db.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            for row in rows[table]:
                copy.write_row(row)


def _incident(chance: random.Random, asked: Weeks, pattern: uuid.UUID) -> Iterable[tuple[str, tuple[Any, ...]]]:
    ident, decision = (uuid.UUID(int=chance.getrandbits(128)) for _ in range(2))
    age = chance.random() * asked.weeks
    opened = asked.until - timedelta(weeks=age)
    team = chance.choice(sorted(_OWNERS))
    services, people, slow = _OWNERS[team]
    service, person = chance.choice(services), chance.choice(people)
    priority, _, given = chance.choices(_PRIORITIES, [weight for _, weight, _ in _PRIORITIES])[0]
    worse = slow * (1 + age / asked.weeks)
    took = timedelta(seconds=given * chance.lognormvariate(-1.1, 0.8) * (1 + 2 * worse))
    over = took.total_seconds() > given
    taken, moved = opened + took, opened + took + timedelta(minutes=chance.randint(1, 20))
    ends = moved + timedelta(minutes=chance.expovariate(1 / 70))
    said = {"priority": priority, "team": team, "policy": _POLICIES[priority]}
    record = {"escalation": {"policy": said["policy"]}, "padding": "x" * asked.padding}
    yield "decision", (decision, ident, opened, "{}", json.dumps(record))
    is_over = ends < asked.until
    state, status = ("resolved", "resolved") if is_over else ("acknowledged", "investigating")
    title = f"{service}: {chance.choice(_WHAT)}"
    yield (
        "incident",
        (ident, pattern, "monitor", "s", service, "production", title, json.dumps({"title": title}), b"x")
        + (state, status, priority, team, decision, 1, 1, opened, opened, opened, taken, person)
        + ((ends, person) if is_over else (None, None)),
    )
    yield from _judged((ident, pattern, decision), opened, (priority, team), slow * age / asked.weeks, chance)
    yield _entry(ident, opened, "opened", "monitor")
    yield _entry(ident, opened, "decided", "triage", **said)
    yield from _page(ident, opened, person, 1, given, chance)
    if over:
        later = opened + timedelta(seconds=given)
        if chance.random() < 0.5:
            yield _entry(ident, later - timedelta(seconds=1), "note", person, text="looking")
        person = chance.choice(people)
        yield from _page(ident, later, person, 2, given, chance)
        yield _entry(ident, later, "escalation", "triage", notice="acknowledge_breached")
    yield _entry(ident, taken, "acknowledged", person)
    if chance.random() < worse / 2:
        yield _entry(ident, moved, "overridden", person, team=chance.choice(sorted(_OWNERS)), priority=priority)
    yield _entry(ident, moved, "status", person, was="triaging", status="investigating")
    if is_over:
        yield _entry(ident, ends, "resolved", person)
        if chance.random() < 0.1:
            yield "incident_review", (ident, chance.choice((2, 3, 4, 4, 5)), person, ends)


def _judged(
    ids: tuple[uuid.UUID, uuid.UUID, uuid.UUID],
    opened: datetime,
    true: tuple[str, str],
    wrong: float,
    chance: random.Random,
) -> Iterable[tuple[str, tuple[Any, ...]]]:
    """``wrong``: how often the machine is. Every fifth that was looked at was looked at twice."""
    priority = true[0] if chance.random() > wrong / 2 else "P3"
    team = true[1] if chance.random() > wrong else chance.choice(sorted(_OWNERS))
    draw, looked = chance.random(), opened + timedelta(hours=chance.randint(1, 20))
    acts = chance.random() < 0.6, chance.random() < 0.8
    done = (looked, "amara") if draw < SAMPLE else (None, None)
    yield "review_item", (*ids, opened, 0.5, 30.0, 1.0, "[]", draw, priority, team, *acts, *done)
    if draw < SAMPLE:
        yield "triage_override", (*ids[:2], *true, "amara", looked)
        yield "assessment", (uuid.UUID(int=chance.getrandbits(128)), ids[0], "amara", looked, *true, False)
    if draw < SAMPLE / 5:
        said = true if chance.random() < 0.85 else (true[0], chance.choice(sorted(_OWNERS)))
        yield "assessment", (uuid.UUID(int=chance.getrandbits(128)), ids[0], "paulo", looked, *said, True)


def _entry(ident: uuid.UUID, at: datetime, kind: str, actor: str, **detail: object) -> tuple[str, tuple[Any, ...]]:
    return "timeline", (ident, at, kind, actor, json.dumps(detail))


def _page(
    ident: uuid.UUID, at: datetime, person: str, number: int, given: int, chance: random.Random
) -> Iterable[tuple[str, tuple[Any, ...]]]:
    until = at + timedelta(seconds=given)
    yield _entry(
        ident, at, "paged", "triage", number=number, person=person, target=f"person:{person}", attempt=1,
        answer_by=until.isoformat(),
    )  # fmt: skip
    key = f"page-{uuid.UUID(int=chance.getrandbits(128))}"
    yield "message", (key, ident, "page", f"person:{person}", "{}", at, "sent", at)
