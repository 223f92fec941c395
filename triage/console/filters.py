"""The filters of a list, as they stand in its address."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from triage.console.visiting import Visitor
from triage.domain.incident import storable
from triage.domain.priority import Priority
from triage.errors import InvalidIncident
from triage.store.lists import ListFilter, Order, Standing

PAGE = 50
WHOSE = ("all", "team", "mine")
SINCE: Mapping[str, timedelta] = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
LONGEST = 200
"""Characters of a filter; more of them name nothing."""


def list_filter(query: Mapping[str, str], visitor: Visitor) -> ListFilter:
    """What is not a filter of ours is left out of account; raises InvalidIncident for a value that cannot be."""
    standing = _standing(query.get("state"))
    whose = query.get("whose", "all")
    order = query.get("order") or default_order(standing).value
    return ListFilter(
        standing=standing,
        person=visitor.actor if whose == "mine" else None,
        teams=_teams(query.get("team"), whose, visitor),
        priority=_priority(query.get("priority")),
        service=word_of(query.get("service")),
        environment=word_of(query.get("environment")),
        source=word_of(query.get("source")),
        q=word_of(query.get("q")),
        since=visitor.now - SINCE[query["since"]] if query.get("since") in SINCE else None,
        order=Order(order) if order in {one.value for one in Order} else default_order(standing),
        after=_after(query.get("after")),
        limit=PAGE,
    )


def default_order(standing: Standing) -> Order:
    """What is open, the most urgent first; what is over, the newest first."""
    return Order.NEWEST if standing in (Standing.RESOLVED, Standing.ALL) else Order.URGENCY


def kept(query: Mapping[str, str], **changed: str | None) -> str:
    """The address of the same list with some filters changed; a position is not kept."""
    asked = {name: value for name, value in query.items() if value and name != "after"}
    asked |= {name: value or "" for name, value in changed.items()}
    return "?" + urlencode({name: value for name, value in asked.items() if value})


def position(after: tuple[str, datetime, str]) -> str:
    priority, opened_at, incident_id = after
    return f"{priority}~{opened_at.astimezone(UTC).isoformat()}~{incident_id}"


def _after(text: str | None) -> tuple[str, datetime, str] | None:
    if not text:
        return None
    try:
        priority, opened_at, incident_id = text.split("~")
        return (
            Priority(priority).value,
            datetime.fromisoformat(opened_at).astimezone(UTC),
            str(uuid.UUID(incident_id)),
        )
    except (ValueError, OverflowError) as error:
        raise InvalidIncident("the place in the list is not one of ours") from error


def _standing(word: str | None) -> Standing:
    return Standing(word) if word in {one.value for one in Standing} else Standing.OPEN


def _priority(word: str | None) -> Priority | None:
    return Priority(word) if word in {one.value for one in Priority} else None


def _teams(word: str | None, whose: str, visitor: Visitor) -> tuple[str, ...] | None:
    """A team's id or name; a word that the catalogue does not know (any more) is taken for one."""
    if named := word_of(word):
        found = visitor.catalogue.find_team(named)
        return (found.id if found else named,)
    return visitor.teams if whose == "team" else None


def word_of(text: str | None) -> str | None:
    """What somebody looks for, without what no text of ours can hold; None where nothing is left."""
    return storable(text or "").replace("\ufffd", " ").strip()[:LONGEST] or None
