"""The store as the triager sees it: one transaction, or one read-only snapshot, per batch."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

import numpy as np
import psycopg
from numpy.typing import NDArray

from triage.domain.decision import Decision, StoredDecision
from triage.domain.delivery import DeliveryKey, EventResult, KnownDelivery
from triage.domain.incident import Incident
from triage.domain.memory import Looks, Memory
from triage.domain.record import IncidentRecord
from triage.domain.storm import Burning
from triage.errors import StoreUnavailable
from triage.store.database import Database, Db
from triage.store.incidents import SELECT_INCIDENT
from triage.store.neighbours import Alike, Bounds, Sought, find_alike
from triage.store.recollection import lock_identities, recollect
from triage.store.recording import record_memory
from triage.store.records import DECISION, RESULTS, record_from_row
from triage.store.storms import find_burning
from triage.store.texts import NewTexts, record_texts
from triage.store.words import read_counts


class PostgresBatch:
    """One batch on one connection."""

    def __init__(self, db: Db, *, writing: bool) -> None:
        self._db = db
        self._writing = writing
        self.transaction: str | None = None

    def hold(self, looks: Sequence[Looks], events: Sequence[Incident], keys: Sequence[DeliveryKey]) -> None:
        self.transaction = lock_identities(self._db, looks, events, keys)

    def find_deliveries(self, keys: Sequence[DeliveryKey]) -> dict[tuple[str, str], KnownDelivery]:
        rows = self._db.execute(
            "SELECT d.* FROM delivery AS d JOIN unnest(%s::text[], %s::text[]) AS asked (principal, delivery_key)"
            " USING (principal, delivery_key)",
            ([key.principal for key in keys], [key.key for key in keys]),
        ).fetchall()
        return {
            (row["principal"], row["delivery_key"]): KnownDelivery(
                digest=row["digest"], results=RESULTS.validate_python(row["results"])
            )
            for row in rows
        }

    def keep_deliveries(self, results: Sequence[tuple[DeliveryKey, Sequence[EventResult]]]) -> None:
        if not results:
            return
        self._db.execute(
            "INSERT INTO delivery (principal, delivery_key, digest, results)"
            " SELECT * FROM unnest(%s::text[], %s::text[], %s::bytea[], %s::jsonb[]) ON CONFLICT DO NOTHING",
            (
                [key.principal for key, _ in results],
                [key.key for key, _ in results],
                [key.digest for key, _ in results],
                [RESULTS.dump_json(tuple(done)).decode() for _, done in results],
            ),
        )

    def get_incidents(self, incident_ids: Sequence[str]) -> dict[str, IncidentRecord]:
        rows = self._db.execute(f"{SELECT_INCIDENT} WHERE id = ANY(%s::uuid[])", (list(incident_ids),)).fetchall()
        return {str(row["id"]): record_from_row(row) for row in rows}

    def recollect(
        self,
        looks: Sequence[Looks],
        events: Sequence[Incident],
        now: datetime,
    ) -> Memory:
        return recollect(self._db, looks, events, now, hold=self._writing)

    def find_known(self, digests: Sequence[str]) -> set[str]:
        """Those of the digests under which there is a pattern."""
        rows = self._db.execute(
            "SELECT digest FROM pattern_key WHERE digest = ANY(%s) AND NOT refused", (list(digests),)
        ).fetchall()
        return {row["digest"] for row in rows}

    def find_burning(self, services: Sequence[str], now: datetime) -> list[Burning]:
        return find_burning(self._db, services, now)

    def count_words(self, terms: Sequence[int]) -> tuple[Mapping[int, int], int]:
        return read_counts(self._db, terms)

    def find_alike(self, sought: Sequence[Sought], encoder: str | None, bounds: Bounds) -> list[Alike]:
        return find_alike(self._db, sought, encoder, bounds)

    def find_embeddings(self, encoder: str, keys: Sequence[bytes]) -> dict[bytes, NDArray[np.float16]]:
        rows = self._db.execute(
            "SELECT text_key, embedding FROM text_embedding WHERE encoder = %s AND text_key = ANY(%s)",
            (encoder, list(keys)),
            binary=True,
        ).fetchall()
        return {row["text_key"]: row["embedding"].to_numpy().astype(np.float16) for row in rows}

    def get_decisions(self, decision_ids: Sequence[str]) -> dict[str, Decision]:
        if not decision_ids:
            return {}
        rows = self._db.execute(
            "SELECT id, record FROM decision WHERE id = ANY(%s::uuid[])", (list(decision_ids),)
        ).fetchall()
        return {str(row["id"]): DECISION.validate_python(row["record"]) for row in rows}

    def record(self, memory: Memory, decisions: Sequence[StoredDecision], texts: NewTexts) -> None:
        record_texts(self._db, texts)
        record_memory(self._db, memory, decisions)


class PostgresStore:
    """Raises StoreUnavailable when the database is away; a batch that failed has written nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def reading(self) -> Iterator[PostgresBatch]:
        with self._database.connection() as db:
            yield PostgresBatch(db, writing=False)

    @contextmanager
    def writing(self) -> Iterator[PostgresBatch]:
        name = None
        try:
            with self._database.transaction() as db:
                batch = PostgresBatch(db, writing=True)
                yield batch
                name = batch.transaction  # from here on there is only the commit
        except StoreUnavailable as error:
            error.in_doubt = name
            raise

    def was_committed(self, transaction: str) -> bool:
        """What became of a transaction in doubt. Raises StoreUnavailable while the server still works on it."""
        with self._database.connection() as db:
            try:
                row = db.execute("SELECT pg_xact_status(%s::xid8) AS status", (transaction,)).fetchone()
            except psycopg.errors.InvalidParameterValue:
                return False  # it never reached this database, which was perhaps restored from an earlier copy
        status = row["status"] if row else None
        if status == "in progress":
            raise StoreUnavailable("the database is still at an earlier transaction", retry_after=1)
        return bool(status == "committed")
