"""The running service: its parts, what it can do for a request, and what is missing from it.

Parts are opened and kept up to date by ``triage.serving.upkeep``; each one that is missing is named in
``degraded`` while what is there works.
"""

import asyncio
import ipaddress
import threading
import time
from collections.abc import Mapping, Sequence
from itertools import chain, pairwise

import structlog

from triage.domain.access import Principal
from triage.domain.decision import Decision
from triage.domain.delivery import Delivery
from triage.domain.incident import Incident
from triage.engine import Engine
from triage.errors import StoreUnavailable, TriageError, Unavailable
from triage.figures import DEFAULT_PERIOD, flat
from triage.serving.activation import Activation
from triage.serving.gathering import Gatherer
from triage.serving.life import SignsOfLife
from triage.serving.logs import place_of
from triage.serving.metrics import Metrics
from triage.serving.outliving import outlives
from triage.serving.parts import Parts, utc_now
from triage.settings import Settings
from triage.store.spool import Spool
from triage.store.watching import Health
from triage.telling.delivering import Delivering
from triage.triager import Outcome

log = structlog.get_logger("triage.service")

Receipts = list[Outcome] | TriageError


WATCHED_EVERY = 5.0
"""Seconds between two looks at what watches over everything else."""
FIGURED_EVERY = 900.0
"""Seconds between two computations of the figures that Prometheus reads."""
PART = 66
"""Events of a large prediction that are decided together; two parts do not fit into one batch."""


