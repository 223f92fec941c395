"""What has to be done whether or not anybody asks: forgotten incidents are closed, what a silence hid is told once
it is over, the audit log is sealed, old keys and sessions are forgotten."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from triage.corrections import Corrections
from triage.memory.silencing import tell_unsilenced
from triage.store.audit import AT_ONCE, Audit
from triage.store.database import Database
from triage.store.incidents import Incidents
from triage.store.letters import Letters
from triage.store.sessions import Sessions
from triage.store.silences import Silences

log = structlog.get_logger("triage.housekeeping")

DELIVERY_KEYS_KEPT = timedelta(days=7)
"""Longer than any sender of formats we know repeats a message (PagerDuty: 48 hours)."""


class Housekeeping:
    """``corrections`` None: nothing can be decided here, so what a silence hid is left to a replica that can."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime], corrections: Corrections | None = None
    ) -> None:
        self._incidents = Incidents(database)
        self._letters = Letters(database)
        self._sessions = Sessions(database)
        self._silences = Silences(database)
        self._audit = Audit(database)
        self._corrections = corrections
        self._clock = clock

    def tick(self) -> None:
        """One pass over what is due. Raises StoreUnavailable, and Unavailable while nothing is there to decide."""
        while closed := self._incidents.close_forgotten(self._clock()):
            log.info("forgotten incidents closed", count=len(closed))
        self._letters.forget_deliveries(DELIVERY_KEYS_KEPT)
        self._sessions.forget(self._clock())
        if self._corrections is not None and (
            told := tell_unsilenced(self._silences, self._corrections, self._clock())
        ):
            log.info("incidents decided again, since their silence is over", count=told)
        # Last: nobody waits for a seal, and one that cannot be made must keep nobody from hearing of anything.
        while self._audit.seal(self._clock()) >= AT_ONCE:
            pass
