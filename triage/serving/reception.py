"""Payloads to deliveries: what a body in some wire format asks for, whoever brings it.

The API brings it as it arrives, the spool when the database is back; both ways lead to the same delivery
with the same key, so that a payload is carried out once.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from triage.domain.access import Principal, Role
from triage.domain.delivery import Delivery, DeliveryKey
from triage.domain.incident import Incident
from triage.errors import BadRequest, InvalidIncident, NotFound, TriageError
from triage.sources.batch import SourceBatch
from triage.sources.native import parse_incident, read_incident
from triage.sources.payload import read_json
from triage.sources.registry import PARSERS

NATIVE = "v1/incidents"
NATIVE_BATCH = "v1/incidents/batch"
MAX_BATCH = 1_000
MAX_KEY = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a payload holds. ``places`` has, for each item of it, an index into the delivery's events or the
    fault of that item; ``batch`` is set for a source's own format."""

    delivery: Delivery
    places: tuple[int | TriageError, ...] = ()
    batch: SourceBatch | None = None


def read(
    route: str,
    body: bytes,
    headers: Mapping[str, str],
    principal: Principal,
    received_at: datetime | None = None,
) -> Reading:
    """``headers`` have lower-case names.

    Raises InvalidIncident, BadRequest for a native body that holds nothing usable; NotFound for a source
    that nobody knows. A source's own format never raises: what it holds in vain is in ``batch.rejected``.
    """
    key = _delivery_key(route, headers, principal, body)
    if route == NATIVE:
        events: tuple[Incident, ...] = (sent_by(read_incident(body), principal),)
        return Reading(delivery=Delivery(events=events, actor=principal.actor, received_at=received_at, key=key))
    if route == NATIVE_BATCH:
        items = batch_items(read_json(body), "incidents")
        events, places = read_items(items, principal)
        delivery = Delivery(events=events, actor=principal.actor, received_at=received_at, key=key)
        return Reading(delivery=delivery, places=places)
    parser = PARSERS.get(route)
    if parser is None:
        raise NotFound(f"no source of this name; there are: {', '.join(sorted(PARSERS))}")
    batch = parser(body, headers)
    events = tuple(sent_by(event, principal) for event in batch.events)
    delivery = Delivery(events=events, actor=principal.actor, received_at=received_at, key=key)
    return Reading(delivery=delivery, batch=batch)


def batch_items(value: object, name: str) -> list[object]:
    """The items of ``{name: [...]}``. Raises InvalidIncident for anything but 1 to 1,000 of them."""
    if not isinstance(value, dict) or set(value) != {name} or not isinstance(value[name], list):
        raise InvalidIncident(f'a batch is an object with the one key "{name}", a list')
    items: list[object] = value[name]
    if not 1 <= len(items) <= MAX_BATCH:
        raise InvalidIncident(f"a batch has 1 to {MAX_BATCH} items; this one has {len(items)}")
    return items


def read_items(
    items: list[object], principal: Principal
) -> tuple[tuple[Incident, ...], tuple[int | TriageError, ...]]:
    """The usable events of a batch, and for each item its event's index or its own fault."""
    events: list[Incident] = []
    places: list[int | TriageError] = []
    for number, item in enumerate(items):
        try:
            events.append(sent_by(parse_incident(item, f"incidents.{number}"), principal))
            places.append(len(events) - 1)
        except InvalidIncident as error:
            places.append(error)
    return tuple(events), tuple(places)


def letters(batch: SourceBatch) -> list[tuple[bytes, str]]:
    """The parts of a payload that go to the dead letters, each with its reason."""
    return [(rejection.content, rejection.reason) for rejection in batch.rejected]


def sent_by(event: Incident, principal: Principal) -> Incident:
    """A source's token speaks for that source only; its keys are nobody else's."""
    if principal.role is Role.SOURCE and principal.owner.startswith("source:"):
        return event.with_changes(source=principal.owner.removeprefix("source:"))
    return event


def _delivery_key(route: str, headers: Mapping[str, str], principal: Principal, body: bytes) -> DeliveryKey | None:
    key = headers.get("idempotency-key", "").strip()
    if not key:
        return None
    if len(key) > MAX_KEY:
        raise BadRequest(f"an Idempotency-Key has at most {MAX_KEY} characters")
    digest = hashlib.blake2b(route.encode() + b"\n" + body, digest_size=16).digest()
    return DeliveryKey(principal=principal.owner, key=key, digest=digest)
