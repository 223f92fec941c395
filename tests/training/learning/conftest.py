"""Made-up histories as matrices, with nothing to encode: each label has its words, service and place."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from training.learning.lessons import Lessons
from training.learning.matrix import HistoryMatrix
from training.learning.screening import Task
from triage.prediction.features import FeatureVector, WordFeatures, fact_ids

WORDS_OF_A_LABEL = 6
COMMON_WORDS = 20
DIMENSIONS = 12
SERVICES = 4


@pytest.fixture(autouse=True, scope="module")
def one_thread_a_sum() -> Iterator[None]:
    """As in a training: more threads for small sums only wait for one another."""
    with threadpool_limits(limits=1):
        yield


def _matrix(labels: np.ndarray, width: int, noise: float, chance: np.random.Generator) -> HistoryMatrix:
    """``noise``: the share of words, services and of the meaning that say nothing of the label."""
    rows = len(labels)
    told = chance.random((rows, 5)) >= noise
    own = labels[:, None] * WORDS_OF_A_LABEL + chance.integers(0, WORDS_OF_A_LABEL, (rows, 5))
    common = width * WORDS_OF_A_LABEL + chance.integers(0, COMMON_WORDS, (rows, 5))
    words = np.zeros((rows, width * WORDS_OF_A_LABEL + COMMON_WORDS), dtype=np.float32)
    for drawn in (np.where(told, own, common), common):
        np.add.at(words, (np.arange(rows)[:, None], drawn), 1)
    services = np.where(chance.random(rows) < noise, chance.integers(0, SERVICES, rows), labels % SERVICES)
    names = (*(f"service=s{number}" for number in range(SERVICES)), "severity=high", "assigned_team=a")
    known = fact_ids(names)
    facts = np.zeros((rows, len(names)), dtype=np.float32)
    facts[np.arange(rows), services] = 1
    facts[:, SERVICES] = chance.random(rows) < 0.5
    facts[:, SERVICES + 1] = chance.random(rows) < 0.5
    order = np.argsort(known)
    places = np.random.default_rng(99).normal(size=(width, DIMENSIONS))
    meaning = places[labels] * (1 - noise) + chance.normal(size=(rows, DIMENSIONS)) * (0.2 + 2 * noise)
    meaning /= np.linalg.norm(meaning, axis=1, keepdims=True)
    return HistoryMatrix(
        word_ids=np.arange(words.shape[1], dtype=np.uint32) * 7,
        words=csr_matrix(words),
        fact_ids=known[order],
        fact_keys=tuple(names[at].split("=")[0] for at in order),
        facts=csr_matrix(facts[:, order]),
        meaning=meaning.astype(np.float16),
    )


def _vector(matrix: HistoryMatrix, row: int) -> FeatureVector:
    words, facts = matrix.words[row], matrix.facts[row]
    return FeatureVector(
        words=WordFeatures(ids=matrix.word_ids[words.indices], counts=words.data),
        facts=matrix.fact_ids[facts.indices],
        fact_names=tuple(matrix.fact_keys[at] for at in facts.indices),
        meaning=matrix.meaning[row].astype(np.float32),
        pieces=np.zeros(0, dtype=np.int64),
    )


@pytest.fixture
def vector_of() -> Callable[[HistoryMatrix, int], FeatureVector]:
    """What serving reads of a row."""
    return _vector


@pytest.fixture
def make_lessons() -> Callable[..., Lessons]:
    """``labels``: the label numbers, or how many rows to draw of ``width`` labels. By default one row an hour,
    each of its own pattern, known at once."""

    def make(
        labels: Sequence[int] | int,
        width: int = 3,
        *,
        target: str = "team",
        names: tuple[str, ...] | None = None,
        noise: float = 0.5,
        dated: bool = True,
        without: frozenset[str] = frozenset({"assigned_team"}),
        seed: int = 0,
        **changes: Any,
    ) -> Lessons:
        chance = np.random.default_rng(seed)
        numbers = chance.integers(0, width, labels) if isinstance(labels, int) else np.asarray(labels)
        rows = len(numbers)
        matrix = _matrix(numbers, width, noise, chance)
        hours = np.datetime64("2025-01-01T00:00:00", "s") + np.arange(rows) * np.timedelta64(3600, "s")
        never = np.full(rows, np.datetime64("NaT"), dtype="datetime64[s]")
        task = Task(
            matrix=matrix,
            rows=np.arange(rows),
            labels=numbers.astype(np.int64),
            names=names or tuple(f"team {at}" for at in range(width)),
            named=[_vector(matrix, int(np.flatnonzero(numbers == at)[0])) for at in range(width)],
            without=without,
        )
        lessons: dict[str, Any] = {
            "name": target,
            "target": target,
            "scope": "plain",
            "task": task,
            "groups": np.arange(rows),
            "moments": hours if dated else never,
            "known_at": never,
            "ids": [f"INC-{at}" for at in range(rows)],
            "left_out": {},
        }
        return Lessons(**{**lessons, **changes})

    return make
