from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from training.learning.judged import Judged

Draw = Callable[..., Judged]


def drawn(n: int = 600, k: int = 4, seed: int = 3, *, tempering: float = 1.0, **changes: Any) -> Judged:
    """Rows whose truth is drawn from probabilities; with ``tempering`` above 1 the head says less than it knows,
    below 1 more. Daily moments, every row a pattern of its own, acting above 0.7."""
    chance = np.random.default_rng(seed)
    scores = chance.normal(size=(n, k)) * 2
    true, said = (np.exp(s) / np.exp(s).sum(axis=1, keepdims=True) for s in (scores, scores / tempering))
    truth = (true.cumsum(axis=1) < chance.random((n, 1))).sum(axis=1).clip(0, k - 1)
    fields: dict[str, Any] = {
        "target": "team",
        "labels": tuple(f"team {at}" for at in range(k)),
        "probabilities": said,
        "truth": truth,
        "acting": said.max(axis=1) >= 0.7,
        "chosen": said.argmax(axis=1),
        "moments": np.datetime64("2025-01-01", "s") + np.arange(n) * np.timedelta64(86_400, "s"),
        "ids": tuple(f"INC-{at}" for at in range(n)),
        "groups": np.arange(n),
    }
    return Judged(**(fields | changes))


def certain(truth: list[int], said: list[int], k: int = 3, sure: float = 0.9, **changes: Any) -> Judged:
    """Rows that are ``truth`` and were said to be ``said``, each with probability ``sure``."""
    n = len(truth)
    probabilities = np.full((n, k), (1 - sure) / max(1, k - 1))
    probabilities[np.arange(n), said] = sure
    fields: dict[str, Any] = {
        "target": "team",
        "labels": tuple("abcdefghijklmnopqrstuvwxyz"[:k]),
        "probabilities": probabilities,
        "truth": np.array(truth),
        "acting": np.ones(n, dtype=np.bool_),
        "chosen": np.array(said),
        "moments": None,
        "ids": tuple(f"INC-{at}" for at in range(n)),
        "groups": np.arange(n),
    }
    return Judged(**(fields | changes))


@pytest.fixture
def draw() -> Draw:
    return drawn


@pytest.fixture
def certainly() -> Draw:
    return certain
