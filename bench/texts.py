"""Incidents for the bench: the same for the same number on every machine, and no two with the same text."""

import gzip
import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from bench.families import FAMILIES
from bench.wording import ENVIRONMENTS, REGIONS, Family, draw

Body = dict[str, Any]
"""The JSON of one request, as both services take it."""

_PART = re.compile(r"\{(\w+)\}")
_SEVERITY = {"P1": "critical", "P2": "high", "P3": "warning", "P4": "notice", "P5": "info"}
_ORDER = ("P1", "P2", "P3", "P4", "P5")
_LABELLED_OTHERWISE = 0.08
"""The part of the history that people labelled otherwise than the family says, as they do."""


def generate(start: int, count: int) -> list[Body]:
    return [_incident(number)[0] for number in range(start, start + count)]


def generate_history(count: int) -> Iterator[Body]:
    """Rows of a training history. Its numbers are negative, so no text of it is ever sent."""
    for number in range(-count, 0):
        body, team, priority = _incident(number)
        labels = {name: body[name] for name in ("environment", "region", "severity") if name in body}
        yield {
            "id": f"H{-number}",
            "title": body["title"],
            "description": body["description"],
            "occurred_at": f"2026-0{1 + number % 6}-{1 + number % 28:02d}T{number % 24:02d}:{number % 60:02d}:00Z",
            "source": body["source"],
            "service": body.get("service"),
            "labels": labels,
            "priority": priority,
            "team": team,
        }


def read_texts(path: Path, start: int, count: int) -> list[Body]:
    """Titles and descriptions of a file of JSON lines, gzipped if it is named ``.gz``.

    When its rows come round again, a reference makes them new. Raises SystemExit when no row has a title.
    """
    rows = _rows(path)
    found = []
    for number in range(start, start + count):
        turn, at = divmod(number, len(rows))
        body = {
            "title": str(rows[at]["title"])[:1000],
            "description": str(rows[at].get("description") or "")[:8000],
        }
        if turn:
            body["description"] += f" Reference {turn}."
        found.append(body)
    return found


@cache
def _rows(path: Path) -> list[Body]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as text:
        rows = [json.loads(line) for line in text if line.strip()]
    titled = [row for row in rows if str(row.get("title") or "").strip()]
    if not titled:
        raise SystemExit(f"{path}: no row has a title")
    return titled


def _incident(number: int) -> tuple[Body, str, str]:
    random = Random(number)
    family = random.choice(FAMILIES)
    title = _fill(random.choice(family.titles), random)
    sentences = random.sample(family.sentences, random.choice((2, 2, 3)))
    # The last clause carries the number itself: two texts may be alike, but never the same.
    sentences.append(f"Reference {_reference(number)}.")
    environment = random.choice(ENVIRONMENTS)
    priority = _priority(family, environment, random)
    body = {"title": title, "description": " ".join(_fill(s, random) for s in sentences)}
    body |= _alert(family, environment, priority, random) if random.random() < 0.7 else _ticket(family, random)
    if random.random() < _LABELLED_OTHERWISE:
        return body, random.choice(FAMILIES).team, random.choice(_ORDER)
    return body, family.team, priority


def _alert(family: Family, environment: str, priority: str, random: Random) -> Body:
    reported = _ORDER[min(max(_ORDER.index(priority) + random.choice((-1, 0, 0, 0, 1)), 0), 4)]
    body: Body = {
        "source": "alertmanager",
        "environment": environment,
        "region": random.choice(REGIONS),
        "severity": _SEVERITY[reported],
        "labels": {"job": draw("job", random), "instance": draw("ip", random), "shard": str(random.randint(0, 7))},
    }
    return body | ({"service": random.choice(family.services)} if family.services else {})


def _ticket(family: Family, random: Random) -> Body:
    grades = ("1 - High", "2 - Medium", "3 - Low")
    body: Body = {
        "source": "servicedesk",
        "impact": random.choice(grades),
        "urgency": random.choice(grades),
        "reporter": draw("person", random),
    }
    return body | ({"service": family.services[0]} if family.services and random.random() < 0.4 else {})


def _priority(family: Family, environment: str, random: Random) -> str:
    at = _ORDER.index(family.priority) + random.choice((0, 0, 0, 0, 1))
    return _ORDER[min(max(at, 3) if environment != "production" else at, 4)]


def _fill(template: str, random: Random) -> str:
    return _PART.sub(lambda part: draw(part[1], random), template)


def _reference(number: int) -> str:
    """Words for a number, in which nothing looks like a part that changes by itself."""
    letters = ""
    number = 2 * number if number >= 0 else -2 * number - 1
    while number or not letters:
        number, digit = divmod(number, 20)
        letters += "bcdfghjklmnpqrstvwxz"[digit]
    return letters


def lines(bodies: list[Body]) -> bytes:
    return b"\n".join(json.dumps(body, ensure_ascii=False).encode() for body in bodies)


def batches(bodies: list[Body], size: int) -> list[Body]:
    """Bodies of ``/v1/predict/batch``."""
    source = iter(bodies)
    found = []
    while part := list(islice(source, size)):
        found.append({"incidents": part})
    return found