class Service:
    """One per process. ``parts`` is None until the database's address is known."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.activation = Activation(
            settings.config_dir, settings.models_dir, self.metrics, settings.encoder_workers
        )
        self.spool = Spool(settings.data_dir / "spool", settings.spool_max_bytes)
        self.spooling = True
        """Whether payloads go to the spool: the database is away, or earlier payloads still wait there."""
        self.beside = asyncio.Semaphore(2)
        """How many large payloads are read or rendered at a time, in threads beside the event loop."""
        self.life = SignsOfLife()
        self._figured_at = -FIGURED_EVERY
        self.health: Health | None = None
        """As last looked at."""
        self.spool_pending = 0
        """How many payloads wait in the spool, as last counted. Whoever asks waits for no disk."""
        self._keeping_lock = threading.Lock()
        self._keeping = 0
        self._parts: Parts | None = None
        self._predictions: Gatherer[Sequence[Incident], list[Decision]] = Gatherer(
            self._predict, weigh=len, name="predict"
        )
        self._deliveries: Gatherer[Delivery, list[Outcome]] = Gatherer(
            self._receive, weigh=lambda delivery: len(delivery.events), name="receive"
        )

    def attach(self, parts: Parts) -> None:
        self._parts = parts

    @property
    def parts(self) -> Parts:
        """Raises StoreUnavailable before the database's address is known."""
        if self._parts is None:
            raise StoreUnavailable("the database is still being opened", retry_after=1)
        return self._parts

    @property
    def _working(self) -> Parts | None:
        """None while there is no database to find anything in, or no configuration to go by."""
        if self._parts is None or self._parts.database.is_down or self.activation.active is None:
            return None
        return self._parts

    @property
    def engine(self) -> Engine | None:
        """None while nothing can be carried on."""
        return parts.engine if (parts := self._working) is not None else None

    @property
    def delivering(self) -> Delivering | None:
        """None while nothing can be delivered."""
        return parts.delivering if (parts := self._working) is not None else None

    @property
    def has_parts(self) -> bool:
        return self._parts is not None

    @property
    def degraded(self) -> dict[str, str]:
        missing = self.activation.faults
        if self._parts is None:
            missing["database"] = "the database is still being opened"
        elif self._parts.database.is_down:
            missing["database"] = "the database cannot be reached; events are kept in the local spool"
        if self.health is not None and not self.health.is_well:
            missing["telling"] = _unwell(self.health)
        if self.spool_pending:
            missing["spool"] = f"{self.spool_pending} payloads wait in the local spool"
        return missing

    @property
    def is_ready(self) -> bool:
        """Whether a decision can be made and remembered, now or as soon as what waits in the spool was."""
        if self.activation.active is None or self._parts is None or self._parts.database.is_down:
            return False
        return not self.spooling or self.spool_pending > 0

    def find_principal(self, token_digest: bytes) -> Principal | None:
        """Raises Unavailable while tokens cannot be known yet."""
        principals = self.parts.principals
        if not principals.is_known:
            raise Unavailable("tokens are not known yet", retry_after=1)
        return principals.find(token_digest, utc_now())

    def open_to_local(self, client: str | None) -> bool:
        """Whether this caller needs no token: none exists, and only this machine can reach us.

        Raises Unavailable while tokens cannot be known yet.
        """
        if not self.settings.is_loopback:
            return False
        principals = self.parts.principals
        if not principals.is_known:
            raise Unavailable("tokens are not known yet", retry_after=1)
        return principals.is_empty and (client is None or is_loopback(client))

    async def predict(self, events: Sequence[Incident]) -> list[Decision]:
        """Raises Unavailable while nothing can decide."""
        return await self._predictions.submit(events)

    async def predict_many(self, events: Sequence[Incident]) -> list[Decision]:
        """As ``predict``, in parts: while one is decided on, which takes the interpreter, the next is encoded,
        which takes the cores. The first part is a short one, so that they do not do the same at the same time."""
        starts = [0, *range(PART // 2, len(events), PART), len(events)]
        parts = [events[start:end] for start, end in pairwise(starts) if start < end]
        return list(chain.from_iterable(await asyncio.gather(*(self.predict(part) for part in parts))))

    async def deliver(self, delivery: Delivery) -> list[Outcome]:
        """Raises StoreUnavailable with nothing written, Conflict for a key used with another content."""
        return await self._deliveries.submit(delivery)

    def _predict(self, jobs: Sequence[Sequence[Incident]]) -> list[list[Decision] | TriageError]:
        events = [event for job in jobs for event in job]
        self.metrics.batches.labels("predict").observe(len(events))
        decisions = iter(self.parts.triager.predict(events))
        return [[next(decisions) for _ in job] for job in jobs]

    def _receive(self, jobs: Sequence[Delivery]) -> list[list[Outcome] | TriageError]:
        self.metrics.batches.labels("receive").observe(sum(len(job.events) for job in jobs))
        try:
            receipts = self.parts.triager.receive(jobs)
        except StoreUnavailable:
            self.spooling = True
            raise
        for job, receipt in zip(jobs, receipts, strict=True):
            self.count(job, receipt)
        return receipts

    def count(self, delivery: Delivery, receipts: Receipts) -> None:
        if isinstance(receipts, TriageError):
            return
        now = utc_now()
        for event, outcome in zip(delivery.events, receipts, strict=True):
            self.life.note(event.source, 1, now)
            source = self.metrics.source_label(event.source)
            self.metrics.events.labels(source, _outcome_name(outcome)).inc()
            if not isinstance(outcome, TriageError) and outcome.opened:
                decision = outcome.decision
                labels = decision.priority.value.value, decision.team.source.value
                self.metrics.decisions.labels(*labels).inc()
                self.metrics.rule_faults.inc(len(decision.rule_faults))

    def note_failure(self, error: TriageError) -> None:
        """A failure of ours that a request ended with: one log line, one count."""
        self.metrics.failures.labels(error.code).inc()
        log.error("failure", code=error.code, why=str(error), at=place_of(error))

    def bury(self, source: str, letters: Sequence[tuple[bytes, str]]) -> None:
        """Keep what cannot be used, as (content, reason). Counted once however often it comes: these senders
        repeat themselves for as long as the alert fires. Raises StoreUnavailable."""
        if letters:
            self.metrics.dead_letters.labels(source).inc(self.parts.letters.bury(source, letters))

    def keep(
        self,
        route: str,
        body: bytes,
        headers: Mapping[str, str],
        principal: Principal,
        in_doubt: str | None = None,
    ) -> str:
        """Put a payload into the spool and return its receipt. ``in_doubt``: the transaction that may have carried
        it out. Raises SpoolFull."""
        sender = f"{principal.role.value} {principal.owner}"
        with self._keeping_lock:
            self._keeping += 1
            self.spooling = True
        kept = 0
        try:
            receipt = self.spool.append(
                route, body, headers=headers, principal=sender, received_at=utc_now(), in_doubt=in_doubt
            )
            kept = 1
        finally:
            with self._keeping_lock:
                self._keeping -= 1
                self.spool_pending += kept
        self.metrics.spooled.inc()
        return receipt

    async def let_drain(self) -> None:
        """Wait a moment while earlier payloads are carried out: whoever sends as fast as it is answered would
        otherwise put more into the spool than comes out of it, for ever."""
        for _ in range(5):
            if not self.spooling or self._parts is None or self._parts.database.is_down:
                return
            await asyncio.sleep(0.05)

    def end_spooling(self) -> None:
        """Let payloads go straight to the database again, unless one waits or is being kept: it comes first."""
        with self._keeping_lock:
            self.spool_pending = self.spool.pending()
            if self._keeping == 0 and self.spool_pending == 0:
                self.spooling = False

    def note_drained(self, payloads: int) -> None:
        with self._keeping_lock:
            self.spool_pending = max(0, self.spool_pending - payloads)

    def count_spool(self) -> None:
        """Look into the spool's folder, where other processes may keep payloads too."""
        pending = self.spool.pending()
        with self._keeping_lock:
            self.spool_pending = pending

    def watch(self) -> float:
        """What is looked after whether or not anybody asks; the seconds to wait then. A part that fails keeps none
        of the others from it."""
        parts = self._working
        if parts is None:
            return WATCHED_EVERY
        for name, act in (
            ("asking rules again", parts.asking.ask),
            ("signs of life", lambda: self.life.write(parts.watches)),
            ("watching", self._look),
            ("reminding", parts.reviewing.remind),
            ("figures", self._figure),
        ):
            outlives(name, act, self.metrics)
        return WATCHED_EVERY

    def _look(self) -> None:
        self.health = self.parts.watching.look()

    def _figure(self) -> None:
        if time.monotonic() >= self._figured_at + FIGURED_EVERY:
            self._figured_at = time.monotonic()
            now = utc_now()
            self.metrics.show_figures(flat(self.parts.insights.report(now - DEFAULT_PERIOD, now).total))

    def close(self) -> None:
        self._predictions.close()
        self._deliveries.close()
        if self._parts is not None:
            self._parts.lately.close()
            self._parts.database.close()


def _unwell(health: Health) -> str:
    said = [
        f"{health.late} escalations are late" if health.late else "",
        f"{health.stuck} messages are not taken" if health.stuck else "",
        f"{health.dead} messages were given up of late" if health.dead else "",
    ]
    return "; ".join(filter(None, said))


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _outcome_name(outcome: Outcome) -> str:
    if isinstance(outcome, TriageError):
        return outcome.code
    if outcome.opened:
        return "opened"
    return "joined" if outcome.counted else "repeated"
