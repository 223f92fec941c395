"""``python -m bench.recurrence_lookups``: what a look into the memory takes and costs, as the memory grows.

Distinct texts are remembered as the product does it (embedding, words, incident, pattern), in an embedded
database of its own. Then new texts, which are in no memory, ask for what is like them: by meaning, by words, by
both. Beside it stand the plain means: exact search by meaning, and PostgreSQL's full-text search for any of the
words. Texts are generated and truly embedded (kept in build/bench); ``--vectors`` adds sizes of vectors only,
drawn in clusters.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from pgvector.psycopg import register_vector

from bench.preparation import KEPT, prepare
from bench.quality_table import aligned
from bench.texts import generate
from training.embedding import EmbeddingCache
from triage.domain.incident import Incident
from triage.memory.resembling import Text, find_neighbours
from triage.prediction.encoder import Encoder
from triage.prediction.text import incident_text, text_key
from triage.recurrence.fusion import DEFAULT
from triage.recurrence.lexical import terms_of
from triage.store.batch import PostgresBatch
from triage.store.database import Database, Db, migrate
from triage.store.embedded import start_embedded
from triage.store.embedding_index import ensure_embedding_index
from triage.store.neighbours import Bounds, Sought, find_alike
from triage.store.recording import record_embeddings
from triage.store.words import count_words, record_words

QUERIES = 300
CHUNK = 5_000
NEAREST = 10
WIDTHS = (40, 100, 200, 400)
ENCODER = "bench"
STARTED = datetime(2026, 1, 1, tzinfo=UTC)

Vectors = NDArray[np.float16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Milliseconds; ``recall`` of the ten nearest by the width of the search; bytes for each text."""

    texts: int
    times: dict[str, tuple[float, float]]
    recall: dict[int, tuple[float, float]]
    vector_bytes: float
    words_bytes: float
    build_seconds: float


@click.command(help=__doc__)
@click.option("--sizes", default="10000,100000", show_default=True, help="Numbers of texts, ascending.")
@click.option("--vectors", default="", help="Numbers of vectors only, ascending, after the texts.")
def main(sizes: str, vectors: str) -> None:
    for line in tables(_numbers(sizes), _numbers(vectors), click.echo):
        click.echo(line)


def _numbers(written: str) -> list[int]:
    return [int(number) for number in written.split(",") if number]


def tables(sizes: Sequence[int], vectors: Sequence[int], say: Callable[[str], None]) -> Iterator[str]:
    found = [*measure_texts(sizes, say), *measure_vectors(vectors, say)]
    yield from _table(found)


def measure_texts(sizes: Sequence[int], say: Callable[[str], None]) -> list[Measured]:
    if not sizes:
        return []
    prepared = prepare(say)
    if prepared.bundle is None:
        raise SystemExit("no bundle could be prepared")
    encoder = Encoder.open(prepared.bundle / "encoder")
    cache = EmbeddingCache(KEPT / "recurrence", encoder)
    every = [Incident(title=b["title"], description=b["description"]) for b in generate(0, sizes[-1] + QUERIES)]
    texts = [incident_text(one) for one in every]
    with click.progressbar(length=len(texts), label="embeddings") as bar:
        meaning = cache.embed(texts, bar.update)
    found = []
    with _database() as (url, db):
        filled = 0
        for size in sizes:
            _drop_index(db)
            _fill(db, texts[filled:size], meaning[filled:size], filled)
            filled = size
            count_words(db, grown=0)
            built = _index(url, encoder.dimensions)
            asked = [
                Text(key=text_key(text), text=text, scope='["",""]', embedding=row)
                for text, row in zip(texts[sizes[-1] :], meaning[sizes[-1] :], strict=True)
            ]
            found.append(_measure(db, size, asked, meaning[:size], built))
            say(f"{size:,} texts measured")
    encoder.close()
    return found


