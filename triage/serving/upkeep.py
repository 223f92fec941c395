"""Opens the service's parts in the background and keeps them up: one thread, one loop, one step at a time.

The process answers ``/livez`` while this runs. A step that fails is logged, shown as degraded and tried
again; nothing that works is stopped by what does not.
"""

import threading
import time
from collections.abc import Callable

import structlog

from triage.domain.access import Role
from triage.errors import EmbeddedDatabaseError, StoreRefused, StoreUnavailable
from triage.serving.counting import Counting
from triage.serving.draining import DRAINED_AT_ONCE, Draining
from triage.serving.housekeeping import Housekeeping
from triage.serving.indexing import Indexing
from triage.serving.outliving import outlives
from triage.serving.parts import Parts, utc_now
from triage.serving.reembedding import Reembedding
from triage.serving.searching import Searching
from triage.serving.service import Service
from triage.serving.shadowing import Shadowing
from triage.store.database import Database, migrate
from triage.store.embedded import EmbeddedDatabase, start_embedded
from triage.store.likenesses import Likenesses

log = structlog.get_logger("triage.upkeep")

BOOTSTRAP_OWNER = "person:bootstrap"

HOUSE_KEPT_EVERY = 5.0
"""Seconds between two looks for forgotten incidents and old keys."""


