"""The one road from an incident to what the heads read: words, facts and meaning.

Words are hashed uni- and bigrams of the encoder's own word pieces, facts are hashed ``name=value`` of what was
known at opening, meaning is the embedding. ``FEATURE_VERSION`` names this road; a bundle made on another one is
refused, so any change here that moves a feature needs a new version.
"""

import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from triage.domain.incident import Incident
from triage.prediction.encoder import Pieces

FEATURE_VERSION = "f1"

Ids = NDArray[np.uint32]
Numbers = NDArray[np.float32]

MAX_FACT = 128
MAX_FACTS = 256

FactScope = Literal["plain", "assigned", "unrated"]
"""``assigned`` also reads the team that somebody chose already, which only the second look may see; ``unrated``
leaves out how bad the incident was said to be, which the heads for impact and urgency are there to say."""

RATINGS = frozenset({"severity", "impact", "urgency"})
ASSIGNED = "assigned_team"

_FIELDS = (
    "source",
    "kind",
    "service",
    "environment",
    "region",
    "cluster",
    "deployment",
    "severity",
    "impact",
    "urgency",
    "customer_tier",
    "reporter",
    "detected_by",
)
_UNRATED_FIELDS = tuple(field for field in _FIELDS if field not in RATINGS)
_FLAGS = ("data_exposure", "regulated")

_UNIGRAM = np.uint64(0x9E3779B97F4A7C15)
_BIGRAM = np.uint64(0xC2B2AE3D27D4EB4F)
_HALF = np.uint64(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class WordFeatures:
    """``ids`` ascending and unique, ``counts`` how often each occurs; both of the same length."""

    ids: Ids
    counts: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureVector:
    """What one incident says, before a head chooses what it has learnt to listen to.

    ``facts`` holds hashed ids and ``fact_names`` what they stand for, in the same order. ``meaning`` is the
    float32 of the rounded embedding, of shape (dimensions,). ``pieces`` is kept to explain the words.
    """

    words: WordFeatures
    facts: Ids
    fact_names: tuple[str, ...]
    meaning: Numbers
    pieces: Pieces


def extract(
    incident: Incident, pieces: Pieces, embedding: NDArray[np.float16], scope: FactScope = "plain"
) -> FeatureVector:
    """``pieces`` and ``embedding`` are the encoder's for ``incident_text(incident)``."""
    names = fact_names(incident, scope)
    return FeatureVector(
        words=word_features(pieces),
        facts=fact_ids(names),
        fact_names=names,
        meaning=embedding.astype(np.float32),
        pieces=pieces,
    )


def word_features(pieces: Pieces) -> WordFeatures:
    # As np.unique counts, which spends twice as long on deciding how.
    every = np.concatenate(word_ids(pieces))
    every.sort()
    first = np.empty(len(every) + 1, dtype=np.bool_)
    first[0] = first[-1] = True
    np.not_equal(every[1:], every[:-1], out=first[1:-1])
    (at,) = first.nonzero()
    return WordFeatures(ids=every[at[:-1]], counts=(at[1:] - at[:-1]).astype(np.float32))


def word_ids(pieces: Pieces) -> tuple[Ids, Ids]:
    """The feature of each piece, and of each pair of neighbours, by position (lengths n and n - 1)."""
    numbers = pieces.astype(np.uint64) + np.uint64(1)
    single = numbers * _UNIGRAM
    pairs = (single[:-1] ^ (single[:-1] >> _HALF)) * _BIGRAM + numbers[1:] * _UNIGRAM
    return (single >> _HALF).astype(np.uint32), ((pairs * _BIGRAM) >> _HALF).astype(np.uint32)


def fact_names(incident: Incident, scope: FactScope = "plain") -> tuple[str, ...]:
    """``name=value`` of every stated field and label, values folded and cut to ``MAX_FACT`` characters."""
    fields = _UNRATED_FIELDS if scope == "unrated" else _FIELDS
    names = [f"{field}={_fold(value)}" for field in fields if (value := getattr(incident, field))]
    names += [f"{flag}=yes" for flag in _FLAGS if getattr(incident, flag)]
    names += [f"labels.{_fold(key)}={_fold(value)}" for key, value in incident.labels.items()]
    if scope == "assigned" and incident.assigned_team:
        names.append(f"{ASSIGNED}={_fold(incident.assigned_team)}")
    return tuple(names[-MAX_FACTS:])


def fact_ids(names: tuple[str, ...]) -> Ids:
    return np.array([zlib.crc32(name.encode("utf-8", "replace")) for name in names], dtype=np.uint32)


def _fold(value: str) -> str:
    return " ".join(value[:MAX_FACT].casefold().split())