def measure_vectors(sizes: Sequence[int], say: Callable[[str], None]) -> list[Measured]:
    """Clusters, since embeddings of incidents lie in clusters: there the graph of an index is harder to walk."""
    if not sizes:
        return []
    found = []
    with _database() as (url, db):
        filled = 0
        queries = _clustered(QUERIES, 1)
        for size in sizes:
            _drop_index(db)
            for start in range(filled, size, CHUNK * 4):
                count = min(CHUNK * 4, size - start)
                _fill_vectors(db, _clustered(count, 1_000 + start), start)
            filled = size
            built = _index(url, queries.shape[1])
            asked = [Text(key=bytes([1]), text="", scope='["",""]', embedding=row) for row in queries]
            found.append(_measure(db, size, asked, None, built))
            say(f"{size:,} vectors measured")
    return found


def _clustered(count: int, seed: int) -> Vectors:
    centres = np.random.default_rng(0).standard_normal((4_096, 384)).astype(np.float32)
    random = np.random.default_rng(seed)
    near = centres[random.integers(len(centres), size=count)]
    drawn = near + 0.8 * random.standard_normal(near.shape).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return drawn.astype(np.float16)


@contextmanager
def _database() -> Iterator[tuple[str, Db]]:
    with tempfile.TemporaryDirectory(prefix="triage-lookups-") as scratch:
        folder = Path(scratch)
        folder.chmod(0o711)
        server = start_embedded(folder / "data")
        try:
            migrate(server.url)
            database = Database(server.url, size=2, timeout=30)
            database.open()
            with database.connection() as db:
                db.patience = 3_600.0  # type: ignore[attr-defined]
                yield server.url, db
            database.close()
        finally:
            server.stop()


def _fill(db: Db, texts: Sequence[str], meaning: Vectors, first: int) -> None:
    for start in range(0, len(texts), CHUNK):
        part = texts[start : start + CHUNK]
        keys = [text_key(text) for text in part]
        with db.transaction():
            record_embeddings(db, ENCODER, dict(zip(keys, meaning[start : start + CHUNK], strict=True)))
            record_words(db, {key: terms_of(text) for key, text in zip(keys, part, strict=True)})
            _remember(db, keys, first + start)
    db.execute("VACUUM ANALYZE text_embedding, text_terms, incident, pattern, pattern_key")


def _fill_vectors(db: Db, vectors: Vectors, first: int) -> None:
    keys = [f"{first + at:016d}".encode() for at in range(len(vectors))]
    with db.transaction():
        with db.cursor().copy(
            "COPY text_embedding (encoder, text_key, embedding) FROM STDIN WITH (FORMAT BINARY)"
        ) as copy:
            copy.set_types(["text", "bytea", "halfvec"])
            for key, vector in zip(keys, vectors, strict=True):
                copy.write_row((ENCODER, key, HalfVector(vector)))
        _remember(db, keys, first)


def _remember(db: Db, keys: Sequence[bytes], first: int) -> None:
    """An incident and a pattern for each text, with as little around them as the tables allow."""
    arguments = {
        "keys": list(keys),
        "first": first,
        "digests": [f"fp1:{key.hex()}" for key in keys],
        "started": STARTED,
        "minute": timedelta(minutes=1),
    }
    db.execute(
        "INSERT INTO pattern (id, root, scope, template, first_seen_at, last_seen_at, occurrences)"
        " SELECT id, id, '[\"\",\"\"]', '', %(started)s, %(started)s, 1 FROM ("
        "SELECT lpad(to_hex(%(first)s + place), 32, '0')::uuid AS id"
        " FROM unnest(%(keys)s::bytea[]) WITH ORDINALITY AS given (key, place)) AS new",
        arguments,
    )
    db.execute(
        "INSERT INTO pattern_key (digest, pattern_id)"
        " SELECT digest, lpad(to_hex(%(first)s + place), 32, '0')::uuid"
        " FROM unnest(%(digests)s::text[]) WITH ORDINALITY AS given (digest, place)",
        arguments,
    )
    db.execute(
        "INSERT INTO incident (id, pattern_id, source, scope, title, event, text_key, state, status, priority,"
        " team, occurrences, deliveries, opened_at, last_occurred_at, last_seen_at, resolved_at, resolved_by)"
        " SELECT lpad(to_hex(%(first)s + place), 32, '0')::uuid, lpad(to_hex(%(first)s + place), 32, '0')::uuid,"
        " 'bench', '[\"\",\"\"]', 'bench', '{}', key, 'resolved', 'resolved', 'P3', 'bench', 1, 1, at, at, at, at,"
        " 'bench' FROM unnest(%(keys)s::bytea[]) WITH ORDINALITY AS given (key, place),"
        " LATERAL (SELECT %(started)s + (%(first)s + place) * %(minute)s AS at) AS moment",
        arguments,
    )