class Upkeep:
    """``on_fatal`` is called with one sentence when the service cannot ever work as it was started."""

    def __init__(self, service: Service, on_fatal: Callable[[str], None]) -> None:
        self._service = service
        self._settings = service.settings
        self._on_fatal = on_fatal
        self._draining = Draining(service)
        self._embedded: EmbeddedDatabase | None = None
        self._stop = threading.Event()
        self._reload = threading.Event()
        self._published = False
        self._house_kept_at = -HOUSE_KEPT_EVERY
        self._indexing: Indexing | None = None
        self._reembedding: Reembedding | None = None
        self._searching: Searching | None = None
        self._counting: Counting | None = None
        self._shadowing: Shadowing | None = None
        self._parts_of_a_step = (
            self._publish,
            self._follow,
            self._admit,
            self._drain,
            self._index_embeddings,
            self._embed_anew,
            self._search,
            self._shadow,
            self._keep_house,
        )
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def reload(self) -> None:
        """Read the configuration folder again, soon."""
        self._reload.set()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=30)
        if self._reembedding is not None:
            self._reembedding.end()
        if self._shadowing is not None:
            self._shadowing.end()

    def release(self) -> None:
        """Give the embedded database up, after everybody who uses it has closed."""
        if self._embedded is not None:
            self._embedded.stop()

    def _run(self) -> None:
        started = time.monotonic()
        self._safely(self._service.count_spool)
        opener = threading.Thread(target=self._open_local, name="open-local", daemon=True)
        opener.start()
        if not self._open_database():
            return
        opener.join()
        while not self._stop.is_set():
            if self._embedded is not None and not self._embedded.is_running():
                self._revive()
            self._safely(self._service.count_spool)
            self._safely(self._step)
            if started and self._service.is_ready:
                log.info("ready", after_seconds=round(time.monotonic() - started, 2))
                started = 0.0
            self._stop.wait(self._settings.refresh_every)

    def _step(self) -> None:
        """What takes long comes last, and what waits in the spool before it."""
        service, database = self._service, self._service.parts.database
        if not database.is_reachable():
            service.spooling = True
            log.warning("the database is away")
            self._revive()
            return
        for part in self._parts_of_a_step:
            if self._stop.is_set() or database.is_down:
                return
            self._safely(part)

    def _safely(self, part: Callable[[], None]) -> None:
        """One part of a step, whatever comes of it: the thread that keeps everything up must outlive every
        failure, and a lasting one of one part must not keep the others from running."""
        outlives(part.__name__.strip("_"), part, self._service.metrics)

    def _open_local(self) -> None:
        self._service.activation.load_folder()
        self._service.activation.load_latest_bundle()

    def _open_database(self) -> bool:
        """Start or find the database and make what needs it; whether that is done."""
        settings, service = self._settings, self._service
        try:
            if settings.database_url is not None:
                url = settings.database_url.get_secret_value()
            else:
                self._embedded = start_embedded(settings.data_dir)
                url = self._embedded.url
        except EmbeddedDatabaseError as error:
            self._on_fatal(str(error))
            return False
        database = Database(url, size=settings.pool_size, timeout=settings.store_timeout)
        database.is_down = True
        parts = Parts(database, service.activation, settings)
        parts.principals.load_file()
        service.attach(parts)
        while not self._stop.is_set():
            try:
                applied = migrate(url)
                database.open()
                database.is_down = False
                log.info("database opened", migrations=applied)
                return True
            except StoreUnavailable as error:
                log.warning("the database cannot be opened yet", why=str(error))
                self._revive()
            except StoreRefused as error:
                self._on_fatal(f"{error}; the database needs pgvector and the right to create tables")
                return False
            self._stop.wait(1.0)
        return False

    def _revive(self) -> None:
        if self._embedded is not None and not self._stop.is_set():
            try:
                self._embedded.ensure_running()
            except EmbeddedDatabaseError as error:
                log.error("the embedded database cannot be started again", why=str(error))

    def _publish(self) -> None:
        activation, parts = self._service.activation, self._service.parts
        if self._reload.is_set() or activation.folder_changed():
            self._reload.clear()
            activation.load_folder()
            self._published = False
        if self._published:
            return
        token = self._read_bootstrap()
        if token is not None:
            parts.tokens.adopt(token, Role.ADMIN, BOOTSTRAP_OWNER)
        activation.publish(parts.configurations)
        self._published = True

    def _follow(self) -> None:
        activation = self._service.activation
        activation.refresh(self._service.parts.configurations)
        if activation.active is None:
            self._on_fatal(activation.faults.get("configuration", "no configuration was found"))
            self._stop.set()

    def _read_bootstrap(self) -> str | None:
        try:
            return self._settings.read_bootstrap_token()
        except OSError:
            self._on_fatal("the file of TRIAGE_BOOTSTRAP_TOKEN_FILE cannot be read")
            return None

    def _admit(self) -> None:
        self._service.parts.principals.refresh()
        self._refuse_open_door()

    def _index_embeddings(self) -> None:
        active = self._service.activation.active
        encoder = active.encoder if active is not None else None
        if self._indexing is None:
            self._indexing = Indexing(self._service.parts.database.url, self._service.metrics)
        if encoder is not None:
            self._indexing.want(encoder.version, encoder.dimensions)

    def _embed_anew(self) -> None:
        active = self._service.activation.active
        if self._reembedding is None:
            self._reembedding = Reembedding(self._service.parts.database, self._service.metrics)
        if active is not None and active.encoder is not None:
            self._reembedding.want(active.encoder)

    def _search(self) -> None:
        """With the encoder in force, once everything is embedded with it and indexed."""
        if self._searching is None:
            self._searching = Searching(
                self._service.activation, Likenesses(self._service.parts.database), self._settings.models_dir
            )
        whole = self._reembedding.whole if self._reembedding is not None else None
        indexed = whole is not None and self._indexing is not None and self._indexing.is_there(whole)
        self._searching.follow(whole if indexed else None)

    def _shadow(self) -> None:
        if self._shadowing is None:
            parts = self._service.parts
            self._shadowing = Shadowing(
                parts.database, self._settings.models_dir, parts.challenge, self._service.metrics
            )
        self._shadowing.follow()

    def _refuse_open_door(self) -> None:
        """Without a token the service is for this machine only."""
        if not self._settings.is_loopback and self._service.parts.principals.is_empty:
            self._on_fatal(
                f"no token exists, so the service does not listen on {self._settings.host}: create one with"
                " `triage token create`, or set TRIAGE_BOOTSTRAP_TOKEN"
            )
            self._stop.set()

    def _keep_house(self) -> None:
        """Any number of replicas and workers may."""
        if time.monotonic() < self._house_kept_at + HOUSE_KEPT_EVERY:
            return
        self._house_kept_at = time.monotonic()
        parts = self._service.parts
        if self._counting is None:
            self._counting = Counting(parts.database.url, self._service.metrics)
        self._counting.want()
        with parts.database.unattended():
            Housekeeping(parts.database, utc_now, parts.corrections).tick()

    def _drain(self) -> None:
        """Carry out what waits, in order; requests join the queue behind it until it is empty."""
        service = self._service
        if service.activation.active is None or not (service.spooling or service.spool_pending):
            return
        drained = service.spool.drain(self._draining.carry_out, at_once=DRAINED_AT_ONCE, stop=self._stop.is_set)
        if drained:
            service.metrics.drained.inc(drained)
            log.info("spool drained", payloads=drained)
        service.end_spooling()
