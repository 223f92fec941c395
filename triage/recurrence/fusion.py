"""One score of how alike two incidents read, from what their texts mean and from the words they share.

A convex combination of the cosine and the lexical coverage, both of which are 1 for the same text. Scores keep how
much better one candidate is than the next, which ranks throw away; and one weight is learned, by each organisation
for itself: Bruch, Gai and Ingber, An Analysis of Fusion Functions for Hybrid Retrieval (2023).

It is learned without labels, by finding known items: a title, or every other sentence of a description, asks, and
the rest of the same report has to be found among the others. Asking and found text have one author, who chooses
the same words twice, so words look better here than they are. That is why they get nothing where meaning alone is
as good, why they never get more than ``MOST_LEXICAL``, and why the weight leaves what held before only as far as
the texts insist.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from triage.prediction.text import text_key
from triage.recurrence.lexical import Terms, ask, terms_of
from triage.recurrence.template import mask

MOST_LEXICAL = 0.5
"""Words never outvote meaning, since what is learned from favours them."""
WEIGHTS = tuple(round(0.05 * step, 2) for step in range(11))
"""The weights tried, 0 to ``MOST_LEXICAL``."""
MOST_TEXTS = 1_000
"""Among so many texts an item has to be found."""
MOST_ITEMS = 300
"""Texts that ask, each at most twice: four texts to encode for each of them."""
PRIOR_TEXTS = 100
"""What is learned from so many asking texts counts as much as what held before."""
_SHORTEST_QUESTION = 10
_SHORTEST_REST = 40

_SENTENCE = re.compile(r"(?<=[.!?:;])\s+")

Scores = NDArray[np.float64]
Embed = Callable[[Sequence[str]], NDArray[Any]]
"""Texts to their embeddings, one a row, of unit length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionWeights:
    """``lexical``: the weight of the coverage, in [0, 1]; the cosine has the rest. ``other_service`` and
    ``other_environment``: the share taken off where both are named and differ. Small, so that they decide between
    candidates that read equally alike; one outage is reported by several services too."""

    lexical: float = 0.4
    other_service: float = 0.05
    other_environment: float = 0.02


DEFAULT = FusionWeights()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """``cosine``: None where one of the two has no embedding; ``coverage``: as ``Asked.coverage`` says;
    ``same_service`` and ``same_environment``: None where one of the two names none."""

    cosine: float | None
    coverage: float | None
    same_service: bool | None = None
    same_environment: bool | None = None


def similarity(candidate: Candidate, weights: FusionWeights = DEFAULT) -> float:
    """In [0, 1]; never falls where the cosine or the coverage grows. What is missing is left out of the sum."""
    cosine, coverage = candidate.cosine, candidate.coverage
    if cosine is None or coverage is None:
        alike = _clipped(cosine if coverage is None else coverage)
    else:
        alike = (1.0 - weights.lexical) * _clipped(cosine) + weights.lexical * _clipped(coverage)
    if candidate.same_service is False:
        alike *= 1.0 - weights.other_service
    if candidate.same_environment is False:
        alike *= 1.0 - weights.other_environment
    return alike


def fuse(candidates: Sequence[Candidate], weights: FusionWeights = DEFAULT) -> list[tuple[int, float]]:
    """Positions in ``candidates`` and their similarities, best first; equals in the order given."""
    alike = [similarity(candidate, weights) for candidate in candidates]
    return sorted(enumerate(alike), key=lambda found: -found[1])