def _drop_index(db: Db) -> None:
    """What is brought in at once is indexed at once: one by one it would take hours."""
    for row in db.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'text_embedding'").fetchall():
        if row["indexname"] != "text_embedding_pkey":
            db.execute(f"DROP INDEX {row['indexname']}")


def _index(url: str, dimensions: int) -> float:
    started = time.perf_counter()
    ensure_embedding_index(url, ENCODER, dimensions)
    return time.perf_counter() - started


def _measure(db: Db, size: int, asked: Sequence[Text], known: Vectors | None, build_seconds: float) -> Measured:
    batch = PostgresBatch(db, writing=False)
    by_words = [Text(key=one.key, text=one.text, scope=one.scope, embedding=None) for one in asked]
    times: dict[str, tuple[float, float]] = {}
    recall: dict[int, tuple[float, float]] = {}
    exact = _exact(db, asked, known)
    for width in WIDTHS:
        db.execute(f"SET hnsw.ef_search = {width}")
        taken = _timed(asked, lambda one: _by_meaning(db, one))
        found = [_by_meaning(db, one) for one in asked]
        share = float(np.mean([len(near & true) / NEAREST for near, true in zip(found, exact, strict=True)]))
        recall[width] = (share, taken[1])
        if width == 100:
            times["meaning"] = taken
    db.execute("SET hnsw.ef_search = 100")
    times["meaning, the index alone"] = _timed(asked, lambda one: _index_alone(db, one))
    if known is not None:
        times["words"] = _timed(by_words, lambda one: find_neighbours(batch, [one], None, DEFAULT))
        times["both"] = _timed(asked, lambda one: find_neighbours(batch, [one], ENCODER, DEFAULT))
        times["any word, full text"] = _full_text(db, asked[:40])
        times |= _digests(db, asked)
    return Measured(
        texts=size,
        times=times,
        recall=recall,
        vector_bytes=_size(db, "text_embedding") / size,
        words_bytes=(_size(db, "text_terms") + _size(db, "term")) / size if known is not None else 0.0,
        build_seconds=build_seconds,
    )


def _by_meaning(db: Db, text: Text) -> set[int]:
    """The numbers of the ten nearest."""
    sought = Sought(embedding=text.embedding, weights={}, rare=())
    near = find_alike(db, [sought], ENCODER, Bounds(candidates=50, budget=1))
    best = sorted(near, key=lambda one: -(one.cosine or 0.0))[:NEAREST]
    return {int(one.incident_id.replace("-", ""), 16) for one in best}


def _index_alone(db: Db, text: Text) -> None:
    """The keys of the ten nearest, without what is remembered of them."""
    dimensions = len(text.embedding) if text.embedding is not None else 0
    db.execute(
        f"SELECT text_key FROM text_embedding WHERE encoder = '{ENCODER}'"
        f" ORDER BY embedding::halfvec({dimensions}) <=> %b::halfvec({dimensions}) LIMIT {NEAREST}",
        (HalfVector(text.embedding),),
    ).fetchall()


def _exact(db: Db, asked: Sequence[Text], known: Vectors | None) -> list[set[int]]:
    """By every vector there is."""
    queries = np.stack([one.embedding for one in asked if one.embedding is not None]).astype(np.float32)
    best = np.full((len(queries), NEAREST), -1.0, dtype=np.float32)
    names = np.zeros((len(queries), NEAREST), dtype=np.int64)
    for first, part in _parts(db, known):
        scores = queries @ part.astype(np.float32).T
        numbers = np.broadcast_to(np.arange(first + 1, first + 1 + len(part)), scores.shape)
        scores, numbers = np.hstack((best, scores)), np.hstack((names, numbers))
        order = np.argpartition(-scores, NEAREST, axis=1)[:, :NEAREST]
        best, names = np.take_along_axis(scores, order, axis=1), np.take_along_axis(numbers, order, axis=1)
    return [set(row.tolist()) for row in names]


