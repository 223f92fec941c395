"""What waited in the spool while the database was away, carried out in the order in which it came."""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from triage.domain.access import Principal, Role
from triage.domain.delivery import Delivery, DeliveryKey
from triage.errors import TriageError, Unavailable
from triage.serving.logs import place_of
from triage.serving.reception import letters, read
from triage.serving.service import Service
from triage.sources.payload import read_json
from triage.store.spooled import Spooled

log = structlog.get_logger("triage.draining")

DRAINED_AT_ONCE = 64
"""Payloads of one transaction. One by one they would come out more slowly than a storm puts them in."""


def carry_out(service: Service, entries: Sequence[Spooled]) -> None:
    """Raises Unavailable, which leaves the entries where they are. Whatever else fails is buried, not lost, and
    costs those it came with nothing."""
    try:
        _carry_out_together(service, entries)
    except Unavailable:
        raise
    except TriageError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - kept with its reason; what waits behind it must not wait for ever
        service.metrics.failures.labels("unexpected").inc()
        log.error("a spooled payload failed unexpectedly", kind=type(error).__name__, at=place_of(error))
        reason = f"unexpected failure: {type(error).__name__}"
    else:
        return
    if len(entries) > 1:
        for entry in entries:
            carry_out(service, [entry])
    else:
        service.bury(entries[0].source, [(entries[0].body, reason)])


def _carry_out_together(service: Service, entries: Sequence[Spooled]) -> None:
    waiting = [(entry, delivery) for entry in entries if (delivery := _what_is_left(service, entry)) is not None]
    receipts = service.parts.triager.receive([delivery for _, delivery in waiting]) if waiting else []
    for (entry, delivery), receipt in zip(waiting, receipts, strict=True):
        service.count(delivery, receipt)
        if isinstance(receipt, TriageError):
            service.bury(entry.source, [(entry.body, str(receipt))])


def _what_is_left(service: Service, entry: Spooled) -> Delivery | None:
    """What is still to be done of an entry. Its receipt is its key where its sender gave none."""
    role, _, owner = entry.principal.partition(" ")
    principal = Principal(owner=owner, role=Role(role))
    reading = read(entry.source, entry.body, entry.headers, principal, read_json, entry.received_at)
    if reading.batch is not None:
        service.bury(entry.source, letters(reading.batch))
    if entry.in_doubt is not None and service.parts.store.was_committed(entry.in_doubt):
        return None
    key = reading.delivery.key or DeliveryKey(principal="spool", key=entry.receipt, digest=b"")
    return replace(reading.delivery, key=key)
