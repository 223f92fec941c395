"""Single values of a history file, as the many exporters write them, made into those of an incident."""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time

from triage.domain.incident import (
    MAX_DESCRIPTION,
    MAX_EVIDENCE,
    MAX_LABEL_NAME,
    MAX_LABEL_VALUE,
    MAX_LABELS,
    MAX_LINKS,
    MAX_TITLE,
    MAX_WORD,
    Evidence,
    Link,
    storable,
    utc,
)

_NONE_WORDS = frozenset({"", "nan", "none", "null", "nat", "<na>"})
# What exporters write into a column of labels where nobody gave one. Not "na": that may be North America.
_NO_LABEL_WORDS = _NONE_WORDS | {
    *("n/a", "#n/a", "nil", "(null)", "(none)", "(empty)", "(blank)", "undefined", "not set", "unset"),
    *("not available", "not applicable"),
}
_NO_LABEL = re.compile(r"[-–—_.?/\s]*")  # other signs, such as "!!" or a red dot, may be priorities
_FLAGS: Mapping[str, bool] = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)


class BadValueError(ValueError):
    """Why a value cannot be used, with the name of its column and without the value."""


def text(name: str, value: object, limit: int) -> str:
    """A free text; numbers are written out. Cut at ``limit`` characters."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # an exporter's column of whole numbers with gaps
    if isinstance(value, (str, int, float)):
        return storable(str(value)).strip()[:limit]
    raise BadValueError(f"{name} is neither text nor a number")


def title(value: object) -> str:
    """On one line and within an incident's limit."""
    return " ".join(text("title", value, MAX_DESCRIPTION).split())[:MAX_TITLE]


def title_of(description: str) -> str:
    """The first line that has a letter in it, for an incident without a title."""
    lines = (line for line in description.splitlines() if any(character.isalpha() for character in line))
    return title(next(lines, None))


def word(name: str, value: object) -> str | None:
    """A name or label; None for NaN, null, none and nothing in any spelling."""
    found = text(name, value, MAX_WORD)
    return None if found.casefold() in _NONE_WORDS else found


def label(name: str, value: object) -> str | None:
    """A priority or a team; None also for what stands for none, such as ``n/a`` or ``--``."""
    found = text(name, value, MAX_WORD)
    return None if found.casefold() in _NO_LABEL_WORDS or _NO_LABEL.fullmatch(found) else found


def moment(name: str, value: object) -> datetime | None:
    """ISO 8601 text or a time; a date alone is its midnight, a time without a zone is UTC."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time(), UTC)
    if not isinstance(value, datetime):
        written = word(name, value)
        if written is None:
            return None
        try:
            value = datetime.fromisoformat(written)
        except ValueError:
            raise BadValueError(f"{name} is no ISO 8601 date and time") from None
    try:
        found = utc(value)
    except OverflowError:
        found = None
    if found is None or not _EARLIEST <= found < _LATEST:
        raise BadValueError(f"{name} is not between 1970 and 2199")
    return found


def flag(name: str, value: object) -> bool:
    written = word(name, value)
    found = False if written is None else _FLAGS.get(written.casefold())
    if found is None:
        raise BadValueError(f"{name} is neither true nor false")
    return found


def labels(value: object) -> dict[str, str]:
    """An object of labels, also as JSON text or as pairs; nameless and empty ones are left out."""
    found = _parsed("labels", value)
    if isinstance(found, list) and all(isinstance(pair, tuple) for pair in found):
        found = dict(found)  # a Parquet map
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadValueError("labels are not an object of names and values")
    kept: dict[str, str] = {}
    for name, one in found.items():
        written = (
            text("a value in labels", one, MAX_LABEL_VALUE) if not isinstance(one, (dict, list)) else _json(one)
        )
        key = storable(str(name)).strip()[:MAX_LABEL_NAME]
        if key and written.casefold() not in _NONE_WORDS and len(kept) < MAX_LABELS:
            kept[key] = written
    return kept


def links(value: object) -> tuple[Link, ...]:
    made = (
        Link(
            href=text("a link's href", item.get("href"), MAX_LABEL_VALUE),
            text=text("a link's text", item.get("text"), MAX_TITLE),
        )
        for item in _objects("links", value)
    )
    return tuple(link for link in made if link.href.lower().startswith(("http://", "https://")))[:MAX_LINKS]


def evidence(value: object) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            kind=word("an evidence's kind", item.get("kind")) or "note",
            text=text("an evidence's text", item.get("text"), MAX_DESCRIPTION) or None,
            href=text("an evidence's href", item.get("href"), MAX_LABEL_VALUE) or None,
        )
        for item in _objects("evidence", value)
    )[:MAX_EVIDENCE]


def _objects(name: str, value: object) -> list[Mapping[str, object]]:
    found = _parsed(name, value)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise BadValueError(f"{name} are not a list of objects")
    return found


def _parsed(name: str, value: object) -> object:
    """The value itself, or what its JSON text says, since CSV has no other way."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if not isinstance(value, str):
        return value
    if value.strip().casefold() in _NONE_WORDS:
        return None
    try:
        found: object = json.loads(value)
    except (ValueError, RecursionError):
        raise BadValueError(f"{name} are not JSON") from None
    return found


def _json(value: object) -> str:
    return storable(json.dumps(value, ensure_ascii=False, default=str))[:MAX_LABEL_VALUE]