def _parts(db: Db, known: Vectors | None) -> Iterator[tuple[int, Vectors]]:
    if known is not None:
        yield from ((start, known[start : start + 50_000]) for start in range(0, len(known), 50_000))
        return
    register_vector(db)
    with db.transaction(), db.cursor("vectors", binary=True) as cursor:
        cursor.itersize = 20_000
        cursor.execute("SELECT embedding FROM text_embedding ORDER BY text_key")
        first = 0
        while rows := cursor.fetchmany(20_000):
            yield first, np.stack([row["embedding"].to_numpy() for row in rows]).astype(np.float16)
            first += len(rows)


def _full_text(db: Db, asked: Sequence[Text]) -> tuple[float, float]:
    """What is usually done: any of the words, ranked by PostgreSQL."""
    db.execute(
        "CREATE TEMP TABLE plain AS SELECT text_key, array_to_tsvector(terms::text[]) AS words FROM text_terms"
    )
    db.execute("CREATE INDEX ON plain USING gin (words)")
    db.execute("ANALYZE plain")

    def ask_for(one: Text) -> None:
        words = " | ".join(f"'{term}'" for term in terms_of(one.text))
        db.execute(
            "SELECT text_key FROM plain, (SELECT %s::tsquery AS q) AS asked WHERE words @@ q"
            " ORDER BY ts_rank(words, q) DESC LIMIT 50",
            (words,),
        ).fetchall()

    found = _timed(asked, ask_for)
    db.execute("DROP TABLE plain")
    return found


def _digests(db: Db, asked: Sequence[Text]) -> dict[str, tuple[float, float]]:
    """Whether a text is known, which is asked first, by one of its digests."""
    batch = PostgresBatch(db, writing=False)
    keys = [f"fp1:{row['text_key'].hex()}" for row in db.execute("SELECT text_key FROM text_terms LIMIT 300")]
    return {
        "fingerprint or template": _timed(keys, lambda key: batch.find_known([key])),
    }


def _timed(asked: Sequence[Any], ask_for: Callable[[Any], Any]) -> tuple[float, float]:
    """p50 and p99 in milliseconds, one after the other, after some that only warm up."""
    for one in asked[:20]:
        ask_for(one)
    taken = []
    for one in asked:
        started = time.perf_counter()
        ask_for(one)
        taken.append((time.perf_counter() - started) * 1e3)
    return float(np.percentile(taken, 50)), float(np.percentile(taken, 99))


def _size(db: Db, table: str) -> int:
    row = db.execute("SELECT pg_total_relation_size(%s::regclass) AS bytes", (table,)).fetchone()
    return int(row["bytes"]) if row else 0


def _recall(measured: tuple[float, float]) -> str:
    return f"{measured[0]:.3f}, {measured[1]:.1f}"


def _table(found: Sequence[Measured]) -> Iterator[str]:
    names = dict.fromkeys(name for one in found for name in one.times)
    rows = [["ms p50 / p99", *(f"{one.texts:,}" for one in found)]]
    for name in names:
        cells = [one.times.get(name) for one in found]
        rows.append([name, *(f"{cell[0]:.1f} / {cell[1]:.1f}" if cell else "–" for cell in cells)])
    rows += [
        [f"recall@{NEAREST}, p99 at ef_search {width}", *(_recall(one.recall[width]) for one in found)]
        for width in WIDTHS
    ]
    rows.append(["KB a text: vector and index", *(f"{one.vector_bytes / 1024:.2f}" for one in found)])
    rows.append(["KB a text: words and index", *(f"{one.words_bytes / 1024:.2f}" for one in found)])
    rows.append(["index built in s", *(f"{one.build_seconds:.0f}" for one in found)])
    yield aligned(rows)


if __name__ == "__main__":
    main()
