"""``python -m bench.recurrence_links``: finding the earlier same problem by its text, beside plain means.

Each linked report asks all others of its file; a hit is any member of its group, links being followed to their
end. Nothing is tuned to the links: the weight of words is learned from the texts alone, as in the product. Reports
that nobody linked are not proven different, so every figure is a lower bound. Intervals are of 95 %, by bootstrap
over groups. A file has the columns of a history, ``duplicate_of`` among them.
"""

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from bench.preparation import KEPT
from bench.quality_table import aligned
from bench.servers import REPOSITORY
from training.embedding import EmbeddingCache
from triage.domain.incident import Incident
from triage.prediction.bundle import find_latest
from triage.prediction.encoder import Encoder
from triage.prediction.text import incident_text
from triage.recurrence.fusion import FusionWeights, LearnedWeights, learn_weights
from triage.recurrence.lexical import Asked, Terms, ask, terms_of

HITS_AT = (1, 5, 10)
DRAWS = 4_000
DENSE_CANDIDATES = 50
BUDGETS = (250, 500, 1_000)
SIMILARITIES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_RECIPROCAL = 60
"""Of reciprocal-rank fusion, as its authors set it."""

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linked:
    """Reports and who is linked. ``groups``: shape (n,); ``asking``: positions of the linked reports."""

    texts: Sequence[str]
    sources: NDArray[np.str_]
    services: Sequence[str | None]
    groups: NDArray[np.int64]
    asking: NDArray[np.int64]


def read_linked(file: Path) -> Linked:
    """Raises SystemExit where no report is linked to another one of the file."""
    with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
        rows: list[dict[str, Any]] = [json.loads(line) for line in lines if line.strip()]
    at = {str(row["id"]): position for position, row in enumerate(rows)}
    links = [(position, at.get(str(row.get("duplicate_of")))) for position, row in enumerate(rows)]
    pairs = np.array([(one, other) for one, other in links if other not in (None, one)], dtype=np.int64)
    if not len(pairs):
        raise SystemExit(f"{file}: no report is linked to another one")
    edges = sparse.coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(rows), len(rows)))
    _, groups = sparse.csgraph.connected_components(edges, directed=False)
    return Linked(
        texts=[_text(row) for row in rows],
        sources=np.array([str(row.get("source")) for row in rows]),
        services=[row.get("service") for row in rows],
        groups=groups.astype(np.int64),
        asking=np.unique(pairs[:, 0]),
    )


def _text(row: dict[str, Any]) -> str:
    return incident_text(Incident(title=row.get("title") or "", description=row.get("description") or ""))


