"""Remembered incidents whose text an encoder has not embedded: after a change of encoder, all of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from triage.domain.incident import Incident
from triage.domain.terms import LEXICAL_VERSION
from triage.store.alone import alone
from triage.store.database import Database
from triage.store.neighbours import Embeddings
from triage.store.recording import record_embeddings
from triage.store.records import INCIDENT
from triage.store.words import Words, record_words

PAGE = 500
"""Incidents looked through at a time."""

REEMBED_LOCK = 7_041_776_004


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """``missing``: by text key, an event with that text; ``wordless``: of texts whose words are missing. ``last``:
    where the next page begins; None at the end."""

    missing: dict[bytes, Incident]
    wordless: dict[bytes, Incident]
    last: tuple[datetime, str] | None


class Unembedded:
    """From the newest incident to the oldest, page by page, so that a pass costs each incident one look."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read_page(self, encoder: str, after: tuple[datetime, str] | None) -> Page:
        """Raises StoreUnavailable."""
        opened_at, incident_id = after or (None, None)
        with self._database.exploring() as db:
            rows = db.execute(
                _PAGE,
                {
                    "encoder": encoder,
                    "version": LEXICAL_VERSION,
                    "opened_at": opened_at,
                    "id": incident_id,
                    "limit": PAGE,
                },
            ).fetchall()
        events = {row["text_key"]: INCIDENT.validate_python(row["event"]) for row in rows if row["event"]}
        missing = {row["text_key"]: events[row["text_key"]] for row in rows if not row["embedded"]}
        wordless = {row["text_key"]: events[row["text_key"]] for row in rows if not row["worded"]}
        last = (rows[-1]["opened_at"], str(rows[-1]["id"])) if len(rows) == PAGE else None
        return Page(missing=missing, wordless=wordless, last=last)

    def count(self, encoder: str) -> int:
        """How many texts are missing. Raises StoreUnavailable."""
        with self._database.exploring() as db:
            row = db.execute(_COUNT, (encoder,)).fetchone()
        return int(row["n"]) if row else 0

    def keep(self, encoder: str, embeddings: Embeddings) -> None:
        """Raises StoreUnavailable."""
        with self._database.transaction() as db:
            record_embeddings(db, encoder, embeddings)

    def read_wordings(self, encoder: str) -> dict[bytes, Incident]:
        """Further texts of incidents that are missing, at most a page of them. Raises StoreUnavailable."""
        with self._database.exploring() as db:
            rows = db.execute(_WORDINGS, (encoder, PAGE)).fetchall()
        return {row["text_key"]: Incident(title=row["title"], description=row["description"]) for row in rows}

    def keep_words(self, words: Words) -> None:
        """Raises StoreUnavailable."""
        if words:
            with self._database.transaction() as db:
                record_words(db, words)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether no other replica is at it; it then waits until the block ends."""
        with alone(self._database, REEMBED_LOCK) as held:
            yield held


_WORDINGS = """
SELECT DISTINCT ON (w.text_key) w.text_key, w.title, w.description FROM incident_wording AS w
WHERE NOT EXISTS (SELECT FROM text_embedding AS t WHERE t.encoder = %s AND t.text_key = w.text_key)
ORDER BY w.text_key LIMIT %s
"""

_COUNT = """
SELECT count(*) AS n FROM (SELECT DISTINCT text_key FROM incident) AS i
WHERE NOT EXISTS (SELECT FROM text_embedding AS t WHERE t.encoder = %s AND t.text_key = i.text_key)
"""

_PAGE = """
SELECT i.id, i.opened_at, i.text_key, t.text_key IS NOT NULL AS embedded, w.text_key IS NOT NULL AS worded,
    CASE WHEN t.text_key IS NULL OR w.text_key IS NULL THEN i.event END AS event
FROM (
    SELECT id, opened_at, text_key, event FROM incident
    WHERE %(opened_at)s::timestamptz IS NULL OR (opened_at, id) < (%(opened_at)s, %(id)s::uuid)
    ORDER BY opened_at DESC, id DESC LIMIT %(limit)s
) AS i
LEFT JOIN text_embedding AS t ON t.encoder = %(encoder)s AND t.text_key = i.text_key
LEFT JOIN text_terms AS w ON w.version = %(version)s AND w.text_key = i.text_key
ORDER BY i.opened_at DESC, i.id DESC
"""
