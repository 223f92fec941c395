"""What has to be done whether or not anybody asks: forgotten incidents are closed, old keys forgotten."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from triage.store.database import Database
from triage.store.incidents import Incidents
from triage.store.letters import Letters

log = structlog.get_logger("triage.housekeeping")

DELIVERY_KEYS_KEPT = timedelta(days=7)
"""Longer than any sender of formats we know repeats a message (PagerDuty: 48 hours)."""


class Housekeeping:
    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._incidents = Incidents(database)
        self._letters = Letters(database)
        self._clock = clock

    def tick(self) -> None:
        """One pass over what is due. Raises StoreUnavailable."""
        while closed := self._incidents.close_forgotten(self._clock()):
            log.info("forgotten incidents closed", count=len(closed))
        self._letters.forget_deliveries(DELIVERY_KEYS_KEPT)