class Words:
    """The product's own lexical side over all texts at once."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.terms: list[Terms] = [terms_of(text) for text in texts]
        self._counts = Counter(term for one in self.terms for term in one)
        self._columns = {term: column for column, term in enumerate(self._counts)}
        self._stored = self._matrix(self.terms)

    def ask(self, position: int, budget: int) -> Asked:
        """As if this text were not stored yet."""
        own = self.terms[position]
        return ask(own, {term: self._counts[term] - 1 for term in own}, len(self.terms) - 1, budget)

    def coverage(self, positions: NDArray[np.int64]) -> Scores:
        """Shape (positions, texts)."""
        asked = [self.ask(position, 0) for position in positions]
        full = np.array([one.full or 1.0 for one in asked])
        scores: Scores = (self._matrix([one.weights for one in asked]) @ self._stored.T).toarray()
        return (scores / full[:, None]).clip(0.0, 1.0)

    def candidates(self, positions: NDArray[np.int64], budget: int) -> NDArray[np.bool_]:
        """Shape (positions, texts): those that share one of the rare terms."""
        rare = [dict.fromkeys(self.ask(position, budget).rare, 1.0) for position in positions]
        found: Scores = (self._matrix(rare) @ self._stored.T).toarray()
        return found > 0.0

    def _matrix(self, rows: Sequence[Terms]) -> sparse.csr_array:
        starts = np.cumsum([0, *(len(row) for row in rows)])
        columns = [self._columns[term] for row in rows for term in row]
        weights = [weight for row in rows for weight in row.values()]
        return sparse.csr_array((weights, columns, starts), shape=(len(rows), len(self._columns)))


def tf_idf(texts: Sequence[str], positions: NDArray[np.int64]) -> Scores:
    vectors = TfidfVectorizer(sublinear_tf=True).fit_transform(texts)
    found: Scores = (vectors[positions] @ vectors.T).toarray()
    return found


def reciprocal(*scores: Scores) -> Scores:
    """Plain reciprocal-rank fusion."""
    return np.sum(
        [1.0 / (_RECIPROCAL + 1 + (-one).argsort(1, kind="stable").argsort(1)) for one in scores], axis=0
    )


def fused(cosine: Scores, coverage: Scores, weights: FusionWeights, other_service: NDArray[np.bool_]) -> Scores:
    """``similarity`` of every pair at once."""
    alike = (1.0 - weights.lexical) * cosine.clip(0.0, 1.0) + weights.lexical * coverage
    return alike * np.where(other_service, 1.0 - weights.other_service, 1.0)


def ranks(scores: Scores, linked: Linked, positions: NDArray[np.int64]) -> Scores:
    """The rank, from 0, of the best member of each asking report's group; equals share the middle."""
    found = np.empty(len(positions))
    for row, position in enumerate(positions):
        others = scores[row].copy()
        others[position] = -np.inf
        same = linked.groups == linked.groups[position]
        same[position] = False
        best = others[same].max()
        found[row] = (others > best).sum() + 0.5 * (others[~same] == best).sum()
    return found


def between(hits: NDArray[np.bool_] | Scores, groups: NDArray[np.int64], *, signed: bool = False) -> str:
    """Mean and interval of ``hits``, groups drawn together."""
    _, numbers = np.unique(groups, return_inverse=True)
    sums, sizes = np.bincount(numbers, weights=hits), np.bincount(numbers)
    drawn = np.random.default_rng(0).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=DRAWS)
    low, high = np.quantile(drawn @ sums / (drawn @ sizes), (0.025, 0.975))
    return (
        f"{hits.mean():+.3f} ({low:+.3f} to {high:+.3f})"
        if signed
        else f"{hits.mean():.3f} ({low:.2f}-{high:.2f})"
    )


def measure(file: Path, encoder: Encoder) -> Iterator[str]:
    linked = read_linked(file)
    cache = EmbeddingCache(KEPT / "recurrence", encoder)
    embeddings = cache.embed(linked.texts).astype(np.float64)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    learned = learn_weights(linked.texts, cache.embed)
    asking, words = linked.asking, Words(linked.texts)
    cosine, coverage = embeddings[asking] @ embeddings.T, words.coverage(asking)
    plain = tf_idf(linked.texts, asking)
    other = _other_service(linked)
    ours = fused(cosine, coverage, learned.weights, np.zeros_like(other))
    full = fused(cosine, coverage, learned.weights, other)
    yield f"{file.name}: {len(linked.texts):,} reports, {len(asking)} linked ones ask"
    yield _learned(learned)
    ranked = {
        "TF-IDF": ranks(plain, linked, asking),
        "MiniLM": ranks(cosine, linked, asking),
        "plain fusion": ranks(reciprocal(plain, cosine), linked, asking),
        "ours, words alone": ranks(coverage, linked, asking),
        "ours": ranks(ours, linked, asking),
        "ours, with service": ranks(full, linked, asking),
    }
    for source in ("all", *np.unique(linked.sources[asking])):
        of = np.ones(len(asking), dtype=bool) if source == "all" else linked.sources[asking] == source
        groups = linked.groups[asking]
        head = (f"{source} ({of.sum()} in {len(np.unique(groups[of]))} groups)", *(f"Recall@{k}" for k in HITS_AT))
        rows = [(name, *(between(found[of] < k, groups[of]) for k in HITS_AT)) for name, found in ranked.items()]
        for name in ("MiniLM", "plain fusion"):
            better = [(ranked["ours"] < k).astype(float) - (ranked[name] < k) for k in HITS_AT]
            rows.append((f"ours less {name}", *(between(one[of], groups[of], signed=True) for one in better)))
        yield aligned([head, *rows])
    yield aligned([*_budgets(ours, cosine, words, linked)])
    yield aligned([*_as_links(ours, linked)])


