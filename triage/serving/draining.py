"""What waited in the spool while the database was away, carried out in the order in which it came."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import structlog

from triage.domain.access import Principal, Role
from triage.domain.delivery import Delivery, DeliveryKey
from triage.errors import StoreUnavailable, TriageError, Unavailable
from triage.serving.logs import place_of
from triage.serving.reception import letters, read
from triage.serving.service import Service
from triage.store.spool import OneByOne, Spooled

log = structlog.get_logger("triage.draining")

DRAINED_AT_ONCE = 64
"""Payloads of one transaction. One by one they would come out more slowly than a storm puts them in."""


FAILURES_OF_ONE = 3
"""Failures of one payload, while the database answers, after which those behind it wait no longer. Each is a step
of upkeep and a statement's patience apart from the last."""

FAILURES_AT_MOST = FAILURES_OF_ONE * 32


class Draining:
    """Carries out what waits, and remembers what failed how often. Of one thread."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._failures: Counter[str] = Counter()
        self._given_up_in_a_row = 0

    def carry_out(self, entries: Sequence[Spooled]) -> None:
        """Raises Unavailable, which leaves the entries where they are, and OneByOne for a group that failed.
        Whatever else fails is buried, not lost, and costs those it came with nothing."""
        if len(entries) > 1 and any(entry.receipt in self._failures for entry in entries):
            raise OneByOne
        try:
            with self._service.parts.database.unattended():
                self._carry_out(entries)
        except (Unavailable, OneByOne):
            raise
        except TriageError as error:
            self._bury(entries, str(error))
        except Exception as error:  # noqa: BLE001 - kept with its reason; what waits behind it must not wait for ever
            self._service.metrics.failures.labels("unexpected").inc()
            log.error("a spooled payload failed unexpectedly", kind=type(error).__name__, at=place_of(error))
            self._bury(entries, f"unexpected failure: {type(error).__name__}")
        for entry in entries:
            self._failures.pop(entry.receipt, None)
        self._service.note_drained(len(entries))

    def _carry_out(self, entries: Sequence[Spooled]) -> None:
        service = self._service
        waiting = [
            (entry, delivery) for entry in entries if (delivery := _what_is_left(service, entry)) is not None
        ]
        if not waiting:
            return
        try:
            receipts = service.parts.triager.receive([delivery for _, delivery in waiting])
        except StoreUnavailable as error:
            self._count_failure(entries, error)
            return
        self._given_up_in_a_row = 0
        for (entry, delivery), receipt in zip(waiting, receipts, strict=True):
            service.count(delivery, receipt)
            if isinstance(receipt, TriageError):
                service.bury(entry.source, [(entry.body, str(receipt))])

    def _count_failure(self, entries: Sequence[Spooled], error: StoreUnavailable) -> None:
        """The database answers and does not carry this out: find out which payload it is, and give that one up in
        the end. Twice in a row it is hardly the payload, so each next one is tried twice as often as the last."""
        if not self._service.parts.database.is_reachable():
            raise error
        if len(entries) > 1:
            raise OneByOne from error
        receipt = entries[0].receipt
        self._failures[receipt] += 1
        allowed = min(FAILURES_OF_ONE << self._given_up_in_a_row, FAILURES_AT_MOST)
        log.warning("a spooled payload failed", receipt=receipt, times=self._failures[receipt], why=str(error))
        if self._failures[receipt] < allowed:
            raise error
        self._bury(entries, f"failed {allowed} times while the database answered; at last: {error}")
        self._given_up_in_a_row += 1

    def _bury(self, entries: Sequence[Spooled], reason: str) -> None:
        if len(entries) > 1:
            raise OneByOne
        self._service.bury(entries[0].source, [(entries[0].body, reason)])
        log.error("a spooled payload became a dead letter", receipt=entries[0].receipt)


def _what_is_left(service: Service, entry: Spooled) -> Delivery | None:
    """What is still to be done of an entry. Its receipt is its key where its sender gave none."""
    role, _, owner = entry.principal.partition(" ")
    principal = Principal(owner=owner, role=Role(role))
    reading = read(entry.source, entry.body, entry.headers, principal, entry.received_at)
    if reading.batch is not None:
        service.bury(entry.source, letters(reading.batch))
    if entry.in_doubt is not None and service.parts.store.was_committed(entry.in_doubt):
        return None
    key = reading.delivery.key or DeliveryKey(principal="spool", key=entry.receipt, digest=b"")
    return replace(reading.delivery, key=key)
