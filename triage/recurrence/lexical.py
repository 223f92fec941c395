"""What a text says word by word: its telling terms, and how much of what one text says another one says too.

A stored row never changes: ``terms_of`` needs no statistics, and normalises a text's weights to length 1. How rare
a term is belongs to the side that asks, so coverage is one inner product of a stored sparse vector with the asked:

    coverage = sum over shared terms of idf(t)^2 asked(t) stored(t)  /  sum of idf(t)^2 asked(t)^2

That is the cosine of TF-IDF with two changes: the stored side's length knows no idf, and a count saturates as in
BM25 (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009). It is 1 for the text itself, and 0
where no term is shared. A title counts three times its description, from where Sun, Lo, Khoo and Jiang start for
reports of faults (Towards More Accurate Retrieval of Duplicate Bug Reports, 2011; they end at more).
"""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from triage.domain.terms import TERMS
from triage.prediction.text import MAX_CHARACTERS
from triage.recurrence.template import mask

SATURATION = 1.2
"""BM25's k1, at its customary value."""
TITLE_WEIGHT = 3.0

CANDIDATE_BUDGET = 500
"""Rows that the rare terms of a look-up may hold together."""
MOST_ASKED = 64
"""Terms of the asking side: of a log excerpt only the most telling ones count."""

Terms = Mapping[int, float]

_MASK = re.compile(r"<(?:id|date|time|number|ip|mac|email|pod|n|query)>")
_CHUNK = re.compile(r"[^\W_]++(?:[._/\\:@#+$'’&~-]{1,3}+[^\W_]++|_++[^\W_]++)*+")
_WORD = re.compile(r"[^\W_]++")
_HUMP = re.compile(r"[A-Z]++(?![a-z])[0-9]*+|[A-Z]?[a-z]++[0-9]*+|[A-Z][0-9]*+|[0-9]++")
_HUMPED = re.compile(r"[a-z0-9][A-Z]|[A-Z]{2}[a-z]")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_LONGEST_KEPT = 64


def terms_of(text: str) -> dict[int, float]:
    """The terms of an incident's text and their weights, of length 1 together; the same for ever.

    The first line is the title. Never raises, whatever the text; at most ``MAX_CHARACTERS`` of it are read.
    """
    title, _, description = text[:MAX_CHARACTERS].partition("\n")
    counts: defaultdict[int, float] = defaultdict(float)
    for part, weight in ((title, TITLE_WEIGHT), (description, 1.0)):
        for chunk, times in Counter(_chunks(part)).items():
            for term in _terms_in(chunk) if len(chunk) <= _LONGEST_KEPT else _cut(chunk):
                counts[term] += weight * times
    weights = {term: count / (count + SATURATION) for term, count in counts.items()}
    length = math.sqrt(math.fsum(weight * weight for weight in weights.values()))
    return {term: weight / length for term, weight in weights.items()}


def _chunks(text: str) -> list[str]:
    # What changes from one occurrence to the next would be the rarest of all terms, and say the least.
    masked = mask(text)
    if "<" in masked:
        masked = _MASK.sub(" ", masked)
    if not masked.isascii():
        masked = unicodedata.normalize("NFKC", masked)
    return _CHUNK.findall(masked)


@lru_cache(maxsize=32_768)
def _terms_in(chunk: str) -> tuple[int, ...]:
    return tuple(_cut(chunk))


def _cut(chunk: str) -> Iterator[int]:
    """Each word of an identifier or path, each hump of a word, and all of them joined as one word.

    So ``FileSystem``, ``file-system``, ``file_system`` and ``filesystem`` share a term.
    """
    if chunk.isascii() and chunk.islower() and chunk.isalnum():
        spelled = {chunk: None}
    else:
        words = _WORD.findall(chunk)
        spelled = dict.fromkeys(part for word in words for part in _parts(word))
        if len(words) > 1:
            spelled["".join(words).casefold()] = None
    return (term_of(word) for word in spelled if len(word) > 1 or not word.isascii())


def _parts(word: str) -> Iterator[str]:
    """The word folded, and its humps; of a script that puts no spaces, pairs of characters instead of words."""
    folded = word.casefold()
    if word.isascii():
        yield folded
        if _HUMPED.search(word):
            yield from (hump.casefold() for hump in _HUMP.findall(word))
        return
    for run in _UNSPACED.findall(folded):
        yield from (run[at : at + 2] for at in range(len(run) - 1)) if len(run) > 1 else (run,)
    yield from _WORD.findall(_UNSPACED.sub(" ", folded))


def term_of(word: str) -> int:
    digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % TERMS + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The asking side. ``weights``: idf squared times the text's own weight, for its most telling terms; ``full``:
    what the text itself scores, 0 where it has no terms; ``rare``: the terms by which candidates are looked up."""

    weights: Terms
    full: float
    rare: tuple[int, ...]

    def coverage(self, stored: Terms) -> float | None:
        """The share of what is asked that a stored text says, in [0, 1]; None where nothing is asked."""
        if not self.weights:
            return None
        score = sum(weight * stored[term] for term, weight in self.weights.items() if term in stored)
        return min(score / self.full, 1.0)


def ask(terms: Terms, counts: Mapping[int, int], texts: int, budget: int = CANDIDATE_BUDGET) -> Asked:
    """``terms``: those of the asking text; ``counts``: how many stored texts hold a term, missing where none is
    known to; ``texts``: how many there are; ``budget``: how many rows the candidates' terms may hold together.
    """
    asked = {term: idf(counts.get(term, 0), texts) ** 2 * weight for term, weight in terms.items()}
    telling = sorted(asked, key=lambda term: (-asked[term], term))[:MOST_ASKED]
    return Asked(
        weights={term: asked[term] for term in telling},
        full=sum(asked[term] * terms[term] for term in telling),
        rare=rare_terms(telling, counts, budget),
    )


def idf(count: int, texts: int) -> float:
    """BM25's, never negative. A term that is not known yet counts as held by one text: it is the rarest."""
    held = min(max(count, 1), max(texts, 1))
    return math.log1p((max(texts, 1) - held + 0.5) / (held + 0.5))


def rare_terms(terms: list[int], counts: Mapping[int, int], budget: int) -> tuple[int, ...]:
    """The rarest that are together held by at most ``budget`` texts; of equals, the first given.

    A term that is not known yet costs as much as one held by one text: it may have come since terms were counted,
    and then it is of an outage that is under way.
    """
    chosen: list[int] = []
    left = budget
    for term in sorted(terms, key=lambda term: max(counts.get(term, 0), 1)):
        left -= max(counts.get(term, 0), 1)
        if left < 0:
            break
        chosen.append(term)
    return tuple(chosen)