def _other_service(linked: Linked) -> NDArray[np.bool_]:
    """Shape (asking, texts): both name a service, and not the same."""
    named = np.array([service or "" for service in linked.services])
    asked = named[linked.asking][:, None]
    different: NDArray[np.bool_] = (asked != named) & (asked != "") & (named != "")
    return different


def _learned(learned: LearnedWeights) -> str:
    tried = ", ".join(f"{weight:g}: {rank:.3f}" for weight, rank in learned.reciprocal_ranks.items())
    return (
        f"weight of words {learned.weights.lexical:g}, learned by {learned.texts} texts that look for their rest"
        f" (mean reciprocal rank by weight {tried})"
    )


def _budgets(ours: Scores, cosine: Scores, words: Words, linked: Linked) -> Iterator[tuple[str, ...]]:
    """What is lost where only candidates are looked at: the nearest by meaning, and those by rare terms."""
    asking = linked.asking
    itself = np.zeros_like(ours, dtype=bool)
    itself[np.arange(len(asking)), asking] = True
    near = (-np.where(itself, -1.0, cosine)).argsort(1).argsort(1) < DENSE_CANDIDATES
    yield ("candidates", "rows, median", "at most", *(f"Recall@{k}" for k in HITS_AT))
    for budget in (0, *BUDGETS):
        looked_at = near | words.candidates(asking, budget) if budget else near
        looked_at &= ~itself
        found = ranks(np.where(looked_at, ours, -1.0), linked, asking)
        rows = looked_at.sum(axis=1)
        name = f"{DENSE_CANDIDATES} nearest" + (f", terms held by {budget}" if budget else "")
        yield (name, f"{np.median(rows):.0f}", f"{rows.max()}", *(f"{(found < k).mean():.3f}" for k in HITS_AT))
    exact = ranks(ours, linked, asking)
    yield ("all", f"{ours.shape[1] - 1}", f"{ours.shape[1] - 1}", *(f"{(exact < k).mean():.3f}" for k in HITS_AT))


def _as_links(ours: Scores, linked: Linked) -> Iterator[tuple[str, ...]]:
    """What the first candidate is worth as a link, by its similarity."""
    rows = np.arange(len(linked.asking))
    others = ours.copy()
    others[rows, linked.asking] = -1.0
    first = others.argmax(axis=1)
    alike = others[rows, first]
    right = linked.groups[first] == linked.groups[linked.asking]
    yield ("linked from", *(f"{similarity:g}" for similarity in SIMILARITIES))
    yield ("share of the linked", *(f"{(alike >= s).mean():.3f}" for s in SIMILARITIES))
    yield (
        "right of these",
        *(f"{right[alike >= s].mean():.3f}" if (alike >= s).any() else "" for s in SIMILARITIES),
    )


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="TRIAGE_BENCH_DATA",
    help="The folder of the histories; GitBugs is taken.  [TRIAGE_BENCH_DATA]",
)
@click.option(
    "--file",
    "files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="Another history with duplicate_of; may be repeated.",
)
@click.option("--workers", type=int, help="Threads that encode; one a core by default.")
def main(data: Path | None, files: tuple[Path, ...], workers: int | None) -> None:
    """Recall of the earlier same problem: TF-IDF, MiniLM, plain fusion, and the product's own."""
    asked = [*files] if data is None else [data / "gitbugs_history.jsonl.gz", *files]
    bundle = find_latest(REPOSITORY / "models")
    if bundle is None or not asked:
        raise click.UsageError("no bundle in models/" if asked else "name --data or --file")
    encoder = Encoder.open(bundle / "encoder", workers)
    for file in asked:
        for part in measure(file, encoder):
            click.echo(f"{part}\n")
    encoder.close()


if __name__ == "__main__":
    main()