def _clipped(share: float | None) -> float:
    return 0.0 if share is None or math.isnan(share) else min(max(share, 0.0), 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedWeights:
    """``texts``: how many asked. ``reciprocal_ranks``: the mean of 1 / rank of what was to be found, by the weight
    tried; that of 0 is meaning alone."""

    weights: FusionWeights
    texts: int
    reciprocal_ranks: Mapping[float, float]


def learn_weights(texts: Sequence[str], embed: Embed, prior: FusionWeights = DEFAULT) -> LearnedWeights:
    """The lexical weight that an organisation's own texts speak for, the same in whatever order they come.

    ``embed`` is asked for at most ``MOST_TEXTS`` whole texts and four parts each of ``MOST_ITEMS``.
    """
    others = _spread(texts)
    items = [item for position, text in enumerate(others[:MOST_ITEMS]) for item in _items(position, text)]
    if not items:
        return LearnedWeights(weights=prior, texts=0, reciprocal_ranks={})
    ranks = _reciprocal_ranks(others, items, embed)
    asking = np.array([item.position for item in items])
    by_text = np.array([ranks[asking == position].mean(axis=0) for position in np.unique(asking)])
    found = _insisted_on(by_text, prior.lexical)
    lexical = (len(by_text) * found + PRIOR_TEXTS * prior.lexical) / (len(by_text) + PRIOR_TEXTS)
    return LearnedWeights(
        weights=replace(prior, lexical=round(lexical, 3)),
        texts=len(by_text),
        reciprocal_ranks=dict(zip(WEIGHTS, by_text.mean(axis=0).round(4).tolist(), strict=True)),
    )


class _Item(NamedTuple):
    """``question`` asks for ``rest``; the whole text at ``position`` steps aside."""

    position: int
    question: str
    rest: str


def _spread(texts: Sequence[str]) -> list[str]:
    """At most ``MOST_TEXTS``, drawn by their keys; of one template only one, or nobody could tell them apart."""
    drawn: dict[str, str] = {}
    for text in sorted(set(texts), key=text_key):
        drawn.setdefault(mask(text), text)
        if len(drawn) == MOST_TEXTS:
            break
    return list(drawn.values())


def _items(position: int, text: str) -> list[_Item]:
    title, _, description = text.partition("\n")
    sentences = [sentence for sentence in _SENTENCE.split(description) if sentence]
    items = []
    if len(title) >= _SHORTEST_QUESTION and len(description) >= _SHORTEST_REST and title not in description:
        items.append(_Item(position, title, description))
    asked, kept = " ".join(sentences[::2]), " ".join(sentences[1::2])
    if min(len(asked), len(kept)) >= _SHORTEST_REST:
        items.append(_Item(position, asked, f"{title}\n{kept}"))
    return items


def _reciprocal_ranks(others: Sequence[str], items: Sequence[_Item], embed: Embed) -> Scores:
    """Of what each item asks for, by ``WEIGHTS``: shape (items, weights)."""
    meaning = _unit(embed(others))
    questions = _unit(embed([item.question for item in items]))
    rests = _unit(embed([item.rest for item in items]))
    words = _Words(others)
    ranks = np.empty((len(items), len(WEIGHTS)))
    weights = np.array(WEIGHTS)[:, None]
    for number, item in enumerate(items):
        coverage, covered = words.ask(item.question, item.rest)
        cosine = (meaning @ questions[number]).clip(0.0, 1.0)
        near = max(float(rests[number] @ questions[number]), 0.0)
        scores = (1.0 - weights) * cosine + weights * coverage
        own = (1.0 - weights) * near + weights * covered
        scores[:, item.position] = -1.0
        ahead = (scores > own).sum(axis=1) + 0.5 * (scores == own).sum(axis=1)
        ranks[number] = 1.0 / (1.0 + ahead)
    return ranks


class _Words:
    """The coverage of a question by every text at once: by term, which texts hold it and how heavily."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = len(texts)
        terms = [terms_of(text) for text in texts]
        self._counts = Counter(term for one in terms for term in one)
        holders: dict[int, list[tuple[int, float]]] = {}
        for position, one in enumerate(terms):
            for term, weight in one.items():
                holders.setdefault(term, []).append((position, weight))
        self._holders = {
            term: (np.array([position for position, _ in held]), np.array([weight for _, weight in held]))
            for term, held in holders.items()
        }

    def ask(self, question: str, rest: str) -> tuple[Scores, float]:
        """Shape (texts,), and of ``rest``."""
        asked = ask(terms_of(question), self._counts, self._texts, budget=0)
        scores = np.zeros(self._texts)
        for term, weight in asked.weights.items():
            if term in self._holders:
                positions, held = self._holders[term]
                scores[positions] += weight * held
        stored: Terms = terms_of(rest)
        return (scores / (asked.full or 1.0)).clip(0.0, 1.0), asked.coverage(stored) or 0.0


def _unit(embeddings: NDArray[Any]) -> Scores:
    """Rounding to float16 leaves lengths a little beside 1."""
    wide: Scores = np.asarray(embeddings, dtype=np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    return wide / np.where(lengths > 0.0, lengths, 1.0)


def _insisted_on(by_text: Scores, prior: float) -> float:
    """Of the weights worse than the best by no more than the standard error of the difference: 0 if it is one of
    them, else the one nearest to ``prior``."""
    best = by_text[:, by_text.mean(axis=0).argmax()]
    worse = best[:, None] - by_text
    error = worse.std(axis=0) / math.sqrt(len(by_text))
    good = [weight for weight, is_good in zip(WEIGHTS, worse.mean(axis=0) <= error, strict=True) if is_good]
    return 0.0 if good[0] == 0.0 else min(good, key=lambda weight: abs(weight - prior))
