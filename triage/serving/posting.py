"""Runs deliveries: a thread takes messages out of the outbox a few times a second, and lanes send them."""

import os
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from triage.domain.catalogue import Catalogue
from triage.errors import DeliveryFailed
from triage.notify.links import Links
from triage.notify.senders import send
from triage.oncall import Standing
from triage.serving.lanes import Lanes
from triage.serving.metrics import Metrics
from triage.serving.outliving import outlives
from triage.serving.rounds import Rounds
from triage.settings import Settings
from triage.store.background import Backgrounds
from triage.store.database import Database
from triage.store.escalations import Escalations
from triage.store.incidents import Incidents
from triage.store.links import UsedLinks
from triage.store.outbox import Outbox
from triage.telling.briefing import Briefings
from triage.telling.delivering import Delivering, Parcel

LOOK_EVERY = 0.25
"""Seconds between two looks for messages that are due."""
AFTER_FAILURE = 1.0
AT_ONCE = 100
"""Messages that one look takes."""
FULL_FOR = timedelta(seconds=2)
"""After that a parcel whose lane took no more is looked at again."""
CLOSE_WITHIN = 10.0
NOW = timedelta(0)


def make_links(database: Database, settings: Settings) -> Callable[[], Links]:
    """What makes and reads links; their secret is asked for once, when the first is needed."""
    used = UsedLinks(database)
    known: list[Links] = []

    def links() -> Links:
        if not known:
            known.append(Links(used.secret("links"), settings.reached_at))
        return known[0]

    return links


def make_delivering(
    database: Database,
    catalogue: Callable[[], Catalogue],
    clock: Callable[[], datetime],
    standing: Standing,
    links: Callable[[], Links],
) -> Delivering:
    outbox, escalations = Outbox(database), Escalations(database)
    briefings = Briefings(Incidents(database), escalations, Backgrounds(database), catalogue, standing)
    return Delivering(outbox, briefings, catalogue, clock, links, send, os.environ, standing)


class Posting:
    """``delivering`` gives what delivers, or None while there is no database to take messages from."""

    def __init__(self, delivering: Callable[[], Delivering | None], metrics: Metrics) -> None:
        self._delivering = delivering
        self._metrics = metrics
        self._lanes = Lanes(self._send)
        self._rounds = Rounds("deliveries", self.look)
        self.start = self._rounds.start

    def stop(self) -> None:
        """What is being sent may be finished; what waits in a lane is left to others."""
        self._rounds.stop()
        left = self._lanes.close(CLOSE_WITHIN)
        delivering = self._delivering()
        if delivering is not None:
            outlives("putting messages back", lambda: self._put_back(delivering, left, NOW), self._metrics)

    def once(self, within: float) -> None:
        """Everything that is due now."""
        self.look()
        self._lanes.wait_until_empty(within)

    def look(self) -> float:
        """Take what is due; the seconds to wait then. Outlives every failure."""
        delivering = self._delivering()
        if delivering is None:
            return LOOK_EVERY
        done = outlives("taking messages out", lambda: self._take(delivering), self._metrics)
        return LOOK_EVERY if done else AFTER_FAILURE

    def _take(self, delivering: Delivering) -> None:
        self._put_back(delivering, self._lanes.overdue(), FULL_FOR)
        while not self._rounds.is_stopping:
            look = delivering.take(AT_ONCE, self._lanes.is_full)
            self._put_back(delivering, [p for p in look.parcels if not self._lanes.offer(p)], FULL_FOR)
            if not look.more:
                return

    def _put_back(self, delivering: Delivering, parcels: Sequence[Parcel], wait: timedelta) -> None:
        for parcel in parcels:
            delivering.put_back(parcel, wait)

    def _send(self, parcel: Parcel) -> None:
        delivering = self._delivering()
        if delivering is not None:
            outlives("sending a message", lambda: self._deliver(delivering, parcel), self._metrics)

    def _deliver(self, delivering: Delivering, parcel: Parcel) -> None:
        begun = time.monotonic()
        delivered = delivering.deliver(parcel)
        labels = parcel.first.kind.value, parcel.way, delivered.outcome
        self._metrics.messages.labels(*labels).inc(delivered.messages)
        self._metrics.delivery_time.labels(parcel.way).observe(time.monotonic() - begun)
        if delivered.fault:
            self._metrics.failures.labels(DeliveryFailed.code).inc()
