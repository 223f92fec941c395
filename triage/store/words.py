"""The words of remembered texts: one row per distinct text, and in how many texts each word stands."""

from collections.abc import Iterable, Mapping

from pgvector import SparseVector

from triage.domain.terms import LEXICAL_VERSION, TERMS
from triage.store.database import Db

COUNT_LOCK = 7_041_776_007

GROWN = 1.1
"""By how much the memory grows until words are counted anew: how rare a word is changes slowly."""

EVERY_TEXT = 0
"""The number under which all texts are counted; no word has it."""

Words = Mapping[bytes, Mapping[int, float]]


def record_words(db: Db, words: Words) -> None:
    """Keep each text's words once; keys in order, so that batches never wait for each other in a circle."""
    kept = sorted((key, terms) for key, terms in words.items() if terms)
    if not kept:
        return
    db.execute(
        "INSERT INTO text_terms (version, text_key, terms, weights)"
        " SELECT %s, new.text_key, new.terms::int[], new.weights"
        " FROM unnest(%b::bytea[], %s::text[], %b::sparsevec[]) AS new (text_key, terms, weights)"
        " ON CONFLICT DO NOTHING",
        (
            LEXICAL_VERSION,
            [key for key, _ in kept],
            [array_of(terms) for _, terms in kept],
            [vector_of(terms) for _, terms in kept],
        ),
    )


def array_of(terms: Iterable[int]) -> str:
    """PostgreSQL's text of an ``int[]``: arrays of different lengths cannot be rows of one array."""
    return "{" + ",".join(map(str, sorted(terms))) + "}"


def vector_of(weights: Mapping[int, float]) -> SparseVector:
    """Terms count from 1, as in PostgreSQL; the library's positions count from 0."""
    return SparseVector({term - 1: weight for term, weight in weights.items()}, TERMS)


def read_counts(db: Db, terms: Iterable[int]) -> tuple[Mapping[int, int], int]:
    """In how many texts each of the terms stood when they were last counted, and how many texts there were."""
    rows = db.execute(
        "SELECT term, texts FROM term WHERE version = %s AND term = ANY(%s)",
        (LEXICAL_VERSION, [EVERY_TEXT, *terms]),
    ).fetchall()
    counts = {row["term"]: row["texts"] for row in rows}
    return counts, counts.pop(EVERY_TEXT, 0)


def count_words(db: Db, *, grown: float = GROWN) -> bool:
    """Count the words of all texts, if there are ``grown`` times as many as at the last count; whether it was.

    Any number of replicas may ask at once: one counts.
    """
    with db.transaction():
        held = db.execute("SELECT pg_try_advisory_xact_lock(%s) AS held", (COUNT_LOCK,)).fetchone()
        if held is None or not held["held"]:
            return False
        # What the server knows without counting: asked every few seconds, of a million texts.
        row = db.execute(
            "SELECT coalesce((SELECT n_live_tup FROM pg_stat_user_tables WHERE relname = 'text_terms'), 0)"
            " AS texts, coalesce((SELECT sum(texts) FROM term WHERE term = %s), 0) AS before",
            (EVERY_TEXT,),
        ).fetchone()
        if row is None or row["texts"] <= row["before"] * grown:
            return False
        db.execute("DELETE FROM term WHERE version = %s", (LEXICAL_VERSION,))
        db.execute(
            "INSERT INTO term (version, term, texts) SELECT %s, %s, count(*) FROM text_terms WHERE version = %s"
            " UNION ALL SELECT %s, term, count(*) FROM text_terms, unnest(terms) AS term WHERE version = %s"
            " GROUP BY term",
            (LEXICAL_VERSION, EVERY_TEXT, LEXICAL_VERSION, LEXICAL_VERSION, LEXICAL_VERSION),
        )
    return True
